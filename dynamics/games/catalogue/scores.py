"""What the GAN games of the catalogue share: losses over noisy samples, penalties and their settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import sympy as sp

from dynamics.games.catalogue.options import NonNegative, Options, Positive
from dynamics.games.expectations import gaussian_expectation
from dynamics.games.expressions import symbol
from dynamics.games.losses import Loss
from dynamics.games.penalties import Penalty
from dynamics.games.primitives import SymbolicOperations, absolute

LossName = Literal["minimax", "non-saturating", "wasserstein", "least-squares", "hinge"]
PenaltyName = Literal["none", "r1", "r2", "wgan-gp", "roth"]


class GanOptions(Options):
    """Loss, penalty, labels and instance noise of a GAN with a scalar score."""

    loss: LossName = "minimax"
    penalty: PenaltyName = "none"
    gamma: NonNegative = 1.0
    target: NonNegative = 1.0
    instance_noise: NonNegative = 0.0
    a: float = 0.0
    b: float = 1.0
    c: float = 1.0
    clip: Positive | None = None

    def without_effect(self) -> set[str]:
        """Labels without least squares, penalty weights without the penalty."""
        idle: set[str] = set()
        if self.loss != "least-squares":
            idle |= {"a", "b", "c"}
        if self.penalty == "none":
            idle.add("gamma")
        if self.penalty != "wgan-gp":
            idle.add("target")
        return idle

    def active_parameters(self) -> dict[str, float]:
        """Return the numeric parameters that occur in the losses."""
        names = [name for name in ("gamma", "target", "a", "b", "c") if name not in self.without_effect()]
        names += ["instance_noise"] if self.instance_noise > 0 else []
        names += ["clip"] if self.clip is not None else []
        return {name: float(getattr(self, name)) for name in names}


def gan_losses(
    options: GanOptions,
    score: Callable[[sp.Expr], sp.Expr],
    slope: sp.Expr,
    real: sp.Expr,
    fake: sp.Expr,
) -> tuple[sp.Expr, sp.Expr]:
    """Return the losses of generator and discriminator of a one-dimensional GAN with a score affine in its sample.

    Parameters
    ----------
    options : GanOptions
    score : callable
        ``h(x)`` as an expression, for a sample expression.
    slope : sympy expression
        ``dh/dx`` (the same everywhere for an affine score).
    real, fake : sympy expressions
        Samples, affine in the standard normal :data:`~dynamics.games.expectations.NORMAL` where they are random.

    Returns
    -------
    (generator, discriminator) : losses with expectations taken
    """
    loss = Loss(options.loss, SymbolicOperations, *map(symbol, "abc"))
    penalty = Penalty(options.penalty, SymbolicOperations, symbol("gamma"), symbol("target"))
    h_real, h_fake = score(real), score(fake)
    discriminator = gaussian_expectation(loss.real(h_real)) + gaussian_expectation(loss.fake(h_fake))
    generator = gaussian_expectation(loss.generator_fake(h_fake))
    shared = loss.generator_real(h_real)
    if shared is not None:
        generator += gaussian_expectation(shared)
    terms = (penalty.real(h_real, slope**2), penalty.fake(h_fake, slope**2), penalty.between(absolute(slope)))
    discriminator += sum(gaussian_expectation(term) for term in terms if term is not None)
    return generator, discriminator
