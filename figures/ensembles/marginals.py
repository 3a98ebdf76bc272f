"""The law of one quantity at one time, as a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, unknown
from dynamics.core.status import Status
from dynamics.ensemble import SDE, Ensemble
from figures import labels, layout, style
from figures.ensembles.captions import run_caption
from figures.ensembles.moments import compute_moments, looks

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Most bars. Their number is about twice the cube root of the number of paths (Rice's rule).
BARS = 80
#: Share of the paths that may lie outside the bars on either side.
TAIL = 0.001
WIDTH = 1.96


@dataclass(frozen=True)
class Marginal:
    """The law of one quantity.

    Attributes
    ----------
    name : str
    colour : str
    time : float
    edges : ndarray, shape (bars + 1,)
    density, error : ndarray, shape (bars,)
        Density over all paths and its standard error, ``sqrt(p (1 - p) / n)`` over the width of a bar.
    count, outside : int
        Paths in all, and those outside the bars.
    exact : tuple of two ndarray, or None
        Places and density of the normal law of a linear equation.
    reference : tuple of two ndarray, or None
        Places and ``exp(-2 V / s^2)``, normalised: the stationary law of one coordinate under constant noise.
    caption : str
    """

    name: str
    colour: str
    time: float
    edges: NDArray[np.float64]
    density: NDArray[np.float64]
    error: NDArray[np.float64]
    count: int
    outside: int
    exact: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    reference: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    caption: str


def compute_marginal(sde: SDE, ensemble: Ensemble, name: str) -> Marginal:
    """Return the law of a quantity at the end.

    Parameters
    ----------
    sde : SDE
    ensemble : Ensemble
        With last states, or with a histogram that has ``name`` as its only axis.
    name : str
        A coordinate, or the quantity of the histogram.
    """
    filled = next((c for c in ensemble.histograms if list(c.histogram.axes) == [name]), None)
    if filled is not None:
        (edges,) = filled.histogram.edges()
        counts = filled.counts[-1]
        total = int(filled.total[-1])
        edges, counts = _fewer(edges, counts, _bars(total))
    else:
        if name not in ensemble.names:
            raise unknown("coordinate", name, ensemble.names)
        if ensemble.final is None:
            raise InputError("The ensemble kept no last states: run it with keep=True, or with a histogram.")
        values = ensemble.final[ensemble.statuses == Status.FINISHED, ensemble.names.index(name)]
        total = len(values)
        if not total:
            raise InputError("No path came to the end: there is no law to draw.")
        low, high = np.quantile(values, [TAIL, 1 - TAIL])
        margin = 0.05 * ((high - low) or max(abs(low), 1.0))
        edges = np.linspace(low - margin, high + margin, _bars(total) + 1)
        counts = np.histogram(values, bins=edges)[0]
    share = counts / total
    widths = np.diff(edges)
    colours, _ = looks(sde.motion, (name,))
    exact, reference = _exact(sde, ensemble, name, edges), _gibbs(sde, name, edges)
    words = f"Law of {labels.symbol(name)} at time {labels.number(ensemble.times[-1])}, bars: 95 % intervals."
    if exact is not None:
        words += " Thin: the exact normal law."
    elif reference is not None:
        words += r" Thin: the stationary law, $\exp(-2V/s^2)$ with the potential V of the flow."
    return Marginal(
        name=name,
        colour=colours[0],
        time=float(ensemble.times[-1]),
        edges=edges,
        density=share / widths,
        error=np.sqrt(share * (1 - share) / total) / widths,
        count=total,
        outside=total - int(counts.sum()),
        exact=exact,
        reference=None if exact is not None else reference,
        caption=f"{run_caption(ensemble, sde)} {words}",
    )


def _bars(total: int) -> int:
    return int(np.clip(round(2 * total ** (1 / 3)), 4, BARS))


def _fewer(
    edges: NDArray[np.float64], counts: NDArray[np.int64], bars: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the cells that hold nearly all paths, joined to about as many as there are bars."""
    filled = np.cumsum(counts)
    first = int(np.searchsorted(filled, TAIL * filled[-1]))
    last = int(np.searchsorted(filled, (1 - TAIL) * filled[-1])) + 1
    each = max(1, -(-(last - first) // bars))
    places = np.arange(first, min(last + each, len(counts) + 1), each)
    return edges[places], np.add.reduceat(counts[: places[-1]], places[:-1])


def _exact(
    sde: SDE, ensemble: Ensemble, name: str, edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the normal law of a linear equation from one start."""
    from scipy import stats

    if name not in sde.motion.names or len(ensemble.count) < 2:
        return None
    known = compute_moments(sde, ensemble, (name,))
    if known.exact_mean is None or known.exact_covariance is None:
        return None
    spread = float(np.sqrt(known.exact_covariance[-1, 0, 0]))
    if not spread > 0:
        return None
    x = np.linspace(edges[0], edges[-1], 401)
    return x, stats.norm.pdf(x, float(known.exact_mean[-1, 0]), spread)


def _gibbs(sde: SDE, name: str, edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the stationary law of one coordinate under constant noise, where the potential confines it."""
    from scipy.integrate import cumulative_simpson, simpson

    one = sde.dim == 1 and name == sde.names[0] and sde.additive and sde.noise.schedule is None
    if not one or not sde.noise_dim:
        return None
    width = edges[-1] - edges[0]
    # Far beyond what was seen, to normalise with.
    x = np.linspace(edges[0] - 2 * width, edges[-1] + 2 * width, 8001)
    with np.errstate(all="ignore"):
        velocity = np.asarray(sde.motion(x[:, None]))[:, 0]
        strength = float(np.square(sde.diffusion_at(np.zeros(1))).sum())
        exponent = 2 * cumulative_simpson(velocity, x=x, initial=0.0) / strength
        law = np.exp(exponent - exponent.max())
    if not np.isfinite(law).all() or max(law[0], law[-1]) > 1e-6:
        return None
    law /= simpson(law, x=x)
    inside = (x >= edges[0]) & (x <= edges[-1])
    return x[inside], law[inside]


def draw_marginal(axes: Axes, marginal: Marginal) -> list[Artist]:
    """Draw the histogram with its 95 % intervals and the exact law, if there is one."""
    entries: list[Artist] = [
        axes.stairs(
            marginal.density, marginal.edges, fill=True, color=marginal.colour, alpha=0.35,
            label=f"law at time {labels.number(marginal.time)}",
        )
    ]  # fmt: skip
    middles, reach = (marginal.edges[:-1] + marginal.edges[1:]) / 2, WIDTH * marginal.error
    axes.errorbar(middles, marginal.density, reach, fmt="none", ecolor=marginal.colour, elinewidth=1.0)
    for curve, label in ((marginal.exact, "exact normal law"), (marginal.reference, "stationary law")):
        if curve is not None:
            entries += axes.plot(*curve, color=style.BLACK, linewidth=0.9, label=label)
    axes.set(xlabel=labels.symbol(marginal.name) if marginal.name.isidentifier() else marginal.name, ylabel="density")
    axes.set_xlim(marginal.edges[0], marginal.edges[-1])
    axes.set_ylim(bottom=0.0)
    return entries


def marginal_picture(sde: SDE, ensemble: Ensemble, name: str, title: str = "") -> Figure:
    """Return the figure of the law of one quantity, as in :func:`compute_marginal`."""
    marginal = compute_marginal(sde, ensemble, name)
    with style.context():
        figure = style.new_figure(6.8, 4.4)
        axes = figure.add_subplot()
        entries = draw_marginal(axes, marginal)
        axes.set_title(title)
        layout.legend_above(figure, entries, [str(entry.get_label()) for entry in entries])
        labels.add_caption(figure, marginal.caption)
    return figure
