"""A bracketed root to round-off, without importing an optimiser (a quarter of a second) for one scalar equation."""

from __future__ import annotations

from collections.abc import Callable


def bracketed_root(function: Callable[[float], float], low: float, high: float, max_evaluations: int = 300) -> float:
    """Return a zero of a continuous function between two points at which its signs differ.

    The Illinois variant of false position, with a bisection whenever the bracket has not halved in three steps.

    Parameters
    ----------
    function : callable
    low, high : float
        ``function(low)`` and ``function(high)`` have opposite signs.

    References
    ----------
    Dowell and Jarratt 1971.
    """
    f_low, f_high = function(low), function(high)
    if f_low == 0 or f_high == 0:
        return low if f_low == 0 else high
    checkpoint, age = abs(high - low), 0
    for _ in range(max_evaluations):
        age += 1
        if age > 3:
            middle = 0.5 * (low + high) if abs(high - low) > checkpoint / 2 else _secant(low, high, f_low, f_high)
            checkpoint, age = abs(high - low), 0
        else:
            middle = _secant(low, high, f_low, f_high)
        if not min(low, high) < middle < max(low, high):
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
        value = function(middle)
        if value == 0:
            return middle
        if (value > 0) == (f_high > 0):
            high, f_high = middle, value
            f_low *= 0.5
        else:
            low, f_low = middle, value
            f_high *= 0.5
    return low if abs(function(low)) <= abs(function(high)) else high


def _secant(low: float, high: float, f_low: float, f_high: float) -> float:
    return high - f_high * (high - low) / (f_high - f_low) if f_high != f_low else 0.5 * (low + high)
