"""Gradient descent with Nesterov's momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.games.field import Array
from dynamics.methods.base import Playable, replace_part
from dynamics.methods.momentum import Momentum
from dynamics.methods.turns import Memory


@dataclass(frozen=True)
class Nesterov(Momentum):
    r"""Momentum whose gradient is taken where the momentum leads.

    ``z_k = y_k + beta lr m_k``, ``m_{k+1} = beta m_k + v(z_k)``, ``y_{k+1} = P(y_k + lr m_{k+1})``. In alternating
    order each player looks ahead along its own momentum only, from the others' latest state. On the bilinear game
    simultaneous multipliers solve ``(mu - 1)(mu - beta) = +-i a mu (1 + beta - beta / mu)``. Sources: Nesterov 1983;
    in this form Sutskever et al. 2013, equations 3 and 4.

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

    name: ClassVar[str] = "nesterov"

    def viewpoint(self, game: Playable, player: str, y: Array, memory: Memory) -> Array:
        """Return the state moved along the momentum: of all players, or of one whose turn it is."""
        ahead = y
        for other, theirs in game.players.items():
            if other == player or self.order == "simultaneous":
                lead = self.beta * self.rate(other) * memory["momentum"][..., theirs]
                ahead = replace_part(ahead, theirs, y[..., theirs] + lead)
        return ahead
