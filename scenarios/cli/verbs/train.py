"""``gandyn train``: a real GAN, recorded."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, status_answer, verb


@verb(shared={"settings": options.Set})
def train(
    request: Request,
    preset: Annotated[
        str | None,
        typer.Argument(metavar="PRESET|FILE.toml", help="See 'gandyn list presets'.", show_default=False),
    ] = None,
    out: options.Out = None,
) -> Answer:
    """Train a real GAN and record its parameter trajectory to a Zarr run."""
    from dynamics.core.errors import InputError

    if preset is None:
        raise InputError("No preset was given: name one (see 'gandyn list presets') or a TOML file.")
    if out is None:
        raise InputError("train needs a place for the run: give --out RUN.zarr.")
    from dynamics import gan

    run = gan.train(preset, settings=request.options(), out=out)
    result: dict[str, Any] = {"metrics": run.metrics, "steps": run.steps, "status": run.status.value, "file": out}

    def render(console: Any) -> None:
        console.print(f"{preset}: {run.steps} steps, {run.status.value}", style="bold", markup=False)
        rows = output.table("metric", "value", numbers=("value",))
        for name, value in run.metrics.items():
            rows.add_row(name, output.number(value))
        console.print(rows)
        console.print(f"Recorded in {out}", markup=False)

    return status_answer(result, render, run.status, preset)
