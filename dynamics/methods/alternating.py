"""Alternating gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.core.errors import InputError, check_count, unknown
from dynamics.games.field import Game
from dynamics.methods.base import Info, Method, Playable, State, descend


@dataclass(frozen=True)
class Alternating(Method):
    r"""Players step in turn, each seeing the others' latest state.

    With the discriminator first: ``x_D <- P(x_D + lr v_D(x_G, x_D))`` ``d_steps`` times, then
    ``x_G <- P(x_G + lr v_G(x_G, x_D))`` ``g_steps`` times. On the bilinear game the map is symplectic:
    ``x^2 + y^2 + a x y`` (discriminator first; minus with the generator first) is conserved, ``a = lr sigma``, and
    orbits are bounded below ``a = 2`` (at 2 they drift along a line). Source: Mescheder et al. 2018, appendix on
    alternating descent; as an integrator, symplectic Euler (Hairer, Lubich and Wanner 2006, section I.1.4).

    Parameters
    ----------
    lr : float or mapping of player to float
    d_steps, g_steps : int
        Steps of the players called discriminator and generator in each iteration; other players take one.
    first : str
        The player that moves first; the others follow in the game's order.
    """

    name: ClassVar[str] = "alternating"

    d_steps: int = 1
    g_steps: int = 1
    first: str = "discriminator"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "d_steps", check_count("d_steps", self.d_steps))
        object.__setattr__(self, "g_steps", check_count("g_steps", self.g_steps))

    def check(self, game: Game) -> None:
        """Refuse rates, steps or a first player for players that the game does not have."""
        super().check(game)
        self.order(game)
        for player, name, steps in (("discriminator", "d_steps", self.d_steps), ("generator", "g_steps", self.g_steps)):
            if steps > 1 and player not in game.players:
                raise InputError(
                    f"{name}={steps} has no effect: the players of {game.name} are {', '.join(game.players)}, "
                    f"none is called {player}; leave {name} out."
                )

    def order(self, game: Playable) -> list[str]:
        """Return the players in the order in which they move."""
        players = list(game.players)
        if self.first in players:
            return [self.first, *(player for player in players if player != self.first)]
        if self.first == type(self).first:
            # The default names a discriminator; games without one keep their own order.
            return players
        raise unknown("first player", self.first, players)

    def steps(self, player: str) -> int:
        """Return how many steps a player takes in one iteration."""
        return {"discriminator": self.d_steps, "generator": self.g_steps}.get(player, 1)

    def step(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one round."""
        y = state.y
        taken = 0
        for player in self.order(game):
            for _ in range(self.steps(player)):
                y = descend(self, game, y, player, draw=(state.iteration, taken))
                taken += 1
        return State(y, state.iteration + 1), Info({player: self.steps(player) for player in game.players})
