"""``gandyn train``: a real GAN, recorded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, status_answer, verb

#: Where runs go without --out.
RUNS = Path("runs")

#: What the metrics of samples mean (:func:`dynamics.gan.metrics.sample_metrics`).
LEGEND = (
    "frechet: distance between Gaussians fitted to samples and data, in pixels, 0 if alike; "
    "spread: variance of the samples over that of the data, 1 is right, 0 is collapse."
)


@verb(shared={"settings": options.Set})
def train(
    request: Request,
    preset: Annotated[
        str | None,
        typer.Argument(metavar="PRESET|FILE.toml", help="See 'gandyn list presets'.", show_default=False),
    ] = None,
    out: options.Out = None,
) -> Answer:
    """Train a real GAN and record its parameter trajectory (default: a new folder in runs/)."""
    from dynamics.core.errors import InputError

    if preset is None:
        raise InputError("No preset was given: name one (see 'gandyn list presets') or a TOML file.")
    # Wrong settings are answered before torch is imported, which takes seconds.
    from dynamics.core.storage import check_new
    from dynamics.gan.configuration import configure

    config = configure(preset, request.options())
    target = check_new(out if out is not None else free_folder(Path(preset).stem))
    from dynamics import gan

    run = gan.train(config, out=target)
    result = run.to_dict()

    def render(console: Any) -> None:
        console.print(f"{preset}: {run.steps} steps, {run.status.value} ({run.reason})", style="bold", markup=False)
        rows = output.table("metric", "value", numbers=("value",))
        for name, value in _flat(run.metrics):
            rows.add_row(name, output.number(value))
        console.print(rows)
        console.print(LEGEND, style="dim", markup=False)
        console.print(f"Recorded in {target}; next: gandyn compare {target}", markup=False)

    return status_answer(result, render, run.status, preset)


def free_folder(name: str) -> Path:
    """Return the first of ``runs/name``, ``runs/name-2``, ... that does not exist yet."""
    candidates = (RUNS / (name if count == 1 else f"{name}-{count}") for count in itertools.count(1))
    return next(path for path in candidates if not path.exists())


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested metrics as ``("losses generator", 0.7)``."""
    for name, value in values.items():
        label = f"{before} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, label)
        else:
            yield label, value
