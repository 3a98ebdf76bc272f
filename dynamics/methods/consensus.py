"""Consensus optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.core.errors import check_number
from dynamics.methods.base import Info, Method, Playable, State, field, rated


@dataclass(frozen=True)
class Consensus(Method):
    r"""Descent on every player's loss plus ``gamma/2 |v|^2``.

    ``y_{k+1} = P(y_k + lr (v - gamma J^T v))``: the added term is the gradient of half the squared norm of the field,
    so its zeros may be zeros of ``(1 - gamma J^T) v`` where the field does not vanish. On the bilinear game the
    multipliers are ``1 - lr gamma sigma^2 +- i lr sigma``. Source: Mescheder et al. 2017, algorithm 2.

    Parameters
    ----------
    lr : float or mapping of player to float
    gamma : float
        Weight of the regulariser.
    """

    name: ClassVar[str] = "consensus"

    gamma: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("gamma", self.gamma)

    @property
    def adds_fixed_points(self) -> bool:
        """Whether the map may rest where the field does not vanish."""
        return True

    def pace(self, player: str) -> float | None:
        """Return None: the limit is the flow of another field."""
        return None

    def update(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one step."""
        y, draw = state.y, (state.iteration, 0)
        v = field(game, y, draw)
        direction = v - self.gamma * game.vjp(y, v, draw=draw)
        moved = game.project(y + rated(self, game, direction))
        return State(moved, state.iteration + 1), Info(dict.fromkeys(game.players, 1), products=1)
