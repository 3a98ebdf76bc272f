r"""Gaussian GAN: data N(theta0, eps^2), generator N(theta, eps^2) or N(theta, scale^2), logistic discriminator.

Score ``h(x) = weight x + bias``; every loss and penalty of :mod:`dynamics.games.losses` and
:mod:`dynamics.games.penalties`, with ``|dh/dx| = |weight|``. Instance noise adds its variance to both sides. An
equilibrium is ``theta = theta0, weight = 0``; a linear score cannot see the scale, so a learned scale is free there.
Source: the location family of Mescheder et al. 2018 with a Gaussian in place of the point.
"""

from __future__ import annotations

import sympy as sp

from dynamics.games.catalogue.options import Positive
from dynamics.games.catalogue.scores import GanOptions, gan_losses
from dynamics.games.definition import Definition, Player
from dynamics.games.expectations import NORMAL
from dynamics.games.expressions import symbol


class Settings(GanOptions):
    """Settings of a GAN; ``theta0`` and ``eps`` of the data; ``scale=true`` lets the generator learn its own."""

    theta0: float = 0.0
    eps: Positive = 1.0
    scale: bool = False


def build(settings: Settings) -> Definition:
    """Return the definition."""
    theta, theta0, eps, weight, bias = map(symbol, ("theta", "theta0", "eps", "weight", "bias"))
    own = symbol("scale") if settings.scale else eps
    noisy = settings.instance_noise > 0

    def spread(deviation: sp.Expr) -> sp.Expr:
        # The sum of independent normals is one normal, so one variable serves sample and instance noise.
        total = sp.sqrt(deviation**2 + symbol("instance_noise") ** 2) if noisy else deviation
        return total * NORMAL

    generator, discriminator = gan_losses(
        settings,
        score=lambda x: sp.expand(weight * x) + bias,
        slope=weight,
        real=theta0 + spread(eps),
        fake=theta + spread(own),
    )
    limit = symbol("clip")
    mine = ("theta", "scale") if settings.scale else ("theta",)
    return Definition(
        "gaussian-gan",
        (Player("generator", mine, generator), Player("discriminator", ("weight", "bias"), discriminator)),
        {"theta0": settings.theta0, "eps": settings.eps, **settings.active_parameters()},
        bounds={name: (-limit, limit) for name in ("weight", "bias")} if settings.clip is not None else {},
        box={
            "theta": (settings.theta0 - 3.0, settings.theta0 + 3.0),
            **({"scale": (0.1, 3.0)} if settings.scale else {}),
        },
        start={"theta": settings.theta0 + 1.0, "weight": 0.5, "bias": 0.0},
    )
