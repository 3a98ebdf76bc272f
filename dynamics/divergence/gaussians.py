"""Closed forms between Gaussian distributions.

``p`` is the first distribution and ``q`` the second; scalars may be arrays, which broadcast. Divergences are in nats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_solve, cholesky, eigh, solve_triangular
from scipy.special import erf

from dynamics.core.errors import InputError
from dynamics.divergence.integrands import excess

Array = NDArray[np.float64]


def kl(mean_p: ArrayLike, std_p: ArrayLike, mean_q: ArrayLike, std_q: ArrayLike) -> Array:
    """Return ``KL(N(mean_p, std_p^2) || N(mean_q, std_q^2))``.

    ``log(std_q/std_p) + (std_p^2 + (mean_p - mean_q)^2) / (2 std_q^2) - 1/2``; for equal deviations
    ``(mean_p - mean_q)^2 / (2 std^2)``.

    Parameters
    ----------
    mean_p, std_p, mean_q, std_q : array_like
        Broadcast against each other; deviations above 0.

    Returns
    -------
    ndarray
        Of the broadcast shape.

    Raises
    ------
    InputError
        For deviations that are not positive, NaN or infinity.
    """
    mean_p, std_p, mean_q, std_q = _checked(mean_p, std_p, mean_q, std_q)
    # With u = 2 log(std_p/std_q): (e^u - 1 - u) / 2, which keeps its digits for nearly equal deviations. log1p of the
    # exact difference does so for u itself.
    ratio = 2 * np.log1p((std_p - std_q) / std_q)
    return (excess(ratio) + ((mean_p - mean_q) / std_q) ** 2) / 2


def wasserstein1(mean_p: ArrayLike, std_p: ArrayLike, mean_q: ArrayLike, std_q: ArrayLike) -> Array:
    """Return the Wasserstein-1 distance of two one-dimensional Gaussians; arguments as in :func:`kl`.

    The monotone coupling is optimal, so it is ``E abs(m + s Z)`` with ``m = mean_p - mean_q`` and
    ``s = std_p - std_q``, the mean of a folded normal: ``s sqrt(2/pi) exp(-m^2/(2 s^2)) + m erf(m/(s sqrt 2))``. For
    equal deviations it is ``abs(m)``, of slope 1 at any separation. Deviations may be 0 (a point mass).
    """
    mean_p, std_p, mean_q, std_q = _checked(mean_p, std_p, mean_q, std_q, least=0.0)
    shift, spread = np.broadcast_arrays(abs(mean_p - mean_q), abs(std_p - std_q))
    # Beyond 40 deviations both corrections are below round-off; this also covers equal deviations.
    folded = shift < 40 * spread
    score = np.divide(shift, spread, out=np.full(shift.shape, 40.0), where=folded)
    return np.where(
        folded, spread * np.sqrt(2 / np.pi) * np.exp(-(score**2) / 2) + shift * erf(score / np.sqrt(2)), shift
    )


def wasserstein2(mean_p: ArrayLike, std_p: ArrayLike, mean_q: ArrayLike, std_q: ArrayLike) -> Array:
    """Return the Wasserstein-2 distance ``sqrt((mean_p - mean_q)^2 + (std_p - std_q)^2)``; arguments as in :func:`kl`.

    Deviations may be 0 (a point mass).
    """
    mean_p, std_p, mean_q, std_q = _checked(mean_p, std_p, mean_q, std_q, least=0.0)
    return np.hypot(mean_p - mean_q, std_p - std_q)


def mahalanobis(point: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Array:
    """Return the Mahalanobis distance ``sqrt((x - mean)^T covariance^-1 (x - mean))``.

    Parameters
    ----------
    point : array_like, shape (..., dim)
    mean : array_like, shape (dim,)
    covariance : array_like, shape (dim, dim)
        Symmetric and positive definite.

    Returns
    -------
    ndarray, shape (...)
    """
    centre, root = _moments("", mean, covariance)
    gap = np.asarray(point, dtype=np.float64) - centre
    return np.linalg.norm(solve_triangular(root, gap.reshape(-1, centre.size).T, lower=True), axis=0).reshape(
        gap.shape[:-1]
    )


def kl_multivariate(mean_p: ArrayLike, covariance_p: ArrayLike, mean_q: ArrayLike, covariance_q: ArrayLike) -> float:
    """Return ``KL(N(mean_p, covariance_p) || N(mean_q, covariance_q))``.

    ``(tr(Q^-1 P) - dim + log(det Q / det P) + d^2) / 2`` with the Mahalanobis distance ``d`` of the means under ``Q``;
    for equal covariances half the squared Mahalanobis distance.

    Parameters
    ----------
    mean_p, mean_q : array_like, shape (dim,)
    covariance_p, covariance_q : array_like, shape (dim, dim)
        Symmetric and positive definite.
    """
    centre_p, root_p = _moments("_p", mean_p, covariance_p)
    centre_q, root_q = _moments("_q", mean_q, covariance_q)
    if centre_p.size != centre_q.size:
        raise InputError(f"The Gaussians have {centre_p.size} and {centre_q.size} dimensions: give the same number.")
    # The spectrum of Q^-1 P decides; summing e^u - 1 - u over its logarithms avoids the difference of trace and dim.
    whitened = solve_triangular(root_q, root_p, lower=True)
    logarithms = 2 * np.log(np.linalg.svd(whitened, compute_uv=False))
    distance = mahalanobis(centre_p, centre_q, covariance_q)
    return float((excess(logarithms).sum() + distance**2) / 2)


def frechet(mean_p: ArrayLike, covariance_p: ArrayLike, mean_q: ArrayLike, covariance_q: ArrayLike) -> float:
    """Return the Fréchet distance ``abs(mean_p - mean_q)^2 + tr(P + Q - 2 (P^(1/2) Q P^(1/2))^(1/2))``.

    This is the *squared* Wasserstein-2 distance, as the Fréchet inception distance is reported (Dowson and Landau 1982;
    Heusel et al. 2017).

    Parameters
    ----------
    mean_p, mean_q : array_like, shape (dim,)
    covariance_p, covariance_q : array_like, shape (dim, dim)
        Symmetric and positive semi-definite.
    """
    centre_p, matrix_p = _symmetric("_p", mean_p, covariance_p)
    centre_q, matrix_q = _symmetric("_q", mean_q, covariance_q)
    if centre_p.size != centre_q.size:
        raise InputError(f"The Gaussians have {centre_p.size} and {centre_q.size} dimensions: give the same number.")
    # The trace of the root is the nuclear norm of P^(1/2) Q^(1/2): no square root of a nearly singular product.
    nuclear = np.linalg.svd(_root("_p", matrix_p) @ _root("_q", matrix_q), compute_uv=False).sum()
    spread = np.trace(matrix_p) + np.trace(matrix_q) - 2 * nuclear
    return float(((centre_p - centre_q) ** 2).sum() + max(spread, 0.0))


def log_density(point: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Array:
    """Return the logarithm of a multivariate Gaussian density, shape (...); arguments as in :func:`mahalanobis`."""
    centre, root = _moments("", mean, covariance)
    normalisation = np.log(np.diag(root)).sum() + centre.size * np.log(2 * np.pi) / 2
    return -(mahalanobis(point, mean, covariance) ** 2) / 2 - normalisation


def score(point: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Array:
    """Return the gradient of :func:`log_density`, ``-covariance^-1 (x - mean)``, shape (..., dim)."""
    centre, root = _moments("", mean, covariance)
    gap = np.asarray(point, dtype=np.float64) - centre
    return -cho_solve((root, True), gap.reshape(-1, centre.size).T).T.reshape(gap.shape)


def _checked(
    mean_p: ArrayLike, std_p: ArrayLike, mean_q: ArrayLike, std_q: ArrayLike, least: float | None = None
) -> tuple[Array, Array, Array, Array]:
    values = {"mean_p": mean_p, "std_p": std_p, "mean_q": mean_q, "std_q": std_q}
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise InputError(f"{name} must be finite, got {array}: give finite numbers.")
    for name in ("std_p", "std_q"):
        if (arrays[name] <= 0).any() if least is None else (arrays[name] < least).any():
            bound = "above 0" if least is None else "of at least 0"
            raise InputError(f"{name} must be {bound}, got {arrays[name].min():g}: give a standard deviation.")
    return arrays["mean_p"], arrays["std_p"], arrays["mean_q"], arrays["std_q"]


def _symmetric(suffix: str, mean: ArrayLike, covariance: ArrayLike) -> tuple[Array, Array]:
    centre, matrix = np.atleast_1d(np.asarray(mean, dtype=np.float64)), np.asarray(covariance, dtype=np.float64)
    if centre.ndim != 1 or matrix.shape != (centre.size, centre.size):
        raise InputError(
            f"mean{suffix} and covariance{suffix} have the shapes {centre.shape} and {matrix.shape}: "
            "give (dim,) and (dim, dim)."
        )
    if not (np.isfinite(centre).all() and np.isfinite(matrix).all()):
        raise InputError(f"mean{suffix} and covariance{suffix} must be finite: give finite numbers.")
    if abs(matrix - matrix.T).max() > 1e-10 * abs(matrix).max():
        raise InputError(f"covariance{suffix} is not symmetric: give (A + A^T)/2.")
    return centre, matrix


def _moments(suffix: str, mean: ArrayLike, covariance: ArrayLike) -> tuple[Array, Array]:
    centre, matrix = _symmetric(suffix, mean, covariance)
    try:
        return centre, np.asarray(cholesky(matrix, lower=True))
    except np.linalg.LinAlgError:
        raise InputError(f"covariance{suffix} is not positive definite: give one of full rank.") from None


def _root(suffix: str, matrix: Array) -> Array:
    values, vectors = eigh(matrix)
    if values.min() < -1e-10 * max(abs(values).max(), np.finfo(float).tiny):
        raise InputError(f"covariance{suffix} has the negative eigenvalue {values.min():g}: give a covariance.")
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
