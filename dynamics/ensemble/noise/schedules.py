"""How the strength of noise changes in time: the factor ``g(t)`` of ``dY = v dt + g(t) B dW``.

A schedule is written ``name:key=value,...``: ``exponential:half_life=10``, ``piecewise:at=[5,20],factors=[0.5,0]``.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from dynamics.core.errors import InputError, check_number, check_positive, unknown


@dataclass(frozen=True)
class NoiseSchedule(ABC):
    """A factor by time, called with times since the start of the run (0 at the start), numbers or arrays."""

    name: ClassVar[str]

    @abstractmethod
    def __call__(self, t: Any) -> Any:
        """Return the factor of the noise at a time."""

    @property
    def jumps(self) -> tuple[float, ...]:
        """Times at which the factor is not continuous."""
        return ()

    def __str__(self) -> str:
        settings = ",".join(f"{f.name}={json.dumps(getattr(self, f.name))}" for f in fields(self))
        return f"{self.name}:{settings}" if settings else self.name


@dataclass(frozen=True)
class Constant(NoiseSchedule):
    """The factor 1 at all times."""

    name: ClassVar[str] = "constant"

    def __call__(self, t: Any) -> Any:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Exponential(NoiseSchedule):
    """``2^(-t / half_life)``.

    Parameters
    ----------
    half_life : float
        Time in which the factor halves.
    """

    name: ClassVar[str] = "exponential"

    half_life: float = 10.0

    def __post_init__(self) -> None:
        check_positive("The half-life of an exponential schedule", self.half_life)

    def __call__(self, t: Any) -> Any:
        """Return the factor."""
        return 2.0 ** (-t / self.half_life)


@dataclass(frozen=True)
class Power(NoiseSchedule):
    """``(1 + t / scale)^-power``.

    With power 1/2 the variance rate falls as 1/t, as that of stochastic gradients does under rates of 1/t (Robbins and
    Monro 1951). Noise that is to find the global minimum of a potential must fall no faster than
    ``g^2 ~ c / log t`` (Geman and Hwang 1986, theorem 2), more slowly than any power.

    Parameters
    ----------
    power, scale : float
        Exponent, and the time after which the factor is ``2^-power``.
    """

    name: ClassVar[str] = "power"

    power: float = 0.5
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_positive("The power of a power schedule", self.power)
        check_positive("The scale of a power schedule", self.scale)

    def __call__(self, t: Any) -> Any:
        """Return the factor."""
        return (1.0 + t / self.scale) ** -self.power


@dataclass(frozen=True)
class Cosine(NoiseSchedule):
    """``final + (1 - final) (1 + cos(pi t / length)) / 2``, and ``final`` from then on.

    Parameters
    ----------
    length : float
        Time of the descent.
    final : float
        Factor at its end, in [0, 1].
    """

    name: ClassVar[str] = "cosine"

    length: float = 10.0
    final: float = 0.0

    def __post_init__(self) -> None:
        check_positive("The length of a cosine schedule", self.length)
        if not 0 <= check_number("The final factor of a cosine schedule", self.final) <= 1:
            raise InputError(f"The final factor of a cosine schedule is {self.final:g}, expected a number in [0, 1].")

    def __call__(self, t: Any) -> Any:
        """Return the factor."""
        done = np.minimum(np.asarray(t) / self.length, 1.0)
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + np.cos(np.pi * done))


@dataclass(frozen=True)
class Piecewise(NoiseSchedule):
    """1 until the first time of ``at``, then ``factors[i]`` from ``at[i]`` on.

    Parameters
    ----------
    at : sequence of float
        Ascending positive times.
    factors : sequence of float
        Non-negative, as many.
    """

    name: ClassVar[str] = "piecewise"

    at: tuple[float, ...] = (10.0,)
    factors: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        at, factors = (tuple(map(float, _listed(name, getattr(self, name)))) for name in ("at", "factors"))
        if len(at) != len(factors) or not at:
            raise InputError(
                f"A piecewise schedule has {len(at)} times and {len(factors)} factors: give as many of both, such as "
                "piecewise:at=[5,20],factors=[0.5,0]."
            )
        if at[0] <= 0 or any(a >= b for a, b in pairwise(at)) or not math.isfinite(at[-1]):
            raise InputError(f"The times of a piecewise schedule are {list(at)}, expected ascending positive ones.")
        if not all(0 <= factor < math.inf for factor in factors):
            raise InputError(f"The factors of a piecewise schedule are {list(factors)}, expected numbers from 0 on.")
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "factors", factors)

    def __call__(self, t: Any) -> Any:
        """Return the factor."""
        return np.array([1.0, *self.factors])[np.searchsorted(self.at, t, side="right")]

    @property
    def jumps(self) -> tuple[float, ...]:
        """The times at which the factor changes."""
        return self.at


SCHEDULES: dict[str, type[NoiseSchedule]] = {
    kind.name: kind for kind in (Constant, Exponential, Power, Cosine, Piecewise)
}


def summary(name: str) -> str:
    """Return a schedule's formula and its settings with their defaults, in one line."""
    says = str(SCHEDULES[name].__doc__).strip().splitlines()[0].replace("``", "").rstrip(".")
    return f"{says}; {str(SCHEDULES[name]()).partition(':')[2]}".rstrip("; ")


def read_schedule(given: NoiseSchedule | str | None) -> NoiseSchedule | None:
    """Return a schedule from itself or its text; None from None or a constant one.

    Raises
    ------
    InputError
        For an unknown schedule or setting (naming the nearest), or a value out of range.

    Examples
    --------
    >>> read_schedule("exponential:half_life=5")
    Exponential(half_life=5.0)
    """
    if given is None or isinstance(given, Constant):
        return None
    if isinstance(given, NoiseSchedule):
        return given
    if not isinstance(given, str):
        raise InputError(f"A noise schedule is a text such as exponential:half_life=10, got {given!r}.")
    name, _, text = given.partition(":")
    if name not in SCHEDULES:
        raise unknown("noise schedule", name, SCHEDULES)
    kind = SCHEDULES[name]
    types = {f.name: f.default for f in fields(kind)}
    values: dict[str, Any] = {}
    for entry in _entries(text):
        key, _, value = (part.strip() for part in entry.partition("="))
        if key not in types:
            raise unknown(f"setting of the noise schedule {name}", key, types)
        try:
            values[key] = [float(x) for x in json.loads(value)] if isinstance(types[key], tuple) else float(value)
        except (ValueError, TypeError):
            example = json.dumps(types[key])
            raise InputError(
                f"The setting {key} of the noise schedule {name} is '{value}', expected {key}={example} or the like."
            ) from None
    made = kind(**values)
    return None if isinstance(made, Constant) else made


def _entries(text: str) -> list[str]:
    """Return the texts between commas outside brackets."""
    pieces, depth = [""], 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece for piece in pieces if piece.strip()]


def _listed(name: str, value: Any) -> list[float]:
    try:
        return [float(entry) for entry in value]
    except (TypeError, ValueError):
        raise InputError(f"{name} of a piecewise schedule must be a list of numbers, got {value!r}.") from None
