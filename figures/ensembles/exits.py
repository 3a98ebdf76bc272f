"""Exit times: their histogram with the mean, and the share of paths that are still inside on a logarithmic axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Ensemble
from figures import labels, layout, style
from figures.ensembles.captions import run_caption

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Bars of the histogram, and points of the survival curve.
BARS, POINTS = 60, 400
#: Exits behind the median that a rate is fitted to at least; its standard error is then 3 %.
ENOUGH = 1000
#: The tail counts as exponential if its law differs nowhere by more than this from an exponential one, or by more than
#: sampling explains (Kolmogorov's 1 % point over the root of the number of paths).
ALIKE, KOLMOGOROV = 0.02, 1.63
WIDTH = 1.96


@dataclass(frozen=True)
class ExitTimes:
    """When paths met a condition.

    Attributes
    ----------
    conditions : tuple of str
    edges, density : ndarray, shapes (bars + 1,) and (bars,)
        Density of the exit time over all paths: its integral is the share that left.
    times, inside, low, high : ndarray, shape (points,)
        Share of paths still inside, with the ends of its 95 % interval (Wilson 1927).
    mean, stderr : float
        Over the paths that left.
    count, open_paths : int
        Paths that left, and that were still inside at the end.
    rate, rate_error, since : float or None
        Rate of the exponential tail behind the time ``since``; None where the tail is not exponential.
    caption : str
    """

    conditions: tuple[str, ...]
    edges: NDArray[np.float64]
    density: NDArray[np.float64]
    times: NDArray[np.float64]
    inside: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: float
    stderr: float
    count: int
    open_paths: int
    rate: float | None
    rate_error: float | None
    since: float | None
    caption: str


def compute_exits(sde: SDE, ensemble: Ensemble, condition: str | None = None) -> ExitTimes:
    """Return the exit times of an ensemble.

    Parameters
    ----------
    sde : SDE
    ensemble : Ensemble
        Exact where it kept the times of single paths, else from the cells of its histogram of times.
    condition : str, optional
        Which one; by default all those that end paths.

    Notes
    -----
    The rate of the tail is the maximum-likelihood one for times of which some are cut off at the end of the run:
    ``k / sum (min(t_i, T) - since)`` over the paths still inside at ``since``, the median of the exit times, with k
    exits behind it; its standard error is ``rate / sqrt k``.
    """
    chosen = [e for e in ensemble.events if (e.stop if condition is None else e.text == condition)]
    if not chosen:
        raise InputError("There is no such condition to draw times of: run the ensemble with until or watch.")
    duration = chosen[0].duration
    times, weights = _times(ensemble, [ensemble.events.index(event) for event in chosen])
    count = int(weights.sum())
    # Of conditions that end paths each has the same: whoever came to the end met none.
    left = chosen[0].open_paths
    total = count + left
    if not count:
        raise InputError(f"No path met {' or '.join(event.text for event in chosen)}: there are no times to draw.")
    mean = float((weights * times).sum() / count)
    variance = float((weights * (times - mean) ** 2).sum() / max(count - 1, 1))
    order = np.argsort(times)
    sorted_times, gone = times[order], np.cumsum(weights[order])
    # The last thousandth of the paths would leave most of the picture empty.
    last = duration if left > 0.01 * total else float(sorted_times[np.searchsorted(gone, 0.999 * count)])
    edges = np.linspace(0.0, last, BARS + 1) if ensemble.event_times is not None else _coarse(duration, last)
    bars = np.histogram(times, bins=edges, weights=weights)[0]
    grid = np.linspace(0.0, last, POINTS)
    before = np.concatenate([[0], gone])[np.searchsorted(sorted_times, grid, side="right")]
    inside, low, high = _wilson(total - before, total)
    rate, error, since = _tail(sorted_times, weights[order], left, duration)
    found = ExitTimes(
        conditions=tuple(event.text for event in chosen),
        edges=edges,
        density=bars / (total * np.diff(edges)),
        times=grid,
        inside=inside,
        low=low,
        high=high,
        mean=mean,
        stderr=float(np.sqrt(variance / count)) if count > 1 else np.nan,
        count=count,
        open_paths=left,
        rate=rate,
        rate_error=error,
        since=since,
        caption="",
    )
    return replace(found, caption=_caption(found, sde, ensemble))


def _times(ensemble: Ensemble, places: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and how many paths each stands for: single ones, or the middles of cells."""
    if ensemble.event_times is not None:
        kept = ensemble.event_times[:, places]
        first = np.min(np.where(np.isfinite(kept), kept, np.inf), axis=1)
        first = first[np.isfinite(first)]
        return first, np.ones(len(first))
    edges = ensemble.events[places[0]].edges()
    counts = sum(ensemble.events[place].times for place in places)
    return (edges[:-1] + edges[1:]) / 2, np.asarray(counts, dtype=np.float64)


def _coarse(duration: float, last: float) -> NDArray[np.float64]:
    """Return edges that are edges of the cells of the histogram of times."""
    from dynamics.ensemble.result import TIME_CELLS

    cells = min(TIME_CELLS, int(np.ceil(last / duration * TIME_CELLS)))
    each = max(1, round(cells / BARS))
    return np.arange(0, cells + each, each) * duration / TIME_CELLS


def _wilson(
    count: NDArray[np.float64], total: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    share = count / total
    scale = 1.0 + WIDTH**2 / total
    centre = (share + WIDTH**2 / (2 * total)) / scale
    half = WIDTH / scale * np.sqrt(share * (1 - share) / total + WIDTH**2 / (4 * total**2))
    return share, np.maximum(centre - half, 0.0), centre + half


def _tail(
    times: NDArray[np.float64], weights: NDArray[np.float64], left: int, duration: float
) -> tuple[float | None, float | None, float | None]:
    """Return rate, its standard error and where the tail begins, or nothing where the tail is no exponential one."""
    gone = np.cumsum(weights)
    since = float(times[np.searchsorted(gone, 0.5 * gone[-1])])
    behind = times > since
    exits = float(weights[behind].sum())
    risk = float((weights[behind] * (times[behind] - since)).sum()) + left * (duration - since)
    if exits < ENOUGH or not risk > 0:
        return None, None, None
    rate, number = exits / risk, exits + left
    found = np.cumsum(weights[behind]) / number
    before = found - weights[behind] / number
    told = 1.0 - np.exp(-rate * (times[behind] - since))
    # Times from the middles of cells lie on neither side of the step that they make.
    distance = min(np.abs(found - told).max(), np.abs((found + before) / 2 - told).max())
    if distance > max(ALIKE, KOLMOGOROV / np.sqrt(number)):
        return None, None, None
    return rate, rate / float(np.sqrt(exits)), since


def _caption(found: ExitTimes, sde: SDE, ensemble: Ensemble) -> str:
    conditions = " or ".join(found.conditions)
    words = [run_caption(ensemble, sde), f"First time at which {conditions}."]
    if found.open_paths:
        share = found.open_paths / (found.open_paths + found.count)
        words.append(f"{found.open_paths:,} paths ({share:.2%}) were still inside at the end.")
    words.append("Shaded: 95 % intervals.")
    if found.rate is not None and found.since is not None:
        words.append(
            f"Dashed: exponential tail of rate {labels.number(found.rate)}, fitted beyond time "
            f"{labels.number(found.since)}."
        )
    return " ".join(words)


def tail(found: ExitTimes) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return times behind ``since`` and the share inside that the exponential tail predicts."""
    if found.rate is None or found.since is None:
        return None
    times = found.times[found.times >= found.since]
    at = float(np.interp(found.since, found.times, found.inside))
    return times, at * np.exp(-found.rate * (times - found.since))


def draw_exit_times(axes: Axes, found: ExitTimes) -> list[Artist]:
    """Draw the histogram of exit times with their mean and, where there is one, the exponential tail."""
    entries: list[Artist] = []
    bars = axes.stairs(found.density, found.edges, fill=True, color=style.SKY, alpha=0.7, label="exit times")
    entries.append(bars)
    who = "mean" if not found.open_paths else "mean of those that left"
    label = f"{who} {labels.number(found.mean)}"
    if np.isfinite(found.stderr):
        reach = WIDTH * found.stderr
        axes.axvspan(found.mean - reach, found.mean + reach, color=style.BLACK, alpha=0.2, linewidth=0)
        label += f" ± {found.stderr:.2g}"
    entries.append(axes.axvline(found.mean, color=style.BLACK, linewidth=1.2, label=label))
    if (line := tail(found)) is not None:
        times, share = line
        entries += axes.plot(
            times, (found.rate or 0.0) * share, color=style.VERMILLION, linestyle=(0, (4, 2)), label="exponential tail"
        )
    axes.set(xlabel="exit time", ylabel="density")
    axes.set_xlim(found.edges[0], found.edges[-1])
    axes.set_ylim(bottom=0.0)
    return entries


def draw_survival(axes: Axes, found: ExitTimes) -> list[Artist]:
    """Draw the share of paths still inside, logarithmically."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    positive = found.inside > 0
    axes.fill_between(
        found.times[positive], np.maximum(found.low[positive], 0.3 / (found.count + found.open_paths)),
        found.high[positive], color=style.SKY, alpha=0.35, linewidth=0,
    )  # fmt: skip
    entries: list[Artist] = list(
        axes.plot(found.times[positive], found.inside[positive], color=style.BLUE, label="share still inside")
    )
    if (line := tail(found)) is not None:
        axes.plot(*line, color=style.VERMILLION, linestyle=(0, (4, 2)))
    axes.set_yscale("log")
    lowest = float(found.inside[positive].min())
    if lowest > 0.03:
        # Over less than two decades plain numbers at 1, 2 and 5 read better than powers of ten.
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(max(0.7 * lowest, 0.5 / (found.count + found.open_paths)), 1.15)
    axes.set(xlabel="time", ylabel="share still inside")
    axes.set_xlim(found.times[0], found.times[-1])
    return entries


def exit_picture(sde: SDE, ensemble: Ensemble, title: str = "", condition: str | None = None) -> Figure:
    """Return the figure of exit times, as in :func:`compute_exits`."""
    found = compute_exits(sde, ensemble, condition)
    with style.context():
        figure = style.new_figure(9.0, 4.6)
        left, right = figure.subplots(1, 2)
        entries = draw_exit_times(left, found) + draw_survival(right, found)
        figure.suptitle(title)
        layout.legend_above(figure, entries, [str(entry.get_label()) for entry in entries])
        labels.add_caption(figure, found.caption)
    return figure
