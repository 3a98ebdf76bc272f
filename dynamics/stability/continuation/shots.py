"""Cycles of non-smooth flows: multiple shooting over located switchings instead of collocation.

Collocation polynomials do not follow a kink. The equations are those of
:mod:`dynamics.stability.continuation.orbits`. Where the field has generated code Newton's method takes the derivatives
of the flow over the pieces from differences of compiled orbits, which decide how it gets there, not where; multipliers
come from :func:`dynamics.flow.transition`, saltation matrices included.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.flow import FlowTrajectory, integrate, transition
from dynamics.games.field import Field
from dynamics.games.symbolic import SymbolicGame
from dynamics.stability.continuation import gauss
from dynamics.stability.continuation.curve import Problem, Vector, correct, tangent
from dynamics.stability.continuation.orbits import REMEMBERED, Cycles, extremes

#: Pieces of the period, and samples of the whole.
SHOTS, POINTS = 4, 256
#: Tolerance of the integration, relative; a hundredth of it absolute.
TOLERANCE = 1e-11
#: Step of differences, in box widths: it leaves five digits, and where a cycle comes near a surface without crossing
#: it, shifted orbits cross no other surfaces than their own yet.
NUDGE = 1e-6
#: Tolerance of the derivatives that multipliers are made of, relative; a thousandth of it absolute.
EXACT = 1e-9


class ShotCycles(Cycles):
    """Closed orbits of ``dy/dt = v(y, p)`` where v has kinks or jumps."""

    accuracy = 1e-5
    stride = 2.0
    _by_parameter: NDArray[np.float64] | None = None

    def _propagated(self, z: Vector) -> gauss.Pieces:
        points, period = self.orbit(z)
        p, time = self.parameter(z), period / self.count
        field = self.family.field(p)

        def ends(q: float, starts: NDArray[np.float64] = points) -> NDArray[np.float64]:
            return self._integrated(q, starts, np.array([0.0, time])).final

        if self._by_parameter is None or self._quick(field):
            # otherwise taken once for a reference orbit
            self._by_parameter = self.family.difference(ends, p, NUDGE**3)
        if self._quick(field):
            shifts = NUDGE * np.diag(self.width)
            around = ends(p, points[:, None] + np.concatenate([[np.zeros(self.dim)], shifts, -shifts]))
            ahead, behind = around[:, 1 : 1 + self.dim], around[:, 1 + self.dim :]
            state = around[:, 0]
            matrix = np.swapaxes(ahead - behind, 1, 2) / (2 * NUDGE * self.width)
        else:
            found = transition(field, points, time, rtol=TOLERANCE, atol=0.01 * TOLERANCE)
            state, matrix = found.state, found.matrix
        return gauss.Pieces(
            ends=state,
            by_start=matrix,
            by_time=np.asarray(field(state)),
            by_parameter=self._by_parameter,
            values=points[:, None],
            converged=bool(np.isfinite(state).all() and np.isfinite(matrix).all()),
        )

    def _quick(self, field: Field) -> bool:
        """Return whether orbits are compiled."""
        return isinstance(field, SymbolicGame)

    def _integrated(self, p: float, starts: NDArray[np.float64], times: NDArray[np.float64], **options: Any) -> Any:
        """Return the flow from states at a value of the parameter."""
        field = self.family.field(p)
        solver = "compiled:dop853" if self._quick(field) else "scipy:DOP853"
        return integrate(field, starts, times, solver=solver, rtol=TOLERANCE, atol=0.01 * TOLERANCE, **options)

    def derivatives(self, z: Vector) -> NDArray[np.float64]:
        """Return the exact derivatives of the flow over the pieces, jumps at the switchings included."""
        key = z.tobytes()
        if key not in self._exact:
            points, period = self.orbit(z)
            field = self.family.field(self.parameter(z))
            found = transition(field, points, period / self.count, rtol=EXACT, atol=1e-3 * EXACT)
            good = found.status.ok and np.isfinite(found.matrix).all()
            if len(self._exact) >= REMEMBERED:
                self._exact.pop(next(iter(self._exact)))
            self._exact[key] = found.matrix if good else self.pieces(z).by_start
        return self._exact[key]

    def samples(self, z: Vector, count: int = POINTS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return times and states evenly along one period, shapes (m,) and (m, dim)."""
        found = self._followed(z, count)
        return found.times, found.states

    def _followed(self, z: Vector, count: int = POINTS) -> FlowTrajectory:
        points, period = self.orbit(z)
        times = period * np.arange(count) / count
        return self._integrated(self.parameter(z), points[0], times, record_switchings=True)

    def halves(self, z: Vector) -> NDArray[np.float64]:
        """Return by how much the orbit misses itself after half a period, at its points, in box widths."""
        points = self.orbit(z)[0]
        return (points - np.roll(points, self.count // 2, axis=0)) / self.width

    def extent(self, z: Vector) -> NDArray[np.float64]:
        """Return lowest and highest value of each coordinate, which may lie on a switch, shape (dim, 2)."""
        found = self._followed(z)
        crossed = [(switching.time, switching.state) for switching in found.switchings or ()]
        times = np.append(found.times, [time for time, _ in crossed])
        values = np.concatenate([found.states, *(state[None] for _, state in crossed)])
        order = np.argsort(times)
        kinks = order >= len(found.times)
        period = self.orbit(z)[1]
        return np.stack([extremes(times[order], column, period, kinks) for column in values[order].T])

    def renewed(self, z: Vector, tangent_: Vector) -> tuple[Problem, Vector, Vector]:
        """Return the problem with this orbit as reference, its points moved along the orbit away from all switches.

        The flow from a point on a surface has no derivative by it.
        """
        points, period = self.orbit(z)
        p = self.parameter(z)
        states = self.samples(z)[1]
        moved = clear_of_switches(self.family.field(p), states, self.count)
        if moved:
            points = states[moved :: POINTS // self.count]
        problem = self.on(self._reference(self.mesh.lengths, points, p))
        after: Vector | None = z
        if moved:
            after = correct(problem, problem.unknowns(points, period, p), _still(problem))
        if after is None:
            return self, z, tangent_
        guide = tangent_ if not moved else _still(problem) * np.copysign(1.0, tangent_[-1])
        return problem, after, tangent(problem.evaluate(after)[1], guide)


def _still(problem: Problem) -> Vector:
    """Return the row that holds the parameter fixed."""
    row = np.zeros(problem.size + 1)
    row[-1] = 1.0
    return row


def clear_of_switches(field: Field, states: NDArray[np.float64], count: int) -> int:
    """Return by how many samples the ``count`` points of an orbit should move so that none lies near a switch.

    0 where they are far enough already.

    Parameters
    ----------
    field : Field
    states : ndarray, shape (m, dim)
        Evenly along one period.
    count : int
        A divisor of m.
    """
    m = len(states)
    edges = [(i, edge) for i, name in enumerate(field.names) for edge in field.bounds.get(name, ())]
    values = [np.asarray(switch(states)) for switch in field.switches] + [states[:, i] - edge for i, edge in edges]
    signs = [np.sign(column) for column in values]
    crossed = np.unique([k for s in signs for k in np.flatnonzero((s != np.roll(s, -1)) | (s == 0))])
    if not len(crossed):
        return 0
    stride = m // count
    # distance of every possible set of points to the crossings, which lie half a sample behind their index
    gaps = np.abs((np.arange(stride)[:, None] - crossed - 0.5 + stride / 2) % stride - stride / 2).min(axis=1)
    return 0 if gaps[0] >= stride / 8 else int(np.argmax(gaps))
