"""Tables of ``gandyn ensemble`` for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scenarios.cli import output
from scenarios.cli.verbs.trajectory import ROWS


def heading(console: Any, game: str, result: Mapping[str, Any]) -> None:
    """Print what was run, in two lines."""
    orders = [
        f"{kind} order {output.number(result[f'{kind}_order'])}"
        for kind in ("strong", "weak")
        if result[f"{kind}_order"] is not None and np.isfinite(result[f"{kind}_order"])
    ]
    scheme = result["scheme"] + (f" ({', '.join(orders)})" if orders else "")
    settings = output.described(result["scheme_settings"])
    console.print(f"{game}, {scheme}", style="bold", markup=False)
    run = f"{result['paths']:,} paths, dt={result['dt']:g}, time={result['time']:g}, seed={result['seed']}"
    console.print(run + (f", {settings}" if settings else ""), markup=False)
    console.print(f"noise: {_noise(result['noise'])}", markup=False)


def _noise(settings: Mapping[str, Any]) -> str:
    parts = []
    for key, value in settings.items():
        if key == "noise" or value is None or (key == "interpretation" and value == "ito"):
            continue
        # The schedule of coloured noise is that of its base and said there.
        if key == "base":
            parts.append(f"of {_noise(value)}")
        elif key == "schedule":
            parts += [] if "base" in settings else [str(value)]
        elif key == "strengths":
            parts.append(", ".join(f"{name}={output.number(entry)}" for name, entry in value.items()))
        elif key in ("matrix", "covariance"):
            parts.append(f"{len(value)}x{len(value[0])}" if len(value) > 3 else str(_rows(value)).replace("'", ""))
        else:
            parts.append(value if key == "interpretation" else f"{key}={output.number(value)}")
    return ", ".join([settings["noise"], *parts])


def _rows(matrix: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [[float(f"{e:.6g}") if isinstance(e, float) else e for e in row] for row in matrix]


def moments(console: Any, result: Mapping[str, Any]) -> None:
    """Print means and covariances at the end."""
    names = list(result["mean"])
    columns = ("mean", "standard error", "95 % interval", "deviation")
    rows = output.table("at the end", *columns, numbers=columns)
    for i, name in enumerate(names):
        spread = result["covariance"][i][i]
        deviation = None if spread is None else float(np.sqrt(spread))
        entry = (result[key][name] for key in ("mean", "mean_stderr", "mean_interval"))
        rows.add_row(name, *_estimate(*entry), output.number(deviation))
    for name, found in result.get("observed", {}).items():
        entry = (found[key] for key in ("mean", "stderr", "interval"))
        rows.add_row(name, *_estimate(*entry), output.number(found["standard_deviation"]))
    console.print(rows)
    columns = ("value", "standard error", "95 % interval")
    table = output.table("covariance", *columns, numbers=columns)
    for i, one in enumerate(names):
        for j, other in enumerate(names[: i + 1]):
            keys = ("covariance", "covariance_stderr", "covariance_interval")
            table.add_row(one if i == j else f"{other}, {one}", *_estimate(*(result[key][i][j] for key in keys)))
    console.print(table)
    console.print(f"over the {result['count']:,} paths that came to the end", markup=False, style="dim")


def in_time(console: Any, moments: Mapping[str, Any]) -> None:
    """Print means at the recorded times."""
    names = list(moments["mean"])
    rows = output.table("time", "paths", *names, numbers=("time", "paths", *names))
    total = len(moments["time"])
    for k in np.unique(np.linspace(0, total - 1, min(ROWS, total)).round().astype(int)):
        values = (
            _plus_minus(moments["mean"][name][k], moments["mean_stderr"][name][k])
            for name in names
        )  # fmt: skip
        rows.add_row(output.number(moments["time"][k]), f"{moments['count'][k]:,}", *values)
    console.print(rows)
    if total > ROWS:
        text = f"{ROWS} of {total} records shown; all of them, and covariances, with --json"
        console.print(text, markup=False, style="dim")


def events(console: Any, result: Mapping[str, Any]) -> None:
    """Print exits, passages, watched conditions and largest values."""
    met: list[tuple[str, Mapping[str, Any]]] = []
    if "exit_time" in result:
        share = result["exit_share"]
        whole = {**result["exit_time"], "share": share["share"], "share_interval": share["interval"],
                 "place": result["exit_place"]}  # fmt: skip
        met.append(("exit", whole))
    met += [(f"  {entry['condition']}", entry) for entry in result.get("exits", [])]
    for key in ("passage", "watch"):
        met += [(entry["condition"], entry) for entry in result.get(key, [])]
    if met:
        numbers = ("share of paths", "mean time", "standard error")
        rows = output.table("first time", *numbers, "mean place", numbers=numbers)
        for name, entry in met:
            low, high = entry["share_interval"]
            shown = "–" if entry["share"] is None else f"{entry['share']:.2%} [{low:.2%}, {high:.2%}]"
            place = output.point(entry["place"], 4) if entry["count"] else "–"
            rows.add_row(name, shown, output.number(entry["mean"]), output.number(entry["stderr"], 3), place)
        console.print(rows)
    if "maxima" in result:
        rows = output.table("largest value", "mean", "standard error", "95 % interval", numbers=("mean",))
        for text, entry in result["maxima"].items():
            rows.add_row(text, *_estimate(entry["mean"], entry["stderr"], entry["interval"]))
        console.print(rows)
    if "expectation" in result:
        found = result["expectation"]
        columns = ("paths", "mean of the correction", "variance")
        rows = output.table("step", *columns, numbers=("step", *columns))
        for level in found["levels"]:
            entries = (output.number(level[key]) for key in ("mean", "variance"))
            rows.add_row(output.number(level["dt"]), f"{level['paths']:,}", *entries)
        console.print(rows)
        value, error = output.number(found["value"]), output.number(found["stderr"], 3)
        how = f"bias about {output.number(found['bias'], 2)} ({found['status']}, multilevel)"
        said = f"E {found['quantity']} = {value}, standard error {error}, {how}"
        console.print(said, markup=False)
    if "quantiles" in result:
        rows = output.table("quantile", "share", "value", "95 % interval", "cell width", numbers=("share", "value"))
        for name, entry in result["quantiles"].items():
            for q in entry["quantiles"]:
                value = output.number(q["value"])
                width = output.number(entry["cell_width"], 3)
                rows.add_row(name, output.number(q["share"]), value, _interval(q["interval"]), width)
        console.print(rows)


def ending(console: Any, result: Mapping[str, Any], status: str) -> None:
    """Print how the paths ended, what to know, the speed and the files."""
    words = {"event": "met a condition"}
    counts = ", ".join(f"{count:,} {words.get(how, how)}" for how, count in result["status_counts"].items())
    console.print(f"{status}: {result['message']} Paths: {counts}.", markup=False)
    for note in result["notes"]:
        console.print(f"Note: {note}", markup=False)
    speed = f"{result['path_steps']:,} path-steps, {result['path_steps_per_second'] / 1e6:,.1f} million a second"
    console.print(speed, markup=False, style="dim")
    for key in ("file", "paths_file"):
        if key in result:
            console.print(f"Written to {result[key]}", markup=False, soft_wrap=True)


def _estimate(value: Any, error: Any, interval: Sequence[Any]) -> tuple[str, str, str]:
    digits = 5
    if value and error:
        # Two digits of the error, however small it is.
        digits = max(digits, 2 + int(np.ceil(np.log10(abs(value) / error))))
    return output.number(value, max(digits, 6)), output.number(error, 3), _interval(interval, digits)


def _interval(ends: Sequence[Any], digits: int = 5) -> str:
    return "–" if ends[0] is None else f"[{output.number(ends[0], digits)}, {output.number(ends[1], digits)}]"


def _plus_minus(value: Any, error: Any) -> str:
    if value is None:
        return "–"
    return output.number(value) + ("" if error is None else f" ± {output.number(error, 2)}")
