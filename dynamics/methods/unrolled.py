"""Unrolled optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynamics.core.errors import check_count
from dynamics.games.field import Game
from dynamics.methods.arithmetic import namespace
from dynamics.methods.base import Info, Method, Playable, State, replace_part


@dataclass(frozen=True)
class Unrolled(Method):
    r"""The generator descends its loss at a discriminator that has answered k times.

    With ``x_D^0 = x_D``, ``x_D^{j+1} = P(x_D^j + lr_D v_D(x_G, x_D^j))``, the discriminator moves to ``x_D^1`` and the
    generator descends ``L_G(x_G, x_D^k(x_G, x_D))`` with respect to ``x_G``: through the unrolled steps (a product
    with the Jacobian of each), or, ``detached``, with ``x_D^k`` held fixed, which is descent against a discriminator
    that is k steps ahead. Source: Metz et al. 2017, sections 2.2 and 2.3.

    Parameters
    ----------
    lr : float or mapping of player to float
    k : int
        Unrolled steps.
    detached : bool
        Do not differentiate through them.
    """

    name: ClassVar[str] = "unrolled"

    k: int = 5
    detached: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "k", check_count("k", self.k))

    def applies(self, game: Game) -> str:
        """Return why not, for games of one player or of more than two."""
        if getattr(game, "has_metric", False):
            return (
                f"Unrolled optimisation differentiates plain gradient steps, {game.name} has a metric: use lookahead."
            )
        if len(game.players) == 2:
            return ""
        return (
            f"Unrolled optimisation is defined for two players, {game.name} has {len(game.players)}: "
            "use extragradient, optimistic, consensus or lookahead."
        )

    def update(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after both players' step."""
        xp = namespace(state.y)
        leader, follower = _roles(game)
        lead, follow = game.players[leader], game.players[follower]
        rate, draw = self.rate(follower), (state.iteration, 0)
        path, kept = [state.y], []
        for _ in range(self.k):
            y = path[-1]
            target = replace_part(y, follow, y[..., follow] + rate * game.component(follower, y, draw=draw))
            projected = game.project(target, follower)
            path.append(projected)
            kept.append(xp.same(projected, target)[..., follow])
        ahead = path[-1]
        direction = game.component(leader, ahead, draw=draw)
        products = 0
        if not self.detached:
            direction = direction + self._through(game, path, kept, draw)
            products = self.k
        moved = replace_part(path[1], lead, state.y[..., lead] + self.rate(leader) * direction)
        cost = Info({leader: 1, follower: self.k}, products)
        return State(game.project(moved, leader), state.iteration + 1), cost

    def _through(self, game: Playable, path: list[Any], kept: list[Any], draw: Any) -> Any:
        """Return the leader's part of the derivative that runs through the unrolled steps, in reverse mode."""
        leader, follower = _roles(game)
        lead, follow = game.players[leader], game.players[follower]
        rate = self.rate(follower)
        total: Any = 0.0
        adjoint = -1.0 * game.timescale(leader) * game.gradient(leader, follower, path[-1], draw=draw)
        for y, free in zip(path[-2::-1], kept[::-1], strict=True):
            # the step is x_D + rate v_D(x_G, x_D): both its Jacobians come from one product
            adjoint = free * adjoint
            seen = replace_part(0.0 * y, follow, adjoint)
            pulled = game.vjp(y, seen, draw=draw)
            total = total + rate * pulled[..., lead]
            adjoint = adjoint + rate * pulled[..., follow]
        return total


def _roles(game: Playable) -> tuple[str, str]:
    """Return who unrolls and who is unrolled: the discriminator, or else the second player."""
    first, second = game.players
    return (second, first) if first == "discriminator" else (first, second)
