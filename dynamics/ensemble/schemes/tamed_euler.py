"""The tamed Euler scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.ensemble.increments import Draws
from dynamics.ensemble.schemes.base import Equation, Scheme
from dynamics.ensemble.sde import SDE
from dynamics.methods.arithmetic import namespace


@dataclass(frozen=True)
class TamedEuler(Scheme):
    """Tamed Euler: ``y + h a / (1 + h |a|) + B dW``, for drifts that grow faster than linearly.

    Euler-Maruyama diverges in mean there, however small the step; the tamed drift moves by less than 1 in a step.
    Strong order 1/2, and 1 for additive noise; weak order 1. Source: Hutzenthaler, Jentzen and Kloeden 2012, equation
    4.
    """

    name: ClassVar[str] = "tamed-euler"
    clipped: ClassVar[bool] = True

    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return the orders."""
        return (1.0 if sde.additive else 0.5), 1.0

    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return the state after one step."""
        a, use = equation.drift(y), namespace(y)
        size = use.sqrt(use.dot(a, a))
        moved = equation.h * a / (1.0 + equation.h * size)
        return equation.project(y + moved + equation.noise(y, draws.dW))
