"""Nullclines: where one component of the field vanishes, in the colour of the player who moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field
from figures import labels, style
from figures.phase.plane import Plane
from figures.phase.subject import players_of
from figures.phase.zeros import factors_of, rounding, zeros_of_component

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
        The player it belongs to; the coordinate itself where there are none.
    lines : tuple of ndarray, each of shape (points, 2)
    """

    name: str
    player: str
    lines: tuple[NDArray[np.float64], ...]


def compute_nullclines(game: Field, plane: Plane, points: int = 201) -> tuple[Nullcline, ...]:
    """Return the nullclines of the two coordinates of a plane, located on a lattice of ``points`` by ``points``.

    A sign change across a jump of a non-smooth field is not a zero and is left out; so is a component that
    vanishes in a whole region. Zeros without a change of sign are found where the component has a formula that
    factors.
    """
    noise = rounding(game)
    found = []
    for name, index in zip(plane.names, plane.indices, strict=True):

        def component(y: NDArray[np.float64], index: int = index) -> NDArray[np.float64]:
            return np.asarray(game(y))[..., index]

        lines = zeros_of_component(component, factors_of(game, index), plane, points, noise)
        found.append(Nullcline(name, _owner(game, index), lines))
    return tuple(found)


def _owner(game: Field, index: int) -> str:
    """Return the player whose coordinates include a position."""
    return next(player for player, part in players_of(game).items() if index in range(*part.indices(game.dim)))


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
        # Where nullclines of two players coincide, the dashes of each show in the gaps of the other.
        shift = 4.5 * (players.index(nullcline.player) % 2)
        owner = f" ({nullcline.player})" if nullcline.player != nullcline.name else ""
        dashes = [(shift, (6, 3)), (shift, (2, 2))][order % 2]
        collection = LineCollection(
            list(nullcline.lines),
            colors=colours[nullcline.player],
            linewidths=1.4,
            linestyles=[dashes],
            label=f"{labels.velocity(nullcline.name)} = 0{owner}",
            zorder=3,
        )
        artists.append(axes.add_collection(collection, autolim=False))
    return artists
