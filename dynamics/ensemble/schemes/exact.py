"""Sampling from the exact transition law of a linear equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dynamics.ensemble.increments import Draws, Increments, Independent
from dynamics.ensemble.linear import LinearSDE, noise_covariances, propagate, roots
from dynamics.ensemble.schemes.base import Equation, Scheme, kind_of
from dynamics.ensemble.sde import SDE


@dataclass(frozen=True)
class Exact(Scheme):
    """Exact sampling of ``dY = (A Y + c) dt + g(t) B dW``: ``E y + d + R xi`` with ``E = exp(A h)``.

    ``d`` is the integral of ``exp(A s) c`` over a step and ``R R^T`` that of ``g^2 exp(A s) B B^T exp(A s)^T``. Steps
    of any length give the law at their ends without error. Source: Gillespie 1996 (one coordinate); Van Loan 1978.
    """

    name: ClassVar[str] = "exact"
    pathwise: ClassVar[bool] = False

    def refusal(self, sde: SDE) -> str:
        """Ask for a linear game and additive noise."""
        if not sde.affine:
            return (
                f"The scheme exact needs a drift that is linear in the state, which that of "
                f"{getattr(sde.motion, 'name', 'this field')} is not: take stochastic-runge-kutta or euler-maruyama."
            )
        if not sde.additive:
            return f"The scheme exact needs additive noise, got {kind_of(sde)}: take milstein or weak-order-2."
        return ""

    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return infinity for the law; paths of W are not followed."""
        return None, np.inf

    def increments(self, sde: SDE) -> Increments:
        """Return one normal number for each coordinate."""
        return Independent(sde.dim)

    def constants(self, sde: SDE, dt: float) -> NDArray[np.float64]:
        """Return E, d and, without a schedule, R."""
        linear = LinearSDE.of(sde)
        propagator, shift = propagate(linear, dt)
        parts = [propagator.ravel(), shift]
        if sde.noise.schedule is None:
            parts.append(roots(noise_covariances(linear, dt, [0.0])[0]).ravel())
        return np.concatenate(parts)

    def columns(self, sde: SDE, dt: float, first: int, steps: int) -> NDArray[np.float64]:
        """Return R of each step under a schedule."""
        if sde.noise.schedule is None:
            return np.empty((steps, 0))
        starts = dt * np.arange(first, first + steps)
        return roots(noise_covariances(LinearSDE.of(sde), dt, starts)).reshape(steps, -1)

    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return the state after one step."""
        n = equation.sde.dim
        numbers, roots = equation.constants, equation.columns
        if equation.sde.noise.schedule is None:
            roots = numbers[..., n * n + n :]
        xi = draws.dW / equation.root_h
        after = numbers[..., n * n : n * n + n]
        for j in range(n):
            after = after + numbers[..., slice(j, n * n, n)] * y[..., j : j + 1]
            after = after + roots[..., slice(j, n * n, n)] * xi[..., j : j + 1]
        return after
