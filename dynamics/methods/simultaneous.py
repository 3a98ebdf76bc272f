"""Simultaneous gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.methods.base import Info, Method, Playable, State, replace_part


@dataclass(frozen=True)
class Simultaneous(Method):
    r"""All players step at once from the same state (the Euler method of the flow).

    ``y_{k+1} = P(y_k + lr v(y_k))``, with one rate per player if given. At an equilibrium the multipliers are
    ``1 + lr lambda``, so a centre is left outwards at every rate. Source: the algorithm analysed by Mescheder et al.
    2017, equation 4.
    """

    name: ClassVar[str] = "simultaneous"

    def step(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one simultaneous step."""
        y = state.y
        draw = (state.iteration, 0)
        moved = y
        for player, part in game.players.items():
            component = game.component(player, y, draw=draw)
            moved = replace_part(moved, part, y[..., part] + self.rate(player) * component)
        return State(game.project(moved), state.iteration + 1), Info(dict.fromkeys(game.players, 1))
