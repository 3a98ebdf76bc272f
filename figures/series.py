"""Curves over time: single ones, ensembles with their bands, and the losses of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from figures import labels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Band:
    """A curve with the range around it.

    Attributes
    ----------
    centre, low, high : ndarray, shape (time,)
    """

    centre: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def band(values: ArrayLike, coverage: float = 0.9) -> Band:
    """Return the median over paths and the central range that holds a share ``coverage`` of them.

    Parameters
    ----------
    values : array_like, shape (path, time)
        NaN where a path has ended; it then no longer counts.
    coverage : float
        Between 0 and 1.
    """
    paths = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if not 0 < coverage < 1:
        raise InputError(f"coverage must lie between 0 and 1, got {coverage:g}: 0.9 is the range from 5 % to 95 %.")
    levels = (0.5, (1 - coverage) / 2, (1 + coverage) / 2)
    alive = np.isfinite(paths).any(axis=0)
    quantiles = np.full((3, paths.shape[1]), np.nan)
    if alive.any():
        quantiles[:, alive] = np.nanquantile(paths[:, alive], levels, axis=0)
    return Band(*quantiles)


def curves(
    x: ArrayLike | Mapping[str, ArrayLike],
    series: Mapping[str, ArrayLike | Band],
    *,
    xlabel: str = "time",
    ylabel: str = "",
    xscale: str = "linear",
    yscale: str = "linear",
    colours: Mapping[str, str] | None = None,
    reference: Mapping[str, ArrayLike] | None = None,
    title: str = "",
    caption: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Draw named curves over an abscissa, a common one or one for each.

    Parameters
    ----------
    x : array_like of shape (time,), or mapping of label to one
    series : mapping of label to array_like of shape (time,) or Band
        A band is drawn shaded around its centre.
    xlabel, ylabel : str
    xscale, yscale : "linear", "log" or "symlog"
        On a logarithmic axis values that are not positive are left out.
    colours : mapping of label to colour, optional
        For series that have a colour of their own, such as players.
    reference : mapping of label to array_like of shape (time,), optional
        Theory, drawn as thin black dashed lines on top.
    title, caption : str
    axes : Axes, optional
        Draw here instead of on a new figure; title and legend then belong to these axes.
    """
    places = {label: _abscissa(x, label, values, xlabel) for label, values in {**series, **(reference or {})}.items()}
    with style.context():
        figure, axes = place(axes, 7.2, 4.2)
        for position, (label, values) in enumerate(series.items()):
            look = style.series_style(position)
            colour = (colours or {}).get(label, look["color"])
            look.update(color=colour, label=label, marker="")
            if isinstance(values, Band):
                axes.fill_between(
                    places[label],
                    _drawable(values.low, yscale),
                    _drawable(values.high, yscale),
                    color=colour,
                    alpha=0.2,
                    lw=0,
                )
                axes.plot(places[label], _drawable(values.centre, yscale), **look)
            else:
                axes.plot(places[label], _drawable(values, yscale), **look)
        for position, (label, values) in enumerate((reference or {}).items()):
            dashes = [(0, (4, 3)), (0, (1, 2))][position % 2]
            axes.plot(places[label], _drawable(values, yscale), color=style.BLACK, lw=1, linestyle=dashes, label=label)
        axes.set_xscale(xscale)
        axes.set_yscale(yscale)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        finish(figure, axes, caption)
    return figure


def losses(
    steps: ArrayLike,
    values: Mapping[str, ArrayLike],
    *,
    title: str = "",
    caption: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Draw each player's loss over training steps, in the player's colour.

    Parameters
    ----------
    steps : array_like, shape (time,)
    values : mapping of player to array_like, shape (time,)
    title, caption : str
    axes : Axes, optional
    """
    return curves(
        steps,
        values,
        xlabel="step",
        ylabel="loss",
        colours=style.player_colours(values),
        title=title,
        caption=caption,
        axes=axes,
    )


def _abscissa(
    x: ArrayLike | Mapping[str, ArrayLike], label: str, values: ArrayLike | Band, xlabel: str
) -> NDArray[np.float64]:
    """Return where a curve's values belong, or refuse a curve of another length."""
    if isinstance(x, Mapping):
        if label not in x:
            raise InputError(f"The curve '{label}' has no values of {xlabel}: give one abscissa per label.")
        x = x[label]
    abscissa = np.asarray(x, dtype=np.float64)
    length = len(values.centre) if isinstance(values, Band) else np.shape(values)[-1]
    if length != len(abscissa):
        raise InputError(f"The curve '{label}' has {length} values for {len(abscissa)} of {xlabel}: give as many.")
    return abscissa


def _drawable(values: ArrayLike, scale: str) -> NDArray[np.float64]:
    """Return values with what an axis cannot show replaced by NaN, which breaks the line there."""
    array = np.array(values, dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    if scale == "log":
        array[np.nan_to_num(array, nan=-1.0) <= 0] = np.nan
    return array


def place(axes: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """Return the axes to draw on with their figure, new ones if none are given."""
    if axes is not None:
        return axes.figure, axes  # pyright: ignore[reportReturnType]
    figure = style.new_figure(width, height)
    return figure, figure.subplots()


def finish(figure: Figure, axes: Axes, caption: str) -> None:
    """Add the legend to the right of the axes, where it covers nothing, and the caption below."""
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 1:
        axes.legend(handles, names, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    labels.add_caption(figure, caption)
