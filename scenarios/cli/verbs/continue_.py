"""``gandyn continue``: branches of equilibria and cycles over a parameter, with their bifurcations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, status_answer, verb

if TYPE_CHECKING:
    from dynamics.stability import Branch

#: Why a branch ends, in words.
ENDS = {"range": "end of the range", "box": "border of the box", "closed": "closes on itself"}
#: Which cycles ``--cycles`` asks for.
CYCLES = ("all", "born", "none")


@verb(game=True)
def continue_(
    request: Request,
    over: Annotated[
        str | None,
        typer.Option(
            "--over",
            metavar="P=A:B",
            help="Parameter and range, such as gamma=0:3; required. Also timescale, timescale:PLAYER; with a method "
            "lr, lr:PLAYER, or a setting such as beta; game:gamma and method:gamma tell equal names apart.",
        ),
    ] = None,
    box: options.Box = None,
    cycles: Annotated[
        str | None,
        typer.Option(
            "--cycles",
            metavar="WHICH",
            help="all: those born at Hopf points and period doublings, and those a search finds (default of flows); "
            "born (default of maps, which may have cycles beyond number); none.",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", metavar="NAME", help="Continue the map of a training algorithm instead of the flow."),
    ] = None,
    lr: options.Rate = None,
    method_set: options.MethodSettings = None,
    step: Annotated[
        float, typer.Option("--step", metavar="S", help="Largest step, in box widths and ranges of the parameter.")
    ] = 0.02,
    points: Annotated[
        int, typer.Option("--points", metavar="N", help="Points at most on each side of a branch's start.")
    ] = 500,
    max_period: Annotated[
        int,
        typer.Option(
            "--max-period",
            metavar="K",
            help="Longest cycles followed through period doublings: iterations of a map, laps of a flow's first cycle.",
        ),
    ] = 4,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the searches.")] = 0,
    coordinates: Annotated[
        str | None, typer.Option("--coordinates", metavar="X,...", help="Panels of the picture (default: all, if few).")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="F.png|F.svg",
            help="Draw the bifurcation diagram; a file that exists is replaced.",
            rich_help_panel=options.OUTPUT_PANEL,
        ),
    ] = None,
) -> Answer:
    """Follow equilibria and cycles over a parameter and find their bifurcations.

    A branch on which Newton's method fails is kept up to there, and the exit code is 3.
    """
    from dynamics.core.errors import InputError, check_count, check_positive, unknown
    from dynamics.stability import continue_branches
    from scenarios.cli import parse, playing

    if over is None:
        raise InputError("continue needs a parameter and its range: give --over gamma=0:3, for example.")
    ranges = parse.box("--over", over)
    if len(ranges) != 1:
        raise InputError(f"--over got {len(ranges)} parameters, expected one, such as gamma=0:3.")
    ((parameter, interval),) = ranges.items()
    cycles = cycles or ("all" if method is None else "born")
    if cycles not in CYCLES:
        raise unknown("choice of --cycles", cycles, CYCLES)
    target = playing.check_out(out, (".png", ".svg"), "a picture")
    if coordinates is not None and target is None:
        raise InputError("--coordinates has no effect without a picture: add --out F.png or leave it out.")
    game = _with_parameter(request, parameter, interval[0]).game()
    shown = parse.names("--coordinates", coordinates) if coordinates is not None else None
    for name in shown or ():
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
    # the rate that is varied needs no value
    rate = "1" if method is not None and lr is None and parameter == "lr" else lr
    algorithm = playing.method_or_flow(method, game, rate, method_set)
    with output.progress(f"branches over {parameter}") as advance:
        found = continue_branches(
            game,
            parameter,
            interval,
            box=playing.box(box, game),
            method=algorithm,
            cycles=cycles != "none",
            search_cycles=cycles == "all",
            max_period=check_count("--max-period", max_period),
            max_step=check_positive("--step", step),
            max_points=check_count("--points", points),
            seed=check_count("--seed", seed, least=0),
            progress=advance,
        )
    result = output.jsonable(found.to_dict())
    if target is not None:
        import figures

        figures.save(figures.bifurcations(found, shown), target)
        result["file"] = str(target)

    def render(console: Any) -> None:
        low, high = interval
        count = f"{len(found.branches)} branch" if len(found.branches) == 1 else f"{len(found.branches)} branches"
        of = f" of the map of {found.method}" if found.method else ""
        console.print(f"{game.name}: {count}{of} over {parameter}={low:g}:{high:g}", style="bold", markup=False)
        for number, branch in enumerate(found.branches, start=1):
            _render_branch(console, number, branch)
        for note in found.notes:
            console.print(f"\n{note}", markup=False)
        if not found.branches:
            searched = ", ".join(f"{value:g}" for value, _ in found.seeds)
            console.print(f"No equilibrium to follow in the box at {parameter} = {searched}.", markup=False)
        if "file" in result:
            console.print(f"Written to {target}", markup=False, soft_wrap=True)

    return status_answer(result, render, found.status, game.name)


def _with_parameter(request: Request, parameter: str, value: float) -> Request:
    """Return the request with a value for the parameter of an inline game that was given none."""
    from scenarios.cli import parse

    plain = parameter.removeprefix("game:")
    if request.minimax is None or plain in parse.settings("--set", request.settings) or not plain.isidentifier():
        return request
    if plain in ("lr", "timescale") or plain not in request.minimax:
        return request
    return replace(request, settings=[*(request.settings or []), f"{plain}={value!r}"], _cache={})


def _render_branch(console: Any, number: int, branch: Branch) -> None:
    """Print one branch: where it runs, where it attracts, why it ends, what happens on it."""
    name, p = branch.parameter_name, branch.parameter
    title = f"{branch.kind.replace('-', ' ')}, {len(branch)} points, {name} = {p[0]:.7g} to {p[-1]:.7g}"
    if branch.period is not None:
        low, high = branch.period.min(), branch.period.max()
        title += f", period {low:.6g}" + (f" to {high:.6g}" if high - low > 1e-6 * high else "")
    console.print(f"\n{number}. {title}", style="bold", markup=False)
    words = {1: "attracting", -1: "repelling", 0: "neutral or undecided"}
    stretches = [f"{words[s]} {p[a]:.6g} to {p[b]:.6g}" for s, a, b in branch.stretches()]
    console.print(f"   {name}: {'; '.join(stretches)}", markup=False)
    begins, ends = (
        ENDS.get(why, why.replace("event: ", "at an event, ").replace("newton", "Newton's method"))
        for why in branch.ended
    )
    console.print(f"   begins: {begins}; ends: {ends}", markup=False)
    if not branch.events:
        return
    from scenarios.typography import sentences, typeset

    events = output.table("event", name, "at", "what it is", numbers=(name,))
    for event in branch.events:
        events.add_row(
            event.kind, output.number(event.parameter, 10), output.point(event.at), typeset(sentences(event.evidence))
        )
    console.print(events)
