"""What methods share that divide the gradient by the root of its mean square: Adam, its optimistic variant, RMSProp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynamics.core.errors import InputError, check_number, check_positive
from dynamics.games.field import Array, Game
from dynamics.methods.arithmetic import namespace
from dynamics.methods.base import Playable, State
from dynamics.methods.turns import Memory, Ordered


@dataclass(frozen=True)
class Normalised(Ordered):
    """Steps whose length in every coordinate is about the rate, however small the gradient; they have no multipliers.

    ``eps`` is added to the root, in units of the gradient.
    """

    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("eps", self.eps)

    @property
    def no_multipliers(self) -> str:
        """Why there are no multipliers."""
        return (
            f"not differentiable at an equilibrium: the step has slope lr/eps = {1 / self.eps:.3g} lr there and "
            "depends on the past squares through a root at 0"
        )

    def pace(self, player: str) -> float | None:
        """Return None: every coordinate moves at a speed of its own."""
        return None


@dataclass(frozen=True)
class Moments(Normalised):
    """Steps along a mean gradient divided by the root of a mean square, both corrected for their empty start.

    ``m <- beta1 m + (1 - beta1) v``, ``s <- beta2 s + (1 - beta2) v^2``, and the direction is
    ``m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)``, t counting each player's own steps.
    """

    beta1: float = 0.9
    beta2: float = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        check_average("beta1", self.beta1)
        check_average("beta2", self.beta2)

    def init(self, y: Array, game: Game | None = None) -> State:
        """Return the start with empty averages; ``beta1^t`` and ``beta2^t`` are kept beside them."""
        ones = namespace(y).ones(y)
        return State(y, memory={"mean": 0.0 * y, "square": 0.0 * y, "power1": ones, "power2": ones})

    def direction(self, game: Playable, player: str, y: Array, memory: Memory, draw: Any) -> tuple[Any, dict[str, Any]]:
        """Return the direction of the player's step in units of its rate, and its parts of the memory."""
        part = game.players[player]
        v = game.component(player, y, draw=draw)
        mean = self.beta1 * memory["mean"][..., part] + (1.0 - self.beta1) * v
        square = self.beta2 * memory["square"][..., part] + (1.0 - self.beta2) * (v * v)
        power1 = self.beta1 * memory["power1"][..., part]
        power2 = self.beta2 * memory["power2"][..., part]
        root = namespace(y).sqrt(square / (1.0 - power2))
        direction = mean / (1.0 - power1) / (root + self.eps)
        return direction, {"mean": mean, "square": square, "power1": power1, "power2": power2}


def check_average(name: str, beta: float) -> None:
    """Refuse a weight that is no share of the past."""
    if not 0 <= check_number(name, beta) < 1:
        raise InputError(f"{name} is {beta:g}, expected a number in [0, 1): the share of the past in an average.")
