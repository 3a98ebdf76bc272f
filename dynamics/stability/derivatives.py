"""Derivatives of fields and losses at a point: exact where the game offers them, central differences otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field, Game


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
