r"""LQ-WGAN: linear generator a z, quadratic discriminator w x^2, data and latents uniform on [-1, 1].

``V = w (E x^2 - a^2 E z^2) = w (1 - a^2) / 3``, the generator minimises, the discriminator maximises. Equilibria
``a = +-1, w = 0`` with eigenvalues ``+-2i/3``: the undamped Wasserstein game cycles around them.
Source: Nagarajan and Kolter 2017, section on the WGAN's non-convergence.
"""

from __future__ import annotations

from dynamics.games.catalogue.options import Options
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


class Settings(Options):
    """No settings."""


def build(settings: Settings) -> Definition:
    """Return the definition."""
    a, w = symbol("a"), symbol("w")
    value = w * (1 - a**2) / 3
    return Definition(
        "lq-wgan",
        (Player("generator", ("a",), value), Player("discriminator", ("w",), -value)),
        box={"a": (-2.0, 2.0), "w": (-1.5, 1.5)},
        start={"a": 1.5, "w": 0.0},
    )
