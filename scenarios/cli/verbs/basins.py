"""``gandyn basins``: which start goes to which attractor."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, verb

#: Most starts, one in each cell: beyond, arrays of starts and of where they end do not fit a common memory.
MOST = 4096**2


@verb(game=True)
def basins(
    request: Request,
    box: options.Box = None,
    cells: Annotated[
        str, typer.Option("--cells", metavar="N[,M]", help="Cells along the axes, one random start in each.")
    ] = "128",
    method: Annotated[
        str | None,
        typer.Option("--method", metavar="NAME", help="Basins of a training algorithm; of the flow without one."),
    ] = None,
    lr: options.Rate = None,
    method_set: options.MethodSettings = None,
    plane: Annotated[
        str | None, typer.Option("--plane", metavar="X,Y", help="Axes, for games with more than two coordinates.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="X=V,...", help="Where the other coordinates start.")
    ] = None,
    time: Annotated[
        float | None,
        typer.Option("--time", metavar="T", help="Time after which starts are looked at first (flow; default: 100)."),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option("--iterations", metavar="K", help="The same for a method (default: 1000).")
    ] = None,
    bound: Annotated[
        float | None,
        typer.Option("--bound", metavar="R", help="Norm that counts as diverged (default: 100 times the box's)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the starts.")] = 0,
    out: options.Out = None,
) -> Answer:
    """Find the attractors of a flow or method and the share of a box that goes to each."""
    from dynamics.core.errors import InputError, check_count, check_positive
    from dynamics.stability.basins import find_basins
    from scenarios.cli import parse, playing

    for option, value in (("--time", time), ("--bound", bound)):
        if value is not None:
            check_positive(option, value)
    if iterations is not None:
        check_count("--iterations", iterations)
    check_count("--seed", seed, least=0)
    target = playing.check_out(out, (".png", ".svg", ".zarr"), "a picture or a Zarr store")
    game = request.game()
    algorithm = playing.method_or_flow(method, game, lr, method_set)
    if algorithm is not None and algorithm.schedule is not None:
        raise InputError("Under a schedule a method has no attractors of its own: give it a constant rate.")
    axes = min(2, game.dim) if plane is None else len(parse.names("--plane", plane))
    found = find_basins(
        game,
        playing.box(box, game),
        _cells(cells, axes),
        algorithm,
        plane=None if plane is None else parse.names("--plane", plane),
        at=None if at is None else parse.state("--at", at),
        time=time,
        iterations=iterations,
        bound=bound,
        seed=seed,
    )
    result = found.to_dict()
    if target is not None:
        if target.suffix == ".zarr":
            from dynamics.core.storage import write_dataset

            write_dataset(found.to_dataset(), target)
        else:
            from figures import basin_picture, save

            save(basin_picture(found), target)
        result["file"] = str(target)

    def render(console: Any) -> None:
        console.print(f"{game.name}: basins of {found.of}", style="bold", markup=False)
        table = output.table("attractor", "share", "standard error", numbers=("share", "standard error"))
        for label, share in result["fractions"].items():
            table.add_row(label, f"{share:.2%}", f"{result['standard_errors'][label]:.2%}")
        console.print(table)
        counted = f"{found.statistics['starts']:,} starts, {found.statistics['seconds']:.1f} s"
        console.print(f"{counted}; diverged means a norm beyond {found.bound:.4g}", markup=False)
        if "file" in result:
            console.print(f"Written to {target}", markup=False, soft_wrap=True)

    return Answer(result, render, game=game.name)


def _cells(text: str, axes: int) -> int | tuple[int, ...]:
    """Return the number of cells of ``128`` or ``128,64``, or refuse more than can be."""
    from dynamics.core.errors import InputError, check_count

    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--cells got '{text}', expected a whole number, or two such as 128,64.") from None
    for count in counts:
        check_count("--cells", count, least=2)
    total = prod(counts * axes if len(counts) == 1 else counts)
    if total > MOST:
        most = f"{round(MOST ** (1 / axes))} along {'each of two axes' if axes == 2 else 'the axis'}"
        raise InputError(f"--cells {text} makes {total:,} starts, more than {MOST:,}: give at most {most}.")
    return counts[0] if len(counts) == 1 else counts
