"""``gandyn report``: the whole audit as static HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import NO, OK, Answer, Request, verb
from scenarios.cli.verbs.claims import verdict_table


@verb()
def report(
    request: Request,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Folder of the report; a page and pictures of the same names are replaced.",
            rich_help_panel=options.OUTPUT_PANEL,
        ),
    ] = "audit",
    quick: options.Quick = False,
    comparison: Annotated[
        str | None,
        typer.Option(
            "--comparison",
            metavar="FILE.zarr",
            help="Show what 'gandyn compare --out FILE.zarr' stored (default: comparison.zarr in the report's folder).",
        ),
    ] = None,
) -> Answer:
    """Run every scenario and write the audit as a folder of static HTML."""
    from scenarios import registry
    from scenarios.report import write_report

    chosen = registry.select()
    folder = Path(out or "audit")
    stored = folder / "comparison.zarr"
    compared = Path(comparison) if comparison is not None else stored if stored.exists() else None
    with output.progress("report", len(chosen) + 1) as advance:
        outcomes, page = write_report(folder, chosen, quick, compared, advance)
    held = sum(outcome.holds for outcome in outcomes)
    result = {"file": str(page), "claims": len(outcomes), "hold": held}

    def render(console: Any) -> None:
        console.print(verdict_table(outcomes))
        agreeing = f"The audit agrees in {held} of {len(outcomes)} scenarios."
        console.print(f"{agreeing} Open {page}", markup=False, soft_wrap=True)

    return Answer(result, render, exit_code=OK if held == len(outcomes) else NO)
