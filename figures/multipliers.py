"""Multipliers of training algorithms in the complex plane: a panel for each method, with the unit circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics import methods as algorithms
from dynamics.core.errors import InputError
from dynamics.games.field import Game
from dynamics.methods.base import Method
from dynamics.stability.intervals import rounding
from dynamics.stability.multipliers import MethodRow
from dynamics.stability.report import method_at
from dynamics.stability.resting import multipliers_at
from figures import labels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inside, on and outside the unit circle: the colours of region maps, and black for what is on it.
INSIDE, ON, OUTSIDE = "#5E3C99", style.BLACK, "#E66101"
COLUMNS = (5, 4, 3)
#: Panels show at least this far, and at most this far unless the marked multipliers lie beyond.
LEAST, MOST = 1.25, 2.5
#: Rates on the curve of each multiplier, up to the marked one.
CURVE = 240


@dataclass(frozen=True)
class Panel:
    """One method.

    Attributes
    ----------
    method : str
    values : ndarray of complex, shape (n,)
        Multipliers at ``lr``.
    sides : ndarray of int, shape (n,)
        -1, 0, 1: inside the unit circle, on it, outside (to rounding).
    radius : float
    lr : float
        The largest of the players' rates.
    curve : ndarray of complex, shape (m, n)
        Multipliers at rates from zero to ``lr``.
    rates : tuple of float
        Rates of the players, in their order; one if all are the same.
    """

    method: str
    values: NDArray[np.complex128]
    sides: NDArray[np.int_]
    radius: float
    lr: float
    curve: NDArray[np.complex128]
    rates: tuple[float, ...]


@dataclass(frozen=True)
class MultipliersPicture:
    """What is drawn.

    Attributes
    ----------
    panels : tuple of Panel
    without : tuple of str
        Methods that have no multipliers.
    title, caption : str
    """

    panels: tuple[Panel, ...]
    without: tuple[str, ...]
    title: str
    caption: str


def compute_multipliers(
    game: Game,
    at: ArrayLike,
    lr: float | Mapping[str, float] | None = None,
    methods: Iterable[Method | str] | None = None,
    rows: Iterable[MethodRow] | None = None,
) -> MultipliersPicture:
    """Return the multipliers of methods at an equilibrium.

    Parameters
    ----------
    game : Game
    at : array_like, shape (dim,)
    lr : float or mapping of player to float, optional
        Without one, every method is shown at its fastest rate; where there is none, at the end of its first interval of
        stable rates, or else at half the inverse norm of the Jacobian.
    methods : iterable of Method or str, optional
        All that apply to the game by default.
    rows : iterable of MethodRow, optional
        Rows of :func:`dynamics.stability.analyse` at this equilibrium, so that fastest rates are not computed again.
    """
    y = np.asarray(at, dtype=np.float64)
    given = 1.0 if lr is None else lr
    chosen = [algorithms.get(m, lr=given) if isinstance(m, str) else m for m in methods or algorithms.names()]
    chosen = [method for method in chosen if not method.applies(game)]
    chosen = chosen if lr is None else [method.with_lr(lr) for method in chosen]
    known = {row.method: row for row in rows or ()}
    size = float(np.linalg.norm(np.asarray(game.jacobian(y)), 2))
    panels, without = [], []
    for method in chosen:
        row = known.get(method.name) or method_at(game, y, method)
        if row.stable is None and row.spectral_radius is None and not row.intervals:
            without.append(method.name)
            continue
        if lr is not None:
            rate = max(lr.values()) if isinstance(lr, Mapping) else lr
        else:
            rate = row.optimal_lr or row.critical_lr or 0.5 / max(size, 1e-300)
        # roots separate like roots of the rate: denser where the curves begin, and where pairs meet at the fastest rate
        rates = rate * np.sin(np.pi / 2 * np.linspace(0, 1, CURVE + 1)[1:]) ** 2
        values, matrices = multipliers_at(game, method, y, rates)
        found, vectors = np.linalg.eig(matrices[-1])
        gaps = np.abs(found) - 1
        sides = np.where(np.abs(gaps) <= rounding(matrices[-1], vectors), 0, np.sign(gaps)).astype(int)
        radius = float(np.abs(found).max())
        told = _rates(game, method, float(rate))
        panels.append(Panel(method.name, found.astype(np.complex128), sides, radius, float(rate), values, told))
    if not panels:
        raise InputError(f"None of the methods has multipliers here: {', '.join(without) or 'no method applies'}.")
    where = labels.state(game.names, np.where(np.abs(y) < 1e-12, 0.0, y))
    caption = (
        f"{labels.game_label(game)}, at {where}. Curves: multipliers as the rate grows from zero to the one named."
    )
    caption += " Purple: inside the unit circle; black: on it; orange: outside."
    if lr is None:
        caption += " Rates: the fastest; where there is none, the largest stable one, else half the inverse norm of J."
    elif isinstance(lr, Mapping):
        caption += " Rates: " + ", ".join(f"{labels.number(lr[p])} of the {p}" for p in game.players) + "."
    if without:
        caption += f" Without multipliers: {', '.join(without)}."
    return MultipliersPicture(tuple(panels), tuple(without), "Multipliers of training algorithms", caption)


def _rates(game: Game, method: Method, largest: float) -> tuple[float, ...]:
    """Return the players' rates, their ratio kept, the largest of them given."""
    if not isinstance(method.lr, Mapping):
        return (largest,)
    unit = max(method.lr.values())
    rates = tuple(float(method.lr[player]) * (largest / unit) for player in game.players)
    return rates if len(set(rates)) > 1 else rates[:1]


def multipliers_picture(
    game: Game,
    at: ArrayLike,
    lr: float | Mapping[str, float] | None = None,
    methods: Iterable[Method | str] | None = None,
    rows: Iterable[MethodRow] | None = None,
) -> Figure:
    """Return the figure of the multipliers of methods at an equilibrium, as in :func:`compute_multipliers`."""
    picture = compute_multipliers(game, at, lr, methods, rows)
    with style.context():
        count = len(picture.panels)
        # as few empty places as possible, and wide rather than high
        columns = min(count, min(COLUMNS, key=lambda width: (-count % width, -width)))
        lines = -(-count // columns)
        figure = style.new_figure(max(2.1 * columns, 5.0), 2.35 * lines + 0.9)
        grid: Any = figure.subplots(lines, columns, squeeze=False)
        for axes, panel in zip(grid.flat, picture.panels, strict=False):
            draw_panel(axes, panel)
        for axes in grid.flat[count:]:
            axes.set_axis_off()
        figure.suptitle(picture.title, fontsize=12)
        labels.add_caption(figure, picture.caption)
    return figure


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draw the multipliers of one method with the unit circle."""
    from matplotlib.patches import Circle

    largest = float(np.abs(panel.values).max())
    reach = max(LEAST, 1.12 * largest, min(MOST, 1.12 * float(np.abs(panel.curve).max())))
    axes.axhline(0.0, color=style.LIGHT_GREY, linewidth=0.6, zorder=0)
    axes.axvline(0.0, color=style.LIGHT_GREY, linewidth=0.6, zorder=0)
    axes.add_patch(Circle((0, 0), 1.0, facecolor="#F2F2F2", edgecolor=style.GREY, linewidth=1.0, zorder=-1))
    curve = panel.curve.ravel()
    axes.plot(curve.real, curve.imag, ".", color=style.GREY, markersize=1.6, zorder=1)
    for side, colour in ((-1, INSIDE), (0, ON), (1, OUTSIDE)):
        shown = panel.values[panel.sides == side]
        (marks,) = axes.plot(shown.real, shown.imag, "o", color=colour, markersize=5, zorder=2, clip_on=False)
        marks.set_in_layout(False)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    word, rates = "rate" if len(panel.rates) == 1 else "rates", ", ".join(map(labels.number, panel.rates))
    radius = 1.0 if panel.sides.max() == 0 else round(panel.radius, 9)
    axes.set_title(f"{panel.method}\n$\\rho$ = {radius:.4g} at {word} {rates}", fontsize=8.5)
