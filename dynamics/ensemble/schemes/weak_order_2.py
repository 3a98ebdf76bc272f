"""A derivative-free scheme of weak order 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.core.errors import InputError
from dynamics.ensemble.increments import Draws, Gaussian, Increments, ThreePoint
from dynamics.ensemble.schemes.base import Equation, Scheme
from dynamics.ensemble.sde import SDE


@dataclass(frozen=True)
class WeakOrder2(Scheme):
    """Platen's explicit scheme of weak order 2 for any noise, three-point increments by default.

    With ``b_j`` the columns of B, ``c = y + a h``, ``R_j = c +- b_j sqrt h``, ``U_j = y +- b_j sqrt h``, the increments
    ``w_j`` and signs ``V_jk`` (``V_jj = -h``, ``V_jk = -V_kj = +-h``)::

        y + h (a(c + sum_j b_j w_j) + a) / 2
          + sum_j [(b_j(R_j+) + b_j(R_j-) + 2 b_j) w_j + (b_j(R_j+) - b_j(R_j-)) (w_j^2 - h) / sqrt h] / 4 + sum_j
          sum_(k != j) [(b_j(U_k+) + b_j(U_k-) - 2 b_j) w_j + (b_j(U_k+) - b_j(U_k-)) (w_j w_k + V_kj) / sqrt h] / 4

    Time counts as a coordinate, so that R is taken at the end of the step and U at its beginning. Source: Kloeden and
    Platen 1992, equation 15.1.3.

    Parameters
    ----------
    increments_of : str
        ``three-point``, or ``gaussian`` (without a strong order beyond that of Euler-Maruyama), for noise with one
        component or none that depends on the state.
    """

    name: ClassVar[str] = "weak-order-2"
    pathwise: ClassVar[bool] = False

    increments_of: str = "three-point"

    def __post_init__(self) -> None:
        if self.increments_of not in ("three-point", "gaussian"):
            raise InputError(f"weak-order-2 takes three-point or gaussian increments, got {self.increments_of!r}.")

    def refusal(self, sde: SDE) -> str:
        """Ask for signs where they are needed."""
        if self.increments_of == "gaussian" and _needs_pairs(sde):
            return (
                "weak-order-2 with noise of several components that depends on the state needs three-point increments."
            )
        return ""

    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return the orders."""
        return None, 2.0

    def increments(self, sde: SDE) -> Increments:
        """Return the kind of increments chosen, with signs where they are needed."""
        if self.increments_of == "gaussian":
            return Gaussian(sde.noise_dim)
        return ThreePoint(sde.noise_dim, pairs=_needs_pairs(sde))

    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return the state after one step."""
        h, root, w = equation.h, equation.root_h, draws.dW
        a = equation.drift(y)
        after_drift = y + h * a
        end = equation.drift(after_drift + equation.noise(y, w), 1.0)
        after = y + 0.5 * h * (a + end)
        if equation.sde.additive:
            return after + 0.5 * (equation.noise(y, w) + equation.noise(y, w, 1.0))
        count = equation.sde.noise_dim
        columns = [equation.column(y, j) for j in range(count)]
        for j in range(count):
            b, own = columns[j], w[..., j : j + 1]
            up, down = (equation.column(after_drift + sign * root * b, j, 1.0) for sign in (1.0, -1.0))
            after = after + 0.25 * ((up + down + 2.0 * b) * own + (up - down) * (own * own - h) / root)
            for k in range(count):
                if k == j:
                    continue
                up, down = (equation.column(y + sign * root * columns[k], j) for sign in (1.0, -1.0))
                area = own * w[..., k : k + 1] + h * _sign(draws.signs, k, j)
                after = after + 0.25 * ((up + down - 2.0 * b) * own + (up - down) * area / root)
        return after


def _needs_pairs(sde: SDE) -> bool:
    return sde.noise_dim > 1 and not sde.additive


def _sign(signs: Any, k: int, j: int) -> Any:
    """Return ``V_kj / h``, which changes its sign with the order of the pair."""
    low, high = min(j, k), max(j, k)
    place = high * (high - 1) // 2 + low
    drawn = signs[..., place : place + 1]
    return drawn if k > j else -drawn
