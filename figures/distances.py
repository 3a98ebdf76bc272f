"""Two trajectories side by side: their distance over time, and how it shrinks with the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from figures import style
from figures.labels import number
from figures.series import Band, curves, finish, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def distance_over_time(
    times: ArrayLike | Mapping[str, ArrayLike],
    distances: Mapping[str, ArrayLike | Band],
    *,
    xlabel: str = "time",
    ylabel: str = "distance",
    title: str = "",
    caption: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Draw distances on a logarithmic axis.

    Parameters
    ----------
    times : array_like of shape (time,), or one per label
    distances : mapping of label to array_like of shape (time,) or Band
        Zeros, as at a common start, are left out.
    xlabel, ylabel, title, caption : str
    axes : Axes, optional
    """
    return curves(times, distances, xlabel=xlabel, ylabel=ylabel, yscale="log", title=title, caption=caption, axes=axes)


@dataclass(frozen=True)
class Fit:
    """A power law ``error = constant * step ** order``, fitted in logarithms by least squares.

    Attributes
    ----------
    order, constant : float
    """

    order: float
    constant: float

    def __call__(self, steps: ArrayLike) -> NDArray[np.float64]:
        """Return the fitted errors at given steps."""
        return self.constant * np.asarray(steps, dtype=np.float64) ** self.order


def fit_order(steps: ArrayLike, errors: ArrayLike) -> Fit:
    """Fit a power law to positive steps and errors, at least two of different steps."""
    h, e = np.asarray(steps, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if h.shape != e.shape or h.ndim != 1:
        raise InputError(f"An order needs one error per step, got shapes {h.shape} and {e.shape}.")
    if not (np.all(np.isfinite(h)) and np.all(np.isfinite(e)) and np.all(h > 0) and np.all(e > 0)):
        raise InputError("An order is fitted in logarithms: give steps and errors that are finite and positive.")
    if len(np.unique(h)) < 2:
        raise InputError(f"An order needs at least two different steps, got {len(np.unique(h))}.")
    order, intercept = np.polyfit(np.log(h), np.log(e), 1)
    return Fit(float(order), float(np.exp(intercept)))


def order_plot(
    steps: ArrayLike,
    errors: Mapping[str, ArrayLike],
    *,
    fits: Mapping[str, Fit] | None = None,
    xlabel: str = "learning rate",
    ylabel: str = "distance",
    title: str = "",
    caption: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Draw errors against steps on logarithmic axes, each with its fitted power law; the slope is the order.

    Parameters
    ----------
    steps : array_like, shape (steps,)
    errors : mapping of label to array_like of shape (steps,)
    fits : mapping of label to Fit, optional
        Fitted here where not given.
    xlabel, ylabel, title, caption : str
    axes : Axes, optional
    """
    h = np.asarray(steps, dtype=np.float64)
    with style.context():
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        figure, axes = place(axes, 6.8, 4.2)
        for position, (label, values) in enumerate(errors.items()):
            fit = (fits or {}).get(label) or fit_order(h, values)
            look = style.series_style(position)
            axes.plot(h, np.asarray(values), linestyle="none", color=look["color"], marker=look["marker"], label=label)
            ends = np.array([h.min() / 1.2, h.max() * 1.2])
            axes.plot(ends, fit(ends), color=look["color"], linewidth=1, label=f"fitted order {fit.order:.2f}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        if len(h) <= 8:
            axes.xaxis.set_major_locator(FixedLocator(sorted(set(h.tolist()))))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        finish(figure, axes, caption)
    return figure
