"""Averaging of the iterates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.core.errors import InputError, unknown
from dynamics.games.field import Array, Game
from dynamics.methods.arithmetic import namespace
from dynamics.methods.base import Info, Playable, State
from dynamics.methods.moments import check_average
from dynamics.methods.wrapping import Wrapping


@dataclass(frozen=True)
class Averaging(Wrapping):
    r"""The average of the iterates of a base method, which does not feel it.

    ``z_{k+1} = B(z_k)`` and, with ``kind=polyak``, ``y_{k+1} = y_k + (z_{k+1} - y_k) / (k + 2)``, the mean of all
    iterates from the start on; with ``kind=ema``, ``y_{k+1} = beta y_k + (1 - beta) z_{k+1}``, whose multipliers are
    those of the base method and beta. Sources: Polyak and Juditsky 1992; for GANs Yazici et al. 2019.

    Parameters
    ----------
    lr : float or mapping of player to float
    base : str or Method
        The method whose iterates are averaged.
    kind : str
        ``polyak`` or ``ema``.
    beta : float
        Share of the past in the exponential average, in [0, 1); with ``kind=ema`` only.
    """

    name: ClassVar[str] = "averaging"

    kind: str = "polyak"
    beta: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in ("polyak", "ema"):
            raise unknown("kind of average", self.kind, ("polyak", "ema"))
        check_average("beta", self.beta)
        if self.kind == "polyak" and self.beta != Averaging.beta:
            raise InputError(
                f"beta={self.beta:g} has no effect on the mean of all iterates: add kind=ema, or leave it out."
            )

    @property
    def no_multipliers(self) -> str:
        """Why there are no multipliers."""
        if self.kind == "polyak":
            return "the weight of a new iterate is 1/(k + 2): errors fade like 1/k, at no fixed ratio"
        return self.inner.no_multipliers

    def pace(self, player: str) -> float | None:
        """Return that of the base method, which an exponential average follows, and the mean from the start not."""
        return None if self.kind == "polyak" else self.inner.pace(player)

    def init(self, y: Array, game: Game | None = None) -> State:
        """Return the start, which is its own average."""
        memory = {**self.inner.init(y, game).memory, "iterate": y}
        if self.kind == "polyak":
            memory["count"] = namespace(y).ones(y)
        return State(y, memory=memory)

    def update(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the average after one step of the base method."""
        memory = dict(state.memory)
        iterate, count = memory.pop("iterate"), memory.pop("count", None)
        inner, cost = self.inner.step(State(iterate, state.iteration, memory), game)
        after = {**inner.memory, "iterate": inner.y}
        if count is None:
            average = self.beta * state.y + (1.0 - self.beta) * inner.y
        else:
            after["count"] = count + 1.0
            average = state.y + (inner.y - state.y) / after["count"]
        return State(average, state.iteration + 1, after), cost
