r"""Almost bilinear game: V = x y + eps (y^2/2 - y^4/4), with a limit cycle near radius sqrt(4/3).

Min over x, max over y: ``dx/dt = -y``, ``dy/dt = x + eps (y - y^3)``; averaging gives
``dr/dt = eps r (1/2 - 3 r^2/8)``, hence the radius for small eps. Source: Hsieh, Mertikopoulos and Cevher 2021.
"""

from __future__ import annotations

from dynamics.games.catalogue.options import Options
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


class Settings(Options):
    """Strength ``eps`` of the perturbation."""

    eps: float = 0.1


def build(settings: Settings) -> Definition:
    """Return the definition."""
    x, y, eps = map(symbol, ("x", "y", "eps"))
    value = x * y + eps * (y**2 / 2 - y**4 / 4)
    return Definition(
        "almost-bilinear",
        (Player("generator", ("x",), value), Player("discriminator", ("y",), -value)),
        {"eps": settings.eps},
        box={"x": (-2.0, 2.0), "y": (-2.0, 2.0)},
        start={"x": 0.5, "y": 0.5},
    )
