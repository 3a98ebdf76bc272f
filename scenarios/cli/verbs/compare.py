"""``gandyn compare``: a recorded run beside its idealisations."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli.verb import Answer, Request, verb


@verb()
def compare(
    request: Request,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run recorded by 'gandyn train' or by Recorder.", show_default=False),
    ] = None,
) -> Answer:
    """Lay a recorded run beside the gradient flow of its own losses."""
    from dynamics.core.errors import InputError

    if run is None:
        raise InputError("No run was given: give the path of a run that 'gandyn train --out RUN' recorded.")
    from dynamics.compare import compare_run

    comparison = compare_run(run)
    result = comparison.to_dict()

    def render(console: Any) -> None:
        console.print(str(result), markup=False)

    return Answer(result, render)
