"""``gandyn bench``: throughput against the peers that are installed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli import output
from scenarios.cli.verb import NO, OK, Answer, Request, verb


@verb()
def bench(
    request: Request,
    groups: Annotated[
        list[str] | None,
        typer.Argument(metavar="GROUP...", help="Groups of rows such as start-up; all without.", show_default=False),
    ] = None,
    starts: Annotated[
        int | None,
        typer.Option("--starts", metavar="N", help="Size of the batch of initial states (default: 10000)."),
    ] = None,
    paths: Annotated[
        int | None,
        typer.Option("--paths", metavar="N", help="Size of the ensemble (default: 1000000)."),
    ] = None,
) -> Answer:
    """Measure how fast this installation is, as ratios to peers taken in the same run."""
    from dynamics.core.errors import InputError, check_count
    from scenarios.bench import GROUPS, measure, select

    chosen, sizes = select(groups), {}
    for name, size in {"starts": starts, "paths": paths}.items():
        users = [group for group in GROUPS if GROUPS[group].size == name]
        if size is None:
            continue
        if not set(users) & set(chosen):
            raise InputError(
                f"--{name} has no effect on {', '.join(chosen)}: add {' or '.join(users)}, or leave it out."
            )
        sizes[name] = check_count(f"--{name}", size, max(GROUPS[group].least for group in users))
    with output.progress("bench") as advance:
        rows = measure(advance=advance, groups=chosen, **sizes)
    result = {"rows": [row.to_dict() for row in rows]}

    def render(console: Any) -> None:
        table = output.table(
            "what", "value", "peer", "ratio", "floor", "ok", numbers=("value", "peer", "ratio", "floor")
        )
        for row in rows:
            table.add_row(
                row.name,
                f"{output.number(row.value, 3)} {row.unit}",
                f"{output.number(row.peer, 3)} {row.unit}",
                output.number(row.ratio, 3),
                output.number(row.floor, 3),
                output.number(row.ok),
            )
        console.print(table)
        for row in rows:
            console.print(f"{row.name}: {row.remark}", markup=False, style="dim")

    return Answer(result, render, exit_code=OK if all(row.ok for row in rows) else NO)
