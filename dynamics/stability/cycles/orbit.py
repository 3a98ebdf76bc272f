"""A closed orbit along time: its states, extremes, least period, and whether two orbits are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.flow import integrate
from dynamics.flow.pieces import Pieces, nonsmooth
from dynamics.games.field import Field
from dynamics.stability.cycles import shooting
from dynamics.stability.cycles.shooting import Shot

#: Samples per period. Interpolated by quintics that match velocity and acceleration too, a harmonic orbit is known to
#: ``(2 pi / 512)^6 / 46080``, rounding.
SAMPLES = 512
#: Orbits nearer than this, in units of their size, are one orbit.
SAME = 1e-6
#: Parts of a period into which an orbit is tried to fall.
MULTIPLES = 24


@dataclass(frozen=True)
class Orbit:
    """A closed orbit in smooth pieces between nodes: even samples, and the states where the field is not smooth.

    Attributes
    ----------
    shot : Shot
    times : ndarray, shape (m + 1,)
        Of the even samples, from 0 to the period.
    states : ndarray, shape (m + 1, dim)
    nodes : ndarray, shape (n + 1,)
        Times of the nodes, from 0 to the period.
    pieces : ndarray, shape (n, 6, dim)
        Coefficients of the quintic between each node and the next, by powers of the fraction of the way.
    switchings : int
        Changes of the smooth field that the orbit follows.
    """

    shot: Shot
    times: NDArray[np.float64]
    states: NDArray[np.float64]
    nodes: NDArray[np.float64]
    pieces: NDArray[np.float64]
    switchings: int

    @property
    def size(self) -> float:
        """Largest extent along a coordinate."""
        return shooting.extent(self.states)

    @property
    def period(self) -> float:
        """Time after which it closes."""
        return self.shot.period

    def at(self, times: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return states at any times, shape (..., dim)."""
        t = np.asarray(times, dtype=np.float64) % self.period
        k = np.clip(np.searchsorted(self.nodes, t, side="right") - 1, 0, len(self.pieces) - 1)
        x = (t - self.nodes[k]) / (self.nodes[k + 1] - self.nodes[k])
        return _horner(np.moveaxis(self.pieces[k], -2, 0), x[..., None])

    def extremes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lowest and highest value of each coordinate, shape (dim,) each."""
        low, high = self.pieces[:, 0].min(axis=0), self.pieces[:, 0].max(axis=0)
        slopes = self.pieces[:, 1:] * np.arange(1, 6)[:, None]
        for i in range(self.pieces.shape[-1]):
            ends = slopes[:, 0, i], slopes[:, :, i].sum(axis=1)
            k = np.flatnonzero(ends[0] * ends[1] < 0)
            if not k.size:
                continue
            begin, end = np.zeros(k.size), np.ones(k.size)
            for _ in range(60):
                x = (begin + end) / 2
                before = _horner(slopes[k, :, i].T, x) * ends[0][k] > 0
                begin, end = np.where(before, x, begin), np.where(before, end, x)
            values = _horner(self.pieces[k, :, i].T, begin)
            low[i], high[i] = min(low[i], values.min()), max(high[i], values.max())
        return low, high

    def nearest(self, point: NDArray[np.float64]) -> tuple[float, float]:
        """Return the time at which the orbit is nearest to a point, and the distance."""
        k = int(np.argmin(np.abs(self.states - point).max(axis=1)))
        low, high = float(self.times[k] - self.times[1]), float(self.times[k] + self.times[1])
        # nested grids need no derivative, which jumps at corners
        for _ in range(3):
            grid = np.linspace(low, high, 65)
            gaps = np.linalg.norm(self.at(grid) - point, axis=1)
            best = int(np.argmin(gaps))
            low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 64)])
        begin, end = self.at(low), self.at(high)
        along = end - begin
        square = float(along @ along)
        share = float(np.clip((point - begin) @ along / square, 0, 1)) if square > 0 else 0.0
        time = low + share * (high - low)
        return time % self.period, float(np.abs(self.at(time) - point).max())


def _horner(coefficients: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the value of polynomials from their coefficients by power (first axis)."""
    value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return np.asarray(value)


def trace(field: Field, shot: Shot) -> Orbit:
    """Return the orbit of a shot, integrated part by part."""
    count = len(shot.points)
    each = -(-SAMPLES // count)
    span = shot.period / count
    grid = np.linspace(0.0, span, each + 1)
    rough = nonsmooth(field)
    # named only where it acts: other integrators of smooth fields need not know it
    recording: dict[str, Any] = {"record_switchings": True} if rough else {}
    path = integrate(field, shot.points, grid, rtol=shooting.RTOL, atol=shooting.ATOL, **recording)
    nodes, begins, ends, states = [], [], [], []
    switched = 0
    for i in range(count):
        changes = path.switchings[i] if rough else ()
        switched += len(changes)
        begin, end = _nodes(field, grid, path.states[i], changes)
        nodes.append(i * span + begin[0])
        begins.append(begin[1:])
        ends.append(end[1:])
        states.append(path.states[i, :-1])
    first, last = (tuple(np.concatenate(column) for column in zip(*side, strict=True)) for side in (begins, ends))
    times = np.append(np.concatenate(nodes), shot.period)
    return Orbit(
        shot=shot,
        times=np.append(np.arange(count * each) * grid[1], shot.period),
        states=np.concatenate([*states, shot.points[:1]]),
        nodes=times,
        pieces=_quintics(np.diff(times)[:, None], first, last),
        switchings=switched,
    )


def _nodes(field: Field, grid: NDArray[np.float64], states: NDArray[np.float64], changes: Any) -> tuple[Any, Any]:
    """Return times, states, velocities and accelerations at the begins and at the ends of the pieces of one part.

    Velocities and accelerations are those of the smooth field that the orbit follows on each piece.
    """
    if not changes:
        # an orbit on one side of everything, at a bound perhaps
        velocity = np.asarray(field(states))
        stopped = velocity == 0 if field.bounds else np.zeros(1, dtype=bool)
        acceleration = np.where(stopped, 0.0, np.asarray(field.jvp(states, velocity)))
        columns = (grid, states, velocity, acceleration)
        return tuple(c[:-1] for c in columns), tuple(c[1:] for c in columns)
    pieces = Pieces(field, 1.0)
    edges = [float(grid[0]), *(change.time for change in changes), float(grid[-1])]
    corners = [states[0], *(change.state for change in changes), states[-1]]
    modes = [pieces.start(0.0, states[0]), *(change.mode for change in changes)]
    begins, ends = [], []
    for k, mode in enumerate(modes):
        inside = (grid > edges[k]) & (grid < edges[k + 1])
        if edges[k + 1] <= edges[k]:
            continue
        times = np.concatenate([[edges[k]], grid[inside], [edges[k + 1]]])
        places = np.concatenate([corners[k][None], states[inside], corners[k + 1][None]])
        branch = pieces.branch(mode)
        velocity = np.asarray(branch(places))
        acceleration = (np.asarray(branch.jacobian(places)) @ velocity[..., None])[..., 0]
        columns = (times, places, velocity, acceleration)
        begins.append(tuple(c[:-1] for c in columns))
        ends.append(tuple(c[1:] for c in columns))
    join = [tuple(np.concatenate(column) for column in zip(*side, strict=True)) for side in (begins, ends)]
    return join[0], join[1]


def _quintics(h: NDArray[np.float64], begin: Any, end: Any) -> NDArray[np.float64]:
    """Return the coefficients of the quintics with these states, velocities and accelerations at their ends."""
    y, v, a = begin[0], h * begin[1], h * h * begin[2]
    gap = end[0] - y - v - a / 2
    turn, bend = h * end[1] - v - a, h * h * end[2] - a
    return np.stack(
        [y, v, a / 2, 10 * gap - 4 * turn + bend / 2, -15 * gap + 7 * turn - bend, 6 * gap - 3 * turn + bend / 2],
        axis=1,
    )


def least(field: Field, shot: Shot) -> Shot | None:
    """Return the shot of the least period: one that runs several times around is shot again at a part of it.

    None where the part does not close.
    """
    orbit = trace(field, shot)
    parts = np.arange(MULTIPLES, 1, -1)
    gaps = np.abs(orbit.at(shot.period / parts) - orbit.states[0]).max(axis=1)
    again = parts[gaps <= SAME * orbit.size]
    if not again.size:
        return shot
    period = shot.period / int(again[0])
    points = orbit.at(np.arange(len(shot.points)) * period / len(shot.points))
    return shooting.shoot(field, points, period)


def same(one: Orbit, other: Orbit) -> bool:
    """Return whether two orbits are one, begun at different states."""
    size = max(one.size, other.size)
    close = SAME * size + 10 * (one.shot.error + other.shot.error)
    if abs(one.period - other.period) > 1e-3 * one.period or abs(one.size - other.size) > 1e-2 * size + close:
        return False
    return all(other.nearest(point)[1] <= close for point in one.shot.points)
