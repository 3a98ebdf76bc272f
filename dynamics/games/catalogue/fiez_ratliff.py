r"""Quadratic zero-sum game whose local minimax point attracts only beyond the time scale tau* = 2.

``f = z^T M z / 2`` with ``z = (x1, x2, y1, y2)``, ``M = v [[-1, 0, -1, 0], [0, 1/2, 0, 1/2], [-1, 0, -1/2, 0],
[0, 1/2, 0, -1]]``, min over x, max over y, v > 0. The pair (x1, y1) has trace ``v (1 - tau/2)``, hence tau* = 2.
Source: Fiez and Ratliff 2020, the introductory quadratic example.
"""

from __future__ import annotations

from dynamics.games.catalogue.options import Options, Positive
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


class Settings(Options):
    """Overall factor ``v`` of the losses."""

    v: Positive = 1.0


def build(settings: Settings) -> Definition:
    """Return the definition."""
    x1, x2, y1, y2, v = map(symbol, ("x1", "x2", "y1", "y2", "v"))
    value = v * (-(x1**2) / 2 - x1 * y1 - y1**2 / 4 + x2**2 / 4 + x2 * y2 / 2 - y2**2 / 2)
    return Definition(
        "fiez-ratliff",
        (Player("generator", ("x1", "x2"), value), Player("discriminator", ("y1", "y2"), -value)),
        {"v": settings.v},
    )
