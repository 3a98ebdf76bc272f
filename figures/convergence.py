"""Convergence curves: the distance to an equilibrium at each iteration, beside the predicted power of the radius."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics import methods as algorithms
from dynamics.core.errors import InputError, check_count, check_positive, check_states, unknown
from dynamics.games.field import Game
from dynamics.methods.base import Method
from dynamics.stability.resting import spectral_radii
from figures import labels, style
from figures.layout import legend_above
from figures.regions import fixed_settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Distances are drawn down to this share of the first: below, rounding takes over.
FLOOR = 1e-14
#: And up to this multiple of the first.
CEILING = 1e4
#: Runs that move away are compared with the prediction up to this multiple of the first distance.
LINEAR = 30.0
#: Predictions are drawn this share of the picture's height above what they predict, to be seen beside it.
BESIDE = 0.03


@dataclass(frozen=True)
class Convergence:
    """The run of one method.

    Attributes
    ----------
    method, label : str
    distances : ndarray, shape (k + 1,)
        Euclidean, from the start on; NaN from where the run left the reach of floats.
    radius : float or None
        Predicted; None for a method without multipliers or under a schedule.
    predicted : ndarray, shape (k + 1,), or None
        ``c radius^k``, c the least constant that bounds the later half of the distances that are above rounding and,
        for runs that move away, still small.
    """

    method: str
    label: str
    distances: NDArray[np.float64]
    radius: float | None
    predicted: NDArray[np.float64] | None


@dataclass(frozen=True)
class ConvergencePicture:
    """What is drawn: the runs and a caption."""

    runs: tuple[Convergence, ...]
    caption: str


def compute_convergence(
    game: Game,
    at: ArrayLike | Mapping[str, float],
    methods: Iterable[Method | str],
    lr: float | Mapping[str, float] | None = None,
    iterations: int = 200,
    distance: float = 1e-3,
    start: ArrayLike | Mapping[str, float] | None = None,
) -> ConvergencePicture:
    """Return distances to an equilibrium along runs of methods from one start.

    Parameters
    ----------
    game : Game
    at : mapping of coordinate to float, or array_like of shape (dim,)
    methods : iterable of Method or str
        Names need ``lr``; without it configured methods keep their own rates.
    lr : float or mapping of player to float, optional
    iterations : int
    distance : float
        Of the start, along the diagonal of the coordinates with alternating signs; not used with ``start``.
    start : mapping of coordinate to float, or array_like of shape (dim,), optional
    """
    y = _state("The equilibrium", at, game)
    check_count("iterations", iterations, least=4)
    if start is None:
        check_positive("The distance of the start", distance)
        begin = y + distance * np.where(np.arange(len(y)) % 2, -1.0, 1.0) / np.sqrt(len(y))
    else:
        begin = _state("The start", start, game)
    begin = game.project(begin)
    away = float(np.linalg.norm(begin - y))
    if away == 0:
        raise InputError("The start is the equilibrium itself, where there is no distance to draw: give another start.")
    runs = []
    for item in methods:
        if isinstance(item, str) and lr is None:
            raise InputError(f"The rate of {item} is missing: give lr, or a configured method.")
        method = algorithms.get(item, lr=lr) if isinstance(item, str) else item if lr is None else item.with_lr(lr)
        path = algorithms.iterate(game, method, begin, iterations)
        distances = np.linalg.norm(path.states - y, axis=-1)
        radius, predicted = None, None
        if not method.no_multipliers and method.schedule is None:
            largest = max(method.lr.values()) if isinstance(method.lr, Mapping) else method.lr
            radius = float(spectral_radii(game, method, y, [largest])[0])
            predicted = _predicted(distances, radius)
        text = ", ".join([method.name, *_described(game, method, lr is None)])
        text += "" if radius is None else rf": $\rho$ = {radius:.5g}"
        runs.append(Convergence(method.name, text, distances, radius, predicted))
    where = labels.state(game.names, np.where(np.abs(y) < 1e-12, 0.0, y))
    caption = (
        f"{labels.game_label(game)}: distance to {where} from a start {labels.number(away)} away"
        f"{'' if lr is None else ', ' + _rates(lr)}. Solid: iterates."
    )
    if any(run.predicted is not None for run in runs):
        caption += (
            r" Dashed, shifted up: $c\,\rho^k$ with the spectral radius $\rho$ of the exact Jacobian; only c is fitted."
        )
    return ConvergencePicture(tuple(runs), caption)


def _state(what: str, given: ArrayLike | Mapping[str, float], game: Game) -> NDArray[np.float64]:
    """Return a state from its coordinates by name, or in the game's order, shape (dim,)."""
    if not isinstance(given, Mapping):
        return check_states(what, given, game.names)
    for name in given:
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
    missing = [name for name in game.names if name not in given]
    if missing:
        raise InputError(f"{what} lacks the coordinate {', '.join(missing)}: give all of {', '.join(game.names)}.")
    return check_states(what, [given[name] for name in game.names], game.names)


def _predicted(distances: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return ``c radius^k`` just above the later half of the distances in the linear neighbourhood."""
    k = np.arange(len(distances))
    with np.errstate(invalid="ignore"):
        near = (distances > 10 * FLOOR * distances[0]) & (distances < LINEAR * distances[0])
    # up to where the run first leaves the neighbourhood
    known = np.arange(len(distances) if near.all() else max(int(np.argmin(near)), 2))
    half = known[len(known) // 2 :]
    with np.errstate(divide="ignore"):
        slope = np.log(max(radius, 1e-300))
        logarithm = np.max(np.log(distances[half]) - half * slope) + k * slope
    return np.exp(np.clip(logarithm, -700, 700))


def _described(game: Game, method: Method, own_rate: bool) -> list[str]:
    """Return a method's own rate, its settings and its schedule as printed in a legend."""
    fixed = fixed_settings(method.settings(), ("lr", "lr"), list(game.players))
    parts = [_rates(method.lr) if own_rate else "", fixed, "" if method.schedule is None else str(method.schedule)]
    return [part for part in parts if part]


def _rates(lr: float | Mapping[str, float]) -> str:
    rates = lr if isinstance(lr, Mapping) else {"": lr}
    return "rate " + ", ".join(f"{labels.number(v)} {p}".strip() for p, v in rates.items())


def convergence_picture(
    game: Game,
    at: ArrayLike | Mapping[str, float],
    methods: Iterable[Method | str],
    lr: float | Mapping[str, float] | None = None,
    iterations: int = 200,
    distance: float = 1e-3,
    start: ArrayLike | Mapping[str, float] | None = None,
) -> Figure:
    """Return the figure of convergence curves, as in :func:`compute_convergence`."""
    picture = compute_convergence(game, at, methods, lr, iterations, distance, start)
    with style.context():
        figure = style.new_figure(7.2, 5.0)
        axes = figure.add_subplot()
        draw_convergence(axes, picture)
        legend_above(figure, *axes.get_legend_handles_labels())
        labels.add_caption(figure, picture.caption)
    return figure


def draw_convergence(axes: Axes, picture: ConvergencePicture) -> None:
    """Draw the runs: measured distances as lines, predictions dashed in the same colour."""
    seen: dict[str, int] = {}
    first = max(run.distances[0] for run in picture.runs)
    lowest, highest = first * FLOOR, first * CEILING
    shown = [
        np.where((run.distances >= lowest) & (run.distances <= highest), run.distances, np.nan) for run in picture.runs
    ]
    finite = np.concatenate(shown)
    finite = finite[np.isfinite(finite)]
    bottom, top = max(lowest, 0.5 * float(finite.min())), min(highest, 3 * float(finite.max()))
    shift = (top / bottom) ** BESIDE
    for run, values in zip(picture.runs, shown, strict=True):
        look = style.method_style(run.method, seen.get(run.method, 0))
        seen[run.method] = seen.get(run.method, 0) + 1
        k = np.arange(len(values))
        axes.plot(k, values, color=look["color"], linewidth=1.6, marker=look["marker"], markevery=max(1, len(k) // 8),
                  markersize=4.5, label=run.label)  # fmt: skip
        if run.predicted is not None:
            predicted = np.where((run.predicted >= lowest) & (run.predicted <= highest), shift * run.predicted, np.nan)
            axes.plot(k, predicted, color=look["color"], linewidth=1.1, linestyle=(0, (5, 3)))
    axes.set_yscale("log")
    axes.set_ylim(bottom, top)
    axes.set_xlim(0, max(map(len, shown)) - 1)
    axes.set(xlabel="iteration", ylabel="distance to the equilibrium")
