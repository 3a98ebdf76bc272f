"""Nullclines: where one component of the field vanishes, in the colour of the player who moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Game
from figures import labels, style
from figures.phase.plane import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


@dataclass(frozen=True)
class Nullcline:
    """The zero set of one component on a plane.

    Attributes
    ----------
    name : str
        The coordinate whose velocity vanishes.
    player : str
        The player it belongs to.
    lines : tuple of ndarray, each of shape (points, 2)
    """

    name: str
    player: str
    lines: tuple[NDArray[np.float64], ...]


def compute_nullclines(game: Game, plane: Plane, points: int = 201) -> tuple[Nullcline, ...]:
    """Return the nullclines of the two coordinates of a plane, contoured on ``points`` by ``points`` states.

    A sign change across a jump of a non-smooth field is not a zero and is left out; so is a component that
    vanishes everywhere.
    """
    from contourpy import contour_generator

    x, y, states = plane.lattice(points)
    velocity = np.array(game(states), dtype=np.float64)
    # Strictly inside the bounds: on them a clipped component vanishes because it is clipped.
    velocity[~plane.admissible(plane.project(states), margin=-1e-9)] = np.nan
    found = []
    for name, index in zip(plane.names, plane.indices, strict=True):
        values = velocity[..., index]
        scale = float(np.nanmax(np.abs(values), initial=0.0))
        lines: list[NDArray[np.float64]] = []
        if scale > 0:
            # Exact zeros along a lattice line would be contoured as hairpins: a shift far below a pixel avoids them.
            shifted = np.ma.masked_invalid(values + 1e-9 * scale)
            for line in contour_generator(x, y, shifted).lines(0.0):
                lines += _continuous_parts(game, plane, index, np.asarray(line), values, scale)
        found.append(Nullcline(name, _owner(game, index), tuple(lines)))
    return tuple(found)


def _continuous_parts(
    game: Game, plane: Plane, index: int, line: NDArray[np.float64], values: NDArray[np.float64], scale: float
) -> list[NDArray[np.float64]]:
    """Split a contour at vertices that are no zeros but sit at a jump of the component."""
    rows, columns = values.shape
    position = (line - plane.box[:, 0]) / plane.size * (np.array([columns, rows]) - 1)
    column = np.clip(position[:, 0].astype(int), 0, columns - 2)
    row = np.clip(position[:, 1].astype(int), 0, rows - 2)
    a, b, c, d = (values[row + i, column + j] for i in (0, 1) for j in (0, 1))
    around = np.max(np.abs([a, b, c, d]), axis=0)
    slope = np.stack([b + d - a - c, c + d - a - b], axis=-1)
    steepness = np.sqrt(np.sum(slope**2, axis=-1, keepdims=True))
    normal = np.divide(slope, steepness, out=np.zeros_like(slope), where=steepness > 0)
    cell = plane.size / (np.array([columns, rows]) - 1)
    sides = [np.asarray(game(plane.lift(line + sign * 0.25 * cell * normal)))[:, index] for sign in (-1.0, 1.0)]
    # A quarter of a cell to either side a smooth component has changed sign and reached about half of the corner
    # values; across a jump it is as large as at the corners, beside a jump it has not changed sign.
    crossing = (sides[0] * sides[1] < 0) & (np.max(np.abs(sides), axis=0) <= 0.75 * around)
    # On the frame itself there is no other side to tell a zero by, and a line there would say nothing.
    framed = np.any(np.abs(line[:, None, :] - plane.box.T) <= 1e-6 * plane.size, axis=(1, 2))
    ahead = np.append(framed[1:], framed[-1:])
    behind = np.append(framed[:1], framed[:-1])
    good = (crossing | (around <= 1e-3 * scale)) & ~(framed & (ahead & behind))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    return [line[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 2]


def _owner(game: Game, index: int) -> str:
    """Return the player whose coordinates include a position."""
    return next(player for player, part in game.players.items() if index in range(*part.indices(game.dim)))


def draw_nullclines(axes: Axes, nullclines: tuple[Nullcline, ...], players: tuple[str, ...]) -> list[Line2D]:
    """Draw nullclines dashed, in their players' colours; returns one artist per nullcline that exists.

    Two coordinates of one player share its colour and differ in their dashes.
    """
    from matplotlib.collections import LineCollection

    colours = style.player_colours(players)
    artists = []
    seen: dict[str, int] = {}
    for nullcline in nullclines:
        order = seen.setdefault(nullcline.player, 0)
        seen[nullcline.player] += 1
        if not nullcline.lines:
            continue
        dashes = [(0, (6, 2)), (0, (2, 2))][order % 2]
        collection = LineCollection(
            list(nullcline.lines),
            colors=colours[nullcline.player],
            linewidths=1.4,
            linestyles=[dashes],
            label=f"{labels.velocity(nullcline.name)} = 0 ({nullcline.player})",
            zorder=3,
        )
        artists.append(axes.add_collection(collection, autolim=False))
    return artists
