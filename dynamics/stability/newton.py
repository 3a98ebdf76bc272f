r"""Zeros of a field from many starts at once: damped Newton steps of Levenberg-Marquardt type.

In coordinates scaled by the box and rows scaled by the size of the field on it, with ``J = U S V^T``,

.. math:: \Delta u = -V \, \frac{S}{S^2 + \mu^2} \, U^T F, \qquad \mu = \min(|F|, 10^{-3} S_1) + \lambda S_1.

``mu ~ |F|`` keeps the convergence quadratic even towards zeros that are not isolated (Yamashita and Fukushima
2001), ``lambda`` is raised when a step fails to lower ``|F|``. At isolated degenerate zeros the convergence is
linear, and :func:`accelerate` extrapolates it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field

#: A residual counts as zero below this many units of its rounding noise.
NOISE_UNITS = 200.0
#: Singular values (in scaled coordinates) below this share of the largest make a zero suspect of degeneracy.
SINGULAR = 1e-6
#: Equilibria may lie this far outside the box, in box widths, to allow for rounding of those on its edge.
EDGE = 1e-9


@dataclass
class Counter:
    """Number of states at which the field and its Jacobian were evaluated."""

    evaluations: int = 0


@dataclass(frozen=True)
class ScaledField:
    """A field in box coordinates ``u = (y - low) / width``, rows divided by their typical size.

    Attributes
    ----------
    field : Field
    low, width : ndarray, shape (dim,)
        Corner and edges of the box.
    size : ndarray, shape (dim,)
        Typical magnitude of each component of the field on the box.
    counter : Counter
    """

    field: Field
    low: NDArray[np.float64]
    width: NDArray[np.float64]
    size: NDArray[np.float64]
    counter: Counter

    def states(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the states ``y`` of box coordinates, shape (..., dim); rounding of the shift counts as zero."""
        y = self.low + self.width * u
        return np.where(np.abs(y) < 4 * np.finfo(float).eps * self.width, 0.0, y)

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scaled field, shape (..., dim); components that overflow are infinite or NaN."""
        self.counter.evaluations += int(np.prod(u.shape[:-1]))
        with np.errstate(all="ignore"):
            return np.asarray(self.field(self.states(u))) / self.size

    def jacobian(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``d(scaled field)/du``, shape (..., dim, dim), with non-finite entries set to zero."""
        self.counter.evaluations += int(np.prod(u.shape[:-1]))
        with np.errstate(all="ignore"):
            matrix = np.asarray(self.field.jacobian(self.states(u))) * self.width / self.size[:, None]
        return np.where(np.isfinite(matrix), matrix, 0.0)

    def noise(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rounding level of each scaled component, ``eps (|J| |y| / width + 1)``, shape (..., dim)."""
        sizes = np.abs(self.states(u)) / self.width
        return np.finfo(float).eps * (np.einsum("...ij,...j->...i", np.abs(self.jacobian(u)), sizes) + 1.0)

    def vanishes(self, u: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether the field is zero to rounding, shape (...)."""
        value = self(u)
        with np.errstate(invalid="ignore"):
            return np.asarray((np.abs(value) <= NOISE_UNITS * self.noise(u)).all(axis=-1))


def scaled(field: Field, sides: NDArray[np.float64], samples: NDArray[np.float64]) -> ScaledField:
    """Return the field in box coordinates, its rows scaled by their median magnitude over ``samples``.

    Parameters
    ----------
    field : Field
    sides : ndarray, shape (dim, 2)
        The box.
    samples : ndarray, shape (m, dim)
        States in the box at which the size of the field is measured.
    """
    with np.errstate(all="ignore"):
        values = np.abs(np.asarray(field(samples)))
    values[~np.isfinite(values)] = np.nan
    size = np.ones(sides.shape[0])
    for i in range(sides.shape[0]):
        finite = values[np.isfinite(values[:, i]) & (values[:, i] > 0), i]
        if finite.size:
            size[i] = np.median(finite)
    counter = Counter(len(samples))
    return ScaledField(field, sides[:, 0].copy(), sides[:, 1] - sides[:, 0], size, counter)


def norms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Euclidean norms over the last axis; NaN counts as infinite."""
    with np.errstate(all="ignore"):
        length = np.sqrt(np.sum(values * values, axis=-1))
    return np.where(np.isnan(length), np.inf, length)


def solve(problem: ScaledField, starts: NDArray[np.float64], iterations: int = 80) -> NDArray[np.float64]:
    """Return where the damped Newton iteration leads from every start, shape (m, dim) in box coordinates.

    Parameters
    ----------
    problem : ScaledField
    starts : ndarray, shape (m, dim)
        Box coordinates in [0, 1].
    iterations : int
        Largest number of steps; a start that leaves the box by more than its width is stopped there.
    """
    u = starts.copy()
    value = problem(u)
    size = norms(value)
    damping = np.zeros(len(u))
    active = np.isfinite(size) & (size > 0)
    for _ in range(iterations):
        index = np.flatnonzero(active)
        if index.size == 0:
            break
        left, s, right = np.linalg.svd(problem.jacobian(u[index]))
        top = np.maximum(s[:, :1], np.finfo(float).tiny)
        mu = np.minimum(size[index, None], 1e-3 * top) + damping[index, None] * top
        # filters that underflow belong to directions without slope: no step there
        denominator = np.maximum(s * s + mu * mu, np.finfo(float).tiny)
        rotated = np.einsum("mji,mj->mi", left, value[index])
        step = -np.einsum("mij,mi->mj", right, s / denominator * rotated)
        longest = np.abs(step).max(axis=-1)
        step *= np.minimum(1.0, 0.5 / np.maximum(longest, 1e-300))[:, None]
        trial = u[index] + step
        trial_value = problem(trial)
        trial_size = norms(trial_value)
        better = trial_size < size[index]
        good, bad = index[better], index[~better]
        u[good], value[good], size[good] = trial[better], trial_value[better], trial_size[better]
        damping[good] = np.where(damping[good] > 1e-4, damping[good] / 4, 0.0)
        damping[bad] = np.maximum(4 * damping[bad], 1e-3)
        outside = ((u[index] < -1) | (u[index] > 2)).any(axis=-1)
        finished = (size[index] == 0) | (longest < 1e-15) | (damping[index] > 1e6)
        active[index[outside | finished]] = False
    return u


def accelerate(problem: ScaledField, u: NDArray[np.float64], iterations: int = 60) -> NDArray[np.float64]:
    r"""Return a sharper degenerate zero by extrapolating the linear convergence of Newton's steps.

    Near a zero of order m along the null direction the steps shrink by ``rho = 1 - 1/m`` each; the limit of the
    geometric series is ``u + s / (1 - rho)``.

    Parameters
    ----------
    problem : ScaledField
    u : ndarray, shape (dim,)
    """
    best, best_size = u, float(norms(problem(u)))
    for _ in range(iterations):
        first = newton_step(problem, best)
        second = newton_step(problem, best + first)
        lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
        if lengths[0] < 1e-16:
            break
        ratio = min(lengths[1] / lengths[0], 0.95)
        candidates = [best + first, best + first + second, best + first + second / (1 - ratio)]
        sizes = [float(norms(problem(point))) for point in candidates]
        choice = int(np.argmin(sizes))
        if not sizes[choice] < best_size:
            break
        best, best_size = candidates[choice], sizes[choice]
    return best


def newton_step(problem: ScaledField, u: NDArray[np.float64], rank: int | None = None) -> NDArray[np.float64]:
    """Return Newton's step at one point, of minimal length; with ``rank`` only the leading directions count."""
    left, s, right = np.linalg.svd(problem.jacobian(u))
    kept = s > 1e-14 * max(s[0], np.finfo(float).tiny)
    if rank is not None:
        kept &= np.arange(len(s)) < rank
    value = problem(u)
    if not np.isfinite(value).all() or not kept.any():
        return np.zeros_like(u)
    step = -right[kept].T @ ((left[:, kept].T @ value) / s[kept])
    longest = float(np.abs(step).max())
    return step * min(1.0, 0.5 / max(longest, 1e-300))


def polish(
    problem: ScaledField, u: NDArray[np.float64], rank: int | None = None, steps: int = 8
) -> NDArray[np.float64]:
    """Return a zero refined until Newton's steps no longer lower the residual."""
    size = float(norms(problem(u)))
    for _ in range(steps):
        trial = u + newton_step(problem, u, rank)
        trial_size = float(norms(problem(trial)))
        if not trial_size < size:
            break
        u, size = trial, trial_size
    return u
