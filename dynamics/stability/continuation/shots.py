"""Cycles of non-smooth flows: multiple shooting over located switchings instead of collocation.

Collocation polynomials do not follow a kink. The equations are those of
:mod:`dynamics.stability.continuation.orbits`, the flow over the pieces and its derivative by the start (saltation
matrices included) those of :func:`dynamics.flow.transition`; the derivative in the parameter is a difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dynamics.flow import FlowTrajectory, integrate, transition
from dynamics.games.field import Field
from dynamics.stability.continuation import gauss
from dynamics.stability.continuation.curve import Problem, Vector, correct, tangent
from dynamics.stability.continuation.orbits import Cycles, extremes

#: Pieces of the period, and samples of the whole.
SHOTS, POINTS = 4, 256
#: Tolerance of the integration, relative; a hundredth of it absolute.
TOLERANCE = 1e-11


def rough(field: Field) -> bool:
    """Return whether a field is not smooth, by its switches or its bounds."""
    return bool(field.switches or getattr(field, "bounds", None))


class ShotCycles(Cycles):
    """Closed orbits of ``dy/dt = v(y, p)`` where v has kinks or jumps."""

    accuracy = 1e-5
    stride = 2.0
    _by_parameter: NDArray[np.float64] | None = None

    def _propagated(self, z: Vector) -> gauss.Pieces:
        points, period = self.orbit(z)
        p, time = self.parameter(z), period / self.count
        field = self.family.field(p)
        found = transition(field, points, time, rtol=TOLERANCE, atol=0.01 * TOLERANCE)

        def ends(q: float) -> NDArray[np.float64]:
            return integrate(self.family.field(q), points, [0.0, time], rtol=TOLERANCE, atol=0.01 * TOLERANCE).final

        if self._by_parameter is None:
            # taken once for a reference orbit: it decides how Newton's method gets there, not where; and a tangent that
            # stands still in the parameter does so whatever the parameter would do
            self._by_parameter = self.family.difference(ends, p, TOLERANCE)
        good = bool(found.status.ok and np.isfinite(found.matrix).all())
        return gauss.Pieces(
            ends=found.state,
            by_start=found.matrix,
            by_time=np.asarray(field(found.state)),
            by_parameter=self._by_parameter,
            values=points[:, None],
            converged=good,
        )

    def samples(self, z: Vector, count: int = POINTS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return times and states evenly along one period, shapes (m,) and (m, dim)."""
        found = self._followed(z, count)
        return found.times, found.states

    def _followed(self, z: Vector, count: int = POINTS) -> FlowTrajectory:
        points, period = self.orbit(z)
        times = period * np.arange(count) / count
        return integrate(self.family.field(self.parameter(z)), points[0], times, record_switchings=True)

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
    edges = [(i, edge) for i, name in enumerate(field.names) for edge in getattr(field, "bounds", {}).get(name, ())]
    values = [np.asarray(switch(states)) for switch in field.switches] + [states[:, i] - edge for i, edge in edges]
    signs = [np.sign(column) for column in values]
    crossed = np.unique([k for s in signs for k in np.flatnonzero((s != np.roll(s, -1)) | (s == 0))])
    if not len(crossed):
        return 0
    stride = m // count
    # distance of every possible set of points to the crossings, which lie half a sample behind their index
    gaps = np.abs((np.arange(stride)[:, None] - crossed - 0.5 + stride / 2) % stride - stride / 2).min(axis=1)
    return 0 if gaps[0] >= stride / 8 else int(np.argmax(gaps))
