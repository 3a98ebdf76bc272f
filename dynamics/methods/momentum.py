"""The momentum shared by heavy-ball and Nesterov steps."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from dynamics.core.errors import InputError, check_number
from dynamics.games.field import Array, Game
from dynamics.methods.base import Playable, State
from dynamics.methods.turns import Memory, Ordered


@dataclass(frozen=True)
class Momentum(Ordered):
    """Steps along a fading sum of past descent directions: ``m <- beta m + v(z)``, ``y <- P(y + lr m)``.

    Where the direction is taken, ``z``, is what its kinds differ in.

    Parameters
    ----------
    beta : float
        The share of the momentum that is kept, in (-1, 1); negative momentum turns it around.

    Raises
    ------
    InputError
        For a ``beta`` outside (-1, 1).
    """

    beta: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -1 < check_number("The momentum beta", self.beta) < 1:
            raise InputError(
                f"The momentum beta is {self.beta:g}, expected a number in (-1, 1), for its memory to fade."
            )

    def pace(self, player: str) -> float | None:
        """Return the length of the step that momentum adds up to under a constant field."""
        return self.steps(player) / (1.0 - self.beta)

    def init(self, y: Array, game: Game | None = None) -> State:
        """Return the start at rest."""
        return State(y, memory={"momentum": 0.0 * y})

    @abstractmethod
    def viewpoint(self, game: Playable, player: str, y: Array, memory: Memory) -> Array:
        """Return the state at which the player's descent direction is taken."""

    def move(self, game: Playable, player: str, y: Array, memory: Memory, draw: Any) -> tuple[Array, dict[str, Array]]:
        """Return one step of the player along its momentum."""
        part = game.players[player]
        direction = game.component(player, self.viewpoint(game, player, y, memory), draw=draw)
        momentum = self.beta * memory["momentum"][..., part] + direction
        return y[..., part] + self.rate(player) * momentum, {"momentum": momentum}
