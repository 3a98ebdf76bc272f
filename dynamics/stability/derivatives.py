"""Derivatives of fields and losses at a point: exact where the game offers them, central differences otherwise.

Full derivative tensors have ``dim^(order + 1)`` entries. Beyond a few coordinates the multilinear forms of normal forms
are contracted instead: the exact Jacobian is differenced along the directions that are needed, with an error estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field, Game

#: Up to this many coordinates the tensors of second and third derivatives are taken whole.
MAX_TENSOR = 6
#: Steps of the differences along a unit direction: long ones for smooth fields, short ones where the field bends.
STEPS = 0.4 * 0.5 ** np.arange(8)
#: Central differences of order eight, at the offsets -4..4, for the first and for the second derivative.
FIRST = np.array([3, -32, 168, -672, 0, 672, -168, 32, -3]) / 840
SECOND = np.array([-9, 128, -1008, 8064, -14350, 8064, -1008, 128, -9]) / 5040


def differences(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the derivative of a batched function by sixth-order central differences, last axis the variable.

    Parameters
    ----------
    function : callable
        Maps (m, dim) to (m, ...).
    y : ndarray, shape (dim,)

    Notes
    -----
    The step ``eps^(1/7)`` balances rounding against the error of order six; about eleven digits remain.
    """
    step = np.finfo(float).eps ** (1 / 7) * np.maximum(1.0, np.abs(y))
    columns = []
    for i in range(len(y)):
        shift = np.zeros_like(y)
        shift[i] = step[i]
        values = np.asarray(function(y + np.array([-3, -2, -1, 1, 2, 3])[:, None] * shift))
        weights = np.array([-1, 9, -45, 45, -9, 1]) / (60 * step[i])
        columns.append(np.tensordot(weights, values, axes=1))
    return np.stack(columns, axis=-1)


def field_tensor(field: Field, y: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Return the derivative tensor of a field at ``y``, shape (dim,) * (order + 1), order 1 being the Jacobian."""
    exact: Any = getattr(field, "derivative", None)
    if exact is not None:
        return np.asarray(exact(y, order))
    if order == 1:
        return np.asarray(field.jacobian(y))

    def lower(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([field_tensor(field, point, order - 1) for point in points])

    return differences(lower, y)


@dataclass(frozen=True)
class Contraction:
    """A contracted derivative of a field.

    Attributes
    ----------
    value : ndarray of complex, shape (dim,)
    size : ndarray, shape (dim,)
        Sum of the absolute terms of each component: its rounding is a multiple of it.
    error : ndarray, shape (dim,)
        Estimated error besides rounding (zero for exact tensors).
    """

    value: NDArray[Any]
    size: NDArray[np.float64]
    error: NDArray[np.float64]


class Forms:
    """The multilinear forms ``B(u, v) = D^2 v [u, v]`` and ``C(u, v, w) = D^3 v [u, v, w]`` of a field at a point.

    Parameters
    ----------
    field : Field
        With exact Jacobian, batched over leading axes.
    y : ndarray, shape (dim,)
    max_tensor : int
        Number of coordinates up to which the tensors are taken whole.
    """

    def __init__(self, field: Field, y: NDArray[np.float64], max_tensor: int = MAX_TENSOR) -> None:
        self.field, self.y = field, y
        self.jacobian = field_tensor(field, y, 1)
        self.exact = len(y) <= max_tensor
        self._tensors = [field_tensor(field, y, order) for order in (2, 3)] if self.exact else []
        self._known: dict[bytes, tuple[NDArray[Any], NDArray[Any]]] = {}

    def second(self, u: NDArray[Any], v: NDArray[Any], error: NDArray[np.float64] | float = 0.0) -> Contraction:
        """Return ``B(u, v)``; ``error`` is the error of ``v``, shape (dim,)."""
        if self.exact:
            b = self._tensors[0]
            size = np.einsum("ijk,j,k->i", np.abs(b), np.abs(u), np.abs(v))
            return Contraction(np.einsum("ijk,j,k->i", b, u, v), size, np.zeros(len(u)))
        matrix, blur = self._first(u)
        return Contraction(
            matrix @ v, np.abs(matrix) @ np.abs(v), blur @ np.abs(v) + np.abs(matrix) @ (error + 0 * self.y)
        )

    def third(self, u: NDArray[Any], v: NDArray[Any], w: NDArray[Any]) -> Contraction:
        """Return ``C(u, v, w)``."""
        if self.exact:
            c = self._tensors[1]
            size = np.einsum("ijkl,j,k,l->i", np.abs(c), np.abs(u), np.abs(v), np.abs(w))
            return Contraction(np.einsum("ijkl,j,k,l->i", c, u, v, w), size, np.zeros(len(u)))
        matrix, blur = self._second(u, v)
        return Contraction(matrix @ w, np.abs(matrix) @ np.abs(w), blur @ np.abs(w))

    def _first(self, u: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return ``B(u, .)`` and its error."""
        real, imaginary = (self._along(np.asarray(part), 1) for part in (np.real(u), np.imag(u)))
        return real[0] + 1j * imaginary[0], real[1] + imaginary[1]

    def _second(self, u: NDArray[Any], v: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return ``C(u, v, .)`` by polarisation, ``4 C(a, b) = C(a + b, a + b) - C(a - b, a - b)``, and its error."""
        total: NDArray[Any] = np.zeros((len(u), len(u)), dtype=complex)
        blur = np.zeros((len(u), len(u)))
        for a, factor in ((np.real(u), 1.0), (np.imag(u), 1j)):
            for b, other in ((np.real(v), 1.0), (np.imag(v), 1j)):
                for sign in (1, -1):
                    value, error = self._along(a + sign * b, 2)
                    total += sign * factor * other * value / 4
                    blur += error / 4
        return total, blur

    def _along(self, direction: NDArray[np.float64], order: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the derivative of the Jacobian along a direction, of order one or two, and its error."""
        length = float(np.linalg.norm(direction))
        n = len(direction)
        if length == 0:
            return np.zeros((n, n)), np.zeros((n, n))
        key = direction.tobytes() + bytes([order])
        if key not in self._known:
            value, error = directional(lambda p: np.asarray(self.field.jacobian(p)), self.y, direction / length, order)
            self._known[key] = (value * length**order, error * length**order)
        return self._known[key]


def directional(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    y: NDArray[np.float64],
    direction: NDArray[np.float64],
    order: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first or second derivative of a batched function along a unit direction, and its error.

    Central differences of order eight with eight steps; each is compared with that of half its step, and every entry is
    taken from the step whose difference and rounding are least together.

    Parameters
    ----------
    function : callable
        Maps (m, dim) to (m, ...).
    y, direction : ndarray, shape (dim,)
    order : int
        1 or 2.
    """
    weights = FIRST if order == 1 else SECOND
    steps = STEPS * max(1.0, float(np.abs(y).max()))
    offsets = (steps[:, None] * np.arange(-4, 5)).ravel()
    with np.errstate(all="ignore"):
        values = np.asarray(function(y + offsets[:, None] * direction))
        values = values.reshape(len(steps), 9, *values.shape[1:])
        scale = (steps**order).reshape(-1, *(1,) * (values.ndim - 2))
        estimates = np.tensordot(values, weights, axes=(1, 0)) / scale
        # values are known to a few units of rounding of the largest among them, and the steps of the state to theirs
        largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)[:, 0]
        rounding = 8 * np.finfo(float).eps * np.abs(weights).sum() * largest / scale
        changes = np.abs(estimates[:-1] - estimates[1:])
        # agreement of two long steps may be chance (a period skipped): shorter ones must not disagree beyond rounding
        beyond = np.maximum(changes - 2 * (rounding[:-1] + rounding[1:]), 0.0)
        worst = np.maximum.accumulate(beyond[::-1], axis=0)[::-1]
        # halving the step leaves 1/256 of the error: the difference is nearly all of it, and is taken twice
        errors = 2 * np.maximum(changes, worst) + rounding[:-1]
    errors = np.where(np.isfinite(errors), errors, np.inf)
    best = errors.argmin(axis=0)[None]
    return np.take_along_axis(estimates[:-1], best, axis=0)[0], np.take_along_axis(errors, best, axis=0)[0]


def loss_gradient(game: Game, player: str, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gradient of one player's loss in all coordinates, without time scales, shape (..., dim)."""
    return np.concatenate([np.asarray(game.gradient(player, other, y)) for other in game.players], axis=-1)


def loss_hessian(game: Game, player: str, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the symmetric Hessian of one player's loss in all coordinates, shape (dim, dim)."""
    exact: Any = getattr(game, "loss_hessian", None)
    hessian = np.asarray(exact(player, y)) if exact else differences(lambda p: loss_gradient(game, player, p), y)
    return (hessian + hessian.T) / 2


def loss_third(game: Game, player: str, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the third derivatives of one player's loss, shape (dim, dim, dim)."""
    exact: Any = getattr(game, "loss_third", None)
    if exact is not None:
        return np.asarray(exact(player, y))
    return differences(lambda points: np.array([loss_hessian(game, player, p) for p in points]), y)
