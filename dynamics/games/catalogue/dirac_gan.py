r"""Dirac-GAN: real point 0, generated point theta, discriminator h(x) = psi x (+ bias).

``loss_D = -f(h(0)) - f(-h(theta))`` with ``f(t) = -log(1 + e^-t)`` for the cross-entropy losses, the other rows of
:mod:`dynamics.games.losses` likewise; penalties enter the discriminator's loss only, with ``|dh/dx| = |psi|``.
Instance noise replaces the points 0 and theta by ``N(0, sigma^2)`` and ``N(theta, sigma^2)``. A clip projects psi
(and the bias) onto ``[-clip, clip]`` after every discriminator update. Equilibrium ``theta = psi = 0``; minimax
eigenvalues ``+-i/2``. The score is high on *real*, so ``psi`` is minus that of Mescheder's notebook.
Source: Mescheder, Geiger and Nowozin 2018.
"""

from __future__ import annotations

import sympy as sp

from dynamics.games.catalogue.scores import GanOptions, gan_losses
from dynamics.games.definition import Definition, Player
from dynamics.games.expectations import NORMAL
from dynamics.games.expressions import symbol


class Settings(GanOptions):
    """Settings of a GAN, and whether the discriminator has a ``bias``."""

    bias: bool = False


def build(settings: Settings) -> Definition:
    """Return the definition."""
    theta, psi = symbol("theta"), symbol("psi")
    offset = symbol("bias") if settings.bias else sp.S.Zero
    noise = symbol("instance_noise") * NORMAL if settings.instance_noise > 0 else sp.S.Zero
    generator, discriminator = gan_losses(
        settings, score=lambda x: sp.expand(psi * x) + offset, slope=psi, real=noise, fake=theta + noise
    )
    adversary = ("psi", "bias") if settings.bias else ("psi",)
    limit = symbol("clip")
    return Definition(
        "dirac-gan",
        (Player("generator", ("theta",), generator), Player("discriminator", adversary, discriminator)),
        settings.active_parameters(),
        bounds={name: (-limit, limit) for name in adversary} if settings.clip is not None else {},
        start={"theta": 1.0, "psi": 1.0, **({"bias": 0.0} if settings.bias else {})},
    )
