r"""Equilibria that are not isolated: null directions, their verification, and which points belong together.

A zero with a singular Jacobian is isolated but degenerate (``-x^3``) or part of a continuum (a line of
equilibria). Tangent continuation tells them apart: a step ``t`` along the null direction followed by Newton
corrections in the other directions finds a zero again on a continuum, and nothing at an isolated zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.newton import SINGULAR, ScaledField, norms

#: Length of the verifying step in box widths: large against the blur of a degenerate zero, small against the box.
PROBE = 0.02


def nullity(problem: ScaledField, u: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return the number of singular values that are zero against the largest, shape (...)."""
    s = np.linalg.svd(problem.jacobian(u), compute_uv=False)
    # a Jacobian that vanishes altogether is compared with the field's own scale, which is one
    top = np.maximum(s[..., :1], SINGULAR)
    return (s <= SINGULAR * top).sum(axis=-1)


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
    right = np.linalg.svd(problem.jacobian(u))[2]
    kept = []
    for direction in right[len(u) - count :]:
        probes = u + PROBE * np.array([[1.0], [-1.0]]) * direction
        landed, zero = corrected(problem, probes, count)
        moved = np.abs((landed - u) @ direction) > PROBE / 2
        if (zero & moved).any():
            kept.append(direction)
    if not kept:
        return np.empty((0, len(u)))
    tangents = np.array(kept) * problem.width
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    if len(kept) > 1:  # scaling by the box spoils orthogonality, and a basis aligned with coordinates reads better
        tangents = echelon(tangents)
    signs = np.sign(tangents[np.arange(len(tangents)), np.argmax(np.abs(tangents), axis=1)])
    tangents = tangents * signs[:, None]
    return np.where(np.abs(tangents) < 1e-12, 0.0, tangents)


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
