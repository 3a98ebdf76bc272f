r"""Strict saddle: one player, V = x^2/2 - y^2/2 + y^4/4, a saddle at the origin between wells at y = +-1.

Gradient flow ``dx/dt = -x``, ``dy/dt = y - y^3``; the x-axis is the stable manifold of the saddle. Source: the
normal form of a strict saddle (Lee et al. 2016), bounded by the quartic term.
"""

from __future__ import annotations

from dynamics.games.catalogue.options import Options
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


class Settings(Options):
    """No settings."""


def build(settings: Settings) -> Definition:
    """Return the definition."""
    x, y = symbol("x"), symbol("y")
    value = x**2 / 2 - y**2 / 2 + y**4 / 4
    return Definition(
        "strict-saddle",
        (Player("player", ("x", "y"), value),),
        box={"x": (-2.0, 2.0), "y": (-2.0, 2.0)},
        start={"x": 1.0, "y": 0.05},
    )
