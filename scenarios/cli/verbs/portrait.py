"""``gandyn portrait``: the phase portrait as a picture."""

from __future__ import annotations

from typing import Any

from scenarios.cli import options
from scenarios.cli.verb import Answer, Request, verb


@verb(game=True)
def portrait(request: Request, out: options.Out = None, box: options.Box = None) -> Answer:
    """Draw the phase portrait to a PNG or SVG file."""
    import figures
    from dynamics.core.errors import InputError
    from scenarios.cli import playing

    if out is None:
        raise InputError("portrait needs a file: give --out F.png or --out F.svg.")
    target = playing.check_out(out, (".png", ".svg"), "a picture")
    game = request.game()
    figure = figures.portrait(game, box=playing.box(box, game))
    figures.save(figure, target)
    result = {"file": str(target)}

    def render(console: Any) -> None:
        console.print(f"Written to {target}", markup=False)

    return Answer(result, render, game=game.name)
