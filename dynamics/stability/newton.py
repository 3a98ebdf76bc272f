r"""Zeros of a field from many starts at once: damped Newton steps of Levenberg-Marquardt type.

In coordinates scaled by the box and rows scaled by the size of the field on it, with ``J = U S V^T``,

.. math:: \Delta u = -V \, \frac{S}{S^2 + \mu^2} \, U^T F, \qquad \mu = \min(|F|, 10^{-3} S_1) + \lambda S_1.

``mu ~ |F|`` keeps the convergence quadratic even towards zeros that are not isolated (Yamashita and Fukushima
2001), ``lambda`` is raised when a step fails to lower ``|F|``. At isolated degenerate zeros the convergence is
linear, and :func:`accelerate` extrapolates it. What counts as zero is decided from the field near the point alone:
its size elsewhere in the box says nothing about rounding there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field

#: A residual counts as zero below this many units of its rounding noise.
NOISE_UNITS = 200.0
#: Singular values (in scaled coordinates) below this share of the largest make a zero suspect of degeneracy.
SINGULAR = 1e-6
#: Components of a field fainter than this, with their slopes, may be zero by underflow alone (1e-308).
FAINT = 1e-280
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
        """Return the rounding level of each scaled component, states resolved to ``eps width``, shape (..., dim)."""
        self.counter.evaluations += (2 + 3 * len(offsets(u.shape[-1]))) * int(np.prod(u.shape[:-1]))
        return rounding_level(self.field, self.states(u), self.width) / self.size

    def vanishes(self, u: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether the field is zero to rounding, shape (...)."""
        value = self(u)
        with np.errstate(invalid="ignore"):
            return np.asarray((np.abs(value) <= NOISE_UNITS * self.noise(u)).all(axis=-1))


@lru_cache
def offsets(dim: int) -> NDArray[np.float64]:
    """Return six displacements of one to three units per coordinate, shape (6, dim)."""
    random = np.random.default_rng(0)
    return random.uniform(1.0, 3.0, (6, dim)) * random.choice([-1.0, 1.0], (6, dim))


def same_side(field: Field, y: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which displaced states lie strictly on the side of ``y`` of every kink and bound, shape (..., k, 1).

    Across them the field jumps, which is no rounding.
    """
    answer = np.ones((*moved.shape[:-1], 1), dtype=bool)
    functions = list(field.switches)
    for name, edges in field.bounds.items():
        column = list(field.names).index(name)
        functions += [lambda y, i=column, e=float(edge): y[..., i] - e for edge in edges if np.isfinite(edge)]
    for function in functions:
        here, there = np.sign(np.asarray(function(y))), np.sign(np.asarray(function(moved)))
        answer &= ((here[..., None] == there) & (there != 0))[..., None]
    return answer


def rounding_level(
    field: Field, y: NDArray[np.float64], resolution: NDArray[np.float64] | float = 0.0, plateau: bool = True
) -> NDArray[np.float64]:
    r"""Return the level below which components of a field at ``y`` are indistinguishable from zero, shape (..., dim).

    ``eps |J| (|y| + resolution)``, what rounding of the states does, plus what shows the rounding of cancelling terms
    inside the field: its largest change over a few such displacements, and the largest departure of
    ``(v(y + d) - v(y - d)) / 2`` from ``J d`` over a few ``d`` of 1e-5 ``|y|``, where third derivatives contribute
    1e-15 only and neighbouring states have left a common rounding plateau. All is local: where a field fades away
    without a zero, its rounding level fades with it.

    Parameters
    ----------
    field : Field
    y : ndarray, shape (..., dim)
    resolution : ndarray, shape (dim,), or float
        Scale to whose rounding states are known besides their own.
    plateau : bool
        Whether the larger displacements are tried, as needed where the slopes may vanish.
    """
    spread = np.finfo(float).eps * (np.abs(y) + resolution)
    with np.errstate(all="ignore"):
        slopes = np.asarray(field.jacobian(y))
        matrix = np.abs(slopes)
        value = np.asarray(field(y))
        moved = y[..., None, :] + spread[..., None, :] * offsets(y.shape[-1])
        smooth = same_side(field, y, moved)
        change = np.where(smooth, np.abs(np.asarray(field(moved)) - value[..., None, :]), 0.0).max(axis=-2)
        level = np.einsum("...ij,...j->...i", np.where(np.isfinite(matrix), matrix, 0.0), spread)
        if plateau:
            shift = 5e-6 * np.abs(y)[..., None, :] * offsets(y.shape[-1])
            ahead, behind = y[..., None, :] + shift, y[..., None, :] - shift
            odd = (np.asarray(field(ahead)) - np.asarray(field(behind))) / 2
            linear = np.einsum("...ij,...kj->...ki", slopes, (ahead - behind) / 2)
            smooth = same_side(field, y, ahead) & same_side(field, y, behind)
            departure = np.where(smooth, np.abs(odd - linear), 0.0).max(axis=-2)
            change += np.where(np.isfinite(departure), departure, 0.0)
    return level + np.where(np.isfinite(change), change, 0.0)


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
        # measured in units of the largest singular value, fields that fade over the box do not underflow
        top = np.maximum(s[:, :1], np.finfo(float).tiny)
        s = s / top
        mu = np.minimum(size[index, None] / top, 1e-3) + damping[index, None]
        # filters that underflow belong to directions without slope: no step there
        denominator = np.maximum(s * s + mu * mu, np.finfo(float).tiny)
        with np.errstate(over="ignore", invalid="ignore"):
            rotated = np.einsum("mji,mj->mi", left, value[index] / top)
            step = -np.einsum("mij,mi->mj", right, s / denominator * rotated)
        step = np.nan_to_num(step)
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


def accelerate(problem: ScaledField, points: NDArray[np.float64], iterations: int = 60) -> NDArray[np.float64]:
    r"""Return sharper degenerate zeros by extrapolating the linear convergence of Newton's steps, shape (m, dim).

    Near a zero of order m along the null direction the steps shrink by ``rho = 1 - 1/m`` each; the limit of the
    geometric series is ``u + s / (1 - rho)``. Progress is measured with rows in units of their slopes at the point,
    so that a component that is small against the others counts.

    Parameters
    ----------
    problem : ScaledField
    points : ndarray, shape (m, dim)
    """
    u = points.copy()
    active = np.ones(len(u), dtype=bool)
    for _ in range(iterations):
        index = np.flatnonzero(active)
        if index.size == 0:
            break
        here = u[index]
        first, weights = newton_steps(problem, here)
        second, _ = newton_steps(problem, here + first)
        lengths = norms(first), norms(second)
        ratio = np.minimum(lengths[1] / np.maximum(lengths[0], 1e-300), 0.95)[:, None]
        candidates = np.stack([here, here + first, here + first + second, here + first + second / (1 - ratio)])
        with np.errstate(all="ignore"):
            sizes = norms(problem(candidates) * weights)
        choice = np.argmin(sizes, axis=0)
        u[index] = candidates[choice, np.arange(len(index))]
        outside = ((u[index] < -1) | (u[index] > 2)).any(axis=-1)
        active[index[(choice == 0) | outside | (lengths[0] < 1e-16)]] = False
    return u


def newton_steps(
    problem: ScaledField, u: NDArray[np.float64], rank: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Newton's steps of minimal length, shape (m, dim), and the weights that bring rows to slope one.

    With ``rank`` only the leading directions count.
    """
    jacobian, value = problem.jacobian(u), problem(u)
    slope = norms(jacobian)
    weights = np.where(slope > 0, 1.0 / np.where(slope > 1e-300, slope, 1.0), 0.0)
    with np.errstate(all="ignore"):
        value = np.where(np.isfinite(value), value, 0.0) * weights
    left, s, right = np.linalg.svd(jacobian * weights[..., None])
    kept = s > 1e-14 * np.maximum(s[:, :1], np.finfo(float).tiny)
    if rank is not None:
        kept &= np.arange(s.shape[1]) < rank
    factor = np.where(kept, 1.0 / np.where(kept, s, 1.0), 0.0)
    with np.errstate(all="ignore"):
        step = -np.einsum("mij,mi->mj", right, factor * np.einsum("mji,mj->mi", left, value))
    step = np.nan_to_num(step)
    longest = np.abs(step).max(axis=-1, keepdims=True)
    return step * np.minimum(1.0, 0.5 / np.maximum(longest, 1e-300)), weights


def polish(problem: ScaledField, u: NDArray[np.float64], steps: int = 8) -> NDArray[np.float64]:
    """Return zeros refined until Newton's steps no longer lower the residual, shape (m, dim)."""
    u = u.copy()
    for _ in range(steps):
        step, weights = newton_steps(problem, u)
        better = norms(problem(u + step) * weights) < norms(problem(u) * weights)
        if not better.any():
            break
        u[better] += step[better]
    return u


def refined(field: Field, y: NDArray[np.float64], steps: int = 6) -> NDArray[np.float64]:
    """Return a regular zero refined in its own coordinates, beyond the resolution of a wide box, shape (dim,)."""
    with np.errstate(all="ignore"):
        value = np.asarray(field(y))
        for _ in range(steps):
            try:
                trial = y - np.linalg.solve(np.asarray(field.jacobian(y)), value)
            except np.linalg.LinAlgError:
                break
            trial_value = np.asarray(field(trial))
            if not (np.abs(trial_value) <= np.abs(value)).all() or not (np.abs(trial_value) < np.abs(value)).any():
                break
            y, value = trial, trial_value
    return y


def followed(problem: ScaledField, u: NDArray[np.float64], steps: int = 60) -> NDArray[np.float64]:
    """Return where the direction of the field leads within the box, shape (m, dim).

    Newton's method sees an equilibrium only from where the field varies as it does next to it. The direction of the
    field is informative from as far as it does not underflow: steps of fixed length that shrink from a twentieth of
    the box (to a total of two thirds of it) lead to narrow attracting equilibria.
    """
    u = u.copy()
    for k in range(2 * steps):
        value = problem(u) * problem.size / problem.width
        length = np.abs(value).max(axis=-1, keepdims=True)
        usable = np.isfinite(length) & (length > 0)
        direction = np.where(usable, value / np.where(usable, length, 1.0), 0.0)
        # alternate signs follow the field and its reverse from every other start
        direction[1::2] *= -1
        u = np.clip(u + 0.05 * 0.93 ** (k / 2) / 2 * direction, 0.0, 1.0)
    return u


def saturated(problem: ScaledField, points: NDArray[np.float64], samples: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return at which points a component of the field is zero only because it underflows, shape (m,).

    There the component and its slopes are fainter than 1e-280. Towards states where they are not, bisection finds the
    edge: a slope that sets in at the edge (a rectifier) belongs to a field that is truly zero on this side; one that
    is hardly above 1e-280 just behind it (an exponential) does not. Zeros of so high an order that they underflow
    next to the point alone are kept.

    Parameters
    ----------
    problem : ScaledField
    points, samples : ndarray, shape (m, dim), (k, dim)
        Points to judge, and states of the box that may serve as targets.
    """

    def strength(u: NDArray[np.float64]) -> NDArray[np.float64]:
        value = np.abs(np.nan_to_num(problem(u)))
        return np.maximum(value, np.abs(problem.jacobian(u)).max(axis=-1)) * problem.size

    answer = np.zeros(len(points), dtype=bool)
    if len(points) == 0:
        return answer
    faint = strength(points) < FAINT
    reference = strength(samples)
    for i in np.flatnonzero(faint.any(axis=0)):
        index, targets = np.flatnonzero(faint[:, i]), samples[reference[:, i] >= FAINT]
        if not len(targets):
            continue
        gap = np.abs(points[index, None] - targets[None]).max(axis=-1)
        near = targets[np.argsort(gap, axis=1)[:, :4]]
        low, high = np.zeros(near.shape[:2]), np.ones(near.shape[:2])
        here = points[index, None]
        for _ in range(50):
            middle = (low + high) / 2
            inside = strength(here + middle[..., None] * (near - here))[..., i] < FAINT
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        edge = here + high[..., None] * (near - here)
        fades = strength(edge)[..., i] < 1e10 * FAINT
        narrow = np.abs(edge - here).max(axis=(1, 2)) < 1e-3
        answer[index] |= fades.any(axis=1) & ~narrow
    return answer
