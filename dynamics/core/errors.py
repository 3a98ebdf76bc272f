"""Errors that a user reads: one sentence with what was got, what was expected and what to do.

Every error raised on purpose derives from :class:`GanDynamicsError`; the command line prints its text without a
traceback and exits with its ``exit_code``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class GanDynamicsError(Exception):
    """Base of all errors that this project raises on purpose.

    Attributes
    ----------
    kind : str
        Machine-readable name, printed under ``--json``.
    exit_code : int
        Exit code of the command line.
    """

    kind = "error"
    exit_code = 3


class InputError(GanDynamicsError, ValueError):
    """Bad input, refused before any computation (exit code 2)."""

    kind = "bad-input"
    exit_code = 2


class NumericalError(GanDynamicsError, ArithmeticError):
    """A computation failed; ``result`` keeps what was computed until then (exit code 3)."""

    kind = "numerical-failure"
    exit_code = 3

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class AccuracyWarning(UserWarning):
    """A number is less accurate than the project promises; the text says by how much and where."""


def unknown(kind: str, got: str, valid: Iterable[str], meant: str | None = None) -> InputError:
    """Return the error for a name that does not exist, naming the nearest valid choice, or the one that is meant.

    Examples
    --------
    >>> str(unknown("method", "simultanous", ["simultaneous", "alternating"]))
    "Unknown method 'simultanous': did you mean 'simultaneous'? Valid choices: alternating, simultaneous."
    """
    choices = sorted(valid)
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(str(got).lower(), lowered, n=1, cutoff=0.4)
    nearest = meant or (lowered[close[0]] if close else None)
    listing = ", ".join(choices) if choices else "none"
    if nearest is None:
        return InputError(f"Unknown {kind} '{got}'; valid choices: {listing}.")
    return InputError(f"Unknown {kind} '{got}': did you mean '{nearest}'? Valid choices: {listing}.")


def check_positive(name: str, value: float) -> float:
    """Return ``value`` as a float, or refuse what is not a finite number above zero."""
    number = check_number(name, value)
    if number <= 0:
        raise InputError(f"{name} must be positive, got {number:g}: give a number above 0.")
    return number


def check_number(name: str, value: Any) -> float:
    """Return ``value`` as a float, or refuse what is not a finite real number."""
    try:
        number = float(value)
    except OverflowError:
        raise InputError(f"{name} is too large: give a number below 1e308.") from None
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number, got {value!r}.") from None
    if not np.isfinite(number):
        raise InputError(f"{name} must be finite, got {number}: give a finite number.")
    return number


def check_count(name: str, value: Any, least: int = 1) -> int:
    """Return ``value`` as an int, or refuse what is not a whole number of at least ``least``."""
    number = check_number(name, value)
    if number != int(number) or number < least:
        raise InputError(f"{name} must be a whole number of at least {least}, got {value}.")
    # A float does not hold whole numbers beyond 2^53, and a seed is one of 2^64.
    return int(value) if isinstance(value, int | np.integer) else int(number)


def check_states(name: str, value: ArrayLike, names: Sequence[str]) -> NDArray[np.float64]:
    """Return states of shape ``(..., dim)`` as float64, or refuse a wrong dimension, NaN or infinity.

    Parameters
    ----------
    name : str
        What the states are called in the error text ("start", "point").
    value : array_like, shape (..., dim)
    names : sequence of str, length dim
        Coordinate names, for the error text.
    """
    try:
        states = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be numbers for the coordinates {', '.join(names)}, got {value!r}.") from None
    if states.ndim == 0 or states.shape[-1] != len(names):
        got = states.shape[-1] if states.ndim else "a single number"
        raise InputError(f"{name} has {got} coordinates, expected {len(names)} ({', '.join(names)}).")
    bad = ~np.isfinite(states)
    if bad.any():
        where = np.argwhere(bad)[0]
        raise InputError(
            f"{name} must be finite, got {states[tuple(where)]} for '{names[where[-1]]}': give a finite number."
        )
    return states


def check_box(box: dict[str, tuple[float, float]], names: Sequence[str]) -> NDArray[np.float64]:
    """Return a box as an array of shape (dim, 2), or refuse unknown, missing, infinite or reversed sides."""
    for key in box:
        if key not in names:
            raise unknown("coordinate", key, names)
    missing = [name for name in names if name not in box]
    if missing:
        raise InputError(f"The box lacks a side for {', '.join(missing)}: give one as {missing[0]}=low:high.")
    sides = np.empty((len(names), 2))
    for i, name in enumerate(names):
        low, high = (check_number(f"box side of '{name}'", edge) for edge in box[name])
        if not low < high:
            raise InputError(f"The box side {name}={low:g}:{high:g} is reversed or empty: give low < high.")
        sides[i] = low, high
    return sides
