"""What an ensemble gives back: moments in time, how the paths ended, what they met, and how well all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.core.results import Result
from dynamics.core.status import Status
from dynamics.ensemble.frontier import Frontier, Summary, batch_level
from dynamics.ensemble.histograms import Counts

if TYPE_CHECKING:
    import xarray as xr

#: Cells of the histogram of the times at which a condition was met, from 0 to the end of the run.
TIME_CELLS = 512

#: How a path ended, by its code in :attr:`Ensemble.status_codes`.
CODES = (Status.FINISHED, Status.DIVERGED, Status.NON_FINITE, Status.EVENT, Status.INTERRUPTED)


@dataclass(frozen=True)
class Event:
    """When and where paths first met a condition.

    Attributes
    ----------
    text : str
        The condition.
    stop : bool
        Whether paths ended there.
    frontier : Frontier
        Of time and place, over the paths that met it.
    times : ndarray of int64, shape (TIME_CELLS,)
        Histogram of the times, from 0 to ``duration``.
    duration : float
        Length of the run.
    open_paths : int
        Paths that came to the end of the run without meeting it.
    elsewhere : int
        Paths that ended at another condition without meeting it.
    """

    text: str
    stop: bool
    frontier: Frontier
    times: NDArray[np.int64]
    duration: float
    open_paths: int
    elsewhere: int = 0

    @property
    def summary(self) -> Summary:
        """Statistics of time and place, one record."""
        return self.frontier.total()

    @property
    def count(self) -> int:
        """Paths that met it."""
        rows = self.summary.count
        return int(rows[0])

    @property
    def mean(self) -> float:
        """Mean time over the paths that met it; NaN if none did."""
        return float(self.summary.mean[0, 0]) if self.count else np.nan

    @property
    def stderr(self) -> float:
        """Standard error of the mean time; NaN with fewer than two."""
        return float(self.summary.mean_error[0, 0]) if self.count > 1 else np.nan

    @property
    def place(self) -> NDArray[np.float64]:
        """Mean place, shape (dim,)."""
        return self.summary.mean[0, 1:] if self.count else np.full(self.frontier.size - 1, np.nan)

    def edges(self) -> NDArray[np.float64]:
        """Return the edges of the cells of ``times``."""
        return np.linspace(0.0, self.duration, TIME_CELLS + 1)

    def share(self, confidence: float = 0.95) -> tuple[float, float, float]:
        """Return the share of paths that met it, with the ends of Wilson's interval.

        Of all paths that came to the end of the run or to any condition; those that diverged are left out.
        """
        from scipy import stats

        total = self.count + self.open_paths + self.elsewhere
        if not total:
            return np.nan, np.nan, np.nan
        ends = stats.binomtest(self.count, total).proportion_ci(confidence, method="wilson")
        return self.count / total, float(ends.low), float(ends.high)


@dataclass(frozen=True, repr=False)
class Ensemble(Result):
    """Statistics of many paths of one stochastic differential equation, or of one noisy training algorithm.

    Attributes
    ----------
    names : tuple of str
        Coordinates of the equation.
    quantities : tuple of str
        What was recorded: the coordinates, then what else was asked for.
    times : ndarray, shape (time,)
    frontier : Frontier
        Means and covariances of the quantities, mergeable.
    first : int
        Number of the first path.
    status_codes : ndarray of int8, shape (paths,)
        How each path ended: index into :data:`CODES`.
    final : ndarray, shape (paths, dim), optional
        Last state of each path, where it was kept.
    event_times : ndarray, shape (paths, conditions), optional
        First time of each condition, NaN where it was not met; where it was kept.
    largest : mapping of str to Frontier
        Largest value along the path.
    events : tuple of Event
    histograms : tuple of Counts
    notes : tuple of str
        What the user should know.
    """

    names: tuple[str, ...]
    quantities: tuple[str, ...]
    times: NDArray[np.float64]
    frontier: Frontier
    first: int
    status_codes: NDArray[np.int8]
    final: NDArray[np.float64] | None
    event_times: NDArray[np.float64] | None
    largest: Mapping[str, Frontier]
    events: tuple[Event, ...]
    histograms: tuple[Counts, ...]
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def __repr__(self) -> str:
        return f"<Ensemble ({', '.join(self.names)}) {self.paths} paths, time {self.times[-1]:g}: {self.status.value}>"

    @property
    def paths(self) -> int:
        """Number of paths."""
        return len(self.status_codes)

    @property
    def statuses(self) -> NDArray[np.object_]:
        """How each path ended, shape (paths,)."""
        return np.array(CODES, dtype=object)[self.status_codes]

    @property
    def counts(self) -> dict[str, int]:
        """Number of paths by how they ended."""
        # One comparison for each code: bincount would take eight bytes for each path.
        found = [int((self.status_codes == code).sum()) for code in range(len(CODES))]
        return {status.value: n for status, n in zip(CODES, found, strict=True) if n or status is Status.FINISHED}

    @property
    def summary(self) -> Summary:
        """Counts, means and covariances at the records."""
        return self.frontier.total()

    @property
    def count(self) -> NDArray[np.int64]:
        """Paths still there at each record, shape (time,)."""
        return self.summary.count

    @property
    def mean(self) -> NDArray[np.float64]:
        """Means of the quantities over the paths still there, shape (time, quantity)."""
        return self.summary.mean

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariances of the quantities, unbiased, shape (time, quantity, quantity)."""
        return self.summary.covariance

    @property
    def mean_error(self) -> NDArray[np.float64]:
        """Standard errors of the means, shape (time, quantity)."""
        return self.summary.mean_error

    @property
    def covariance_error(self) -> NDArray[np.float64]:
        """Standard errors of the covariances by the jackknife, shape (time, quantity, quantity)."""
        return self.frontier.covariance_error()

    def index(self, quantity: str) -> int:
        """Return the place of a quantity among the recorded ones."""
        from dynamics.core.errors import unknown

        if quantity not in self.quantities:
            raise unknown("quantity", quantity, self.quantities)
        return self.quantities.index(quantity)

    def to_dataset(self) -> xr.Dataset:
        """Return a dataset over (time, quantity), (event, ..) and, where they were kept, (path, ..)."""
        import xarray as xr

        summary = self.summary
        variables: dict[str, Any] = {
            "count": ("time", summary.count),
            "mean": (("time", "quantity"), summary.mean),
            "mean_error": (("time", "quantity"), summary.mean_error),
            "covariance": (("time", "quantity", "other"), summary.covariance),
            "covariance_error": (("time", "quantity", "other"), self.covariance_error),
            "status": ("path", self.status_codes),
        }
        coordinates: dict[str, Any] = {
            "time": self.times,
            "quantity": list(self.quantities),
            "other": list(self.quantities),
            "path": np.arange(self.first, self.first + self.paths),
        }
        if self.final is not None:
            variables["final"] = (("path", "coordinate"), self.final)
            coordinates["coordinate"] = list(self.names)
        if self.events:
            coordinates["event"] = [event.text for event in self.events]
            variables["event_count"] = ("event", [event.count for event in self.events])
            variables["event_mean"] = ("event", [event.mean for event in self.events])
            variables["event_stderr"] = ("event", [event.stderr for event in self.events])
            variables["event_open"] = ("event", [event.open_paths for event in self.events])
            variables["event_elsewhere"] = ("event", [event.elsewhere for event in self.events])
            variables["event_histogram"] = (("event", "event_cell"), np.array([event.times for event in self.events]))
            if self.event_times is not None:
                variables["event_time"] = (("path", "event"), self.event_times)
        if self.largest:
            coordinates["maximum"] = list(self.largest)
            totals = [frontier.total() for frontier in self.largest.values()]
            variables["maximum_mean"] = ("maximum", [total.mean[0, 0] for total in totals])
            variables["maximum_error"] = ("maximum", [total.mean_error[0, 0] for total in totals])
        for q, filled in enumerate(self.histograms):
            axes = [f"cell_{q}_{name}" for name in filled.histogram.axes]
            variables[f"histogram_{q}"] = ((f"moment_{q}", *axes), filled.counts)
            variables[f"histogram_{q}_outside"] = (f"moment_{q}", filled.outside)
            coordinates[f"moment_{q}"] = list(filled.histogram.times or ())
            for axis, edges in zip(axes, filled.histogram.edges(), strict=True):
                coordinates[axis] = (edges[:-1] + edges[1:]) / 2
        codes = {str(code): status.value for code, status in enumerate(CODES)}
        attributes = {**self.attributes(), "status_codes": codes, "notes": list(self.notes)}
        return xr.Dataset(variables, coords=coordinates, attrs=attributes)

    def merged(self, other: Ensemble) -> Ensemble:
        """Return the ensemble of both, bit for bit the one of a single run over all their paths."""
        return merge([self, other])


def merge(results: Iterable[Ensemble]) -> Ensemble:
    """Return one ensemble from runs over neighbouring ranges of paths, by any threads or processes.

    Raises
    ------
    InputError
        If the ranges overlap or leave a gap, or the runs differ in anything but their paths.
    """
    parts = sorted(results, key=lambda part: part.first)
    if not parts:
        raise InputError("There is nothing to merge: give at least one result.")
    whole = parts[0]
    for part in parts[1:]:
        if part.first != whole.first + whole.paths:
            raise InputError(
                f"Paths {whole.first} to {whole.first + whole.paths - 1} and {part.first} to "
                f"{part.first + part.paths - 1} are no neighbours: merge runs whose ranges join."
            )
        _check_same(whole, part)
        whole = _joined(whole, part)
    return whole


def _check_same(one: Ensemble, other: Ensemble) -> None:
    for key in {*one.provenance, *other.provenance} - {"first", "paths", "command"}:
        if one.provenance.get(key) != other.provenance.get(key):
            raise InputError(
                f"The runs differ in {key} ({one.provenance.get(key)!r} and {other.provenance.get(key)!r}): merge runs "
                "that differ in their paths only."
            )
    same = one.quantities == other.quantities and np.array_equal(one.times, other.times)
    if not same or list(one.largest) != list(other.largest) or len(one.histograms) != len(other.histograms):
        raise InputError("The runs recorded different things: merge runs that differ in their paths only.")


def _joined(one: Ensemble, other: Ensemble) -> Ensemble:
    level = batch_level(one.paths + other.paths)

    def both(a: NDArray[Any] | None, b: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if a is None or b is None else np.concatenate([a, b])

    events = tuple(
        replace(
            a,
            frontier=a.frontier.merged(b.frontier, level),
            times=a.times + b.times,
            open_paths=a.open_paths + b.open_paths,
            elsewhere=a.elsewhere + b.elsewhere,
        )
        for a, b in zip(one.events, other.events, strict=True)
    )
    codes = np.concatenate([one.status_codes, other.status_codes])
    statistics = {
        key: one.statistics[key] + other.statistics[key] for key in ("path_steps", "seconds") if key in one.statistics
    }
    merged = replace(
        one,
        status=worst(codes),
        frontier=one.frontier.merged(other.frontier, level),
        status_codes=codes,
        final=both(one.final, other.final),
        event_times=both(one.event_times, other.event_times),
        largest={name: part.merged(other.largest[name], level) for name, part in one.largest.items()},
        events=events,
        histograms=tuple(a.merged(b) for a, b in zip(one.histograms, other.histograms, strict=True)),
        statistics=statistics,
        provenance={**one.provenance, "paths": len(codes)},
    )
    # What was said of the plan and not of the paths stays.
    further = (text for part in (one, other) for text in part.notes if text not in notes(part))
    return replace(merged, notes=tuple(dict.fromkeys((*notes(merged), *further))))


def worst(codes: NDArray[np.int8]) -> Status:
    """Return the status of an ensemble: the worst of its paths."""
    for status in (Status.INTERRUPTED, Status.NON_FINITE, Status.DIVERGED, Status.FINISHED, Status.EVENT):
        if (codes == CODES.index(status)).any():
            return status
    return Status.FINISHED


def notes(ensemble: Ensemble) -> tuple[str, ...]:
    """Return the sentences on conditions that were not met by all paths, and on paths that were lost."""
    found = []
    for event in ensemble.events:
        if event.open_paths and not event.count:
            found.append(
                f'No path met "{event.text}": {event.open_paths:,} were still inside at time {event.duration:g}; run '
                "longer, or check whether the condition can be met."
            )
        elif event.open_paths and event.stop:
            found.append(
                f'{event.open_paths:,} of {event.open_paths + event.count:,} paths had not met "{event.text}" at time '
                f"{event.duration:g}: the mean time is that of the others."
            )
    told = ensemble.provenance
    if ensemble.events and not told.get("bridge") and told["scheme"]["scheme"] != "noisy-map":
        found.append(
            "Conditions were looked at after each step only: first times are late by an error of order sqrt(dt); "
            "schemes that follow paths (euler-maruyama, milstein, stochastic-runge-kutta) catch crossings in between."
        )
    lost = sum(ensemble.counts.get(status.value, 0) for status in (Status.DIVERGED, Status.NON_FINITE))
    if lost:
        found.append(
            f"{lost:,} of {ensemble.paths:,} paths diverged and are missing from the moments after they did: take "
            "smaller steps or tamed-euler."
        )
    unfinished = ensemble.counts.get(Status.INTERRUPTED.value, 0)
    if unfinished:
        found.append(f"{unfinished:,} of {ensemble.paths:,} paths were not finished and count nowhere.")
    return tuple(found)
