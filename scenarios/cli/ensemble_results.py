"""The JSON result of ``gandyn ensemble``: every estimate with its standard error and 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status

if TYPE_CHECKING:
    from dynamics.ensemble import Ensemble, Event, Expectation
    from dynamics.ensemble.schemes import Scheme
    from scenarios.cli.ensembles import Passage

CONFIDENCE = 0.95


def interval(value: float, error: float, freedom: float) -> list[float | None]:
    """Return the ends of the confidence interval of Student's law; nothing where there is no error."""
    from scipy import stats

    if freedom < 1 or not np.isfinite(error):
        return [None, None]
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return [float(value - reach), float(value + reach)]


def estimate(value: float, error: float, count: float) -> dict[str, Any]:
    """Return a mean over ``count`` paths with its standard error and interval."""
    return {"mean": float(value), "stderr": float(error), "interval": interval(value, error, count - 1)}


def moments(found: Ensemble, names: Sequence[str]) -> dict[str, Any]:
    """Return mean and covariance of the game's coordinates at the end, and of what else was observed."""
    n = len(names)
    count = int(found.count[-1]) if len(found.count) else 0
    if not count:
        empty = np.full((n, n), np.nan)
        means, errors, covariances, spreads = empty[0], empty[0], empty, empty
    else:
        means, errors = found.mean[-1], found.mean_error[-1]
        covariances, spreads = found.covariance[-1, :n, :n], found.covariance_error[-1, :n, :n]
    batches = len(found.frontier.nodes)
    result: dict[str, Any] = {
        "mean": _named(means, names),
        "mean_stderr": _named(errors, names),
        "mean_interval": {name: interval(means[i], errors[i], count - 1) for i, name in enumerate(names)},
        "covariance": covariances.tolist(),
        "covariance_stderr": spreads.tolist(),
        "covariance_interval": [
            [interval(covariances[i, j], spreads[i, j], batches - 1) for j in range(n)] for i in range(n)
        ],
        "count": count,
    }
    further = [name for name in found.quantities if name not in names]
    if further:
        result["observed"] = {}
        for name in further:
            k = found.index(name)
            value, error = (found.mean[-1, k], found.mean_error[-1, k]) if count else (np.nan, np.nan)
            spread = found.covariance[-1, k, k] if count else np.nan
            result["observed"][name] = {**estimate(value, error, count), "standard_deviation": float(np.sqrt(spread))}
    return result


def moments_in_time(found: Ensemble, names: Sequence[str]) -> dict[str, Any]:
    """Return the moments at the recorded times."""
    n = len(names)
    return {
        "time": found.times[: len(found.count)].tolist(),
        "count": found.count.tolist(),
        "mean": {name: found.mean[:, found.index(name)].tolist() for name in found.quantities},
        "mean_stderr": {name: found.mean_error[:, found.index(name)].tolist() for name in found.quantities},
        "covariance": found.covariance[:, :n, :n].tolist(),
        "covariance_stderr": found.covariance_error[:, :n, :n].tolist(),
    }


def exits(found: Ensemble, names: Sequence[str]) -> dict[str, Any]:
    """Return time, place and share of exits; of each condition too, where there are several."""
    stops = [event for event in found.events if event.stop]
    row = stops[0].summary if len(stops) == 1 else _pooled(stops)
    inside = found.counts.get(Status.FINISHED.value, 0)
    whole = _met(row, inside, names)
    result: dict[str, Any] = {
        "exit_time": {key: whole[key] for key in ("mean", "stderr", "interval", "count")},
        "exit_place": whole["place"],
        "exit_place_stderr": whole["place_stderr"],
        "exit_share": {"share": whole["share"], "interval": whole["share_interval"], "inside": inside},
    }
    if len(stops) > 1:
        result["exits"] = [{"condition": event.text, **_met(event.summary, inside, names)} for event in stops]
        for entry in result["exits"]:
            # Paths that left elsewhere count too: what is asked for is the share that leaves here.
            entry |= _share(entry["count"], whole["count"] + inside)
            entry["open"] = whole["count"] + inside - entry["count"]
    return result


def watched(found: Ensemble, names: Sequence[str], around: Sequence[Passage]) -> dict[str, Any]:
    """Return what is known of watched conditions, and of passages into balls."""
    passing = {passage.condition.text: passage for passage in around}
    result: dict[str, Any] = {}
    for event in found.events:
        if event.stop:
            continue
        row = {"condition": event.text, **_met(event.summary, event.open_paths, names)}
        if event.text in passing:
            passage = passing[event.text]
            result.setdefault("passage", []).append({"at": passage.at, "verdict": passage.verdict, **row})
        else:
            result.setdefault("watch", []).append(row)
    return result


def maxima(found: Ensemble) -> dict[str, Any]:
    """Return means of the largest values along the paths."""
    result = {}
    for text, frontier in found.largest.items():
        total = frontier.total()
        count = int(total.count[0]) if len(total.count) else 0
        value, error = (total.mean[0, 0], total.mean_error[0, 0]) if count else (np.nan, np.nan)
        result[text] = {**estimate(value, error, count), "count": count}
    return {"maxima": result} if result else {}


def quantiles(found: Ensemble, shares: Sequence[float]) -> tuple[dict[str, Any], list[str]]:
    """Return quantiles at the end by quantity, with the width of the cells they are read from, and notes."""
    rows: dict[str, Any] = {}
    notes = []
    by_name = {name: filled for filled in found.histograms for name in filled.histogram.axes}
    for name in found.quantities:
        filled = by_name.get(name)
        values: list[Any] = [{"share": share, "value": None, "interval": [None, None]} for share in shares]
        width = None
        if filled is not None:
            ((low, high, cells),) = filled.histogram.axes.values()
            width = (high - low) / cells
            if filled.outside[-1]:
                notes.append(
                    f"{int(filled.outside[-1]):,} paths lie beyond {name} = {low:.4g} to {high:.4g}: there are no "
                    "quantiles of a law that wide."
                )
            elif filled.counts[-1].sum():
                values = [
                    {"share": q.share, "value": q.value, "interval": [q.low, q.high]} for q in filled.quantiles(shares)
                ]
        rows[name] = {"quantiles": values, "cell_width": width}
    return {"quantiles": rows}, notes


def describe(
    found: Ensemble, scheme: Scheme, orders: tuple[float | None, float | None], names: Sequence[str]
) -> dict[str, Any]:
    """Return what was run."""
    known = found.provenance
    settings = scheme.settings()
    return {
        **{key: known[key] for key in ("seed", "first", "paths", "dt", "steps", "noise")},
        **{key: dict(zip(names, known[key], strict=True)) for key in ("start", "spread")},
        "time": float(known["dt"]) * int(known["steps"]),
        "scheme": settings.get("method", scheme.name),
        "scheme_settings": {key: value for key, value in settings.items() if key not in ("scheme", "method")},
        "strong_order": orders[0],
        "weak_order": orders[1],
    }


def _met(summary: Any, inside: int, names: Sequence[str]) -> dict[str, Any]:
    """Return time, place and share of a condition; ``inside`` paths came to the end without it."""
    rows = summary.count
    count = int(rows[0]) if len(rows) else 0
    n = len(names)
    if count:
        means, errors = summary.mean[0], summary.mean_error[0]
    else:
        means = errors = np.full(1 + n, np.nan)
    return {
        **estimate(means[0], errors[0], count),
        "count": count,
        "open": inside,
        **_share(count, count + inside),
        "place": _named(means[1:], names),
        "place_stderr": _named(errors[1:], names),
    }


def _share(count: int, total: int) -> dict[str, Any]:
    """Return a share with Wilson's interval (Wilson 1927)."""
    from scipy import stats

    if not total:
        return {"share": None, "share_interval": [None, None]}
    ends = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
    return {"share": count / total, "share_interval": [float(ends.low), float(ends.high)]}


def _pooled(events: Sequence[Event]) -> Any:
    """Return the statistics over the paths of several conditions, each of which ended other paths."""
    from dynamics.ensemble.frontier import Summary
    from dynamics.ensemble.tree import combine_all

    parts = [event.summary for event in events if event.count]
    if not parts:
        return events[0].summary
    total = parts[0].rows
    for part in parts[1:]:
        joined = np.empty_like(total)
        combine_all(total, part.rows, part.size, joined)
        total = joined
    return Summary(parts[0].size, total)


def _named(values: NDArray[np.float64], names: Sequence[str]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=False)}


def expectation(found: Expectation) -> dict[str, Any]:
    """Return an expectation by multilevel Monte Carlo, its errors and its levels."""
    levels = [
        {"dt": level.dt, "paths": level.paths, "mean": level.mean, "variance": level.variance} for level in found.levels
    ]
    return {
        "quantity": found.quantity,
        "value": found.value,
        "stderr": found.stderr,
        "bias": found.bias,
        "error": found.error,
        "status": found.status.value,
        "path_steps": found.path_steps,
        "levels": levels,
    }
