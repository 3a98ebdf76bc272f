"""Bifurcation diagrams: branches over a parameter, solid where they attract, with their events marked and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, unknown
from dynamics.stability.continuation import Branch, BranchEvent, Continuation
from figures import labels, style
from figures.layout import legend_above
from figures.regions import fixed_settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Coordinates drawn when none are chosen; more panels than these are hard to read.
MOST_PANELS = 4
#: Values of the parameter listed for one kind of event.
MOST_LISTED = 4
#: Least height of a panel in units of the box, so that a branch that does not move is drawn as a line, not as rounding.
FLATTEST = 0.2
#: Marks of a panel from which on they are drawn smaller.
MANY = 12
#: What line styles mean.
STABILITIES = {1: "attracting", -1: "repelling", 0: "neutral or undecided"}


@dataclass(frozen=True)
class Stroke:
    """A piece of a branch in one panel, all of it of one stability.

    Attributes
    ----------
    x, y : ndarray, shape (n,)
    stability : int
        1 attracts, -1 repels, 0 not decided by the linearisation.
    kind : str
        Of the branch.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    stability: int
    kind: str


@dataclass(frozen=True)
class EventMark:
    """An event in one panel: all heights at which it is drawn."""

    kind: str
    x: float
    heights: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """One coordinate, or the spectrum, over the parameter.

    Attributes
    ----------
    label : str
        Mathtext of the vertical axis.
    strokes : tuple of Stroke
    marks : tuple of EventMark
    limits : (float, float)
    border : float or None
        Where stability is lost: 0 for real parts, 1 for moduli; None for a coordinate.
    """

    label: str
    strokes: tuple[Stroke, ...]
    marks: tuple[EventMark, ...]
    limits: tuple[float, float]
    border: float | None = None


@dataclass(frozen=True)
class BifurcationDiagram:
    """What is drawn.

    Attributes
    ----------
    parameter : str
        Mathtext of the horizontal axis.
    interval : (float, float)
    panels : tuple of Panel
    events : tuple of (str, str)
        Kind of event and its legend, in the order of :data:`figures.style.EVENT_MARKS`.
    caption : str
    """

    parameter: str
    interval: tuple[float, float]
    panels: tuple[Panel, ...]
    events: tuple[tuple[str, str], ...]
    caption: str


def compute_bifurcations(
    found: Continuation, coordinates: Sequence[str] | None = None, spectrum: bool = True
) -> BifurcationDiagram:
    """Return what a bifurcation diagram shows.

    Parameters
    ----------
    found : Continuation
    coordinates : sequence of str, optional
        One panel each; all of them unless there are more than four, then the first of every player.
    spectrum : bool
        Whether a last panel shows what decides about stability: the real parts of the eigenvalues of equilibria, the
        moduli of the multipliers of fixed points.
    """
    chosen = _chosen(found, coordinates)
    panels = [_coordinate_panel(found, found.names.index(name)) for name in chosen]
    if spectrum and any(branch.kind != "cycle" for branch in found.branches):
        panels.append(_spectrum_panel(found))
    return BifurcationDiagram(
        parameter_label(found.parameter), found.interval, tuple(panels), _events(found), _caption(found)
    )


def _chosen(found: Continuation, coordinates: Sequence[str] | None) -> list[str]:
    if coordinates is None:
        if len(found.names) <= MOST_PANELS:
            return list(found.names)
        return [found.names[part.start] for part in found.players.values()][:MOST_PANELS] or list(found.names[:1])
    for name in coordinates:
        if name not in found.names:
            raise unknown("coordinate", name, found.names)
    if not coordinates or len(set(coordinates)) < len(coordinates):
        raise InputError("The coordinates of a bifurcation diagram must be at least one, each named once.")
    return list(coordinates)


def parameter_label(name: str) -> str:
    r"""Return the label of the horizontal axis.

    Examples
    --------
    >>> parameter_label("gamma"), parameter_label("lr:generator"), parameter_label("timescale")
    ('$\\gamma$', 'learning rate of the generator', 'time scale of the discriminator')
    """
    kind, _, rest = name.partition(":")
    if kind in ("lr", "timescale"):
        word = {"lr": "learning rate", "timescale": "time scale"}[kind]
        owner = rest or ("discriminator" if kind == "timescale" else "")
        return f"{word} of the {owner}" if owner else word
    return labels.symbol(rest or name)


def _strokes(branch: Branch, y: NDArray[np.float64]) -> list[Stroke]:
    """Return a curve of a branch in pieces of one stability, which share their end points."""
    return [Stroke(branch.parameter[a : b + 1], y[a : b + 1], s, branch.kind) for s, a, b in branch.stretches()]


def _curves(branch: Branch, index: int) -> list[NDArray[np.float64]]:
    """Return the curves of a branch in one coordinate: a point, the points of a map's cycle, or the extremes."""
    if branch.orbits is not None:
        return list(branch.orbits[:, :, index].T)
    if branch.ranges is not None:
        return list(branch.ranges[:, index].T)
    return [branch.points[:, index]]


def _coordinate_panel(found: Continuation, index: int) -> Panel:
    name = found.names[index]
    strokes: list[Stroke] = []
    marks: list[EventMark] = []
    for branch in found.branches:
        curves = _curves(branch, index)
        strokes += [stroke for curve in curves for stroke in _strokes(branch, curve)]
        for event in branch.events:
            node = _node(branch, event)
            marks.append(EventMark(event.kind, event.parameter, tuple(float(curve[node]) for curve in curves)))
    low, high = found.box[name]
    heights = np.concatenate([stroke.y for stroke in strokes]) if strokes else np.array([low, high])
    return Panel(labels.symbol(name), tuple(strokes), tuple(marks), _limits(heights, FLATTEST * (high - low)))


def _spectrum_panel(found: Continuation) -> Panel:
    """Return the panel of what decides about the stability of equilibria or fixed points."""
    strokes: list[Stroke] = []
    for branch in found.branches:
        if branch.kind != "cycle":
            values = branch.eigenvalues
            sizes = np.sort(np.abs(values) if found.method else values.real, axis=1)
            strokes += [stroke for column in sizes.T for stroke in _strokes(branch, column)]
    heights = np.concatenate([stroke.y for stroke in strokes])
    border = 1.0 if found.method else 0.0
    label = _spectrum_label(found.parameter.rpartition(":")[2], bool(found.method))
    return Panel(label, tuple(strokes), (), _limits(np.append(heights, border), 0.2), border)


def _spectrum_label(parameter: str, discrete: bool) -> str:
    """Return the label of eigenvalues or multipliers, in words where the parameter has taken their letter."""
    if discrete:
        return "|multiplier|" if labels.symbol(parameter) == r"$\mu$" else r"$|\mu|$"
    taken = labels.symbol(parameter) == r"$\lambda$"
    return r"$\mathrm{Re}$ eigenvalue" if taken else r"$\mathrm{Re}\,\lambda$"


def _limits(heights: NDArray[np.float64], least: float) -> tuple[float, float]:
    low, high = float(heights.min()), float(heights.max())
    half = max((high - low) / 2 * 1.1, least / 2)
    return (low + high) / 2 - half, (low + high) / 2 + half


def _node(branch: Branch, event: BranchEvent) -> int:
    """Return the point of a branch at which an event happens."""
    at = np.array([event.at[name] for name in branch.names])
    gap = np.abs(branch.parameter - event.parameter) + np.abs(branch.points - at).max(axis=1)
    return int(np.argmin(gap))


def _events(found: Continuation) -> tuple[tuple[str, str], ...]:
    """Return the legend of every kind of event that occurs, with the values of the parameter."""
    listed = []
    bare = parameter_label(found.parameter)
    symbol = bare if bare.startswith("$") else found.parameter.partition(":")[0]
    for kind in style.EVENT_MARKS:
        events = [event for event in found.events if event.kind == kind]
        if not events:
            continue
        types = {str(event.detail.get("type", "")) for event in events} - {"", "fold"}
        named = len(types) == 1 and kind != "center"
        word = EVENT_WORDS[kind] + (f" ({types.pop()})" if named else "")
        # to the four digits that are shown, so that equal ones are listed once
        values = sorted({float(f"{_rounded(event.parameter, *found.interval):.4g}") for event in events})
        shown = ", ".join(labels.number(value) for value in values[:MOST_LISTED])
        more = f", … ({len(values)} values)" if len(values) > MOST_LISTED else ""
        listed.append((kind, f"{word}: {symbol}{labels.EQUALS}{shown}{more}"))
    return tuple(listed)


#: Events in the words of a legend.
EVENT_WORDS = {
    "fold": "fold",
    "branch-point": "branch point",
    "hopf": "Hopf point",
    "node-focus": "node and focus change",
    "neutral-saddle": "neutral saddle",
    "center": "centre",
    "period-doubling": "period doubling",
    "neimark-sacker": "Neimark-Sacker point",
}


def _rounded(value: float, low: float, high: float) -> float:
    """Return a value of a range, zero where it differs from it by rounding only."""
    return 0.0 if abs(value) < 1e-9 * (high - low) else value


def _caption(found: Continuation) -> str:
    of = f"map of {_method(found)}" if found.method else "flow"
    low, high = found.interval
    over = f"{parameter_label(found.parameter)}{labels.NO_BREAK}{labels.interval(low, high)}"
    sentences = [f"{_game(found)}: branches of the {of}, {over}."]
    kinds = {branch.kind for branch in found.branches}
    if "cycle" in kinds:
        sentences.append(
            "Cycles by all their points." if found.method else "Cycles by the highest and the lowest value they reach."
        )
    if not kinds:
        sentences.append("No branch was found.")
    sentences += [f"One branch: {why}." for why in _lost(found)]
    return " ".join(sentences)


def _lost(found: Continuation) -> list[str]:
    """Return why branches end that did not come to an end of their own, with the parameter."""
    listed = []
    for branch in found.branches:
        for why, p in zip(branch.ended, (branch.parameter[0], branch.parameter[-1]), strict=True):
            if why.startswith(("newton", "budget")):
                listed.append(why)
            elif why.startswith("period"):
                listed.append(f"the period grows without bound at {labels.number(p)}")
    return listed


def _game(found: Continuation) -> str:
    """Return the game with its settings but for the parameter that varies."""
    recipe = found.provenance.get("game") or {}
    if "kind" not in recipe or recipe["kind"] not in ("catalogue", "losses"):
        return found.game
    from dynamics.games import load

    game = load(recipe)
    name = found.parameter.rpartition(":")[2]
    scales = {} if found.parameter.startswith("timescale") else game.timescales
    shown = SimpleNamespace(
        name=game.name,
        settings={key: value for key, value in game.settings.items() if key != name},
        parameters={key: value for key, value in game.parameters.items() if key != name},
        timescales=scales,
    )
    return labels.game_label(shown)


def _method(found: Continuation) -> str:
    """Return the method with its rates and settings but for what varies."""
    settings = found.provenance.get("method") or {"method": found.method, "lr": {}}
    varied = found.parameter.removeprefix("method:")
    fixed = fixed_settings(settings, (varied, varied), list(found.players))
    return f"{found.method} ({fixed})" if fixed else found.method


def draw_panel(axes: Axes, panel: Panel, interval: tuple[float, float]) -> None:
    """Draw one panel: pieces of branches, then the marks of events."""
    from matplotlib.ticker import MaxNLocator

    if panel.border is not None:
        axes.axhline(panel.border, color=style.GREY, linewidth=0.8, zorder=0)
    for stroke in panel.strokes:
        axes.plot(
            stroke.x,
            stroke.y,
            color=style.BRANCH_COLOURS[stroke.kind],
            linestyle=style.BRANCH_LINES[stroke.stability],
            linewidth=1.8 if stroke.stability > 0 else 1.3,
            zorder=2,
        )
    crowded = sum(len(mark.heights) for mark in panel.marks) > MANY
    for mark in panel.marks:
        marker, face = style.EVENT_MARKS[mark.kind]
        look = _look(marker, face, 4 if crowded else 6)
        axes.plot(np.full(len(mark.heights), mark.x), mark.heights, **look, zorder=3, clip_on=False)
    # A fixed number of marks: chosen by height they are another one after each layout, and labels leave the edge.
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    margin = 0.02 * (interval[1] - interval[0])
    axes.set(xlim=(interval[0] - margin, interval[1] + margin), ylim=panel.limits)


def _look(marker: str, face: str, size: float = 6) -> dict[str, Any]:
    edge = face if marker == "x" else style.BLACK
    return {
        "linestyle": "none",
        "marker": marker,
        "markersize": size,
        "markerfacecolor": face,
        "markeredgecolor": edge,
        "markeredgewidth": 1.2 if marker == "x" else 0.8,
    }


def bifurcations(
    found: Continuation, coordinates: Sequence[str] | None = None, spectrum: bool = True, title: str = ""
) -> Figure:
    """Return the figure of a bifurcation diagram.

    Parameters
    ----------
    found : Continuation
        Of :func:`dynamics.stability.continue_branches`.
    coordinates : sequence of str, optional
        One panel each; see :func:`compute_bifurcations`.
    spectrum : bool
        Whether a last panel shows eigenvalues or multipliers.
    title : str

    Raises
    ------
    InputError
        For coordinates that the game does not have.
    """
    diagram = compute_bifurcations(found, coordinates, spectrum)
    with style.context():
        count = len(diagram.panels)
        figure = style.new_figure(6.8, 1.3 + 1.9 * count)
        rows: Any = np.atleast_1d(figure.subplots(count, 1, sharex=True))
        for axes, panel in zip(rows, diagram.panels, strict=True):
            draw_panel(axes, panel, diagram.interval)
            if "mathrm" in panel.label or "multiplier" in panel.label:
                axes.set_ylabel(panel.label)
            else:
                axes.set_ylabel(panel.label, rotation=0, labelpad=10, va="center")
        rows[-1].set_xlabel(diagram.parameter)
        figure.align_ylabels(list(rows))
        if title:
            rows[0].set_title(title)
        handles, names = _legend(diagram)
        legend_above(figure, handles, names)
        labels.add_caption(figure, diagram.caption)
    return figure


def _legend(diagram: BifurcationDiagram) -> tuple[list[Any], list[str]]:
    """Return handles and names: kinds of branches by stability, then events."""
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    names: list[str] = []
    seen = {(stroke.kind, stroke.stability) for panel in diagram.panels for stroke in panel.strokes}
    for kind in style.BRANCH_COLOURS:
        for stability, word in STABILITIES.items():
            if (kind, stability) in seen:
                look = {"color": style.BRANCH_COLOURS[kind], "linestyle": style.BRANCH_LINES[stability]}
                handles.append(Line2D([], [], **look, linewidth=1.8 if stability > 0 else 1.3))
                names.append(f"{kind.replace('-', ' ')}, {word}")
    for kind, text in diagram.events:
        handles.append(Line2D([], [], **_look(*style.EVENT_MARKS[kind])))
        names.append(text)
    return handles, names
