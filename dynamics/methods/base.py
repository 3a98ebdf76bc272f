"""The interface of a method, and what all methods share."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as setting
from typing import Any, ClassVar, Protocol

import numpy as np

from dynamics.core.errors import InputError, check_positive, unknown
from dynamics.games.field import Array, Game
from dynamics.methods.schedules import Schedule, read_schedule

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

    def timescale(self, player: str) -> Any:
        """Return the factor of one player's part of the field."""
        ...

    def project(self, y: Any, player: str | None = None) -> Any:
        """Return the state projected after an update of ``player``, or of all."""
        ...

    def jvp(self, y: Any, u: Any, t: float = 0.0, draw: Any = None) -> Any:
        """Return ``J(y) u`` with ``J`` the Jacobian of the field."""
        ...

    def vjp(self, y: Any, u: Any, t: float = 0.0, draw: Any = None) -> Any:
        """Return ``J(y)^T u``."""
        ...

    def gradient(self, loss_of: str, wrt: str, y: Any, draw: Any = None) -> Any:
        """Return ``dL_{loss_of} / dx_{wrt}``."""
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
    memory: Mapping[str, Array] = setting(default_factory=dict)


@dataclass(frozen=True)
class Info:
    """What one iteration cost.

    Attributes
    ----------
    evaluations : mapping of str to int
        Evaluations of each player's part of the field.
    products : int
        Products of the Jacobian of the field, or of its transpose, with a vector; those inside the solution of a
        linear system (competitive, proximal-point) are not counted.
    """

    evaluations: Mapping[str, int]
    products: int = 0


@dataclass(frozen=True)
class Method(ABC):
    """A training algorithm, the map ``Phi`` of one iteration (a full round of all players' updates).

    Every player descends its own loss: ``game.component`` is minus a gradient, and updates add ``lr`` times it.
    To add a method: write one file with a frozen dataclass that has (1) ``name``, (2) its settings as fields with
    defaults, (3) ``update``, and ``init`` if it has memory, using operators, slices, :func:`replace_part` and the
    functions of :mod:`dynamics.methods.arithmetic` only, (4) the equation and source in its docstring, (5) a line in
    the table of ``dynamics/methods/registry.py``. Methods that move one player at a time by a rule of its own inherit
    from :class:`dynamics.methods.turns.PlayerWise`.

    Parameters
    ----------
    lr : float or mapping of player to float
        Learning rate: one for all players, or one per player (two time scales).
    schedule : Schedule or str, optional
        Factor of the rates by iteration (:mod:`dynamics.methods.schedules`); constant without one.

    """

    name: ClassVar[str]

    lr: Rates
    schedule: Schedule | None = setting(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.lr, Mapping):
            for player, rate in self.lr.items():
                check_positive(f"The learning rate of '{player}'", rate)
        else:
            object.__setattr__(self, "lr", check_positive("The learning rate", self.lr))
        object.__setattr__(self, "schedule", read_schedule(self.schedule))

    @property
    def no_multipliers(self) -> str:
        """Why there are no multipliers at an equilibrium; empty where there are."""
        return ""

    @property
    def adds_fixed_points(self) -> bool:
        """Whether the map may rest, at every rate, at points where the field does not vanish."""
        return False

    def applies(self, game: Game) -> str:
        """Return why the method cannot be played on a game; empty if it can."""
        return ""

    def check(self, game: Game) -> None:
        """Refuse a game the method is not made for, and rates that name a player the game does not have."""
        if not isinstance(game, Game):
            raise InputError(
                f"The method {self.name} needs a game with players, got the field {type(game).__name__}: give the game."
            )
        reason = self.applies(game)
        if reason:
            raise InputError(reason)
        if not isinstance(self.lr, Mapping):
            return
        for player in self.lr:
            if player not in game.players:
                raise unknown("player in the learning rate", player, game.players)
        missing = [player for player in game.players if player not in self.lr]
        if missing:
            raise InputError(f"The learning rate lacks the player '{missing[0]}': give one number, or one per player.")

    def pace(self, player: str) -> float | None:
        """Return how far an iteration takes a player along the flow at small rates, in units of its rate.

        None where the limit of small rates is another flow than the game's, or none.
        """
        return 1.0

    def rate(self, player: str) -> Any:
        """Return the learning rate of one player."""
        return self.lr[player] if isinstance(self.lr, Mapping) else self.lr

    def with_lr(self, lr: Any) -> Method:
        """Return the same method at other rates.

        Complex rates are allowed here and only here: stability expands a map in its rate on a circle in the complex
        plane; and arrays of shape (m, 1), for m rates at once. Kernels are traced with names in place of rates.
        """
        return self._with(lr=lr)

    def with_schedule(self, schedule: Schedule | str | None) -> Method:
        """Return the same method under another schedule."""
        return self._with(schedule=read_schedule(schedule))

    def _with(self, **changes: Any) -> Method:
        other = copy.copy(self)
        for key, value in changes.items():
            object.__setattr__(other, key, value)
        return other

    def init(self, y: Array, game: Game | None = None) -> State:
        """Return the state before the first iteration.

        Parameters
        ----------
        y : array, shape (..., dim)
        game : Game, optional
            Methods that remember a field of the past begin with the field at ``y``; without a game, with zero.
        """
        return State(y)

    def step(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one iteration, at the rates of the schedule, and what it cost."""
        if self.schedule is None:
            return self.update(state, game)
        factor = self.schedule(state.iteration)
        lr = {p: r * factor for p, r in self.lr.items()} if isinstance(self.lr, Mapping) else self.lr * factor
        return self._with(lr=lr, schedule=None).update(state, game)

    @abstractmethod
    def update(self, state: State, game: Playable) -> tuple[State, Info]:
        """Return the state after one iteration at the rates ``lr``, and what it cost."""

    def settings(self) -> dict[str, Any]:
        """Return the method's name and settings (JSON-serialisable)."""
        lr = dict(self.lr) if isinstance(self.lr, Mapping) else self.lr
        rest = {key: value for key, value in vars(self).items() if key not in ("lr", "schedule")}
        described = {key: value.settings() if isinstance(value, Method) else value for key, value in rest.items()}
        schedule = {} if self.schedule is None else {"schedule": str(self.schedule)}
        return {"method": self.name, "lr": lr, **described, **schedule}


def field(game: Playable, y: Array, draw: Any) -> Array:
    """Return all players' components at one state, shape (..., dim); unlike the flow, not projected at a bound."""
    return joined(game, y, {player: game.component(player, y, draw=draw) for player in game.players})


def rated(method: Method, game: Playable, vector: Array) -> Array:
    """Return a vector with each player's part times its rate."""
    if not isinstance(method.lr, Mapping):
        return method.lr * vector
    return joined(game, vector, {player: method.rate(player) * vector[..., p] for player, p in game.players.items()})


def joined(game: Playable, like: Array, parts: Mapping[str, Array]) -> Array:
    """Return one vector from the parts of all players."""
    for player, part in game.players.items():
        like = replace_part(like, part, parts[player])
    return like


def replace_part(y: Array, part: slice, values: Array) -> Array:
    """Return a copy of ``y`` whose coordinates ``part`` are ``values``, for any kind of array."""
    for carrier in (y, values):
        if hasattr(carrier, "lift"):
            return carrier.lift(y).replace_part(part, values)
    if type(y).__module__.startswith("torch"):
        import torch

        return torch.cat([y[..., : part.start], values, y[..., part.stop :]], dim=-1)
    lead = np.broadcast_shapes(y.shape[:-1], values.shape[:-1])
    out = np.array(np.broadcast_to(y, (*lead, y.shape[-1])), dtype=np.result_type(y, values))
    out[..., part] = values
    return out


def check_method(method: Any) -> Method:
    """Return a method, or refuse what is none."""
    if not isinstance(method, Method):
        raise InputError(f"The method must be a Method, got {method!r}: make one with methods.get(name, lr=...).")
    return method
