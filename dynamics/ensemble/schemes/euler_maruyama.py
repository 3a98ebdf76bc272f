"""The Euler-Maruyama scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.core.errors import unknown
from dynamics.ensemble.increments import KINDS, Draws, Increments
from dynamics.ensemble.schemes.base import Equation, Scheme
from dynamics.ensemble.sde import SDE


@dataclass(frozen=True)
class EulerMaruyama(Scheme):
    """Euler-Maruyama: ``y + a h + B dW``.

    Strong order 1/2, and 1 for additive noise; weak order 1. Clipped coordinates are projected after each step. Source:
    Maruyama 1955; Kloeden and Platen 1992, theorems 10.2.2 and 14.1.5.

    Parameters
    ----------
    increments_of : str
        ``gaussian``, or ``two-point`` or ``three-point`` increments, which have no strong order and the same weak one.
    """

    name: ClassVar[str] = "euler-maruyama"
    clipped: ClassVar[bool] = True

    increments_of: str = "gaussian"

    def __post_init__(self) -> None:
        if self.increments_of not in KINDS:
            raise unknown("kind of increments", self.increments_of, KINDS)

    @property
    def pathwise(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether increments are those of a Brownian path: between others there is no Brownian bridge."""
        return self.increments_of == "gaussian"

    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return the orders."""
        strong = None if self.increments_of != "gaussian" else 1.0 if sde.additive else 0.5
        return strong, 1.0

    def increments(self, sde: SDE) -> Increments:
        """Return the kind of increments chosen."""
        return KINDS[self.increments_of](sde.noise_dim)

    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return the state after one step."""
        return equation.project(y + equation.h * equation.drift(y) + equation.noise(y, draws.dW))
