r"""Equilibria that are not isolated: null directions, their verification, and which points belong together.

A zero with a singular Jacobian is isolated but degenerate (``-x^3``) or part of a continuum (a line of
equilibria). Tangent continuation tells them apart: a step ``t`` along the null direction followed by Newton
corrections in the other directions finds a zero again on a continuum, and nothing at an isolated zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.newton import NOISE_UNITS, SINGULAR, ScaledField, norms

#: Length of the verifying step in box widths: large against the blur of a degenerate zero, small against the box.
PROBE = 0.02


def nullity(problem: ScaledField, u: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return the number of singular directions along which zeros are not resolved, shape (m,).

    Rounding of the field blurs a zero along a singular direction by ``rho = noise / sigma``. The direction is regular
    where the slope is the same to within a half over a few ``rho`` of every direction (the condition of
    Kantorovich), whatever the units of the field. Degenerate zeros and continua fail: their slope is itself
    proportional to the distance, or rounding.
    """
    left, s, right = np.linalg.svd(problem.jacobian(u))
    noise = NOISE_UNITS * np.einsum("mik,mi->mk", np.abs(left), problem.noise(u))
    with np.errstate(all="ignore"):
        blur = np.where(s > 0, 4 * noise / np.where(s > 0, s, 1.0), np.inf)
    wide = ~(blur <= 0.1)
    reach = np.where(wide, 0.0, blur)
    change = np.zeros_like(s)
    # moved along every direction by what that one leaves open: near a curve the slope along it depends on the others
    for k in range(u.shape[-1]):
        for sign in (-1.0, 1.0):
            slopes = problem.jacobian(u + sign * reach[:, k, None] * right[:, k])
            change = np.maximum(change, np.abs(np.einsum("mik,mij,mkj->mk", left, slopes, right) - s))
    return (wide | (change > s / 2)).sum(axis=-1)


def corrected(
    problem: ScaledField, u: NDArray[np.float64], dimension: int, iterations: int = 12
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return points moved onto the set of zeros across its tangent directions, and whether they are zeros.

    Parameters
    ----------
    problem : ScaledField
    u : ndarray, shape (m, dim)
    dimension : int
        Dimension of the supposed continuum; that many smallest singular directions are left alone.
    """
    rank = u.shape[-1] - dimension
    for _ in range(iterations):
        value = problem(u)
        value = np.where(np.isfinite(value), value, 0.0)
        left, s, right = np.linalg.svd(problem.jacobian(u))
        kept = s[:, :rank] > 1e-13 * np.maximum(s[:, :1], 1e-300)
        weights = np.where(kept, 1.0 / np.where(kept, s[:, :rank], 1.0), 0.0)
        step = -np.einsum("mij,mi->mj", right[:, :rank], weights * np.einsum("mji,mj->mi", left[:, :, :rank], value))
        length = norms(step)
        u = u + step * np.minimum(1.0, 0.1 / np.maximum(length, 1e-300))[:, None]
        if (length < 1e-14).all():
            break
    return u, problem.vanishes(u)


def null_directions(problem: ScaledField, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the verified tangent directions of the continuum through a zero, shape (k, dim); k = 0 if isolated.

    Directions are unit vectors in the state space, the largest component positive.

    Parameters
    ----------
    problem : ScaledField
    u : ndarray, shape (dim,)
        A zero in box coordinates.
    """
    count = int(nullity(problem, u[None])[0])
    if count == 0:
        return np.empty((0, len(u)))
    _, s, right = np.linalg.svd(problem.jacobian(u))
    kept = []
    for sigma, direction in zip(s[len(u) - count :], right[len(u) - count :], strict=True):
        blur = reach_of_rounding(problem, u, direction)
        length = PROBE
        # a small closed curve in a wide box needs short steps; a degenerate point is excluded beyond its own blur
        while length > 30 * blur or length == PROBE:
            probes = u + length * np.array([[1.0], [-1.0]]) * direction
            landed, zero = corrected(problem, probes, count)
            shift = np.abs((landed - u) @ direction)
            flat = sigma <= SINGULAR * max(float(norms(problem.jacobian(landed)).max()), sigma)
            if (zero & (shift > length / 2) & (shift < 2 * length)).any() and flat:
                kept.append(direction)
                break
            length /= 10
    if not kept:
        return np.empty((0, len(u)))
    tangents = np.array(kept) * problem.width
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    if len(kept) > 1:  # scaling by the box spoils orthogonality, and a basis aligned with coordinates reads better
        tangents = echelon(tangents)
    signs = np.sign(tangents[np.arange(len(tangents)), np.argmax(np.abs(tangents), axis=1)])
    tangents = tangents * signs[:, None]
    return np.where(np.abs(tangents) < 1e-12, 0.0, tangents)


def reach_of_rounding(problem: ScaledField, u: NDArray[np.float64], direction: NDArray[np.float64]) -> float:
    """Return how far along a direction, at most 0.05 box widths, the field stays at rounding level."""
    reach = 1e-14
    while reach < 0.05 and problem.vanishes(u + reach * np.array([[1.0], [-1.0]]) * direction).any():
        reach *= 2
    return reach


def echelon(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors with the same span in reduced row form (pivots by size)."""
    reduced = rows.copy()
    for k in range(len(reduced)):
        i, j = np.unravel_index(np.argmax(np.abs(reduced[k:])), reduced[k:].shape)
        reduced[[k, k + int(i)]] = reduced[[k + int(i), k]]
        reduced[k] /= reduced[k, j]
        others = np.arange(len(reduced)) != k
        reduced[others] -= reduced[others, j][:, None] * reduced[k]
        # the pivot column is now exact: keep rounding out of later pivots
        reduced[others, j] = 0.0
    return reduced / np.linalg.norm(reduced, axis=1, keepdims=True)


def connected(
    problem: ScaledField, origin: NDArray[np.float64], targets: NDArray[np.float64], dimension: int
) -> NDArray[np.bool_]:
    """Return which targets can be reached from a zero by walking along the set of zeros, shape (m,).

    Each step goes along the tangent directions towards the target and is corrected back onto the set.

    Parameters
    ----------
    problem : ScaledField
    origin : ndarray, shape (dim,)
    targets : ndarray, shape (m, dim)
    dimension : int
        Dimension of the continuum through ``origin``.
    """
    reached = same_zero(problem, origin, targets)
    walking = np.flatnonzero(~reached)
    position = np.repeat(origin[None], len(targets), axis=0)
    for _ in range(80):
        if walking.size == 0:
            break
        gap = targets[walking] - position[walking]
        tangent = np.linalg.svd(problem.jacobian(position[walking]))[2][:, -dimension:]
        along = np.einsum("mki,mk->mi", tangent, np.einsum("mki,mi->mk", tangent, gap))
        length, distance = norms(along), norms(gap)
        step = along * np.minimum(1.0, 0.05 / np.maximum(length, 1e-300))[:, None]
        position[walking], zero = corrected(problem, position[walking] + step, dimension)
        arrived = norms(targets[walking] - position[walking]) < 1e-6
        reached[walking[arrived]] = True
        stuck = (length < 1e-2 * distance) | ~zero
        walking = walking[~(arrived | stuck)]
    return reached


def same_zero(problem: ScaledField, origin: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which targets a segment of zeros (to rounding) joins to ``origin``, shape (m,)."""
    weights = np.linspace(0.0, 1.0, 9)[1:-1, None, None]
    segment = (1 - weights) * origin + weights * targets
    return np.asarray(problem.vanishes(segment).all(axis=0))
