"""RMSProp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.games.field import Array, Game
from dynamics.methods.arithmetic import namespace
from dynamics.methods.base import Playable, State
from dynamics.methods.moments import Normalised, check_average
from dynamics.methods.turns import Memory


@dataclass(frozen=True)
class RMSProp(Normalised):
    r"""The gradient divided by the root of its averaged square.

    ``s <- alpha s + (1 - alpha) v^2``, ``y <- P(y + lr v / (sqrt(s) + eps))``, entry by entry, from ``s = 0``. Source:
    Tieleman and Hinton 2012, lecture 6.5.

    Parameters
    ----------
    lr : float or mapping of player to float
    d_steps, g_steps, first : int, int, str
        For alternating steps.
    order : str
        simultaneous or alternating.
    alpha : float
        Share of the past in the average, in [0, 1).
    eps : float
        Added to the root, in units of the gradient.
    """

    name: ClassVar[str] = "rmsprop"

    alpha: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        check_average("alpha", self.alpha)

    def init(self, y: Array, game: Game | None = None) -> State:
        """Return the start with an empty average."""
        return State(y, memory={"square": 0.0 * y})

    def move(self, game: Playable, player: str, y: Array, memory: Memory, draw: Any) -> tuple[Array, dict[str, Array]]:
        """Return one RMSProp step of the player."""
        part = game.players[player]
        v = game.component(player, y, draw=draw)
        square = self.alpha * memory["square"][..., part] + (1.0 - self.alpha) * (v * v)
        moved = y[..., part] + self.rate(player) * (v / (namespace(y).sqrt(square) + self.eps))
        return moved, {"square": square}
