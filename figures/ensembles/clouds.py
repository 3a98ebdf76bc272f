"""Clouds: states of many paths at one time over the phase portrait of the noise-free flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Condition, Ensemble
from dynamics.ensemble.conditions import read_condition
from figures import labels, layout, style
from figures.ensembles.captions import run_caption, start_of_run
from figures.phase.compose import Portrait, compute_portrait, draw_portrait
from figures.phase.plane import default_axes
from figures.phase.zeros import zero_lines

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Most points that are drawn; more cover one another.
POINTS = 4000
#: Share of the cloud that may lie outside the picture on either side of either axis.
TAIL = 0.002
#: What of the portrait is drawn behind a cloud.
LAYERS = ("orbits", "switches", "separatrices", "equilibria")
#: Colour of the paths that are there, and of those that have ended; separatrices are purple.
THERE, ENDED = style.GREEN, style.ORANGE
_ELLIPSE = 129


@dataclass(frozen=True)
class Cloud:
    """A cloud as drawn.

    Attributes
    ----------
    portrait : Portrait
        With the plane that is shown.
    points : ndarray, shape (points, 2)
        Those paths that are drawn.
    ended : ndarray of bool, shape (points,)
        Which of them have met a condition, and rest where they did.
    total : int
        Paths in all.
    outside : int
        Those beyond the edges of the picture.
    mean : ndarray, shape (2,), or None
        Of the paths that are there; None if none is.
    ellipse : ndarray, shape (129, 2), or None
        Two standard deviations around it, which hold 86.5 % of a normal law.
    start : ndarray, shape (2,), or None
    targets : tuple of ndarray, each of shape (points, 2)
        Boundaries of the conditions.
    caption : str
    """

    portrait: Portrait
    points: NDArray[np.float64]
    ended: NDArray[np.bool_]
    total: int
    outside: int
    mean: NDArray[np.float64] | None
    ellipse: NDArray[np.float64] | None
    start: NDArray[np.float64] | None
    targets: tuple[NDArray[np.float64], ...]
    caption: str


def compute_cloud(
    sde: SDE,
    states: ArrayLike,
    *,
    ended: ArrayLike | None = None,
    conditions: Sequence[str | Condition] = (),
    start: ArrayLike | None = None,
    box: Mapping[str, tuple[float, float]] | None = None,
    plane: Sequence[str] | None = None,
    portrait: Portrait | None = None,
    caption: str = "",
) -> Cloud:
    """Return a cloud of states over the portrait of the flow.

    Parameters
    ----------
    sde : SDE
        Its field has at least two coordinates.
    states : array_like, shape (paths, coordinates)
        NaN where a path is gone.
    ended : array_like of bool, shape (paths,), optional
        Paths that have met a condition.
    conditions : sequence of str or Condition
        Whose boundaries to draw.
    start : array_like, shape (dim,), optional
    box : mapping of coordinate to (low, high), optional
        What to show; by default what holds nearly all of the cloud and the start.
    plane : two coordinate names, optional
    portrait : Portrait, optional
        One that was computed before, instead of ``box`` and ``plane``.
    caption : str
    """
    game = sde.motion
    if game.dim < 2:
        raise InputError(f"A cloud needs two coordinates, {game.names[0]} is the only one: draw its histogram.")
    values = np.atleast_2d(np.asarray(states, dtype=np.float64))
    if values.ndim != 2 or values.shape[1] != sde.dim:
        raise InputError(f"The states have the shape {values.shape}, expected (paths, {sde.dim}).")
    there = np.isfinite(values).all(axis=1)
    gone = np.zeros(len(values), dtype=bool) if ended is None else np.asarray(ended, dtype=bool)
    axes = tuple(plane) if plane is not None else default_axes(game)
    columns = [game.names.index(name) for name in axes]
    begin = None if start is None else np.asarray(start, dtype=np.float64)
    if portrait is None:
        sides = _sides(values[there][:, columns], None if begin is None else begin[columns], axes)
        made = compute_portrait(game, {**sides, **dict(box or {})}, plane=axes, layers=LAYERS)
        assert isinstance(made, Portrait)
        portrait = made
    shown = portrait.plane
    inside = values[there & ~gone][:, columns]
    mean, ellipse = _ellipse(inside)
    total = int(there.sum())
    rows = np.flatnonzero(there)[:POINTS]
    beyond = total - int(shown.contains(values[there][:, columns]).sum())
    return Cloud(
        portrait=portrait,
        points=values[rows][:, columns],
        ended=gone[rows],
        total=total,
        outside=beyond,
        mean=mean,
        ellipse=ellipse,
        start=None if begin is None else begin[columns],
        targets=_boundaries(sde, conditions, portrait),
        caption=caption,
    )


def cloud_of(
    sde: SDE,
    ensemble: Ensemble,
    states: ArrayLike | None = None,
    ended: ArrayLike | None = None,
    **options: Any,
) -> Cloud:
    """Return the cloud of an ensemble's last states, or of given ones where it kept none."""
    from dynamics.core.status import Status

    if states is None:
        if ensemble.final is None:
            raise InputError("The ensemble kept no last states: run it with keep=True, or give states.")
        statuses = ensemble.statuses
        kept = (statuses == Status.FINISHED) | (statuses == Status.EVENT)
        states, ended = ensemble.final[kept], statuses[kept] == Status.EVENT
    time = f"States at time {labels.number(ensemble.times[-1])}. "
    known = [event.text for event in ensemble.events if event.stop]
    cloud = compute_cloud(
        sde, states, ended=ended, start=start_of_run(ensemble), **{"conditions": known, **options}
    )  # fmt: skip
    shown = len(cloud.points)
    parts = [run_caption(ensemble, sde), time]
    if shown < ensemble.paths:
        parts.append(f"The first {shown:,} are drawn.")
    if cloud.outside:
        parts.append(f"{cloud.outside:,} of {cloud.total:,} lie outside.")
    others = cloud.portrait.plane.others
    if others:
        parts.append(f"States are projected along {', '.join(map(labels.symbol, others))}.")
        # Behind what the portrait's own caption says of game and box.
        parts.append(cloud.portrait.caption.partition("]. ")[2])
    return replace(cloud, caption=" ".join(part.strip() for part in parts))


def _sides(
    points: NDArray[np.float64], start: NDArray[np.float64] | None, names: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Return a box around nearly all points and the start, with a margin."""
    known = points if start is None else np.vstack([points, start[None]])
    if not len(known):
        return {}
    low, high = np.quantile(points, [TAIL, 1 - TAIL], axis=0) if len(points) else (known.min(axis=0), known.max(axis=0))
    if start is not None:
        low, high = np.minimum(low, start), np.maximum(high, start)
    width = high - low
    # A law without width in a coordinate still gets a picture with some.
    width = np.where(width > 1e-9 * np.abs(known).max(initial=1e-300), width, max(float(width.max()), 1e-3))
    return {name: (float(low[i] - 0.12 * width[i]), float(high[i] + 0.12 * width[i])) for i, name in enumerate(names)}


def _ellipse(points: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    if not len(points):
        return None, None
    mean = points.mean(axis=0)
    if len(points) < 3:
        return mean, None
    values, vectors = np.linalg.eigh(np.cov(points.T))
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return mean, mean + 2 * circle @ (vectors * np.sqrt(np.clip(values, 0, None))).T


def _boundaries(sde: SDE, conditions: Sequence[str | Condition], portrait: Portrait) -> tuple[NDArray[np.float64], ...]:
    """Return the lines in the plane on which conditions begin to hold."""
    memory = sde.dim - sde.motion.dim
    lines: list[NDArray[np.float64]] = []
    for given in conditions:
        condition = read_condition(given, sde, stop=True)

        def value(states: NDArray[np.float64], g: Any = condition.expression) -> NDArray[np.float64]:
            # Coordinates of coloured noise are held at zero.
            full = np.concatenate([states, np.zeros((*states.shape[:-1], memory))], axis=-1)
            return sde.evaluate(f"boundary {g}", [g], full)[..., 0]

        lines += zero_lines(value, portrait.plane)
    return tuple(lines)


def draw_cloud(axes: Axes, cloud: Cloud) -> list[Artist]:
    """Draw a cloud on its portrait and return the artists a legend should name."""
    return draw_backdrop(axes, cloud) + draw_points(axes, cloud)


def draw_backdrop(axes: Axes, cloud: Cloud) -> list[Artist]:
    """Draw what does not move: portrait, boundaries and start."""
    entries = draw_portrait(axes, cloud.portrait)
    for k, line in enumerate(cloud.targets):
        drawn = axes.plot(*line.T, color=style.BLACK, linewidth=1.4, linestyle=(0, (5, 2)), zorder=4)
        if k == 0:
            drawn[0].set_label("boundary of the condition")
            entries += drawn
    if cloud.start is not None:
        entries += axes.plot(
            *cloud.start, linestyle="none", marker="*", markersize=12, markerfacecolor="white",
            markeredgecolor=style.BLACK, label="start", zorder=6.5,
        )  # fmt: skip
    return entries


def draw_points(axes: Axes, cloud: Cloud) -> list[Artist]:
    """Draw the points of a cloud with their mean and ellipse."""
    entries: list[Artist] = []
    size = float(np.clip(3000 / max(len(cloud.points), 1), 3, 12))
    for mask, colour, label in (
        (~cloud.ended, THERE, "paths"),
        (cloud.ended, ENDED, "paths that met the condition"),
    ):
        if mask.any():
            axes.scatter(*cloud.points[mask].T, s=size, color=colour, alpha=0.45, linewidth=0, label=label, zorder=4.5)
            # Dots of the picture's size would hardly be seen in the legend.
            entries += axes.plot([], [], linestyle="none", marker="o", markersize=4, color=colour, label=label)
    if cloud.ellipse is not None:
        entries += axes.plot(
            *cloud.ellipse.T, color=style.BLACK, linewidth=0.9, label="two standard deviations", zorder=5
        )
    if cloud.mean is not None:
        entries += axes.plot(
            *cloud.mean, linestyle="none", marker="P", markersize=8, markerfacecolor=THERE,
            markeredgecolor=style.BLACK, label="mean", zorder=6,
        )  # fmt: skip
    return entries


def cloud_picture(sde: SDE, ensemble: Ensemble, title: str = "", **options: Any) -> Figure:
    """Return the figure of an ensemble's last states; options are those of :func:`compute_cloud`."""
    cloud = cloud_of(sde, ensemble, **options)
    with style.context():
        plane = cloud.portrait.plane
        tall = plane.size[1] / plane.size[0] if plane.comparable else 0.8
        side = min(5.6, 6.0 / tall)
        figure = style.new_figure(6.6, side * tall + 2.6)
        axes = figure.add_subplot()
        entries = draw_cloud(axes, cloud)
        if not plane.comparable:
            axes.set_box_aspect(0.8)
        axes.set_title(title)
        layout.legend_above(figure, entries, [str(entry.get_label()) for entry in entries])
        labels.add_caption(figure, cloud.caption)
        layout.trim_height(figure)
    return figure
