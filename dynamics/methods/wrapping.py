"""Methods that wrap another one."""

from __future__ import annotations

from dataclasses import dataclass

from dynamics.core.errors import InputError
from dynamics.games.field import Game
from dynamics.methods.base import Method
from dynamics.methods.registry import get


@dataclass(frozen=True)
class Wrapping(Method):
    """A method around the iterations of a base method, which is played at the wrapper's rates and schedule.

    Parameters
    ----------
    lr : float or mapping of player to float
    base : str or Method
        Name of the base method, or a configured one (its own rates are replaced).
    """

    base: str | Method = "simultaneous"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.base, str | Method):
            raise InputError(f"The base of {self.name} is {self.base!r}, expected the name of a method or a Method.")
        kind = self.inner
        if isinstance(kind, Wrapping):
            raise InputError(f"The base of {self.name} is {kind.name}, which wraps a method itself: name a plain one.")
        if kind.schedule is not None:
            raise InputError(f"The base of {self.name} has a schedule of its own: give it to {self.name} instead.")

    @property
    def inner(self) -> Method:
        """The base method at the rates of the wrapper."""
        base = get(self.base, lr=1.0) if isinstance(self.base, str) else self.base
        return base.with_lr(self.lr)

    @property
    def adds_fixed_points(self) -> bool:
        """Whether the base method does."""
        return self.inner.adds_fixed_points

    def applies(self, game: Game) -> str:
        """Return why the base method cannot be played; empty if it can."""
        return self.inner.applies(game)

    def check(self, game: Game) -> None:
        """Refuse what the base method refuses."""
        super().check(game)
        self.inner.check(game)
