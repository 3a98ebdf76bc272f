"""Gaussian closure of a noisy game: how far a nonlinear field is from the linear theory of its noise.

With Y taken to be normal, mean m and covariance S of ``dY = v(Y) dt + g(t) B dW`` obey::

    m' = E v(Y),   S' = E J(Y) S + S E J(Y)^T + g^2 B B^T

since ``E v(Y) (Y - m)^T = E J(Y) S`` for normal Y (Stein 1981, lemma 1). For a field with cubic terms this is exact to
the first power of S in the departure from the linear theory; what it leaves out is of the second.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.ensemble import SDE

#: Gauss-Hermite points in each direction: exact up to degree 11 of the field.
_POINTS = 6


def closed_moments(
    sde: SDE, times: ArrayLike, mean: ArrayLike, covariance: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and covariance of the closure at ascending times, shapes (time, dim) and (time, dim, dim).

    Parameters
    ----------
    sde : SDE
        Additive white noise.
    times : array_like, shape (time,)
        From 0 on.
    mean, covariance : array_like, shapes (dim,) and (dim, dim)
        At the start.
    """
    from scipy.integrate import solve_ivp

    n = sde.dim
    x, w = np.polynomial.hermite_e.hermegauss(_POINTS)
    nodes = np.array(list(itertools.product(x, repeat=n)))
    weights = np.array([np.prod(p) for p in itertools.product(w / w.sum(), repeat=n)])
    matrix = sde.diffusion_at(np.zeros(n), g=1.0)

    def rate(t: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        m, s = state[:n], state[n:].reshape(n, n)
        values, vectors = np.linalg.eigh((s + s.T) / 2)
        states = m + nodes @ (vectors * np.sqrt(np.clip(values, 0.0, None))).T
        slope = np.einsum("q,qij->ij", weights, sde.motion.jacobian(states)) @ s
        spread = slope + slope.T + sde.noise.factor(t) ** 2 * matrix @ matrix.T
        return np.concatenate([weights @ sde.motion(states), spread.ravel()])

    moments = np.atleast_1d(np.asarray(times, dtype=np.float64))
    start = np.concatenate([np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64).ravel()])
    edges = [0.0, *(t for t in jumps_of(sde) if t < moments[-1]), moments[-1]]
    found, state = np.empty((len(moments), len(start))), start
    for low, high in itertools.pairwise(edges):
        inside = (moments >= low) & (moments <= high)
        path = solve_ivp(rate, (low, high), state, method="DOP853", rtol=1e-7, atol=1e-12, dense_output=True)
        assert path.sol is not None
        found[inside], state = path.sol(moments[inside]).T, path.y[:, -1]
    return found[:, :n], found[:, n:].reshape(-1, n, n)


def jumps_of(sde: SDE) -> tuple[float, ...]:
    """Return the times at which the strength of the noise jumps."""
    schedule = sde.noise.schedule
    return () if schedule is None else schedule.jumps  # pyright: ignore[reportAttributeAccessIssue]
