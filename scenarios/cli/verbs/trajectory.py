"""``gandyn trajectory``: the gradient flow from a start."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, status_answer, verb

#: Rows of a table of states for a person.
ROWS = 11
PERCENT = 100


@verb(game=True)
def trajectory(
    request: Request,
    time: Annotated[float, typer.Option("--time", metavar="T", help="How long to follow the flow.")] = 10.0,
    start: options.Start = None,
    points: Annotated[int, typer.Option("--points", metavar="N", help="Stored times, the start included.")] = 101,
    solver: Annotated[
        str, typer.Option("--solver", metavar="KIND:NAME", help="See 'gandyn list solvers'.")
    ] = "scipy:DOP853",
    rtol: Annotated[
        float | None, typer.Option("--rtol", help="Relative tolerance (1e-8); adaptive solvers.", show_default=False)
    ] = None,
    atol: Annotated[
        float | None, typer.Option("--atol", help="Absolute tolerance (1e-10); adaptive solvers.", show_default=False)
    ] = None,
    step: Annotated[
        float | None, typer.Option("--step", help="Step of a fixed-step solver, which needs it.", show_default=False)
    ] = None,
    max_evaluations: Annotated[
        int, typer.Option("--max-evaluations", metavar="N", help="Calls of the field before the flow is given up.")
    ] = 1_000_000,
    out: options.Store = None,
) -> Answer:
    """Integrate the gradient flow dy/dt = v(y) from a start."""
    import numpy as np

    from dynamics.core.errors import check_count, check_positive
    from dynamics.flow import integrate
    from scenarios.cli import playing

    check_positive("--time", time)
    check_count("--points", points, 2)
    for option, value in (("--rtol", rtol), ("--atol", atol), ("--step", step)):
        if value is not None:
            check_positive(option, value)
    target = playing.check_out(out, (".zarr",), "a Zarr store")
    game = request.game()
    y0 = playing.state(start, game)
    check_count("--max-evaluations", max_evaluations)
    with output.progress("flow", PERCENT) as advance:
        shown = iter(range(PERCENT))

        def progress(done: float) -> None:
            for _ in itertools.takewhile(lambda percent: percent < PERCENT * done, shown):
                advance()

        path = integrate(
            game,
            y0,
            np.linspace(0.0, time, points),
            solver=solver,
            rtol=rtol,
            atol=atol,
            step=step,
            max_evaluations=max_evaluations,
            progress=progress,
        )
    return flow_answer(path, game, solver, target)


def flow_answer(path: Any, game: Any, solver: str, target: Any) -> Answer:
    """Return the answer about one integrated trajectory; rows that were not reached are left out."""
    import numpy as np

    from scenarios.cli import playing

    kept = np.isfinite(path.states).all(axis=-1)
    times, states = path.times[kept], path.states[kept]
    reached = float(path.reached)
    result = {
        "time": times.tolist(),
        "state": playing.columns(states, path.names),
        "evaluations": path.statistics.get("evaluations"),
        "reached": reached,
        "solver": solver,
        "message": path.message,
    }
    if target is not None:
        result["file"] = str(path.save(target))

    def render(console: Any) -> None:
        console.print(f"{game.name}, {solver}, {result['evaluations']} evaluations", style="bold", markup=False)
        console.print(state_table("time", times, states, path.names))
        note_rows(console, len(times), "points")
        console.print(f"{path.status.value}: {path.message}", markup=False)
        if "file" in result:
            console.print(f"Written to {result['file']}", markup=False)

    return status_answer(result, render, path.status, game.name)


def note_rows(console: Any, stored: int, what: str) -> None:
    """Say how many of the rows computed the table shows, where it leaves some out."""
    if stored > ROWS:
        console.print(f"{ROWS} of {stored} {what} shown; all with --json or --out FILE.zarr", markup=False, style="dim")


def state_table(label: str, times: Any, states: Any, names: Any) -> Any:
    """Return a table of at most :data:`ROWS` evenly chosen states, the first and the last among them."""
    import numpy as np

    made = output.table(label, *names, numbers=(label, *names))
    chosen = np.unique(np.linspace(0, len(times) - 1, min(ROWS, len(times))).round().astype(int))
    for i in chosen:
        made.add_row(output.number(times[i]), *(output.number(value) for value in states[i]))
    return made
