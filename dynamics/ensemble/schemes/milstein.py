"""The Milstein scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.ensemble.increments import Draws
from dynamics.ensemble.schemes.base import Equation, Scheme, kind_of
from dynamics.ensemble.sde import SDE


@dataclass(frozen=True)
class Milstein(Scheme):
    """Milstein for commutative noise: ``y + a h + B dW + 1/2 sum_jk L^j b_k (dW_j dW_k - h delta_jk)``.

    ``L^j b_k = (db_k/dy) b_j`` with the columns b_j of B, exact derivatives. Diagonal noise whose strength in a
    coordinate depends on that coordinate alone is commutative, and so is noise of one component. Strong and weak order
    1. Source: Milstein 1974; Kloeden and Platen 1992, equations 10.3.13 and 10.3.16.
    """

    name: ClassVar[str] = "milstein"

    def refusal(self, sde: SDE) -> str:
        """Ask for commutative noise."""
        if not sde.symbolic and not sde.additive:
            return "The scheme milstein needs the formulas of the noise: take euler-maruyama."
        if sde.commutative:
            return ""
        return (
            f"The scheme milstein needs commutative noise, got {kind_of(sde)} (L^j b_k and L^k b_j differ): take "
            "euler-maruyama or weak-order-2."
        )

    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return the orders."""
        return 1.0, 1.0

    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return the state after one step."""
        dw = draws.dW
        after = y + equation.h * equation.drift(y) + equation.noise(y, dw)
        for j in range(equation.sde.noise_dim):
            own = dw[..., j : j + 1]
            after = after + 0.5 * (own * own - equation.h) * equation.level(y, j, j)
            for k in range(j):
                after = after + own * dw[..., k : k + 1] * equation.level(y, j, k)
        return after
