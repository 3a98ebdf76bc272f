"""Optimistic gradient descent (OGDA)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.core.errors import check_number
from dynamics.games.field import Array, Game
from dynamics.methods.base import Playable, State, field
from dynamics.methods.turns import Memory, Ordered


@dataclass(frozen=True)
class Optimistic(Ordered):
    r"""Descent along the field that the last change predicts.

    ``y_{k+1} = P(y_k + lr ((1 + optimism) v(y_k) - optimism v(y_{k-1})))``, ``v(y_{-1}) = v(y_0)``. On the bilinear
    game (simultaneous, optimism 1, ``a = lr sigma``) ``rho^2 = (1 + sqrt(1 - 4 a^2)) / 2`` up to a = 1/2 and
    ``rho^2 = a (2 a + sqrt(4 a^2 - 1))`` beyond: it contracts below ``1/sqrt(3)``. Sources: Popov 1980; Daskalakis et
    al. 2018, section 2.

    Parameters
    ----------
    lr : float or mapping of player to float
    d_steps, g_steps, first : int, int, str
        For alternating steps.
    order : str
        simultaneous or alternating.
    optimism : float
        Weight of the predicted change.
    """

    name: ClassVar[str] = "optimistic"

    optimism: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("The optimism", self.optimism)

    def init(self, y: Array, game: Game | None = None) -> State:
        """Return the start, with the field there as the past one."""
        return State(y, memory={"past": 0.0 * y if game is None else field(game, y, (0, 0))})

    def move(self, game: Playable, player: str, y: Array, memory: Memory, draw: Any) -> tuple[Array, dict[str, Array]]:
        """Return one optimistic step of the player."""
        part = game.players[player]
        present = game.component(player, y, draw=draw)
        direction = (1.0 + self.optimism) * present - self.optimism * memory["past"][..., part]
        return y[..., part] + self.rate(player) * direction, {"past": present}
