"""Integrated orbits, evenly spaced. Matplotlib's streamplot spirals on closed orbits and is not used.

Seeds are chosen as in Jobard and Lefer (1997), "Creating evenly-spaced streamlines of arbitrary density": the next
orbit starts where there is most room, and ends where it comes too close to one that is there already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import check_positive, check_states
from figures import style
from figures.phase.plane import Plane
from figures.phase.tracing import STEP, Tracer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.quiver import Quiver

#: Shortest orbit worth drawing, in box sides.
SHORTEST = 0.06
#: Longest arc followed in each direction, in box sides: orbits round the whole box (four sides) still close.
LENGTH = 4.2
#: How near, in box sides, an orbit must return to its seed to be closed: a third of a pixel on a printed page.
CLOSED = 5e-4


@dataclass(frozen=True)
class Orbit:
    """A piece of an orbit, in the direction of time.

    Attributes
    ----------
    points : ndarray, shape (points, 2)
        The shown coordinates.
    closed : bool
        Whether it returned to its first point.
    length : float
        Arc length in box sides.
    """

    points: NDArray[np.float64]
    closed: bool
    length: float


def compute_orbits(
    tracer: Tracer, seeds: NDArray[np.float64] | None = None, spacing: float = 0.075, length: float = LENGTH
) -> tuple[Orbit, ...]:
    """Return orbits that fill the box evenly, or those of given seeds.

    Parameters
    ----------
    tracer : Tracer
        The field and the plane.
    seeds : ndarray, shape (seeds, 2), optional
        Points of the plane. All of them are drawn; without seeds they are chosen.
    spacing : float
        Distance between neighbouring orbits, in box sides.
    length : float
        Longest arc followed in each direction of time, in box sides.
    """
    check_positive("spacing", spacing)
    check_positive("length", length)
    plane = tracer.plane
    if seeds is not None:
        points = np.atleast_2d(check_states("seeds", seeds, plane.names))
        return tuple(orbit for orbit in _trace(tracer, points, length) if len(orbit.points) > 1)
    candidates = plane.grid(max(6, round(1.0 / spacing))).reshape(-1, 2)
    candidates = candidates[plane.admissible(candidates)]
    if tracer.switching is not None:
        # On a surface that the flow leaves on both sides a point has two futures and no past.
        candidates = candidates[~tracer.switching.escaping(tracer.start(candidates), reach=2.0)]
    return _evenly_spaced(plane, candidates, _trace(tracer, candidates, length), spacing)


def _trace(tracer: Tracer, points: NDArray[np.float64], length: float) -> list[Orbit]:
    """Follow points in both directions of time and join the halves; closed orbits are cut at their first return."""
    states = tracer.start(points)
    ahead = [line[np.isfinite(line).all(axis=-1)] for line in tracer.follow(states, length, 1.0)]
    turns = [_first_return(line, tracer.plane) for line in ahead]
    open_ends = np.array([turn is None for turn in turns], dtype=bool)
    back = iter(tracer.follow(states[open_ends], length, -1.0) if open_ends.any() else ())
    orbits = []
    for forward, turn in zip(ahead, turns, strict=True):
        if turn is not None:
            line = np.concatenate([forward[: turn + 1], forward[:1]])
        else:
            backward = next(back)
            backward = backward[np.isfinite(backward).all(axis=-1)]
            # Both halves begin at the seed.
            line = np.concatenate([backward[:0:-1], forward])
        orbits.append(Orbit(line, turn is not None, _arc(line, tracer.plane)))
    return orbits


def _arc(line: NDArray[np.float64], plane: Plane) -> float:
    """Return the length of a polyline in box sides."""
    steps = np.diff(line, axis=0) / plane.size
    return float(np.sqrt(np.sum(steps**2, axis=-1)).sum())


def _first_return(line: NDArray[np.float64], plane: Plane) -> int | None:
    """Return the index of the last point before a line meets its first point again, None if it does not.

    The distance is to the chords, not to the points: those are up to half a step away from where the orbit closes.
    """
    if len(line) < 4:
        return None
    relative = (line - line[0]) / plane.size
    distance = np.sqrt(np.sum(relative**2, axis=-1))
    away = np.flatnonzero(distance > 3 * STEP)
    if not len(away):
        return None
    a, b = relative[:-1], relative[1:]
    chord = b - a
    square = np.maximum(np.sum(chord**2, axis=-1), np.finfo(float).tiny)
    along = np.clip(-np.sum(a * chord, axis=-1) / square, 0.0, 1.0)
    gap = np.sqrt(np.sum((a + along[:, None] * chord) ** 2, axis=-1))
    returns = np.flatnonzero((gap < CLOSED) & (np.arange(len(gap)) > away[0]))
    return int(returns[0]) if len(returns) else None


def _evenly_spaced(
    plane: Plane, candidates: NDArray[np.float64], orbits: list[Orbit], spacing: float
) -> tuple[Orbit, ...]:
    """Choose among candidate orbits, longest first and then where there is most room, and trim them."""
    from scipy.spatial import KDTree

    def on_page(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return (points - plane.box[:, 0]) / plane.size

    seeds = on_page(candidates)
    lengths = np.array([orbit.length for orbit in orbits])
    room = np.full(len(seeds), np.inf)
    room[lengths < SHORTEST] = -np.inf
    chosen: list[Orbit] = []
    drawn = np.empty((0, 2))
    # Longest first; a tie goes to the first in the grid, whatever the last bits of the lengths are.
    order = int(np.argmax(np.round(lengths, 6))) if len(seeds) else -1
    while len(seeds) and room[order] >= spacing:
        orbit = orbits[order]
        room[order] = -np.inf
        line = on_page(orbit.points)
        middle = int(np.argmin(np.sum((line - seeds[order]) ** 2, axis=-1)))
        near = KDTree(drawn).query(line)[0] < 0.4 * spacing if len(drawn) else np.zeros(len(line), dtype=bool)
        if not orbit.closed:
            near |= _meets_itself(line, middle, 0.25 * spacing)
        if near.any():
            points = orbit.points[_clear_stretch(near, middle)]
            orbit = Orbit(points, False, _arc(points, plane) if len(points) > 1 else 0.0)
        if orbit.length >= SHORTEST:
            chosen.append(orbit)
            line = on_page(orbit.points)
            drawn = np.concatenate([drawn, line])
            room = np.minimum(room, KDTree(line).query(seeds)[0])
        order = int(np.argmax(np.round(room, 6)))
    return tuple(chosen)


def _meets_itself(line: NDArray[np.float64], middle: int, closest: float) -> NDArray[np.bool_]:
    """Return which points of a line come back to its part nearer to the seed, at index ``middle``.

    A slow spiral would otherwise fill a ring with ink and look like a limit cycle; cut after a turn, its ends show
    that it does not close, and other orbits fill the room.
    """
    from scipy.spatial import KDTree

    steps = np.sqrt(np.sum(np.diff(line, axis=0) ** 2, axis=-1))
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    rank = np.abs(arc - arc[middle])
    meets = np.zeros(len(line), dtype=bool)
    first, second = KDTree(line).query_pairs(closest, output_type="ndarray").T
    apart = np.abs(arc[first] - arc[second]) > 4 * closest
    meets[np.where(rank[first] > rank[second], first, second)[apart]] = True
    return meets


def _clear_stretch(near: NDArray[np.bool_], middle: int) -> slice:
    """Return the longest stretch around an index that holds no near point."""
    before, after = np.flatnonzero(near[: middle + 1]), np.flatnonzero(near[middle:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = middle + int(after[0]) if len(after) else len(near)
    return slice(first, max(first, last))


def arrowheads(orbit: Orbit, plane: Plane, every: float = 0.6) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places and directions, (heads, 2) each, of arrowheads about every ``every`` sides along an orbit."""
    steps = np.sqrt(np.sum((np.diff(orbit.points, axis=0) / plane.size) ** 2, axis=-1))
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    heads = max(1, round(orbit.length / every))
    wanted = (np.arange(heads) + 0.5) / heads * arc[-1]
    index = np.clip(np.searchsorted(arc, wanted), 1, len(arc) - 1)
    moving = steps[index - 1] > 1e-3 * STEP
    index = index[moving]
    return orbit.points[index], orbit.points[index] - orbit.points[index - 1]


def draw_orbits(
    axes: Axes, orbits: tuple[Orbit, ...], plane: Plane, colour: str = style.GREY
) -> tuple[LineCollection, Quiver | None]:
    """Draw orbits as thin lines with arrowheads along them, ``plane`` giving the lengths of the box sides."""
    from matplotlib.collections import LineCollection

    lines = LineCollection(
        [orbit.points for orbit in orbits], colors=colour, linewidths=0.9, label="orbits of the flow", zorder=2
    )
    axes.add_collection(lines, autolim=False)
    marks = [arrowheads(orbit, plane) for orbit in orbits if len(orbit.points) > 1]
    places = np.concatenate([place for place, _ in marks]) if marks else np.empty((0, 2))
    if not len(places):
        return lines, None
    return lines, draw_heads(axes, places, np.concatenate([way for _, way in marks]), colour)


def draw_heads(
    axes: Axes, places: NDArray[np.float64], ways: NDArray[np.float64], colour: str, zorder: float = 2.1
) -> Quiver:
    """Draw arrowheads of one size on the page at places (heads, 2) in the directions (heads, 2)."""
    # A quiver whose arrows are hardly longer than their heads, in inches: the size does not depend on the axes.
    unit = ways / np.sqrt(np.sum(ways**2, axis=-1, keepdims=True))
    head, width = 0.095, 0.014
    return axes.quiver(
        *places.T,
        *(head * unit).T,
        angles="xy",
        units="inches",
        scale_units="inches",
        scale=1.0,
        minlength=0.0,
        width=width,
        headwidth=5.0,
        headlength=0.95 * head / width,
        headaxislength=0.8 * head / width,
        pivot="middle",
        color=colour,
        zorder=zorder,
    )
