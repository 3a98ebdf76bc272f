r"""Multipliers, critical learning rates and optimal rates of training algorithms at an equilibrium.

A method at rate ``lr`` is a map whose Jacobian ``M(lr)`` at an equilibrium has the multipliers ``mu`` as eigenvalues.
``critical_lr`` is the supremum of the first interval ``(0, lr]`` on which the spectral radius is at most one (marginal
counts): 0 if there is none, None if it is unbounded. ``intervals`` are all of them: some methods that leave the unit
disc return to it at larger rates.

* The null space of the field's Jacobian is fixed at every rate: its multipliers are exactly 1 (marginal) and are
  removed first, so that their rounding decides nothing.
* Small rates are decided by expansion (:mod:`dynamics.stability.expansion`), not by a tolerance on the radius.
* Beyond, the spectral radius is scanned and every crossing refined (:mod:`dynamics.stability.intervals`).

Source: for the classical cases Gidel et al. 2019 (alternating steps on bilinear games) and Mescheder et al. 2017
(``lr < -2 Re(lambda) / |lambda|^2`` for simultaneous steps).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.expansion import Stack, expand, small_rates
from dynamics.stability.intervals import moduli, radius, survey

Intervals = tuple[tuple[float, float | None], ...]


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
    spurious : tuple of Spurious
        Fixed points of the method that are no equilibria of the game.
    intervals : tuple of (low, high)
        All intervals of rates with spectral radius at most 1, ascending; the first begins at 0 where small rates are
        stable, and ``high`` is None where none within reach ends it. Empty also where nothing was decided.
    optimal_lr, optimal_radius : float or None
        The rate at which the spectral radius is least, and that radius; the lowest of several such rates, known to
        about 1e-7 where the minimum is smooth. None where no rate has a radius below 1, or the radius falls on with
        the rate.
    attractor : MeasuredAttractor or None
        What a method without multipliers was seen to do next to the equilibrium; None if it was not tried.
    """

    method: str
    spectral_radius: float | None
    critical_lr: float | None
    stable: bool | None
    reason: str
    spurious: tuple[Any, ...] = ()
    intervals: Intervals = ()
    optimal_lr: float | None = None
    optimal_radius: float | None = None
    attractor: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "method": self.method,
            "spectral_radius": self.spectral_radius,
            "critical_lr": self.critical_lr,
            "stable": self.stable,
            "reason": self.reason,
            "intervals": [list(interval) for interval in self.intervals],
            "optimal_lr": self.optimal_lr,
            "optimal_radius": self.optimal_radius,
            "attractor": None if self.attractor is None else self.attractor.to_dict(),
            "spurious": [point.to_dict() for point in self.spurious],
        }


def method_row(name: str, stack: Stack, size: float, lr: float | None = None, zeros: int = 0) -> MethodRow:
    """Return spectral radius, intervals of stability and optimal rate of one method.

    Parameters
    ----------
    name : str
    stack : callable
        Maps (complex) rates of shape (m,) to the Jacobians of the method's map, shape (m, n, n), analytic near zero.
    size : float
        Norm of the Jacobian of the field, which sets the scale of rates.
    lr : float, optional
        Rate at which the spectral radius is asked for.
    zeros : int
        Dimension of the continuum of equilibria through the point.
    """

    def at(rate: float) -> NDArray[np.float64]:
        return np.real(stack(np.array([rate]))[0])

    if size == 0:
        rho = None if lr is None else radius(at(lr))
        reason = "the Jacobian vanishes: every multiplier is 1 at every rate"
        return MethodRow(name, rho, None, True, reason, intervals=((0.0, None),))
    basis = free_directions(stack, size, zeros)
    if basis.shape[1] == 0:
        rho = None if lr is None else 1.0
        return MethodRow(name, rho, None, True, "every multiplier is 1 at every rate", intervals=((0.0, None),))
    fixed = basis.shape[1] < len(basis)
    if fixed:
        stack = _compressed(stack, basis)
    rho = None if lr is None else max(radius(at(lr)), 1.0 if fixed else 0.0)
    expansion = expand(stack, size)
    verdict = small_rates(expansion)
    if verdict.sign is None:
        return MethodRow(name, rho, None, None, verdict.reason)
    reason = verdict.reason
    first: Intervals = ()
    if verdict.crossing is not None:
        first = ((0.0, verdict.crossing),)
        found = survey(stack, size, verdict.crossing, inside=False, begin=verdict.turning)
    else:
        low, begin = verdict.reach, verdict.turning
        if low < expansion.trusted:
            low = _confirmed(stack, low, inside=verdict.sign <= 0)
            begin = min(begin, low / 10)
        found = survey(stack, size, low, inside=verdict.sign <= 0, begin=begin)
    intervals = first + found.intervals
    if verdict.sign <= 0:
        intervals = ((0.0, intervals[0][1]), *intervals[1:])
    critical = 0.0 if verdict.sign > 0 else intervals[0][1]
    if intervals and intervals[-1][1] is None:
        reason = f"{reason}; scanned to {found.reach:.3g}"
    stable = verdict.sign <= 0
    if lr is not None:
        stable = any(low <= lr and (high is None or lr <= high) for low, high in intervals)
        stable |= lr > expansion.trusted and bool(moduli(at(lr)[None])[1][0] <= 0)
    # a continuum holds the radius at one, whatever the rate
    optimum = (None, None) if fixed else (found.optimal_lr, found.optimal_radius)
    return MethodRow(
        name, rho, critical, stable, reason, intervals=intervals, optimal_lr=optimum[0], optimal_radius=optimum[1]
    )


def free_directions(stack: Stack, size: float, zeros: int = 0) -> NDArray[np.float64]:
    """Return an orthonormal basis, shape (n, m), of what the map does not fix at every rate.

    A vector fixed at every rate spans an invariant subspace with the multiplier 1, and the other multipliers are those
    of the compression ``basis^T M basis``. A defective multiplier 1 leaves a fixed vector of the compression, which is
    removed in its turn.

    Parameters
    ----------
    stack : callable
    size : float
        Norm of the Jacobian of the field.
    zeros : int
        Dimension of the null space where it is known: that many vectors are removed even if they are fixed only to
        the error of the equilibrium.
    """
    # two rates of order one tell fixed vectors from others: a vector fixed at one rate by chance moves at the other
    moves = np.real(stack(np.array([0.3, 0.7]) / size))
    n = moves.shape[-1]
    moves = moves - np.eye(n)
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


def _confirmed(stack: Stack, low: float, inside: bool) -> float:
    """Return a rate next to which the radius is on the side that small rates are on, from an estimate of one.

    Memory that fades slowly brings terms of second order forward.
    """
    for _ in range(30):
        side = moduli(stack(np.array([low])))[1][0]
        if side == 0 or (side < 0) == inside:
            break
        low /= 4
    return low


def _compressed(stack: Stack, basis: NDArray[np.float64]) -> Stack:
    return lambda rates: basis.T @ stack(rates) @ basis
