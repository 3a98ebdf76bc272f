r"""The exact Jacobian of a method's map, by forward mode through its stages.

A :class:`Dual` carries a value and the derivative of that value in the extended state (``y`` and the method's
memory). Running a method's own ``step`` on duals gives ``d Phi``; nothing about the method is written twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.games.field import Draw, Game
from dynamics.methods.base import Method, State


@dataclass(frozen=True)
class Dual:
    """A vector with its derivative.

    Attributes
    ----------
    value : ndarray, shape (n,)
    tangent : ndarray, shape (n, m)
        Derivative in the m extended coordinates.
    """

    # NumPy must leave ``array * dual`` to this class.
    __array_ufunc__ = None

    value: NDArray[Any]
    tangent: NDArray[Any]

    def __getitem__(self, key: Any) -> Dual:
        part = key[-1] if isinstance(key, tuple) else key
        return Dual(self.value[part], self.tangent[part])

    def replace_part(self, part: slice, values: Dual) -> Dual:
        """Return a copy with the coordinates ``part`` replaced."""
        pieces = (self[: part.start], values, self[part.stop :])
        return Dual(np.concatenate([p.value for p in pieces]), np.concatenate([p.tangent for p in pieces]))

    def __add__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        return Dual(self.value + other, self.tangent)

    def __mul__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            tangent = self.tangent * other.value[:, None] + self.value[:, None] * other.tangent
            return Dual(self.value * other.value, tangent)
        return Dual(self.value * other, self.tangent * np.reshape(other, (-1, 1)))

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.tangent)

    def __sub__(self, other: Any) -> Dual:
        return self + (-other)

    def __rsub__(self, other: Any) -> Dual:
        return (-self) + other

    __radd__ = __add__
    __rmul__ = __mul__


class _DualGame:
    """A game seen through duals: components carry their exact derivative along."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.players = game.players

    def component(self, player: str, y: Dual, t: float = 0.0, draw: Draw = None) -> Dual:
        part = self.game.players[player]
        point = np.real(y.value)
        rows = self.game.jacobian(point, t, draw)[part]
        return Dual(self.game.component(player, point, t, draw), rows @ y.tangent)

    def project(self, y: Dual, player: str | None = None) -> Dual:
        point = np.real(y.value)
        projected = self.game.project(point, player)
        # Inside the bounds the projection is the identity; a clipped coordinate no longer depends on anything.
        free = projected == point
        return Dual(np.where(free, y.value, projected), y.tangent * free[:, None])


def map_jacobian(method: Method, game: Game, y: ArrayLike) -> NDArray[Any]:
    """Return the Jacobian of one iteration of ``method`` at the extended state that ``init(y)`` gives.

    Parameters
    ----------
    method : Method
        Its rates may be complex (:meth:`Method.with_lr`) when ``y`` is an equilibrium, where values do not move.
    game : Game
    y : array_like, shape (dim,)

    Returns
    -------
    ndarray, shape (n, n)
        ``n = dim (1 + number of memory vectors)``; ``y`` first. Its eigenvalues are the multipliers of the method: a
        fixed point attracts when all lie inside the unit circle.
    """
    y = np.asarray(y, dtype=np.float64)
    plain = method.init(y)
    values = [y, *(np.asarray(entry, dtype=np.float64) for entry in plain.memory.values())]
    sizes = np.cumsum([0, *(value.size for value in values)])
    identity = np.eye(sizes[-1])
    duals = [Dual(v, identity[a:b]) for v, a, b in zip(values, sizes[:-1], sizes[1:], strict=True)]
    state = State(duals[0], plain.iteration, dict(zip(plain.memory, duals[1:], strict=True)))
    after, _ = method.step(state, _DualGame(game))
    return np.concatenate([after.y.tangent, *(entry.tangent for entry in after.memory.values())])
