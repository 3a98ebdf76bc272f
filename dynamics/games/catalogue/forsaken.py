r"""Forsaken game: an attracting point surrounded by an unstable and a stable limit cycle.

``f = x (y - shift) + phi(x) - phi(y)``, ``phi(z) = z^2/4 - z^4/2 + z^6/6``, min over x, max over y, shift 0.45.
Source: Hsieh, Mertikopoulos and Cevher 2021.
"""

from __future__ import annotations

import sympy as sp

from dynamics.games.catalogue.options import Options
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


class Settings(Options):
    """``shift`` of the bilinear part."""

    shift: float = 0.45


def _phi(z: sp.Expr) -> sp.Expr:
    return z**2 / 4 - z**4 / 2 + z**6 / 6


def build(settings: Settings) -> Definition:
    """Return the definition."""
    x, y, shift = map(symbol, ("x", "y", "shift"))
    value = x * (y - shift) + _phi(x) - _phi(y)
    return Definition(
        "forsaken",
        (Player("generator", ("x",), value), Player("discriminator", ("y",), -value)),
        {"shift": settings.shift},
        box={"x": (-1.8, 1.8), "y": (-1.8, 1.8)},
        start={"x": 0.5, "y": 0.5},
    )
