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
    shown = game.latex() if latex else game.show()
    keys = ("losses", "field", "jacobian", "parameters")
    result = {key: shown[key] for key in keys}

    def render(console: Any) -> None:
        players = "; ".join(f"{name}: {', '.join(game.coordinates(name))}" for name in game.players)
        console.print(f"{game.name}  ({players})", style="bold", markup=False)
        for key in keys:
            block = result[key]
            if not block:
                continue
            console.print(f"\n{key}", style="bold")
            entries = block.items() if isinstance(block, dict) else [("", block)]
            for name, text in entries:
                lines = text if isinstance(text, str) else output.number(text)
                lead = f"  {name} = " if name and "\n" not in lines else (f"  {name}:\n" if name else "")
                console.print(lead + _indented(lines, bool(name)), markup=False, soft_wrap=True)

    return Answer(result, render, game=game.name)


def _indented(text: str, named: bool) -> str:
    """Return multi-line text moved under its heading; single lines are left alone after ``name =``."""
    if "\n" not in text and named:
        return text
    return "\n".join("    " + line for line in text.splitlines())
