"""Symplectic gradient adjustment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.core.errors import check_number
from dynamics.methods.arithmetic import namespace
from dynamics.methods.base import Info, Method, Playable, State, field, rated

#: Added to the product whose sign aligns, so that the adjustment is kept where it vanishes (Balduzzi et al. 2018).
_ALIGNMENT_EPS = 0.1


@dataclass(frozen=True)
class SymplecticAdjustment(Method):
    r"""Descent with the field adjusted by the antisymmetric part of its Jacobian.

    ``y_{k+1} = P(y_k + lr (v + lambda (J - J^T) v / 2))``. With ``align`` the sign of the adjustment is that of
    ``<v, J^T v> <(J - J^T) v / 2, J^T v> / dim + 1/10``, which points to stable and away from unstable equilibria. In
    Balduzzi's notation ``xi = -v``, ``H = -J``, and the adjustment is ``-A^T xi``. On the bilinear game it is consensus
    optimisation. It rests where the field vanishes and nowhere else: ``1 + lambda A`` is regular for antisymmetric A.
    Source: Balduzzi et al. 2018, algorithm 1.

    Parameters
    ----------
    lr : float or mapping of player to float
    gamma : float
        Weight lambda of the adjustment.
    align : bool
        Choose the sign of the adjustment by alignment.
    """

    name: ClassVar[str] = "symplectic-adjustment"

    gamma: float = 1.0
    align: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("gamma", self.gamma)

    def pace(self, player: str) -> float | None:
        """Return None: the limit is the flow of another field."""
        return None

    def update(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one step."""
        y, draw = state.y, (state.iteration, 0)
        v = field(game, y, draw)
        # the gradient of |v|^2 / 2, Balduzzi's gradient of the Hamiltonian
        slope = game.vjp(y, v, draw=draw)
        adjustment = 0.5 * (game.jvp(y, v, draw=draw) - slope)
        weight = self.gamma
        if self.align:
            xp = namespace(y)
            size = sum(part.stop - part.start for part in game.players.values())
            # <xi, grad H> <A^T xi, grad H>: xi = -v and A^T xi = -adjustment, the two signs cancel
            product = xp.dot(v, slope) * xp.dot(adjustment, slope)
            weight = self.gamma * xp.sign(product * (1.0 / size) + _ALIGNMENT_EPS)
        moved = game.project(y + rated(self, game, v + weight * adjustment))
        return State(moved, state.iteration + 1), Info(dict.fromkeys(game.players, 1), products=2)
