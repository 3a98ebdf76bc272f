r"""Sums of products of a game's derivatives at a state, the only thing that modified and high-resolution flows compute.

    V = sum_p first[p] v_p + sum_pq second[p, q] v_p' v_q
        + sum_pqr (chain[p, q, r] v_p' v_q' v_r + bush[p, q, r] v_p''(v_q, v_r)),

``v_p`` the field of player p alone, ``'`` the derivative in all coordinates; coefficients are those of a
:class:`~dynamics.flow.modified.series.Series` with the powers of the step in them. ``J = dv/dy``: a negative real part
attracts. Games with exact derivative tensors use these; networks use forward mode, for ``first`` and ``second`` only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.flow.modified.series import Series
from dynamics.games.field import Array, Draw, Game


@runtime_checkable
class Differentiable(Protocol):
    """A game with exact derivative tensors of its field."""

    def derivative(self, y: Array, order: int) -> Array:
        """Return the derivative of this order, shape (..., dim, dim, ...) with order + 1 axes."""
        ...


class Products(ABC):
    """Sums of products of one game's derivatives.

    Parameters
    ----------
    game : Game
    """

    def __init__(self, game: Game) -> None:
        self.game = game
        owner = np.empty(game.dim, dtype=np.int64)
        for place, part in enumerate(game.players.values()):
            owner[part] = place
        self.owner = owner

    @abstractmethod
    def value(self, series: Series, y: Array, draw: Draw = None) -> Array:
        """Return V, shape (..., dim) for states of shape (..., dim)."""

    @abstractmethod
    def along(self, weights: NDArray[np.float64], y: Array, u: Array, draw: Draw = None) -> Array:
        """Return ``sum_p weights[p] v_p' u``, shape (..., dim)."""


def products_of(game: Game, order: int) -> Products:
    """Return the products of a game, or refuse derivatives that it does not have.

    Parameters
    ----------
    game : Game
    order : int
        How many powers of the step the sums have, 1 to 3.
    """
    kinks = len(game.switches)
    if kinks:
        raise InputError(
            f"The field of {game.name} is not smooth ({kinks} switching surface{'s' if kinks > 1 else ''}), and its "
            "modified equation would need derivatives across them: integrate the game itself, or iterate the method."
        )
    if game.bounds or getattr(game, "clip", None) is not None:
        raise InputError(
            f"The updates of {game.name} are clipped, and a projection has no modified equation: leave the clip out, "
            "integrate the game itself, or iterate the method."
        )
    if isinstance(game, Differentiable):
        return TensorProducts(game)
    if order > 2:
        raise InputError(
            f"order={order} needs second derivatives of the field, which {game.name} ({type(game).__name__}) does not "
            "offer: give order=2 or less."
        )
    return ForwardProducts(game)


class TensorProducts(Products):
    """Products of exact derivative tensors ``derivative(y, k)``, on NumPy and torch."""

    def __init__(self, game: Game) -> None:
        super().__init__(game)
        assert isinstance(game, Differentiable)
        self.tensor: Callable[[Array, int], Array] = game.derivative

    def value(self, series: Series, y: Array, draw: Draw = None) -> Array:
        """Return V."""
        first, second, chain, bush = self._by_coordinate(series, y)
        v = self.game(y)
        total = first * v
        if second is not None:
            jacobian = self.tensor(y, 1)
            total = total + _sum("ij,...ij,...j->...i", second, jacobian, v)
            if chain is not None:
                total = total + _sum("ijk,...ij,...jk,...k->...i", chain, jacobian, jacobian, v)
                total = total + _sum("ijk,...ijk,...j,...k->...i", bush, self.tensor(y, 2), v, v)
        return total

    def jacobian(self, series: Series, y: Array) -> Array:
        """Return ``dV/dy`` by the product rule, exact."""
        first, second, chain, bush = self._by_coordinate(series, y)
        j1 = self.tensor(y, 1)
        total = first[:, None] * j1
        if second is not None:
            v, j2 = self.game(y), self.tensor(y, 2)
            total = total + _sum("ij,...ijl,...j->...il", second, j2, v) + _sum("ij,...ij,...jl->...il", second, j1, j1)
            if chain is not None:
                total = (
                    total
                    + _sum("ijk,...ijl,...jk,...k->...il", chain, j2, j1, v)
                    + _sum("ijk,...ij,...jkl,...k->...il", chain, j1, j2, v)
                    + _sum("ijk,...ij,...jk,...kl->...il", chain, j1, j1, j1)
                    + _sum("ijk,...ijkl,...j,...k->...il", bush, self.tensor(y, 3), v, v)
                    + 2 * _sum("ijk,...ijk,...j,...kl->...il", bush, j2, v, j1)
                )
        return total

    def along(self, weights: NDArray[np.float64], y: Array, u: Array, draw: Draw = None) -> Array:
        """Return ``sum_p weights[p] v_p' u``."""
        return like(weights[self.owner], u) * _sum("...ij,...j->...i", self.tensor(y, 1), u)

    def along_matrix(self, weights: NDArray[np.float64], y: Array) -> Array:
        """Return the matrix of :meth:`along`, shape (..., dim, dim)."""
        return like(weights[self.owner], y)[:, None] * self.tensor(y, 1)

    def along_jacobian(self, weights: NDArray[np.float64], y: Array, u: Array) -> Array:
        """Return the derivative of :meth:`along` in y."""
        return like(weights[self.owner], u)[:, None] * _sum("...ijl,...j->...il", self.tensor(y, 2), u)

    def _by_coordinate(self, series: Series, y: Array) -> tuple[Any, ...]:
        """Return the coefficients with one entry per coordinate instead of player; None where all vanish."""
        o = self.owner
        second = series.second[np.ix_(o, o)] if series.second.any() else None
        third = series.chain.any() or series.bush.any()
        chain, bush = (c[np.ix_(o, o, o)] if third else None for c in (series.chain, series.bush))
        if third and second is None:
            second = np.zeros((len(o), len(o)))
        return tuple(None if c is None else like(c, y) for c in (series.first[o], second, chain, bush))


class ForwardProducts(Products):
    """Products by forward mode on torch states: one Jacobian-vector product for each player with rates of its own."""

    def value(self, series: Series, y: Array, draw: Draw = None) -> Array:
        """Return V; ``chain`` and ``bush`` must vanish."""
        v = self.game(y, draw=draw)
        total = like(series.first[self.owner], v) * v
        if not series.second.any():
            return total
        rows, place = np.unique(series.second, axis=0, return_inverse=True)
        for i, row in enumerate(rows):
            product = self.game.jvp(y, like(row[self.owner], v) * v, draw=draw)
            total = total + like((place.reshape(-1) == i).astype(np.float64)[self.owner], v) * product
        return total

    def along(self, weights: NDArray[np.float64], y: Array, u: Array, draw: Draw = None) -> Array:
        """Return ``sum_p weights[p] v_p' u``."""
        product = self.game.jvp(y, u, draw=draw)
        return like(weights[self.owner], product) * product


def like(array: NDArray[np.float64], y: Array) -> Any:
    """Return a constant as the kind of array that ``y`` is."""
    return y.new_tensor(array) if hasattr(y, "new_tensor") else array


def _sum(subscripts: str, *operands: Any) -> Any:
    """Return an Einstein sum of NumPy arrays or torch tensors."""
    if isinstance(operands[-1], np.ndarray):
        return np.einsum(subscripts, *operands)
    import torch

    return torch.einsum(subscripts, *operands)
