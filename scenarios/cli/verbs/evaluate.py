"""``gandyn evaluate``: field, Jacobian and losses at a point."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli import output
from scenarios.cli.verb import Answer, Request, status_answer, verb


@verb(game=True)
def evaluate(
    request: Request,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="X=V,...", help="The point, such as theta=1,psi=1 (default: the game's start)."),
    ] = None,
) -> Answer:
    """Evaluate the field, its Jacobian and the losses at a point."""
    import numpy as np

    from dynamics.core.status import Status
    from scenarios.cli import playing

    game = request.game()
    y = playing.state(at, game, "--at")
    with np.errstate(all="ignore"):
        field, jacobian = np.asarray(game(y)), np.asarray(game.jacobian(y))
        losses = {name: float(value) for name, value in game.losses(y).items()}
    finite = bool(np.isfinite(field).all() and np.isfinite(jacobian).all() and np.isfinite([*losses.values()]).all())
    result = {
        "at": playing.labelled(y, game),
        "field": playing.labelled(field, game),
        "jacobian": jacobian.tolist(),
        "losses": losses,
    }

    def render(console: Any) -> None:
        console.print(f"{game.name} at {output.point(result['at'])}", style="bold", markup=False)
        rows = output.table(
            "coordinate",
            "field",
            *(f"d/d {name}" for name in game.names),
            numbers=("field", *(f"d/d {n}" for n in game.names)),
        )
        for i, name in enumerate(game.names):
            rows.add_row(name, output.number(field[i]), *(output.number(entry) for entry in jacobian[i]))
        console.print(rows)
        losses_table = output.table("player", "loss", numbers=("loss",))
        for name, value in losses.items():
            losses_table.add_row(name, output.number(value))
        console.print(losses_table)

    return status_answer(result, render, Status.FINISHED if finite else Status.NON_FINITE, game.name)
