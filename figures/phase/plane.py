"""The plane that a portrait shows: two coordinates of a game, the others held at a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_box, check_number, unknown
from dynamics.games.field import Field
from figures.phase.subject import box_of, players_of, start_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

#: Side ratio up to which a unit has the same length on both axes.
COMPARABLE = 2.0


@dataclass(frozen=True)
class Plane:
    """A rectangle of a plane through state space.

    Attributes
    ----------
    names : tuple of two str
        Coordinates along the horizontal and the vertical axis.
    indices : tuple of two int
        Their positions in the state.
    point : ndarray, shape (dim,)
        A state of the plane; its entries at ``indices`` do not matter.
    box : ndarray, shape (2, 2)
        Low and high of the horizontal and the vertical side.
    others : tuple of str
        Coordinates held fixed (empty for a game of two coordinates).
    invariant : bool
        Whether the flow stays in the plane, as far as a sample of its states can tell.
    bounds : ndarray, shape (2, 2)
        Where the game allows its coordinates to be (clipping); infinite where it does not say.
    """

    names: tuple[str, str]
    indices: tuple[int, int]
    point: NDArray[np.float64]
    box: NDArray[np.float64]
    others: tuple[str, ...]
    invariant: bool
    bounds: NDArray[np.float64]

    @property
    def size(self) -> NDArray[np.float64]:
        """Lengths of the sides, shape (2,)."""
        return self.box[:, 1] - self.box[:, 0]

    @property
    def comparable(self) -> bool:
        """Whether the sides are close enough in length for an equal aspect."""
        width, height = self.size
        return bool(max(width, height) <= COMPARABLE * min(width, height))

    def lift(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return states of shape (..., dim) for points (..., 2) of the plane."""
        points = np.asarray(points, dtype=np.float64)
        states = np.broadcast_to(self.point, (*points.shape[:-1], len(self.point))).copy()
        states[..., list(self.indices)] = points
        return states

    def project(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the two shown coordinates of states (..., dim), shape (..., 2)."""
        return states[..., list(self.indices)]

    def contains(self, points: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.bool_]:
        """Return whether points (..., 2) lie in the box widened by ``margin`` times its sides; NaN does not."""
        low, high = self.box[:, 0] - margin * self.size, self.box[:, 1] + margin * self.size
        return np.all((points >= low) & (points <= high), axis=-1)

    def admissible(self, points: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.bool_]:
        """Return whether points (..., 2) lie in the bounds widened by ``margin`` times the sides of the box."""
        low, high = self.bounds[:, 0] - margin * self.size, self.bounds[:, 1] + margin * self.size
        return np.all((points >= low) & (points <= high), axis=-1)

    def grid(self, cells: int) -> NDArray[np.float64]:
        """Return cell centres, shape (rows, columns, 2), with ``cells`` along the longer side on the page."""
        x, y = (low + (np.arange(cells) + 0.5) * (high - low) / cells for low, high in self.box)
        return np.stack(np.meshgrid(x, y), axis=-1)

    def lattice(self, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return axes of ``points`` values from side to side and the states on them, (points, points, dim)."""
        x, y = (np.linspace(low, high, points) for low, high in self.box)
        return x, y, self.lift(np.stack(np.meshgrid(x, y), axis=-1))


def default_axes(game: Field) -> tuple[str, str]:
    """Return the first coordinates of the first two players, or the first two of a single player or of no players."""
    firsts = [game.names[part.start or 0] for part in players_of(game).values()]
    return (firsts[0], firsts[1]) if len(firsts) > 1 else (game.names[0], game.names[1])


def make_plane(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    plane: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
    through: NDArray[np.float64] | None = None,
) -> Plane:
    """Choose the plane of a portrait.

    Parameters
    ----------
    game : Field
        With at least two coordinates.
    box : mapping, optional
        Sides of the shown coordinates; those not given come from the field's default box.
    plane : two coordinate names, optional
        Horizontal and vertical axis; :func:`default_axes` unless given.
    at : mapping, optional
        Values of the coordinates that are held fixed; those not given come from ``through``.
    through : ndarray, shape (dim,), optional
        A state of the plane, the field's start unless given.

    Raises
    ------
    InputError
        For unknown or repeated coordinates, reversed sides, and values of ``at`` that would have no effect.
    """
    shown = tuple(plane) if plane is not None else default_axes(game)
    for name in shown:
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
    if len(shown) != 2 or shown[0] == shown[1]:
        raise InputError(
            f"A plane needs two different coordinates, got {', '.join(shown)}: give plane=(first, second)."
        )
    names = (shown[0], shown[1])
    box = dict(box or {})
    for name in box:
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
    sides = check_box({name: box.get(name, box_of(game)[name]) for name in names}, names)
    point = np.array(start_of(game) if through is None else through, dtype=np.float64)
    for name, value in (at or {}).items():
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
        if name in names:
            raise InputError(f"at={name} has no effect, because {name} is an axis of the plane: leave it out.")
        point[game.names.index(name)] = check_number(f"at {name}", value)
    indices = (game.names.index(names[0]), game.names.index(names[1]))
    others = tuple(name for name in game.names if name not in names)
    bounds = np.array([game.bounds.get(name, (-np.inf, np.inf)) for name in names], dtype=np.float64)
    chosen = Plane(names, indices, point, sides, others, True, bounds)
    return replace(chosen, invariant=_invariant(game, chosen)) if others else chosen


def _invariant(game: Field, plane: Plane) -> bool:
    """Return whether the field has no part across the plane, to round-off, on a lattice of its states."""
    velocity = np.asarray(game(plane.lattice(9)[2]))
    across = np.delete(velocity, list(plane.indices), axis=-1)
    return bool(np.abs(across).max() <= 1e-12 * np.abs(velocity).max())


def draw_bounds(axes: Axes, plane: Plane) -> list[Artist]:
    """Hatch what the game's bounds clip away; returns one patch for the legend if there is any."""
    from matplotlib.patches import Rectangle

    (left, right), (bottom, top) = plane.box
    (west, east), (south, north) = np.clip(plane.bounds, plane.box[:, :1], plane.box[:, 1:])
    rectangles = [
        (left, bottom, west - left, top - bottom),
        (east, bottom, right - east, top - bottom),
        (west, bottom, east - west, south - bottom),
        (west, north, east - west, top - north),
    ]
    artists: list[Artist] = []
    for x, y, width, height in rectangles:
        if width > 0 and height > 0:
            patch = Rectangle((x, y), width, height, facecolor="white", edgecolor="#DDDDDD", hatch="///", linewidth=0)
            patch.set(zorder=0.5, label="clipped away")
            artists.append(axes.add_patch(patch))
    return artists[:1]
