r"""Multipliers at small rates, decided by power series instead of a tolerance.

The Jacobian ``M(lr)`` of a method's map is analytic in the rate. Sampled on a circle in the complex plane it gives its
Taylor coefficients by the discrete Fourier transform, and its eigenvalues, followed around the circle, give those of

.. math:: \log \mu_j(lr) = \sum_k c_{jk} \, lr^{k/m},

m = 1 for an eigenvalue that returns to itself, m > 1 for a group of m that a full turn permutes (a Puiseux series).
For real rates the first ``Re c`` that is not zero to rounding decides whether ``|mu|`` rises above one; the zeros of
the truncated real series inside the circle are where it does so later. Multipliers that are exactly one stay marginal.

Source: Kato, Perturbation Theory for Linear Operators, chapter II.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Maps rates of shape (m,), complex ones included, to the Jacobians of a map, shape (m, n, n).
Stack = Callable[[NDArray[Any]], NDArray[Any]]

#: Samples on the circle and its radius in inverse norms of the Jacobian.
SAMPLES = 32
RADIUS = 0.1
#: How often the circle may shrink by a factor of four.
SHRINKS = 6
#: Share of the circle's radius within which the truncated series is trusted: (1/2)^32 of its terms is rounding.
TRUST = 0.5
#: Least share of the radius at which multipliers are looked at: what returns before is within 1e-14 of one.
LEAST = 1e-6


@dataclass(frozen=True)
class Expansion:
    """Taylor expansion of the Jacobian of a map in its rate.

    Attributes
    ----------
    size : float
        Norm of the field's Jacobian.
    radius : float
        Radius of the circle that was sampled.
    samples : ndarray of complex, shape (m, n, n)
        Jacobians on the circle, counter-clockwise from the real axis.
    coefficients : ndarray, shape (k, n, n)
        Taylor coefficients.
    exact : bool
        The map is a polynomial in the rate and the coefficients are all there is.
    """

    size: float
    radius: float
    samples: NDArray[np.complex128]
    coefficients: NDArray[np.float64]
    exact: bool

    @property
    def trusted(self) -> float:
        """Largest rate at which the series decide."""
        return TRUST * self.radius


@dataclass(frozen=True)
class Branch:
    """Series of the logarithm of one multiplier, or of a group that a full turn permutes.

    ``log mu = sum_k coefficients[k] w^k`` with ``w^turns = lr / radius``.

    Attributes
    ----------
    turns : int
    coefficients : ndarray of complex
    noise : float
        Rounding level of a coefficient.
    remainder : float
        Largest of the high and of the negative powers, which vanish unless a branch point lies inside the circle.
    start : ndarray of complex, shape (turns,)
        ``log mu / radius`` of its members at the real end of the circle, close to their first-order rates.
    """

    turns: int
    coefficients: NDArray[np.complex128]
    noise: float
    remainder: float
    start: NDArray[np.complex128]

    @property
    def size(self) -> float:
        """Largest coefficient besides the constant."""
        return float(np.abs(self.coefficients[1:]).max())

    @property
    def resolved(self) -> bool:
        """Whether the series has decayed to rounding and starts at first order: no branch point inside but zero."""
        fractional = np.abs(self.coefficients[1 : self.turns]).max(initial=0.0)
        level = max(self.noise, 1e-9 * self.size)
        return self.remainder <= level and float(fractional) <= 10 * level


@dataclass(frozen=True)
class SmallRates:
    """Decision about small rates.

    Attributes
    ----------
    sign : int or None
        -1: all multipliers inside the unit disc (or exactly 1), 0: some stay on the unit circle, 1: one leaves it at
        once, None: rounding hides it.
    crossing : float or None
        First rate inside the trusted disc at which a multiplier leaves the unit disc.
    reason : str
        The order is that of the first term of ``log |mu|`` in the rate that does not vanish.
    reach : float
        Rate up to which this decides; beyond, the radius is to be scanned.
    turning : float
        Rate up to which the radius certainly goes on as it begins, rising above one or falling below it.
    """

    sign: int | None
    crossing: float | None
    reason: str
    reach: float = 0.0
    turning: float = 0.0


def expand(stack: Stack, size: float) -> Expansion:
    """Return the expansion of ``M(lr)`` about ``lr = 0`` on the largest circle free of branch points.

    The circle shrinks from 0.1 / size by factors of four until the series of the multipliers have fallen off; where
    they never do (a nearly defective Jacobian) the first circle is kept.
    """
    first = _expand(stack, size, RADIUS / size)
    current = first
    for _ in range(SHRINKS):
        if all(branch.resolved for branch in series(current)):
            return current
        current = _expand(stack, size, current.radius / 4)
    return first


def _expand(stack: Stack, size: float, radius: float) -> Expansion:
    """Return the expansion of ``M(lr)`` about ``lr = 0`` from samples on one circle.

    Parameters
    ----------
    stack : callable
        Maps complex rates, shape (m,), to the Jacobians of the map, shape (m, n, n).
    size : float
        Norm of the field's Jacobian.
    radius : float
        Radius of the circle.
    """
    # one half of the circle and its conjugate: the map is real for real rates
    half = np.asarray(stack(radius * np.exp(2j * np.pi * np.arange(SAMPLES // 2 + 1) / SAMPLES)), dtype=complex)
    samples = np.concatenate([half, half[-2:0:-1].conj()])
    coefficients = np.real(np.fft.fft(samples, axis=0)) / SAMPLES
    level = np.abs(coefficients).max(axis=(1, 2))
    significant = np.flatnonzero(level > 1e-14 * level.max())
    degree = int(significant.max()) if significant.size else 0
    exact = False
    if degree < SAMPLES // 4:
        # a polynomial of low degree: a circle of unit size loses no digits of the higher coefficients
        count = degree + 1
        wide = np.asarray(stack(np.exp(2j * np.pi * (np.arange(2 * count) + 0.5) / (2 * count)) / size))
        phases = np.exp(-2j * np.pi * np.outer(np.arange(2 * count), np.arange(2 * count) + 0.5) / (2 * count))
        fitted = np.real(np.tensordot(phases, wide, axes=1)) / (2 * count)
        top = np.abs(fitted).max()
        exact = bool((np.abs(fitted[count:]) <= 1e-13 * top).all())
        if exact:
            coefficients = fitted[:count] * (size ** np.arange(count))[:, None, None]
    if not exact:
        coefficients = coefficients / (radius ** np.arange(SAMPLES))[:, None, None]
    return Expansion(size, radius, samples, coefficients, exact)


def conditions(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the condition numbers of eigenvalues from their unit eigenvectors, capped at 1 / eps, shape (..., n)."""
    return np.minimum(np.linalg.norm(_duals(vectors), axis=-1), 1 / np.finfo(float).eps)


def _duals(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return the rows dual to unit eigenvectors in the columns, with singular values floored at eps."""
    u, s, vh = np.linalg.svd(vectors)
    inverse = 1 / np.maximum(s, np.finfo(float).eps)
    return np.einsum("...ji,...j,...kj->...ik", vh.conj(), inverse, u.conj())


def followed(samples: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], NDArray[np.int_], NDArray[np.float64]]:
    """Return eigenvalues followed around the circle, where each ends after a full turn, and their condition.

    Close eigenvalues are told apart by their eigenvectors, which turn little from sample to sample unless they mix
    (a branch point nearby, or equal eigenvalues); then extrapolated values decide.

    Returns
    -------
    tracks : ndarray of complex, shape (m, n)
    ends : ndarray of int, shape (n,)
        ``ends[j]`` is the track whose start continues track j.
    condition : ndarray, shape (n,)
        Largest condition number along each track.
    """
    values, vectors = np.linalg.eig(samples)
    sensitivity = conditions(vectors)
    tracks, condition = np.empty_like(values), np.empty(values.shape)
    tracks[0], condition[0] = values[0], sensitivity[0]
    m = len(values)
    overlaps = np.abs(_duals(vectors) @ np.roll(vectors, -1, axis=0))

    def match(target: NDArray[np.complex128], options: NDArray[np.complex128]) -> NDArray[np.int_]:
        distance = np.abs(target[:, None] - options[None, :])
        choice = distance.argmin(axis=1)
        if len(set(choice.tolist())) == len(choice):
            return choice
        # two want the same: the closest pairs are joined first
        for _ in range(len(choice)):
            i, j = np.unravel_index(np.argmin(distance), distance.shape)
            choice[i] = j
            distance[i, :] = np.inf
            distance[:, j] = np.inf
        return choice

    def following(k: int, order: NDArray[np.int_]) -> NDArray[np.int_]:
        """Return which eigenvalues of sample k + 1 continue the tracks, ``order`` being those of sample k."""
        overlap = overlaps[k][order]
        choice = overlap.argmax(axis=1)
        # one overlap near one and the others small: the eigenvector has hardly turned
        clear = overlap > 0.5 * overlap.max(axis=1, keepdims=True)
        if (clear.sum(axis=1) == 1).all() and len(set(choice.tolist())) == len(choice):
            return choice
        guess = tracks[k] if k < 1 else 2 * tracks[k] - tracks[k - 1]
        return match(guess, values[(k + 1) % m])

    order = np.arange(values.shape[1])
    for k in range(m - 1):
        order = following(k, order)
        tracks[k + 1], condition[k + 1] = values[k + 1][order], sensitivity[k + 1][order]
    return tracks, following(m - 1, order), condition.max(axis=0)


def series(expansion: Expansion) -> list[Branch]:
    """Return the series of the multipliers, from the Fourier transform of their logarithms along the circle.

    Branches whose multiplier lies well inside the unit disc at ``lr = 0`` are left out.
    """
    tracks, ends, condition = followed(expansion.samples)
    eps = np.finfo(float).eps
    found: list[Branch] = []
    seen: set[int] = set()
    for j in range(tracks.shape[1]):
        if j in seen:
            continue
        cycle, current = [j], int(ends[j])
        while current != j and current not in cycle:
            cycle.append(current)
            current = int(ends[current])
        seen.update(cycle)
        turns = np.concatenate([tracks[:, i] for i in cycle])
        if np.abs(turns.mean()) < 0.5 or (np.abs(turns) < 1e-3).any():
            continue
        noise = min(40 * eps * float(condition[cycle].max()) * len(tracks[0]), float(np.sqrt(eps)))
        # log(mu) by the principal branch: |lr J| <= 0.1 keeps mu near its value at zero
        centre = turns.mean() / np.abs(turns.mean())
        logarithms = np.log(turns / centre) + np.log(centre)
        coefficients = np.fft.fft(logarithms) / len(turns)
        # the highest kept positive power aliases with nothing: the upper half holds high and negative powers
        half = len(turns) // 2
        remainder = float(np.abs(coefficients[half - len(turns) // 8 :]).max())
        start: NDArray[Any] = np.log(tracks[0, cycle]) / expansion.radius
        found.append(Branch(len(cycle), coefficients[:half], noise, remainder, start))
    return found


def small_rates(expansion: Expansion) -> SmallRates:
    """Return whether multipliers leave the unit disc at small rates, and where in the trusted disc they first do."""
    rates, tolerances = first_order(expansion)
    growing = rates.real > tolerances
    if growing.any():
        # one branch outside is enough
        outside = [_growth(branch, 0) for branch in series(expansion) if branch.resolved and branch.turns == 1]
        shares = [_turning(real, 1, 1) for real, level in outside if real[0] == 0 and real[1] > level]
        turning = expansion.radius * max(shares, default=TRUST)
        if not shares:
            turning = min(turning, float(_prevailing(rates[growing]).max()))
        return SmallRates(1, None, "unstable at small rates (order 1)", turning, turning)
    critical = np.abs(rates.real) <= tolerances
    sign, crossing, marginal_order, reach = -1, None, 1.0, expansion.trusted
    turning = reach
    for branch in series(expansion):
        if not branch.resolved:
            # near double points of the spectrum the first-order rates decide alone, if they do
            nearest = np.abs(branch.start[:, None] - rates[None, :]).argmin(axis=1) if len(rates) else np.empty(0, int)
            if len(rates) and not critical[nearest].any():
                reach = min(reach, float(_prevailing(rates[nearest]).min()))
                turning = min(turning, reach)
                continue
            if branch.size <= 100 * branch.noise:
                continue  # the multiplier is one at every rate, to the rounding of a defective eigenvalue
            return SmallRates(None, None, "nearly defective multipliers hide the behaviour at small rates")
        for turn in range(branch.turns):
            real, level = _growth(branch, turn)
            significant = np.flatnonzero(np.abs(real) > level)
            if significant.size == 0:
                sign = max(sign, 0) if branch.size > level else sign
                continue
            order = int(significant[0])
            turning_here = expansion.radius * _turning(real, order, branch.turns)
            if real[order] > 0:
                reason = f"unstable at small rates (order {order / branch.turns:g})"
                return SmallRates(1, None, reason, turning_here, turning_here)
            turning = min(turning, turning_here) if order else turning
            marginal_order = max(marginal_order, order / branch.turns)
            root = _first_root(real, level, branch.turns)
            if root is not None:
                rate = root * expansion.radius
                crossing = rate if crossing is None else min(crossing, rate)
    if sign == 0:
        reason = "marginal at small rates: on the unit circle"
    elif marginal_order > 1:
        reason = f"stable at small rates (order {marginal_order:g})"
    else:
        reason = "stable at small rates (order 1)"
    return SmallRates(sign, crossing if reach == expansion.trusted else None, reason, reach, turning)


def _growth(branch: Branch, turn: int) -> tuple[NDArray[np.float64], float]:
    """Return the series of ``log |mu|`` of a branch after some turns, and the level of its rounding."""
    level = max(branch.noise, 4 * branch.remainder)
    powers = np.arange(len(branch.coefficients)) / branch.turns
    real = (branch.coefficients * np.exp(2j * np.pi * turn * powers)).real
    # fractional powers below the first vanish; a constant term is negative: memory that fades
    real[1 : branch.turns] = 0.0
    real[0] = 0.0 if abs(real[0]) <= max(level, 1e-12) else real[0]
    return real, level


def _prevailing(rates: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return up to which learning rates ``Re(kappa) lr`` prevails over what is of second order in the rate."""
    return 0.02 * np.abs(rates.real) / np.abs(rates) ** 2


def _turning(real: NDArray[np.float64], order: int, turns: int) -> float:
    """Return the share of the radius up to which a real series is monotone, by the sum of its later slopes."""
    slopes = np.arange(len(real)) * np.abs(real)
    later = slopes[order + 1 :].sum()
    share = (slopes[order] / later) ** turns if slopes[order] < later else 1.0
    return float(np.clip(share, LEAST, TRUST))


def first_order(expansion: Expansion) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return the first-order rates of the multipliers that are 1 at ``lr = 0``, and their rounding levels.

    ``log mu = kappa lr + ...`` with ``kappa`` the eigenvalues of ``(W^T V)^-1 W^T M_1 V``, ``V`` and ``W`` spanning the
    right and left null space of ``M_0 - 1`` (for a method without memory simply those of ``M_1``).
    """
    constant, slope = expansion.coefficients[:2]
    u, s, vh = np.linalg.svd(constant - np.eye(len(constant)))
    kept = s <= 1e-9
    right, left = vh[kept].T, u[:, kept]
    overlap = left.T @ right
    if kept.sum() == 0 or np.linalg.cond(overlap) > 1e8:
        return np.empty(0, complex), np.empty(0)
    values, vectors = np.linalg.eig(np.linalg.solve(overlap, left.T @ slope @ right))
    size = max(float(np.linalg.norm(slope)), 1e-300)
    change = 40 * len(constant) * np.finfo(float).eps * float(np.linalg.cond(overlap))
    tolerances = size * np.minimum(change * conditions(vectors), np.sqrt(change))
    return values.astype(complex), tolerances


def _first_root(real: NDArray[np.float64], level: float, turns: int) -> float | None:
    """Return the first positive zero, within the trusted share of the circle, of a real truncated series."""
    kept = np.where(np.abs(real) > 0.01 * level, real, 0.0)
    order = int(np.flatnonzero(np.abs(real) > level)[0])
    kept[:order] = 0.0
    roots = np.roots(kept[order:][::-1])
    real_roots = roots.real[(np.abs(roots.imag) < 1e-9 * np.abs(roots)) & (roots.real > 0)] ** turns
    inside = real_roots[real_roots <= TRUST]
    return float(inside.min()) if inside.size else None
