r"""Matching pennies under the replicator: each player's gradient in the metric p (1 - p) of its mixed strategy.

``V = (2x - 1)(2y - 1)``, the generator (probability x of heads) minimises, the discriminator (y) maximises;
``dx/dt = -x (1 - x) dV/dx``, ``dy/dt = y (1 - y) dV/dy``. The sum of the Kullback-Leibler divergences from the Nash
point (1/2, 1/2) is conserved. Source: Mertikopoulos, Papadimitriou and Piliouras 2018.
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
    value = (2 * x - 1) * (2 * y - 1)
    return Definition(
        "matching-pennies",
        (
            Player("generator", ("x",), value, metric=(x * (1 - x),)),
            Player("discriminator", ("y",), -value, metric=(y * (1 - y),)),
        ),
        box={"x": (0.0, 1.0), "y": (0.0, 1.0)},
        start={"x": 0.7, "y": 0.5},
    )
