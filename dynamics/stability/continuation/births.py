r"""Where cycles come from: Hopf points of equilibria, orbits that were found, period doublings.

Near a Hopf point the cycle is ``y_0 + 2 Re(z q e^{i omega t}) + ...`` with ``|z|^2`` proportional to ``p - p_0``: the
branch leaves the equilibrium at right angles to the parameter, in the direction of the critical eigenspace.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dynamics.flow.pieces import nonsmooth
from dynamics.stability.continuation import testfunctions as tests
from dynamics.stability.continuation.curve import Segment, Vector, correct, tangent
from dynamics.stability.continuation.detection import Mark
from dynamics.stability.continuation.families import Family
from dynamics.stability.continuation.maps import extended_map
from dynamics.stability.continuation.orbits import PIECES, Cycles, start_mesh
from dynamics.stability.continuation.points import Equilibria, PeriodicPoints, eigen
from dynamics.stability.continuation.shots import SHOTS, ShotCycles

#: Extents, in box widths, that are tried for the first cycle.
EXTENTS = (0.02, 0.005, 0.06, 0.001)


def from_hopf(mark: Mark) -> tuple[Segment, Vector] | None:
    """Return the first step of the branch of cycles that leaves a Hopf point, and its tangent; None without success.

    The step begins at the Hopf point itself, a cycle of extent zero.
    """
    problem = mark.problem
    assert isinstance(problem, Equilibria)
    values, right = eigen(problem.linearisation(mark.z))
    i, j = np.triu_indices(len(values), 1)
    k = int(np.argsort(np.abs(tests.sums(values)))[mark.dropped])
    which = i[k] if values[i[k]].imag > 0 else j[k]
    omega, q = float(values[which].imag), right[:, which]
    y, p = problem.point(mark.z), problem.parameter(mark.z)
    phases = np.exp(2j * np.pi * np.arange(PIECES) / PIECES)
    shape = 2 * np.real(phases[:, None] * q)
    shape /= (np.ptp(shape, axis=0) / (problem.sides[:, 1] - problem.sides[:, 0])).max()
    velocity = 2 * np.real(1j * omega * phases[:, None] * q)
    velocity /= np.abs(velocity).max()
    centre = np.broadcast_to(y, shape.shape)
    for extent in EXTENTS:
        cycles = Cycles(problem.family, problem.names, problem.sides, start_mesh(centre, velocity), 2 * np.pi / omega)
        origin = cycles.unknowns(centre, 2 * np.pi / omega, p)
        guess = cycles.unknowns(y + extent * shape, 2 * np.pi / omega, p)
        direction = (guess - origin) / np.linalg.norm(guess - origin)
        z = correct(cycles, guess, direction)
        # the branch is tangent to the eigenspace: what it moves besides goes with the square of the extent
        if z is None or np.linalg.norm(z - guess) > 0.5 * np.linalg.norm(guess - origin):
            continue
        t = tangent(cycles.evaluate(z)[1], direction)
        return Segment(cycles, origin, direction, z, t), t
    return None


def from_doubling(mark: Mark) -> tuple[PeriodicPoints | Cycles, Vector, Vector]:
    """Return the problem of the doubled cycle born at a multiplier -1, the point of its birth and its direction.

    With ``A q = -q`` for the product ``A`` of the Jacobians over the period (of a map's iterations, of the flow over
    the pieces), the first points of both laps part by ``+-q``, the following ones by its images.
    """
    problem, z = mark.problem, mark.z
    p = problem.parameter(z)
    if isinstance(problem, Cycles):
        points, period = problem.orbit(z)
        longer = problem.doubled()
        apart = _parting(problem.pieces(z).by_start, mark.dropped)
        begin, direction = longer.unknowns(np.tile(points, (2, 1)), 2 * period, p), longer.unknowns(apart, 1.0, p)
    else:
        assert isinstance(problem, PeriodicPoints) and problem.family.method is not None
        states = problem.states(z)
        longer = PeriodicPoints(problem.family, problem.names, problem.sides, 2 * problem.copies, problem.state)
        derivatives = extended_map(problem.family.method(p), problem.family.field(p), states)[1]
        apart = _parting(derivatives, mark.dropped)
        begin, direction = longer.unknowns(np.tile(states, (2, 1)), p), longer.unknowns(apart, p)
    direction[-1] = 0.0
    return longer, begin, direction / np.linalg.norm(direction)


def _parting(derivatives: NDArray[np.float64], dropped: int) -> NDArray[np.float64]:
    """Return how far the points of two laps lie from those of one, shape (2 k, n), from derivatives (k, n, n)."""
    product = np.eye(derivatives.shape[-1])
    for derivative in derivatives:
        product = derivative @ product
    values, right = eigen(product)
    q = np.real(right[:, int(np.argsort(np.abs(tests.flips(values)))[dropped])])
    offsets = []
    for derivative in derivatives:
        offsets.append(q)
        q = derivative @ q
    return np.concatenate([offsets, np.negative(offsets)])


def from_orbit(
    family: Family,
    names: tuple[str, ...],
    sides: NDArray[np.float64],
    times: NDArray[np.float64],
    states: NDArray[np.float64],
    period: float,
    p: float,
) -> tuple[Cycles, Vector] | None:
    """Return the problem and the unknowns of a cycle found by other means; None where it does not close here.

    Parameters
    ----------
    family, names, sides
        As of :class:`Cycles`.
    times, states : ndarray, shapes (m,) and (m, dim)
        Along one period.
    period, p : float
    """
    from scipy.interpolate import CubicSpline

    times, states = np.asarray(times, dtype=float), np.asarray(states, dtype=float)
    inside = (times - times[0]) < period * (1 - 1e-9)
    knots = np.append(times[inside] - times[0], period)
    closed = np.concatenate([states[inside], states[inside][:1]])
    kind, count = (ShotCycles, SHOTS) if nonsmooth(family.field(p)) else (Cycles, 2 * PIECES)
    spline = CubicSpline(knots, closed, bc_type="periodic")
    points = spline(period * np.arange(count) / count)
    problem = kind(family, names, sides, start_mesh(points, np.asarray(family.field(p)(points))), period)
    row = np.zeros(problem.size + 1)
    row[-1] = 1.0
    z = correct(problem, problem.unknowns(points, period, p), row)
    return None if z is None else (problem, z)
