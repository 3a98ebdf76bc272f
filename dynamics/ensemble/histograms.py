"""Histograms that fill while an ensemble runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_count, check_number, unknown

#: Most axes of one histogram.
MOST_AXES = 3


@dataclass(frozen=True)
class Histogram:
    """Counts of paths on a regular grid.

    Attributes
    ----------
    axes : mapping of quantity to (low, high, cells)
        One to three coordinates or observed quantities.
    times : tuple of float, optional
        Moments at which it is filled; the end by default.
    """

    axes: Mapping[str, tuple[float, float, int]]
    times: tuple[float, ...] | None = None

    def checked(self, known: Mapping[str, Any], dt: float, steps: int) -> Histogram:
        """Return the histogram with numbers in place, or refuse axes, cells or times that make no sense."""
        if not isinstance(self.axes, Mapping):
            raise InputError(f"The axes of a histogram are a mapping such as {{'x': (-1, 1, 50)}}, got {self.axes!r}.")
        if not 1 <= len(self.axes) <= MOST_AXES:
            raise InputError(f"A histogram has 1 to {MOST_AXES} axes, got {len(self.axes)}.")
        axes = {}
        for name, given in self.axes.items():
            if name not in known:
                raise unknown("quantity of the histogram", name, known)
            if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 3:
                raise InputError(f"The axis {name} of a histogram is {given!r}, expected (low, high, cells).")
            low, high = (check_number(f"The edge of '{name}'", edge) for edge in given[:2])
            if not low < high:
                raise InputError(f"The axis {name}={low:g}:{high:g} is reversed or empty: give low < high.")
            axes[name] = (low, high, check_count(f"The number of cells of '{name}'", given[2]))
        times = (steps * dt,) if self.times is None else tuple(check_number("The time", t) for t in self.times)
        if not times:
            raise InputError("A histogram has no time: give some, or none at all for the end of the run.")
        for t in times:
            if not 0 <= t <= steps * dt * (1 + 1e-9) or abs(t / dt - round(t / dt)) > 1e-6 * max(1, t / dt):
                raise InputError(f"The time {t:g} of a histogram is no multiple of dt = {dt:g} in the run: move it.")
        return replace(self, axes=axes, times=times)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along each axis."""
        return tuple(cells for _, _, cells in self.axes.values())

    def edges(self) -> list[NDArray[np.float64]]:
        """Return the edges of the cells along each axis."""
        return [np.linspace(low, high, cells + 1) for low, high, cells in self.axes.values()]


@dataclass(frozen=True)
class Counts:
    """A filled histogram.

    Attributes
    ----------
    histogram : Histogram
    counts : ndarray of int64, shape (times, cells, ...)
    outside : ndarray of int64, shape (times,)
        Paths that were there but in no cell.
    """

    histogram: Histogram
    counts: NDArray[np.int64]
    outside: NDArray[np.int64]

    @property
    def total(self) -> NDArray[np.int64]:
        """Paths counted, in a cell or outside, at each time."""
        return self.counts.reshape(len(self.counts), -1).sum(axis=1) + self.outside

    def density(self) -> NDArray[np.float64]:
        """Return the probability density, cell averages; paths outside count in the total."""
        volume = np.prod([(high - low) / cells for low, high, cells in self.histogram.axes.values()])
        shape = (-1, *(1,) * len(self.histogram.axes))
        return self.counts / (np.maximum(self.total, 1).reshape(shape) * volume)

    def merged(self, other: Counts) -> Counts:
        """Return the counts of both."""
        if self.histogram != other.histogram:
            raise InputError("The histograms have different grids or times: merge runs with the same.")
        return Counts(self.histogram, self.counts + other.counts, self.outside + other.outside)

    def quantiles(self, shares: Sequence[float], confidence: float = 0.95) -> list[Quantile]:
        """Return quantiles at the last time of a histogram of one axis.

        Parameters
        ----------
        shares : sequence of float
            In (0, 1).
        confidence : float
            Of the intervals, from the order statistics (Conover 1999, section 3.2), widened to whole cells.
        """
        from scipy import stats

        if len(self.histogram.axes) != 1:
            raise InputError("Quantiles need a histogram of one axis.")
        counts, edges = self.counts[-1], self.histogram.edges()[0]
        total = int(counts.sum())
        if self.outside[-1]:
            raise InputError(
                f"{self.outside[-1]} of {total + self.outside[-1]} paths lie outside the cells: widen the histogram."
            )
        if not total:
            raise InputError("No path is left: quantiles need some.")
        below = np.concatenate([[0], np.cumsum(counts)])
        found = []
        for share in shares:
            if not 0 < check_number("The share of a quantile", share) < 1:
                raise InputError(f"The share of a quantile must lie between 0 and 1, got {share:g}.")
            low, high = stats.binom.ppf([(1 - confidence) / 2, (1 + confidence) / 2], total, share)
            cell = int(np.searchsorted(below, share * total, side="left"))
            cell = min(max(cell, 1), len(counts))
            inside = (share * total - below[cell - 1]) / max(counts[cell - 1], 1)
            value = edges[cell - 1] + inside * (edges[cell] - edges[cell - 1])
            # The cells of the order statistics number ``low`` and ``high + 1``.
            first = max(int(np.searchsorted(below, low, side="left")) - 1, 0)
            last = min(int(np.searchsorted(below, high + 1, side="left")), len(counts))
            found.append(Quantile(float(share), float(value), float(edges[first]), float(edges[last])))
        return found


@dataclass(frozen=True)
class Quantile:
    """A quantile: the share of paths below, its value, and the ends of its confidence interval."""

    share: float
    value: float
    low: float
    high: float
