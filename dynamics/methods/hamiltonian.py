"""Hamiltonian gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.methods.base import Info, Method, Playable, State, field, rated


@dataclass(frozen=True)
class Hamiltonian(Method):
    r"""Descent on half the squared norm of the field, ``|v|^2 / 2``.

    ``y_{k+1} = P(y_k - lr J^T v)``. It is drawn to every equilibrium, saddles of the flow included, and rests also
    where ``v`` lies in the null space of ``J^T``. On the bilinear game the multipliers are ``1 - lr sigma^2``. Source:
    Abernethy, Lai and Wibisono 2021.

    Parameters
    ----------
    lr : float or mapping of player to float
    """

    name: ClassVar[str] = "hamiltonian"

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
        slope = game.vjp(y, field(game, y, draw), draw=draw)
        moved = game.project(y - rated(self, game, slope))
        return State(moved, state.iteration + 1), Info(dict.fromkeys(game.players, 1), products=1)
