"""Gradient descent with Polyak's momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.games.field import Array
from dynamics.methods.base import Playable
from dynamics.methods.momentum import Momentum
from dynamics.methods.turns import Memory


@dataclass(frozen=True)
class HeavyBall(Momentum):
    r"""Momentum of either sign, added to simultaneous or alternating steps.

    ``m_{k+1} = beta m_k + v(y_k)``, ``y_{k+1} = P(y_k + lr m_{k+1})``, which at a constant rate is
    ``y_{k+1} = y_k + lr v(y_k) + beta (y_k - y_{k-1})``. On the bilinear game, ``a = lr sigma``, the multipliers solve
    ``(mu - 1)(mu - beta) = +-i a mu`` for simultaneous steps, and one of them is outside the unit circle for every
    beta and rate; for alternating steps they solve ``(mu - 1)^2 (mu - beta)^2 + a^2 mu^3 = 0``, and small negative
    beta contracts. Sources: Polyak 1964; Gidel et al. 2019, section 5.

    Parameters
    ----------
    lr : float or mapping of player to float
    d_steps, g_steps, first : int, int, str
        For alternating steps.
    order : str
        simultaneous or alternating.
    beta : float
        Momentum, in (-1, 1).
    """

    name: ClassVar[str] = "heavy-ball"

    def viewpoint(self, game: Playable, player: str, y: Array, memory: Memory) -> Array:
        """Return the state itself."""
        return y
