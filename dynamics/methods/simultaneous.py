"""Simultaneous gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.games.field import Array
from dynamics.methods.base import Playable
from dynamics.methods.turns import Memory, PlayerWise


@dataclass(frozen=True)
class Simultaneous(PlayerWise):
    r"""All players step at once from the same state (the Euler method of the flow).

    ``y_{k+1} = P(y_k + lr v(y_k))``, with one rate per player if given. At an equilibrium the multipliers are
    ``1 + lr lambda``, so a centre is left outwards at every rate. Source: Mescheder et al. 2017, algorithm 1.
    """

    name: ClassVar[str] = "simultaneous"

    def move(self, game: Playable, player: str, y: Array, memory: Memory, draw: Any) -> tuple[Array, dict[str, Array]]:
        """Return one descent step of the player."""
        return y[..., game.players[player]] + self.rate(player) * game.component(player, y, draw=draw), {}
