"""Exact moments of schemes on linear equations: weak errors without sampling.

On an equation that is linear in the state a step of a scheme is ``y' = M(xi) y + c(xi)``, affine in the state for every
value of its random numbers. With ``z = (y, 1)`` this is ``z' = K(xi) z``, and means and second moments follow::

    E z_(k+1) = E[K] E z_k,     E z_(k+1) z_(k+1)^T = E[K S_k K^T],   S_k = E z_k z_k^T

The expectations over xi are Gauss-Hermite sums, exact because schemes are polynomials in their increments; two- and
three-point increments are sums over their values.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble.increments import GaussianIntegral, ThreePoint, TwoPoint
from dynamics.ensemble.readable import ArrayEquation
from dynamics.ensemble.schemes.base import Scheme
from dynamics.ensemble.sde import SDE

#: Gauss-Hermite points in each direction: exact up to degree 7, beyond the square of a scheme quadratic in increments.
_POINTS = 4
#: Most combinations of values of the increments.
_MOST = 200_000


@dataclass(frozen=True)
class SchemeMoments:
    """Exact moments of a scheme along its steps.

    Attributes
    ----------
    times : ndarray, shape (steps + 1,)
    mean : ndarray, shape (steps + 1, dim)
    second : ndarray, shape (steps + 1, dim, dim)
        ``E y y^T``.
    """

    times: NDArray[np.float64]
    mean: NDArray[np.float64]
    second: NDArray[np.float64]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """``E y y^T - E y E y^T``, shape (steps + 1, dim, dim)."""
        return self.second - self.mean[:, :, None] * self.mean[:, None, :]


def scheme_moments(
    sde: SDE, scheme: Scheme, dt: float, steps: int, mean: ArrayLike, covariance: ArrayLike | None = None
) -> SchemeMoments:
    """Return the exact mean and second moments of a scheme on a linear equation.

    Parameters
    ----------
    sde : SDE
        Its drift and its noise must be affine in the state: checked at random states.
    scheme : Scheme
    dt : float
    steps : int
    mean : array_like, shape (dim,)
        At the start.
    covariance : array_like, shape (dim, dim), optional
        At the start; zero by default.

    Raises
    ------
    InputError
        If a step is not affine in the state.
    """
    scheme.check(sde)
    start = np.asarray(mean, dtype=np.float64)
    spread = np.zeros((sde.dim, sde.dim)) if covariance is None else np.asarray(covariance, dtype=np.float64)
    extended = scheme.start(start[None], sde)[0]
    size = len(extended)
    m, s = np.append(extended, 1.0), np.zeros((size + 1, size + 1))
    s[: sde.dim, : sde.dim] = spread
    s += np.outer(m, m)
    if size > sde.dim and spread.any():
        raise InputError("A method with memory starts at a point here: leave the covariance out.")
    values, weights = _values(scheme.increments(sde), dt)
    means, seconds = [m], [s]
    expected = maps = None
    varies = sde.noise.schedule is not None or scheme.columns(sde, dt, 0, 1).shape[1] > 0
    for k in range(steps):
        if maps is None or varies:
            maps = _maps(sde, scheme, dt, k, values, size)
            expected = np.einsum("q,qij->ij", weights, maps)
        m = expected @ m
        s = np.einsum("q,qij,jk,qlk->il", weights, maps, s, maps, optimize=True)
        means.append(m)
        seconds.append(s)
    n = sde.dim
    return SchemeMoments(
        np.asarray(dt * np.arange(steps + 1), dtype=np.float64), np.array(means)[:, :n], np.array(seconds)[:, :n, :n]
    )


def _maps(sde: SDE, scheme: Scheme, dt: float, k: int, values: Any, size: int) -> NDArray[np.float64]:
    """Return the matrices K of step k at each value of the increments, shape (values, size + 1, size + 1)."""
    strengths, columns = sde.strengths(1, dt, k)[0], scheme.columns(sde, dt, k, 1)[0]
    equation = ArrayEquation(sde, dt, k * dt, strengths, scheme.constants(sde, dt), columns)
    increments = scheme.increments(sde)

    def step(state: NDArray[np.float64]) -> NDArray[np.float64]:
        states = np.broadcast_to(state, (len(values), size))
        return np.asarray(scheme.step(states, equation, increments.split(values)))

    zero = step(np.zeros(size))
    matrices = np.zeros((len(values), size + 1, size + 1))
    for j, unit in enumerate(np.eye(size)):
        matrices[:, :size, j] = step(unit) - zero
    matrices[:, :size, size], matrices[:, size, size] = zero, 1.0
    probe = np.random.default_rng(0).uniform(-1, 1, size)
    told, seen = matrices[:, :size] @ np.append(probe, 1.0), step(probe)
    if not np.allclose(told, seen, rtol=1e-10, atol=1e-10 * (1 + np.abs(matrices).max())):
        raise InputError("A step of this scheme is not affine in the state here: exact moments need a linear equation.")
    return matrices


def _values(increments: Any, dt: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values of all increments of a step and their probabilities (or quadrature weights)."""
    rows, m = increments.rows, increments.size
    if isinstance(increments, TwoPoint):
        rules = [(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))] * rows
    elif isinstance(increments, ThreePoint):
        three = (np.array([-1.0, 0.0, 1.0]) * np.sqrt(3), np.array([1, 4, 1]) / 6)
        rules = [three] * m + [(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))] * (rows - m)
    else:
        x, w = np.polynomial.hermite_e.hermegauss(_POINTS)
        rules = [(x, w / w.sum())] * rows
    if np.prod([len(rule[0]) for rule in rules]) > _MOST:
        raise InputError(f"{rows} increments take too many combinations: exact moments suit few components of noise.")
    grid = np.array(list(itertools.product(*(rule[0] for rule in rules)))).reshape(-1, rows)
    weights = np.array([float(np.prod(p)) for p in itertools.product(*(rule[1] for rule in rules))])
    values = grid * np.sqrt(dt)
    if isinstance(increments, GaussianIntegral):
        values[:, m:] = 0.5 * dt**1.5 * (grid[:, :m] + grid[:, m:] / np.sqrt(3))
    if isinstance(increments, ThreePoint):
        values[:, m:] = grid[:, m:]
    return values, weights
