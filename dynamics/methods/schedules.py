"""Learning-rate schedules: the factor that multiplies every player's rate in an iteration.

A schedule is written ``name:key=value,...`` on the command line and in files: ``cosine:iterations=10000,final=0.01``.
Factors joined by ``*`` multiply: ``warm-up:iterations=50 * cosine:iterations=10000``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import reduce
from operator import mul
from typing import Any, ClassVar

from dynamics.core.errors import InputError, check_count, check_number, check_positive, unknown


@dataclass(frozen=True)
class Schedule(ABC):
    """A factor by iteration, called with the number of iterations done (0 before the first)."""

    name: ClassVar[str]
    #: Whether ``iterations`` is the length of the whole run rather than of a part of it.
    whole_run: ClassVar[bool] = False

    def __mul__(self, other: Schedule) -> Schedule:
        """Return the schedule whose factor is the product of both."""
        return Product((*_factors(self), *_factors(other)))

    @abstractmethod
    def __call__(self, iteration: int) -> float:
        """Return the factor of the rates in the iteration after ``iteration`` others."""

    def __str__(self) -> str:
        settings = ",".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))
        return f"{self.name}:{settings}" if settings else self.name


@dataclass(frozen=True)
class Constant(Schedule):
    """The factor 1 at every iteration."""

    name: ClassVar[str] = "constant"

    def __call__(self, iteration: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class RobbinsMonro(Schedule):
    """``(1 + k / offset)^-power``.

    The sum of the rates diverges and that of their squares converges for powers in (1/2, 1], which is what stochastic
    approximation asks for. Source: Robbins and Monro 1951, conditions (6) and (26).

    Parameters
    ----------
    power : float
        In (0, 1]: beyond 1 the rates have a finite sum and training stops short of anywhere far.
    offset : float
        Iterations until the factor is ``2^-power``.
    """

    name: ClassVar[str] = "robbins-monro"

    power: float = 1.0
    offset: float = 1.0

    def __post_init__(self) -> None:
        check_positive("The power of a Robbins-Monro schedule", self.power)
        check_positive("The offset of a Robbins-Monro schedule", self.offset)
        if self.power > 1:
            raise InputError(
                f"The power of a Robbins-Monro schedule is {self.power:g}, but beyond 1 the rates have a finite sum: "
                "give a power in (0, 1]."
            )

    def __call__(self, iteration: int) -> float:
        """Return the factor."""
        return (1.0 + iteration / self.offset) ** -self.power


@dataclass(frozen=True)
class Cosine(Schedule):
    """``final + (1 - final) (1 + cos(pi k / iterations)) / 2``, and ``final`` from then on.

    Source: Loshchilov and Hutter 2017, equation 5, without restarts.

    Parameters
    ----------
    iterations : int
        Length of the descent; that of the run where it is known and none is given.
    final : float
        Factor at its end, in [0, 1].
    """

    name: ClassVar[str] = "cosine"
    whole_run: ClassVar[bool] = True

    iterations: int = 1000
    final: float = 0.0

    def __post_init__(self) -> None:
        check_count("The iterations of a cosine schedule", self.iterations)
        if not 0 <= check_number("The final factor of a cosine schedule", self.final) <= 1:
            raise InputError(f"The final factor of a cosine schedule is {self.final:g}, expected a number in [0, 1].")

    def __call__(self, iteration: int) -> float:
        """Return the factor."""
        done = min(iteration / self.iterations, 1.0)
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * done))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """``min((k + 1) / iterations, 1)``: a straight rise to the full rate. Source: Goyal et al. 2017, section 2.2.

    Parameters
    ----------
    iterations : int
        Length of the rise.
    """

    name: ClassVar[str] = "warm-up"

    iterations: int = 100

    def __post_init__(self) -> None:
        check_count("The iterations of a warm-up", self.iterations)

    def __call__(self, iteration: int) -> float:
        """Return the factor."""
        return min((iteration + 1) / self.iterations, 1.0)


@dataclass(frozen=True)
class Product(Schedule):
    """The product of several factors, such as a warm-up and a descent.

    Parameters
    ----------
    factors : tuple of Schedule
    """

    name: ClassVar[str] = "product"

    factors: tuple[Schedule, ...]

    def __call__(self, iteration: int) -> float:
        """Return the product."""
        return math.prod(factor(iteration) for factor in self.factors)

    def __str__(self) -> str:
        return " * ".join(map(str, self.factors))


def _factors(schedule: Schedule) -> tuple[Schedule, ...]:
    return schedule.factors if isinstance(schedule, Product) else (schedule,)


_SCHEDULES: dict[str, type[Schedule]] = {kind.name: kind for kind in (Constant, RobbinsMonro, Cosine, WarmUp)}


def schedule_names() -> list[str]:
    """Return the names of all schedules."""
    return list(_SCHEDULES)


def schedule_settings(name: str) -> dict[str, Any]:
    """Return the settings of a schedule with their defaults."""
    return {f.name: f.default for f in fields(find(name))}


def schedule_summary(name: str) -> str:
    """Return what a schedule does, in one line with its settings and their defaults."""
    says = str(find(name).__doc__).strip().splitlines()[0].replace("``", "").partition(" Source:")[0].rstrip(".")
    settings = ", ".join(f"{key}={value:g}" for key, value in schedule_settings(name).items())
    return f"{says}; {settings}" if settings else says


def find(name: str) -> type[Schedule]:
    """Return the class of a schedule."""
    if name not in _SCHEDULES:
        raise unknown("schedule", name, _SCHEDULES)
    return _SCHEDULES[name]


def read_schedule(given: Schedule | str | None, iterations: int | None = None) -> Schedule | None:
    """Return a schedule from itself, from its text, or None from None or a constant one.

    Parameters
    ----------
    given : Schedule, str or None
    iterations : int, optional
        Length of the run: what descends over a whole run (cosine) and was given no length of its own gets this one.

    Raises
    ------
    InputError
        For an unknown schedule or setting (naming the nearest), or a value out of range.
    """
    if given is None or isinstance(given, Constant):
        return None
    if isinstance(given, Schedule):
        return given
    if not isinstance(given, str):
        raise InputError(f"A schedule is a text such as cosine:iterations=1000, or a Schedule, got {given!r}.")
    if not all(text.strip() for text in given.split("*")):
        raise InputError(
            f"The schedule '{given}' has an empty factor: write one such as warm-up:iterations=50 * cosine."
        )
    factors = [_read(text.strip(), iterations) for text in given.split("*")]
    kept = [factor for factor in factors if not isinstance(factor, Constant)]
    return reduce(mul, kept) if kept else None


def _read(given: str, iterations: int | None) -> Schedule:
    """Return one factor from its text."""
    name, _, text = given.partition(":")
    kind = find(name)
    types = {f.name: type(f.default) for f in fields(kind)}
    values: dict[str, Any] = {}
    for entry in filter(None, text.split(",")):
        key, _, value = entry.partition("=")
        if key not in types:
            raise unknown(f"setting of the schedule {name}", key, types)
        try:
            values[key] = types[key](value)
        except ValueError:
            raise InputError(
                f"The setting {key} of the schedule {name} is '{value}', expected "
                f"{'a whole number' if types[key] is int else 'a number'}, as in {name}:{key}={kind().__dict__[key]}."
            ) from None
    if iterations is not None and kind.whole_run:
        values.setdefault("iterations", iterations)
    return kind(**values)
