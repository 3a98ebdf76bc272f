"""A game pinned to one of its equilibria: what the Jacobian of a map at rest needs, evaluated once.

Stages of a method at rest all see the same point. In floating-point numbers the field there is not quite zero, and at
large rates its rounding would carry the stages of a method away from the equilibrium.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from dynamics.games.field import Draw, Game
from dynamics.methods.base import Method
from dynamics.methods.linearise import map_jacobian
from dynamics.stability.expansion import Stack

#: A method rests at an equilibrium if it moves slower than this (in units of coordinates, per unit of rate): the field
#: there is rounding, or as large as the error of a degenerate equilibrium allows.
RESTS = 1e-6


class Resting(Game):
    """A game at an equilibrium, wherever it is asked.

    Parameters
    ----------
    game : Game
    y : ndarray, shape (dim,)
        The equilibrium; the field there is taken to be exactly zero. For a family of games, one for each of its rows,
        shape (m, dim).
    """

    def __init__(self, game: Game, y: NDArray[np.float64]) -> None:
        self.game = game
        self.y = y
        self.name, self.names, self.players = game.name, game.names, game.players
        self.zero_sum, self.box, self.start, self.timescales = game.zero_sum, game.box, game.start, game.timescales
        self._jacobian = np.asarray(game.jacobian(y), dtype=np.float64)

    def __call__(self, y: Any, t: float = 0.0, draw: Draw = None) -> NDArray[np.float64]:
        """Return zeros, shape (..., dim)."""
        return np.zeros_like(y)

    def component(self, player: str, y: Any, t: float = 0.0, draw: Draw = None) -> NDArray[np.float64]:
        """Return zeros, shape (..., size of the player)."""
        return np.zeros_like(y[..., self.players[player]])

    def jacobian(self, y: Any, t: float = 0.0, draw: Draw = None) -> NDArray[np.float64]:
        """Return the Jacobian at the equilibrium, shape (..., dim, dim)."""
        return self._spread(self._jacobian, 2, y)

    def jvp_jacobian(self, y: Any, u: Any, t: float = 0.0, draw: Draw = None) -> Any:
        """Return ``d(J(y) u)/dy`` at the equilibrium, shape (..., dim, dim)."""
        return self.game.jvp_jacobian(np.broadcast_to(self.y, u.shape), u) if u.any() else self._none(u)

    def vjp_jacobian(self, y: Any, u: Any, t: float = 0.0, draw: Draw = None) -> Any:
        """Return ``d(J(y)^T u)/dy`` at the equilibrium, shape (..., dim, dim)."""
        return self.game.vjp_jacobian(np.broadcast_to(self.y, u.shape), u) if u.any() else self._none(u)

    def _none(self, u: Any) -> NDArray[np.float64]:
        return np.zeros((*u.shape, self.dim))

    def losses(self, y: Any, draw: Draw = None) -> dict[str, Any]:
        """Return each player's loss at the equilibrium."""
        return self.game.losses(self.y, draw)

    def gradient(self, loss_of: str, wrt: str, y: Any, draw: Draw = None) -> Any:
        """Return ``dL_{loss_of} / dx_{wrt}`` at the equilibrium."""
        return self._spread(self.game.gradient(loss_of, wrt, self.y, draw), 1, y)

    def gradient_jacobian(self, loss_of: str, wrt: str, y: Any, draw: Draw = None) -> Any:
        """Return the derivative of :meth:`gradient` at the equilibrium, shape (..., size of ``wrt``, dim)."""
        return self._spread(self.game.gradient_jacobian(loss_of, wrt, self.y, draw), 2, y)

    def timescale(self, player: str) -> Any:
        """Return the factor of one player's part of the field."""
        return self.game.timescale(player)

    def _spread(self, value: Any, axes: int, y: Any) -> NDArray[np.float64]:
        """Return a value at the equilibrium for every state of a batch."""
        value = np.asarray(value)
        lead = np.broadcast_shapes(y.shape[:-1], value.shape[: value.ndim - axes])
        return np.broadcast_to(value, (*lead, *value.shape[value.ndim - axes :]))

    def project(self, y: Any, player: str | None = None) -> Any:
        """Return ``y``: an equilibrium is admissible."""
        return y

    def with_timescales(self, timescales: Any) -> Resting:
        """Return the same point of the game with other time scales, which move no equilibrium."""
        return Resting(self.game.with_timescales(timescales), self.y)


def drift(game: Game, method: Method, y: NDArray[np.float64], size: float) -> float:
    """Return how far a method at a small rate moves from an equilibrium in one step, in units of that rate.

    At least as far as the flow. Unrolled steps of a game that is not zero-sum rest elsewhere.
    """
    flow = float(np.abs(np.asarray(game(y))).max())
    if size == 0:
        return flow
    rate = 0.1 / size
    factors = rate
    if isinstance(method.lr, Mapping):
        largest = max(method.lr.values())
        factors = {player: rate * value / largest for player, value in method.lr.items()}
    after, _ = method.with_schedule(None).with_lr(factors).step(method.init(y, game), game)
    return max(flow, float(np.abs(after.y - y).max()) / rate)


def rests(moved: float, y: NDArray[np.float64]) -> bool:
    """Return whether a :func:`drift` is that of a method at rest."""
    return moved <= RESTS * (1 + float(np.abs(y).max()))


def multiplier_stack(game: Game, method: Method, y: NDArray[np.float64]) -> Stack:
    """Return the function from rates, shape (m,), to Jacobians of a method at an equilibrium, shape (m, n, n).

    With one rate per player the argument is the largest of them, their ratio kept. A schedule has no part in it.
    """
    method = method.with_schedule(None)
    resting = Resting(game, y)
    if not isinstance(method.lr, Mapping):
        return lambda rates: map_jacobian(method.with_lr(rates[:, None]), resting, y)
    largest = max(method.lr.values())
    ratios = {player: rate / largest for player, rate in method.lr.items()}

    def stack(rates: NDArray[Any]) -> NDArray[Any]:
        return map_jacobian(method.with_lr({p: rates[:, None] * ratio for p, ratio in ratios.items()}), resting, y)

    return stack


def multipliers_at(
    game: Game, method: Method, y: ArrayLike, rates: ArrayLike
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return the multipliers of a method at an equilibrium at many rates, shape (m, n), and the Jacobians.

    Parameters
    ----------
    game : Game
    method : Method
        With one rate per player their ratio is kept.
    y : array_like, shape (dim,)
    rates : array_like, shape (m,)
        The largest of the players' rates.

    Returns
    -------
    values : ndarray of complex, shape (m, n)
    matrices : ndarray, shape (m, n, n)
        Of the extended state.

    Raises
    ------
    InputError
        For a method without multipliers, or one that does not rest at ``y``.
    """
    at = np.asarray(y, dtype=np.float64)
    method.check(game)
    if method.no_multipliers:
        raise InputError(f"{method.name} has no multipliers: {method.no_multipliers}; use another method.")
    moved = drift(game, method, at, float(np.linalg.norm(np.asarray(game.jacobian(at)), 2)))
    if not rests(moved, at):
        raise InputError(f"{method.name} does not rest here: it moves at a speed of {moved:.3g}; give an equilibrium.")
    matrices = multiplier_stack(game, method, at)(np.asarray(rates, dtype=np.float64))
    return np.linalg.eigvals(matrices).astype(np.complex128), matrices


def spectral_radii(game: Game, method: Method, y: ArrayLike, rates: ArrayLike) -> NDArray[np.float64]:
    """Return spectral radii of a method at an equilibrium at many rates, shape (m,); see :func:`multipliers_at`."""
    return np.abs(multipliers_at(game, method, y, rates)[0]).max(axis=-1)
