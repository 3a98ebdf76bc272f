"""Extrapolation from the past (Popov's method)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.games.field import Array, Game
from dynamics.methods.base import Info, Method, Playable, State, field, rated


@dataclass(frozen=True)
class PastExtragradient(Method):
    r"""Extragradient whose trial step reuses the last field: one evaluation an iteration.

    ``z_k = P(y_k + lr v(z_{k-1}))``, ``y_{k+1} = P(y_k + lr v(z_k))``, ``v(z_{-1}) = v(y_0)``. Without projection the
    sequence ``z`` is that of the optimistic method, so the multipliers are the same. Sources: Popov 1980; Gidel et
    al. 2019 (a variational inequality perspective), section 3.3.

    Parameters
    ----------
    lr : float or mapping of player to float
    """

    name: ClassVar[str] = "past-extragradient"

    def init(self, y: Array, game: Game | None = None) -> State:
        """Return the start, with the field there as the past one."""
        return State(y, memory={"past": 0.0 * y if game is None else field(game, y, (0, 0))})

    def update(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one step."""
        y, k = state.y, state.iteration
        trial = game.project(y + rated(self, game, state.memory["past"]))
        present = field(game, trial, (k, 0))
        moved = game.project(y + rated(self, game, present))
        return State(moved, k + 1, {"past": present}), Info(dict.fromkeys(game.players, 1))
