"""The interface of a method, and what all methods share."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from dynamics.core.errors import InputError, check_positive, unknown
from dynamics.games.field import Array, Game

#: Rates of a method: one number for all players, or one per player.
Rates = float | Mapping[str, float]


class Playable(Protocol):
    """What a step needs of a game: a :class:`Game`, or one seen through duals or traced names."""

    @property
    def players(self) -> Mapping[str, slice]:
        """The coordinates of each player."""
        ...

    def component(self, player: str, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        """Return one player's descent direction."""
        ...

    def project(self, y: Any, player: str | None = None) -> Any:
        """Return the state projected after an update of ``player``, or of all."""
        ...


@dataclass(frozen=True)
class State:
    """What a method carries from one iteration to the next.

    Attributes
    ----------
    y : array, shape (..., dim)
    iteration : int
        Full rounds done so far; it addresses the random draws of a stochastic game.
    memory : mapping of str to array, shape (..., dim) each
        Momentum, past fields and the like; with ``y`` it forms the extended state whose multipliers decide stability.
    """

    y: Array
    iteration: int = 0
    memory: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Info:
    """What one iteration cost.

    Attributes
    ----------
    evaluations : mapping of str to int
        Evaluations of each player's part of the field.
    """

    evaluations: Mapping[str, int]


@dataclass(frozen=True)
class Method(ABC):
    """A training algorithm, the map ``Phi`` of one iteration (a full round of all players' updates).

    Every player descends its own loss: ``game.component`` is minus a gradient, and updates add ``lr`` times it.
    To add a method: write one file with a frozen dataclass that has (1) ``name``, (2) its settings as fields after
    ``lr``, (3) ``step``, and ``init`` if it has memory, using the operators ``+ - * /``, slices and
    :func:`replace_part` only, (4) the equation and source in its docstring, (5) a line in the table of
    ``dynamics/methods/__init__.py``.

    Parameters
    ----------
    lr : float or mapping of player to float
        Learning rate: one for all players, or one per player.
    """

    name: ClassVar[str]

    lr: Rates

    def __post_init__(self) -> None:
        if isinstance(self.lr, Mapping):
            for player, rate in self.lr.items():
                check_positive(f"The learning rate of '{player}'", rate)
        else:
            object.__setattr__(self, "lr", check_positive("The learning rate", self.lr))

    def check(self, game: Game) -> None:
        """Refuse rates that name a player the game does not have, or that leave one out."""
        if not isinstance(self.lr, Mapping):
            return
        for player in self.lr:
            if player not in game.players:
                raise unknown("player in the learning rate", player, game.players)
        missing = [player for player in game.players if player not in self.lr]
        if missing:
            raise InputError(f"The learning rate lacks the player '{missing[0]}': give one number, or one per player.")

    def rate(self, player: str) -> Any:
        """Return the learning rate of one player."""
        return self.lr[player] if isinstance(self.lr, Mapping) else self.lr

    def with_lr(self, lr: Any) -> Method:
        """Return the same method at other rates.

        Complex rates are allowed here and only here: stability expands a map in its rate on a circle in the complex
        plane. Kernels are traced with names in place of rates.
        """
        other = copy.copy(self)
        object.__setattr__(other, "lr", lr)
        return other

    def init(self, y: Array) -> State:
        """Return the state before the first iteration."""
        return State(y)

    @abstractmethod
    def step(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one iteration, and what it cost."""

    def settings(self) -> dict[str, Any]:
        """Return the method's name and settings (JSON-serialisable)."""
        lr = dict(self.lr) if isinstance(self.lr, Mapping) else self.lr
        rest = {key: value for key, value in vars(self).items() if key != "lr"}
        return {"method": self.name, "lr": lr, **rest}


def descend(method: Method, game: Playable, y: Array, player: str, draw: Any) -> Array:
    """Return ``y`` after one projected descent step of one player.

    ``x <- P(x + lr v_x(y))`` for the coordinates ``x`` of ``player``, ``P`` the game's projection (clipping).
    """
    part = game.players[player]
    moved = y[..., part] + method.rate(player) * game.component(player, y, draw=draw)
    return game.project(replace_part(y, part, moved), player)


def replace_part(y: Array, part: slice, values: Array) -> Array:
    """Return a copy of ``y`` whose coordinates ``part`` are ``values``, for any kind of array."""
    if hasattr(y, "replace_part"):
        return y.replace_part(part, values)
    if type(y).__module__.startswith("torch"):
        import torch

        return torch.cat([y[..., : part.start], values, y[..., part.stop :]], dim=-1)
    out = y.copy()
    out[..., part] = values
    return out
