"""A stochastic Runge-Kutta scheme of strong order 1.5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.ensemble.increments import Draws, GaussianIntegral, Increments
from dynamics.ensemble.schemes.base import Equation, Scheme, kind_of
from dynamics.ensemble.sde import SDE


@dataclass(frozen=True)
class StochasticRungeKutta(Scheme):
    """Stochastic Runge-Kutta SRA1 of strong order 1.5 for additive noise.

    With ``dZ`` the integral of W over the step::

        k1 = a(y),   k2 = a(y + 3/4 h k1 + 3/2 B(t + h) dZ / h)
        y + h (k1 + 2 k2) / 3 + B(t + h) dW + (B(t) - B(t + h)) dZ / h

    Weak order 2. Source: Roessler 2010, "Runge-Kutta methods for the strong approximation of
    solutions of stochastic differential equations", table 6.3.
    """

    name: ClassVar[str] = "stochastic-runge-kutta"

    def refusal(self, sde: SDE) -> str:
        """Ask for additive noise."""
        if sde.additive:
            return ""
        return (
            f"The scheme stochastic-runge-kutta needs additive noise, got {kind_of(sde)} that depends on the state: "
            "take milstein, weak-order-2 or euler-maruyama."
        )

    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return the orders."""
        return 1.5, 2.0

    def increments(self, sde: SDE) -> Increments:
        """Return pairs of increments and their integrals."""
        return GaussianIntegral(sde.noise_dim)

    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return the state after one step."""
        h = equation.h
        mean = draws.dZ / h
        late = equation.noise(y, mean, 1.0)
        k1 = equation.drift(y)
        k2 = equation.drift(y + 0.75 * h * k1 + 1.5 * late)
        after = y + h * (k1 + 2.0 * k2) / 3.0 + equation.noise(y, draws.dW, 1.0)
        return after + (equation.noise(y, mean) - late)
