"""Region maps: the spectral radius over two parameters, on a diverging scale centred at one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.games import load
from dynamics.methods import registry
from dynamics.stability.regions import RegionMap, spacing
from figures import labels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Purple below one, orange above: apart for every kind of colour vision, and no player's colour.
COLOURS = "PuOr_r"
#: Radii between the shades, the same in every map, closer to one another next to one.
BELOW = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.998)
ABOVE = (1.002, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 4.0)
#: Half-width of the white band of multipliers on the unit circle, whose radius the engine sets to exactly one.
MARGIN = 1e-9


@dataclass(frozen=True)
class RegionPicture:
    """What is drawn.

    Attributes
    ----------
    x, y : ndarray, shape (nx,), (ny,)
    scales : (str, str)
        "linear" or "log".
    texts : (str, str)
        Labels of the axes.
    whole : (bool, bool)
        Which axes count steps: they are drawn in cells.
    radius : ndarray, shape (ny, nx)
        NaN where there is none.
    stable : ndarray of bool, shape (ny, nx)
    title, caption : str
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    scales: tuple[str, str]
    texts: tuple[str, str]
    whole: tuple[bool, bool]
    radius: NDArray[np.float64]
    stable: NDArray[np.bool_]
    title: str
    caption: str


def compute_regions(found: RegionMap) -> RegionPicture:
    """Return what the picture of a region map shows.

    Raises
    ------
    InputError
        If an axis has a single value.
    """
    for name, values in ((found.x_name, found.x_values), (found.y_name, found.y_values)):
        if len(values) < 2:
            raise InputError(f"A picture needs at least two values of {name}, got {len(values)}: give a range.")
    axes = ((found.x_name, found.x_values), (found.y_name, found.y_values))
    return RegionPicture(
        found.x_values,
        found.y_values,
        (spacing(found.x_values), spacing(found.y_values)),
        (axis_label(found.x_name), axis_label(found.y_name)),
        (_whole(*axes[0], found.method), _whole(*axes[1], found.method)),
        found.radius,
        found.stable,
        f"{found.method['method']} on {load(dict(found.game)).name}",
        _caption(found),
    )


def region_picture(found: RegionMap) -> Figure:
    """Return the figure of a region map: filled contours of the radius, the boundary of stability as a black line.

    Parameters
    ----------
    found : RegionMap
    """
    picture = compute_regions(found)
    with style.context():
        figure = style.new_figure(6.8, 5.2)
        axes = figure.add_subplot()
        filled = draw_regions(axes, picture)
        ticks = [*BELOW, 1.0, *ABOVE]
        bar = figure.colorbar(filled, ax=axes, extend="both", extendfrac=0.03, spacing="uniform")
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        bar.set_label(r"spectral radius $\rho$; stable up to 1")
        axes.set_title(picture.title)
        labels.add_caption(figure, picture.caption)
    return figure


def draw_regions(axes: Axes, picture: RegionPicture) -> Any:
    """Draw a region map on axes and return what a colour bar needs."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.ticker import MaxNLocator

    edges = [*BELOW, 1 - MARGIN, 1 + MARGIN, *ABOVE]
    half = np.linspace(0.0, 0.42, len(BELOW) + 1)
    shades = colormaps[COLOURS](np.concatenate([half, [0.5], 1 - half[::-1]]))
    colours = ListedColormap(list(shades))
    norm = BoundaryNorm(edges, colours.N, extend="both")
    values = np.ma.masked_invalid(picture.radius)
    axes.set_facecolor("#D9D9D9")
    if any(picture.whole):
        filled = axes.pcolormesh(
            picture.x, picture.y, values, cmap=colours, norm=norm, shading="nearest", rasterized=True
        )
        _outline(axes, picture)
    else:
        filled = axes.contourf(picture.x, picture.y, values, levels=edges, cmap=colours, norm=norm, extend="both")
        if picture.stable.any() and (picture.radius > 1 + MARGIN).any():
            levels = [1 + MARGIN]
            axes.contour(picture.x, picture.y, values, levels=levels, colors=style.BLACK, linewidths=1.6)
    for axis, scale, whole, text in zip("xy", picture.scales, picture.whole, picture.texts, strict=True):
        if whole:
            getattr(axes, f"{axis}axis").set_major_locator(MaxNLocator(integer=True))
        else:
            getattr(axes, f"set_{axis}scale")(scale)
        getattr(axes, f"set_{axis}label")(text)
    return filled


def _outline(axes: Axes, picture: RegionPicture) -> None:
    """Draw the edges between stable and other cells."""
    from matplotlib.collections import LineCollection

    x, y = (np.concatenate([[1.5 * v[0] - 0.5 * v[1]], (v[1:] + v[:-1]) / 2, [1.5 * v[-1] - 0.5 * v[-2]]]) for v in
            (picture.x, picture.y))  # fmt: skip
    rows, columns = np.nonzero(picture.stable[:, 1:] != picture.stable[:, :-1])
    upright = [[(x[j + 1], y[i]), (x[j + 1], y[i + 1])] for i, j in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(picture.stable[1:] != picture.stable[:-1])
    level = [[(x[j], y[i + 1]), (x[j + 1], y[i + 1])] for i, j in zip(rows, columns, strict=True)]
    axes.add_collection(LineCollection([*upright, *level], colors=style.BLACK, linewidths=1.4))


def axis_label(name: str) -> str:
    r"""Return the label of a parameter of a region map in the symbols of games and methods.

    Examples
    --------
    >>> axis_label("lr"), axis_label("lr:generator"), axis_label("beta")
    ('learning rate', 'learning rate of the generator', '$\\beta$')
    """
    word, _, rest = name.partition(":")
    match word:
        case "lr":
            return f"learning rate of the {rest}" if rest else "learning rate"
        case "timescale":
            return rf"time scale $\tau$ of the {rest}" if rest else r"time scale $\tau$"
        case "method" | "game" if rest:
            return f"{labels.symbol(rest)} of the {word}"
    words = {"k": "steps $k$", "d_steps": "discriminator's steps", "g_steps": "generator's steps"}
    extra = {"instance_noise": "instance noise "}
    return words.get(name, extra.get(name, "") + labels.symbol(name))


def _whole(name: str, values: NDArray[np.float64], method: Mapping[str, Any]) -> bool:
    """Return whether an axis counts steps."""
    own = method.get(name.removeprefix("method:"))
    return isinstance(own, int) and not isinstance(own, bool) and bool((values == np.round(values)).all())


def _caption(found: RegionMap) -> str:
    names = (found.x_name, found.y_name)
    alive = found.points.reshape(-1, len(found.names))
    alive = alive[np.isfinite(alive).all(axis=1)]
    followed = len(alive) > 0 and float(np.ptp(alive, axis=0).max()) > 1e-9
    # rounding of a coordinate that is zero
    point = np.where(np.abs(alive[0]) < 1e-12, 0.0, alive[0]) if len(alive) else alive
    where = "an equilibrium, followed" if followed or not len(alive) else labels.state(found.names, point)
    game = load(dict(found.game))
    fixed = fixed_settings(found.method, names, list(game.players))
    method = f"{found.method['method']}{f' ({fixed})' if fixed else ''}"
    cells = f"{found.radius.shape[1]}×{found.radius.shape[0]} cells"
    text = f"{_label(game, names)}, {method}, at {where}: {cells}, {100 * found.share:.0f}{labels.NO_BREAK}% stable."
    if (found.radius == 1.0).mean() > 0.01:
        text += " White: multipliers on the unit circle."
    if found.lost:
        text += f" Grey: no value ({100 * found.lost:.0f}{labels.NO_BREAK}%)."
    return text


def _label(game: Any, names: tuple[str, str]) -> str:
    """Return the game's label without what the axes replace."""
    replaced = {name.removeprefix("game:") for name in names}
    follower = "discriminator" if "discriminator" in game.players else list(game.players)[-1]
    scaled = {name.partition(":")[2] or follower for name in names if name.startswith("timescale")}
    settings, parameters = ({k: v for k, v in d.items() if k not in replaced} for d in (game.settings, game.parameters))
    scales = {player: tau for player, tau in game.timescales.items() if player not in scaled}
    return labels.game_label(
        SimpleNamespace(name=game.name, settings=settings, parameters=parameters, timescales=scales)
    )


def fixed_settings(method: Mapping[str, Any], names: tuple[str, str], players: list[str]) -> str:
    """Return the rates and settings that no axis replaces: all numbers with a point, others where they are unusual."""
    usual = registry.settings(method["method"])
    replaced = {name.removeprefix("method:") for name in names}
    rates = method["lr"] if isinstance(method["lr"], Mapping) else dict.fromkeys(players, method["lr"])
    left = {} if "lr" in names else {player: lr for player, lr in rates.items() if f"lr:{player}" not in names}
    shown = []
    if left:
        alike = len(set(left.values())) == 1 and len(left) == len(players)
        values = [labels.number(lr) + ("" if alike else f" of {player}") for player, lr in left.items()]
        shown.append("learning rate " + ", ".join(values[:1] if alike else values))
    for key, value in method.items():
        if key in ("method", "lr", "schedule") or key in replaced:
            continue
        if isinstance(value, float) or value != usual.get(key):
            shown.append(f"{key} {value}" if isinstance(value, str) else labels.setting(key, value))
    return ", ".join(shown)
