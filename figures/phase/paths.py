"""Training algorithms on a portrait: the iterates of methods, dots joined by thin lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import check_count
from dynamics.games.field import Game
from dynamics.methods.registry import settings
from figures import style
from figures.labels import number, setting
from figures.phase.plane import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


@dataclass(frozen=True)
class Path:
    """The iterates of one method from one start.

    Attributes
    ----------
    method : str
        Name of the method.
    label : str
        Name and rates, as printed.
    states : ndarray, shape (iterations + 1, dim)
        All coordinates; rows that were not reached are NaN.
    iterations : int
        As asked for.
    outcome : str
        How the run ended, the status's word.
    """

    method: str
    label: str
    states: NDArray[np.float64]
    iterations: int
    outcome: str


def compute_paths(
    game: Game,
    chosen: Sequence[Any],
    start: NDArray[np.float64],
    lr: float | Mapping[str, float] = 0.2,
    iterations: int = 60,
) -> tuple[Path, ...]:
    """Run methods on a game.

    Parameters
    ----------
    game : Game
    chosen : sequence of str or methods
        Names run at the rate ``lr``; methods that were built already keep their own rates.
    start : ndarray, shape (dim,)
    lr : float or mapping of player to float
    iterations : int
    """
    from dynamics import methods

    check_count("iterations", iterations)
    paths = []
    for item in chosen:
        method = methods.get(item, lr=lr) if isinstance(item, str) else item
        trajectory = methods.iterate(game, method, start, iterations)
        outcome = trajectory.statuses.item().value
        paths.append(Path(method.name, method_label(method), np.asarray(trajectory.states), iterations, outcome))
    return tuple(paths)


def method_label(method: Any) -> str:
    """Return a method's name, rates, and settings that are not the usual ones, as printed in a legend."""
    usual = settings(method.name)
    shown = {key: value for key, value in method.settings().items() if key not in ("method", "lr")}
    words = [setting(key, value) for key, value in shown.items() if value != usual.get(key)]
    rates = method.lr
    if isinstance(rates, Mapping):
        told = "rates " + ", ".join(f"{player} {number(rate)}" for player, rate in rates.items())
    else:
        told = f"rate {number(rates)}"
    return ", ".join([method.name, told, *words])


def path_styles(paths: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Return the look of each path: that of its method, a further variant for each repetition."""
    names = [path.method for path in paths]
    return [style.method_style(name, names[:i].count(name)) for i, name in enumerate(names)]


def draw_paths(axes: Axes, paths: tuple[Path, ...], plane: Plane) -> list[Line2D]:
    """Draw iterates, each method in its own colour and marker, and the starts; returns these artists."""
    artists: list[Line2D] = []
    for path, look in zip(paths, path_styles(paths), strict=True):
        points = plane.project(path.states)
        points = points[np.isfinite(points).all(axis=-1)]
        artists += axes.plot(
            *points.T,
            **look,
            linewidth=0.8,
            markersize=3.2,
            markeredgewidth=0.0,
            label=path.label,
            zorder=5,
            scalex=False,
            scaley=False,
        )
    starts = {tuple(plane.project(path.states[0])) for path in paths}
    if starts:
        artists += axes.plot(
            *np.array(sorted(starts)).T,
            linestyle="none",
            marker="*",
            markersize=11,
            markerfacecolor="white",
            markeredgecolor=style.BLACK,
            label="start",
            zorder=6.5,
            scalex=False,
            scaley=False,
        )
    return artists
