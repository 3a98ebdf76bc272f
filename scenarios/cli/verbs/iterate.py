"""``gandyn iterate``: a training algorithm as a map."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli import options
from scenarios.cli.verb import Answer, Request, status_answer, verb
from scenarios.cli.verbs.trajectory import note_rows, state_table


@verb(game=True)
def iterate(
    request: Request,
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="One of 'gandyn list methods'.")
    ] = "alternating",
    lr: Annotated[
        list[str] | None,
        typer.Option(
            "--lr",
            metavar="RATE",
            help="Learning rate, or generator=0.1,discriminator=0.4; required.",
            show_default=False,
        ),
    ] = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            "--schedule",
            metavar="NAME:K=V,...",
            help="How the rates change, such as cosine:final=0.1; one of 'gandyn list schedules'. A descent spans the "
            "run unless it has a length of its own, as in cosine:iterations=1000. Repeated ones multiply: "
            "warm-up:iterations=50, then cosine.",
            show_default="constant",
        ),
    ] = None,
    iterations: Annotated[int, typer.Option("--iterations", metavar="K", help="How many full rounds.")] = 1000,
    start: options.Start = None,
    method_set: Annotated[
        list[str] | None,
        typer.Option(
            "--method-set",
            metavar="K=V,...",
            help="Settings of the method, such as beta=-0.3,order=alternating or base=heavy-ball,base.beta=0.5; "
            "'gandyn show METHOD' lists them.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option("--every", metavar="N", help="Give the path too, every N iterations."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="F.zarr|F.png|F.svg",
            help="Store the result, one that exists is refused; or draw the distance to the nearest equilibrium over "
            "the iterations, beside the decay that the multipliers predict.",
            rich_help_panel=options.OUTPUT_PANEL,
        ),
    ] = None,
) -> Answer:
    """Run a training algorithm from a start, without noise."""
    import numpy as np

    from dynamics import methods
    from dynamics.core.errors import check_count
    from scenarios.cli import output, playing

    target = playing.check_out(out, (".zarr", ".png", ".svg"), "a Zarr store or a picture")
    picture = target is not None and target.suffix != ".zarr"
    check_count("--iterations", iterations, least=4 if picture else 1)
    stride = check_count("--every", every) if every is not None else max(1, iterations // 10)
    game = request.game()
    y0 = playing.state(start, game)
    algorithm = playing.method(method, game, lr, method_set, schedule, iterations)
    centres = _centres(game) if picture else []
    # Stored at the stride only: a path of a million rounds is not kept to print its last row.
    path = methods.iterate(game, algorithm, y0, iterations, every=stride)
    kept = np.isfinite(path.states).all(axis=-1)
    final = playing.labelled(path.final, game)
    result: dict[str, Any] = {
        "final": final,
        "iterations": int(path.reached),
        "method": method,
        "settings": algorithm.settings(),
        "message": path.status.sentence,
    }
    if every is not None:
        result["path"] = {
            "iteration": path.times[kept].astype(int).tolist(),
            "state": playing.columns(path.states[kept], path.names),
        }
    if target is not None and not picture:
        result["file"] = str(path.save(target))
    elif target is not None:
        from figures import convergence_picture, save

        goal = path.final if path.status.ok else y0
        at = min(centres, key=lambda centre: float(np.linalg.norm(centre - goal)))
        drawn = convergence_picture(game, at, [algorithm], iterations=iterations, start=y0)
        result["file"] = str(save(drawn, target))

    def render(console: Any) -> None:
        console.print(f"{game.name}, {method}, {result['iterations']} iterations", style="bold", markup=False)
        console.print(output.described(algorithm.settings()), markup=False)
        console.print(state_table("iteration", path.times[kept], path.states[kept], path.names))
        note_rows(console, int(kept.sum()), "rows")
        console.print(f"{path.status.value}: {path.status.sentence}", markup=False)
        console.print(f"final: {output.point(final, 9)}", markup=False)
        if "file" in result:
            console.print(f"Written to {result['file']}", markup=False)

    return status_answer(result, render, path.status, game.name)


def _centres(game: Any) -> list[Any]:
    """Return the equilibria of the box that are isolated and where the field is smooth, at least one."""
    from dynamics.core.errors import InputError
    from dynamics.stability import analyse

    found = [row.at for row in analyse(game, methods=()).equilibria if row.continuum is None and len(row.eigenvalues)]
    if not found:
        raise InputError(
            f"A picture shows the distance to an equilibrium, but the box of {game.name} has none that is isolated and "
            "smooth: give --out F.zarr instead."
        )
    return found
