"""``gandyn show``: what a game is, in symbols."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli import output
from scenarios.cli.verb import Answer, Request, verb


@verb(game=True)
def show(
    request: Request, latex: Annotated[bool, typer.Option("--latex", help="LaTeX instead of Unicode.")] = False
) -> Answer:
    """Show the losses, the field and the Jacobian of a game."""
    game: Any = request.game()
    shown = game.show(latex=latex)
    keys = ("losses", "field", "jacobian", "parameters")
    result = {key: shown[key] for key in keys}

    def render(console: Any) -> None:
        players = "; ".join(f"{name}: {', '.join(game.coordinates(name))}" for name in game.players)
        console.print(f"{game.name}  ({players})", style="bold", markup=False)
        entries = {
            "losses": result["losses"],
            "field": {f"d{name}/dt": text for name, text in result["field"].items()},
            "jacobian": {
                f"J[{row}, {column}]": result["jacobian"][i][j]
                for i, row in enumerate(game.names)
                for j, column in enumerate(game.names)
            },
            "parameters": {name: output.number(value) for name, value in result["parameters"].items()},
        }
        for key, block in entries.items():
            if block:
                console.print(f"\n{key}", style="bold")
            for name, text in block.items():
                console.print(f"  {name} = {text}", markup=False, soft_wrap=True)

    return Answer(result, render, game=game.name)
