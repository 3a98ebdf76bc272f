r"""Multipliers and critical learning rates of training algorithms at an equilibrium.

A method at rate ``lr`` is a map whose Jacobian ``M(lr)`` at an equilibrium has the multipliers ``mu`` as eigenvalues.
``critical_lr`` is the supremum of the first interval ``(0, lr]`` on which the spectral radius is at most one (marginal
counts): 0 if there is none, None if it is unbounded.

* The null space of the field's Jacobian is fixed at every rate: its multipliers are exactly 1 (marginal) and are
  removed first, so that their rounding decides nothing.
* Small rates are decided by expansion (:mod:`dynamics.stability.expansion`), not by a tolerance on the radius.
* Beyond, the spectral radius is scanned, and the first crossing refined to round-off: by root finding where the radius
  is below one before it, by bisection within the rounding of the multipliers where it is marginal.

Source: for the classical cases Gidel et al. 2019 (alternating steps on bilinear games) and Mescheder et al. 2017
(``lr < -2 Re(lambda) / |lambda|^2`` for simultaneous steps).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.expansion import Expansion, conditions, expand, small_rates
from dynamics.stability.roots import bracketed_root

#: Rates are scanned up to this many inverse norms of the Jacobian before the answer is "unbounded".
REACH = 1e6
#: Ratio of successive rates of the scan.
RATIO = 1.02

Matrix = Callable[[complex], NDArray[Any]]


@dataclass(frozen=True)
class MethodRow:
    """One method at one equilibrium.

    Attributes
    ----------
    method : str
    spectral_radius : float or None
        At the rate asked for; None without one, or where the method has no multipliers.
    critical_lr : float or None
        Supremum of the first interval of rates with spectral radius at most 1; None if unbounded (see ``reason``).
    stable : bool or None
        Spectral radius at most 1 at the rate asked for; without one, whether any small rate is. None if not decided.
    reason : str
        How it was decided, or why it was not.
    spurious : tuple
        Fixed points of the method that are no equilibria of the game.
    """

    method: str
    spectral_radius: float | None
    critical_lr: float | None
    stable: bool | None
    reason: str
    spurious: tuple[Any, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "method": self.method,
            "spectral_radius": self.spectral_radius,
            "critical_lr": self.critical_lr,
            "stable": self.stable,
            "reason": self.reason,
            "spurious": list(self.spurious),
        }


def radius(matrix: NDArray[Any]) -> float:
    """Return the largest modulus of the eigenvalues; a group that rounding split counts by its mean.

    A double eigenvalue that is defective splits by the root of rounding, its mean moves by rounding only.
    """
    values, vectors = np.linalg.eig(matrix)
    largest = float(np.abs(values).max())
    tolerance = _tolerance(matrix[None], vectors[None])[0]
    for i in np.argsort(-np.abs(values)):
        if np.abs(values[i]) < largest:
            break
        group = np.abs(values - values[i]) <= 2 * np.maximum(tolerance, tolerance[i])
        if tolerance[i] > 1e-10 and group.sum() > 1:
            others = np.abs(values[~group]).max(initial=0.0)
            return float(max(np.abs(values[group].mean()), others))
    return largest


def free_directions(matrix: Matrix, size: float, zeros: int = 0) -> NDArray[np.float64]:
    """Return an orthonormal basis, shape (n, m), of what the map does not fix at every rate.

    A vector fixed at every rate spans an invariant subspace with the multiplier 1, and the other multipliers are those
    of the compression ``basis^T M basis``. A defective multiplier 1 leaves a fixed vector of the compression, which is
    removed in its turn.

    Parameters
    ----------
    matrix : callable
    size : float
        Norm of the Jacobian of the field.
    zeros : int
        Dimension of the null space where it is known: that many vectors are removed even if they are fixed only to
        the error of the equilibrium.
    """
    # two rates of order one tell fixed vectors from others: a vector fixed at one rate by chance moves at the other
    moves = [np.real(matrix(share / size)) for share in (0.3, 0.7)]
    n = len(moves[0])
    moves = [move - np.eye(n) for move in moves]
    # rounding of products of a few factors of order one, as for first-order rates
    level = 40 * n * np.finfo(float).eps * np.linalg.norm(np.concatenate(moves), 2)
    basis = np.eye(n)
    while basis.shape[1]:
        s, right = np.linalg.svd(np.concatenate([basis.T @ move @ basis for move in moves]))[1:]
        fixed = max(int((s <= level).sum()), zeros if basis.shape[1] == n else 0)
        if fixed == 0:
            break
        basis = basis @ right[: basis.shape[1] - fixed].T
    return basis


def _compressed(matrix: Matrix, basis: NDArray[np.float64]) -> Matrix:
    return lambda rate: basis.T @ matrix(rate) @ basis


def method_row(name: str, matrix: Matrix, size: float, lr: float | None = None, zeros: int = 0) -> MethodRow:
    """Return spectral radius and critical rate of one method.

    Parameters
    ----------
    name : str
    matrix : callable
        Maps a (complex) rate to the Jacobian of the method's map, analytic near zero.
    size : float
        Norm of the Jacobian of the field, which sets the scale of rates.
    lr : float, optional
        Rate at which the spectral radius is asked for.
    zeros : int
        Dimension of the continuum of equilibria through the point.
    """
    if size == 0:
        rho = None if lr is None else radius(np.real(matrix(lr)))
        return MethodRow(name, rho, None, True, "the Jacobian vanishes: every multiplier is 1 at every rate")
    basis = free_directions(matrix, size, zeros)
    if basis.shape[1] == 0:
        return MethodRow(name, None if lr is None else 1.0, None, True, "every multiplier is 1 at every rate")
    fixed = basis.shape[1] < len(basis)
    if fixed:
        matrix = _compressed(matrix, basis)
    rho = None if lr is None else max(radius(np.real(matrix(lr))), 1.0 if fixed else 0.0)
    expansion = expand(matrix, size)
    verdict = small_rates(expansion)
    if verdict.sign is None:
        return MethodRow(name, rho, None, None, verdict.reason)
    if verdict.sign > 0:
        beyond = (
            lr is not None and rho is not None and lr > expansion.trusted and rho <= 1 + _slack(np.real(matrix(lr)))
        )
        return MethodRow(name, rho, 0.0, beyond, verdict.reason)
    if verdict.crossing is not None:
        critical: float | None = verdict.crossing
    else:
        critical = first_crossing(matrix, expansion, verdict.reach, marginal=verdict.sign == 0)
    reason = verdict.reason if critical is None or critical > 0 else f"{verdict.reason}; none within reach"
    if critical is None:
        reason = f"{reason}; no rate up to {REACH / size:.3g} leaves the unit disc"
    stable = True
    if lr is not None and rho is not None and critical is not None and lr > critical:
        stable = lr > expansion.trusted and rho <= 1 + _slack(np.real(matrix(lr)))
    return MethodRow(name, rho, critical, bool(stable), reason)


def first_crossing(matrix: Matrix, expansion: Expansion, low: float, marginal: bool) -> float | None:
    """Return the first rate beyond ``low``, up to which all is known, at which a multiplier leaves the unit disc.

    Parameters
    ----------
    matrix : callable
    expansion : Expansion
    low : float
    marginal : bool
        Multipliers of modulus one at small rates: the crossing is found within rounding instead of by sign.
    """
    rates: NDArray[Any] = low * RATIO ** np.arange(0, int(np.log(REACH / (expansion.size * low)) / np.log(RATIO)) + 1)
    previous = low
    for chunk in np.array_split(rates, max(1, len(rates) // 128)):
        stack = expansion.matrices(chunk) if expansion.exact else np.array([np.real(matrix(lr)) for lr in chunk])
        outside = np.flatnonzero(_excess(stack) > 0)
        inside_peaks = _peaks(stack, outside[0] if outside.size else len(chunk))
        for peak in inside_peaks:
            # a narrow interval of instability may hide between two rates of the scan
            fine = np.linspace(chunk[peak - 1], chunk[peak + 1], 64)
            hidden = np.flatnonzero(_excess(np.array([np.real(matrix(lr)) for lr in fine])) > 0)
            if hidden.size:
                return _refine(matrix, float(fine[max(hidden[0] - 1, 0)]), float(fine[hidden[0]]), marginal)
        if outside.size:
            k = outside[0]
            return _refine(matrix, float(chunk[k - 1]) if k else previous, float(chunk[k]), marginal)
        previous = float(chunk[-1])
    return None


def _peaks(stack: NDArray[Any], end: int) -> NDArray[np.int_]:
    """Return interior local maxima of the spectral radius, close below one, before index ``end``."""
    rho = np.abs(np.linalg.eigvals(stack)).max(axis=-1)[:end]
    if len(rho) < 3:
        return np.empty(0, dtype=int)
    inner = (rho[1:-1] > rho[:-2] + 1e-9) & (rho[1:-1] > rho[2:] + 1e-9) & (rho[1:-1] > 0.98)
    return np.flatnonzero(inner) + 1


def _excess(stack: NDArray[Any]) -> NDArray[np.float64]:
    """Return by how much some multiplier exceeds one beyond its own rounding (negative: none does), shape (...)."""
    values, vectors = np.linalg.eig(stack)
    modulus = np.abs(values)
    largest = modulus.max(axis=-1)
    if (largest <= 1).all():
        return largest - 1
    return np.max(modulus - 1 - _tolerance(stack, vectors), axis=-1)


def _tolerance(stack: NDArray[Any], vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the rounding of every eigenvalue from its condition number, at most the root of it, shape (..., n)."""
    n = stack.shape[-1]
    change = 4 * n * np.finfo(float).eps * np.linalg.norm(stack, axis=(-2, -1))[..., None]
    condition = conditions(vectors)
    return np.minimum(change * np.maximum(condition, 1.0), 2 * np.sqrt(change))


def _slack(matrix: NDArray[Any]) -> float:
    values, vectors = np.linalg.eig(matrix)
    return float(_tolerance(matrix, vectors)[np.argmax(np.abs(values))])


def _refine(matrix: Matrix, low: float, high: float, marginal: bool) -> float:
    """Return the rate between ``low`` and ``high`` at which the spectral radius passes one."""

    def gap(lr: float) -> float:
        return radius(np.real(matrix(lr))) - 1

    # a radius within rounding of one before the crossing is marginal, and its sign means nothing
    if not marginal and gap(low) < -_slack(np.real(matrix(low))) and gap(high) > 0:
        return bracketed_root(gap, float(low), float(high))
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _excess(np.real(matrix(middle))[None])[0] > 0:
            high = middle
        else:
            low = middle
    return float(low)
