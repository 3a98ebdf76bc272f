"""``gandyn portrait``: the phase portrait as a picture."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli import options
from scenarios.cli.verb import Answer, Request, verb

#: Rate and number of iterations of methods where none are given.
RATE, ITERATIONS = "0.2", 60


@verb(game=True)
def portrait(
    request: Request,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="F.png|F.svg",
            help="The picture; required; one that exists is replaced.",
            rich_help_panel=options.OUTPUT_PANEL,
        ),
    ] = None,
    box: options.Box = None,
    plane: Annotated[
        str | None, typer.Option("--plane", metavar="X,Y", help="Axes, for games with more than two coordinates.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="X=V,...", help="Where the other coordinates are held.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="NAME", help="Draw the iterates of a method on top; may be repeated."),
    ] = None,
    lr: Annotated[
        list[str] | None,
        typer.Option("--lr", metavar="RATE", help="Rate of the methods, or one per player (default: 0.2)."),
    ] = None,
    method_set: options.MethodSettings = None,
    start: options.Start = None,
    iterations: Annotated[
        int | None, typer.Option("--iterations", metavar="K", help="Iterations of the methods (default: 60).")
    ] = None,
) -> Answer:
    """Draw the phase portrait to a PNG or SVG file."""
    import figures
    from dynamics.core.errors import InputError, check_count, unknown
    from scenarios.cli import parse, playing

    if out is None:
        raise InputError("portrait needs a file: give --out F.png or --out F.svg.")
    target = playing.check_out(out, (".png", ".svg"), "a picture")
    assert target is not None
    for option, value in (
        ("--lr", lr),
        ("--method-set", method_set),
        ("--start", start),
        ("--iterations", iterations),
    ):
        if value not in (None, []) and not method:
            raise InputError(f"{option} has no effect without a method: add --method NAME or leave {option} out.")
    if method_set and len(method or ()) > 1:
        raise InputError(f"--method-set configures one method, got {len(method or ())}: add --method NAME once.")
    game = request.game()
    chosen: dict[str, Any] = {"box": playing.box(box, game)}
    if plane is not None:
        chosen["plane"] = parse.names("--plane", plane)
    if at is not None:
        chosen["at"] = parse.state("--at", at)
        for name in chosen["at"]:
            if name not in game.names:
                raise unknown("coordinate", name, game.names)
    if method:
        count = ITERATIONS if iterations is None else check_count("--iterations", iterations)
        rates = lr or [RATE]
        chosen["methods"] = [playing.method(name, game, rates, method_set, iterations=count) for name in method]
        chosen["start"] = playing.state(start, game)
        chosen["iterations"] = count
    figures.save(figures.portrait(game, **chosen), target)
    result = {"file": str(target)}

    def render(console: Any) -> None:
        console.print(f"Written to {target}", markup=False, soft_wrap=True)

    return Answer(result, render, game=game.name)
