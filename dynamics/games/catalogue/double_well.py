r"""Double well: one player, V = x^4/4 - x^2/2, wells at +-1 and a barrier of 1/4 at 0.

Gradient flow ``dx/dt = x - x^3``. Source: the standard potential of Kramers' escape problem (Kramers 1940).
"""

from __future__ import annotations

from dynamics.games.catalogue.options import Options
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


class Settings(Options):
    """No settings."""


def build(settings: Settings) -> Definition:
    """Return the definition."""
    x = symbol("x")
    return Definition(
        "double-well",
        (Player("player", ("x",), x**4 / 4 - x**2 / 2),),
        box={"x": (-2.0, 2.0)},
        start={"x": 0.5},
    )
