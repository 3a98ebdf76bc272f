"""Portraits of games with one coordinate: the loss above, the field and the flow on the line below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_box
from dynamics.games.field import Field, Game
from figures import labels, style
from figures.phase.equilibria import VERDICT_MARKS, search
from figures.phase.paths import Path, path_styles
from figures.phase.subject import box_of, players_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


@dataclass(frozen=True)
class LinePortrait:
    """What is drawn of a game with one coordinate ``x``.

    Attributes
    ----------
    name, player : str
        The coordinate and the player who moves it.
    x : ndarray, shape (points,)
    loss, velocity : ndarray, shape (points,)
        Of a field that is no game the potential, minus the integral of the velocity, stands for the loss.
    arrows : ndarray, shape (arrows, 2)
        Place and direction (1 or -1) of the flow on the line.
    equilibria : tuple of (float, str)
        Position and verdict.
    paths : tuple of Path
        Iterates of methods.
    path_losses : tuple of ndarray
        The loss along each path.
    label : str
        What the loss is called.
    """

    name: str
    player: str
    x: NDArray[np.float64]
    loss: NDArray[np.float64]
    velocity: NDArray[np.float64]
    arrows: NDArray[np.float64]
    equilibria: tuple[tuple[float, str], ...]
    paths: tuple[Path, ...]
    path_losses: tuple[NDArray[np.float64], ...]
    label: str


def compute_line(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    paths: tuple[Path, ...] = (),
    equilibria: bool = True,
    points: int = 401,
) -> LinePortrait:
    """Sample loss and field of a game with one coordinate and find its equilibria."""
    from scipy.integrate import cumulative_simpson

    if game.dim != 1:
        raise InputError(
            f"A line portrait needs one coordinate, got {game.dim} ({', '.join(game.names)}): draw a plane."
        )
    (name,) = game.names
    (player,) = players_of(game)
    sides = check_box(dict(box or box_of(game)), game.names)
    (low, high) = sides[0]
    x = np.linspace(low, high, points)
    velocity = np.asarray(game(x[:, None]))[:, 0]
    found: tuple[tuple[float, str], ...] = ()
    if equilibria:
        found = tuple((float(item.at[0]), str(item.verdict)) for item in search(game, sides))
    places = low + (np.arange(16) + 0.5) / 16 * (high - low)
    ways = np.sign(np.asarray(game(places[:, None]))[:, 0])
    # No arrow sits on an equilibrium, where it would hide the mark and say nothing.
    clear = np.array([all(abs(place - at) > 0.02 * (high - low) for at, _ in found) for place in places])
    arrows = np.stack([places, ways], axis=-1)[clear & (ways != 0)]
    if not isinstance(game, Game):
        potential = -cumulative_simpson(velocity, x=x, initial=0.0)
        return LinePortrait(name, player, x, potential, velocity, arrows, found, (), (), "potential of the field")
    loss = np.asarray(game.losses(x[:, None])[player])
    with np.errstate(all="ignore"):
        path_losses = tuple(np.asarray(game.losses(path.states)[player]) for path in paths)
    return LinePortrait(name, player, x, loss, velocity, arrows, found, paths, path_losses, f"loss of {player}")


def draw_line(upper: Axes, lower: Axes, portrait: LinePortrait) -> list[Line2D]:
    """Draw the loss with the iterates on ``upper``, the field with the flow on ``lower``; returns legend entries."""
    from figures.phase.orbits import draw_heads

    colour = style.player_colours([portrait.player])[portrait.player]
    x = portrait.x
    artists: list[Line2D] = upper.plot(x, portrait.loss, color=colour, label=portrait.label)
    upper.set_xlim(x[0], x[-1])
    upper.set_ylabel(rf"$L({labels.bare_symbol(portrait.name)})$")
    upper.margins(y=0.1)
    limits = upper.get_ylim()
    looks = path_styles(portrait.paths)
    for path, losses, look in zip(portrait.paths, portrait.path_losses, looks, strict=True):
        artists += upper.plot(
            path.states[:, 0],
            losses,
            **look,
            linewidth=0.6,
            markersize=4,
            markeredgewidth=0,
            label=path.label,
        )
    if portrait.paths:
        artists += upper.plot(
            portrait.paths[0].states[0, 0],
            portrait.path_losses[0][0],
            linestyle="none",
            marker="*",
            markersize=11,
            markerfacecolor="white",
            markeredgecolor=style.BLACK,
            label="start",
            zorder=6.5,
        )
    upper.set_xlim(x[0], x[-1])
    upper.set_ylim(limits)
    lower.axhline(0.0, color=style.GREY, linewidth=0.9)
    lower.plot(x, portrait.velocity, color=colour, linestyle="--", label="field")
    lower.set_xlabel(labels.symbol(portrait.name))
    lower.set_ylabel(labels.velocity(portrait.name))
    if len(portrait.arrows):
        places = np.stack([portrait.arrows[:, 0], np.zeros(len(portrait.arrows))], axis=-1)
        draw_heads(lower, places, np.stack([portrait.arrows[:, 1], np.zeros(len(places))], axis=-1), style.GREY)
    lower.set_xlim(x[0], x[-1])
    for verdict, (marker, face) in VERDICT_MARKS.items():
        at = [place for place, found in portrait.equilibria if found == verdict]
        if at:
            artists += lower.plot(
                at,
                np.zeros(len(at)),
                linestyle="none",
                marker=marker,
                markersize=8,
                markerfacecolor=face,
                markeredgecolor=style.BLACK,
                label=f"{verdict} equilibrium",
                zorder=6,
            )
    return artists
