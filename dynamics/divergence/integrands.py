"""The integrands of the divergences, from logarithms of densities, without overflow or cancellation.

Each function takes ``log p`` and ``log q`` (``-inf`` where a density vanishes) and returns the integrand, which is
nowhere negative: where the textbook form changes sign, a multiple of ``q - p``, whose integral is zero, is added. With
it, the integrand is of second order in ``p - q``, and the divergence of nearly equal densities keeps its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py

from dynamics.core.errors import unknown

Array = NDArray[np.float64]
Integrand = Callable[[Array, Array], Array]

#: Below this argument, series replace formulas that subtract nearly equal numbers.
SMALL = 0.1


def kl(log_p: Array, log_q: Array) -> Array:
    """Return ``p log(p/q) - p + q``."""
    gap = log_q - log_p
    # p (e^d - 1 - d) for d <= 0 and q (1 - (1 + d) e^-d) for d > 0 are equal; neither overflows.
    below = np.exp(log_p) * excess(np.minimum(gap, 0.0))
    # Also where p underflows: it is positive, and q is not.
    below = np.where(np.isneginf(log_q) & ~np.isneginf(log_p), np.inf, below)
    inverse = np.maximum(gap, 0.0)
    damped = np.where(inverse < 700.0, np.exp(-np.minimum(inverse, 700.0)), 0.0)
    finite = np.minimum(inverse, 700.0)
    above = np.exp(log_q) * damped * excess(finite)
    # Beyond 700 only q is left: 1 - (1 + d) e^-d is 1 to round-off.
    return np.where(gap <= 0, below, np.where(inverse < 700.0, above, np.exp(log_q)))


def reverse_kl(log_p: Array, log_q: Array) -> Array:
    """Return ``q log(q/p) - q + p``."""
    return kl(log_q, log_p)


def js(log_p: Array, log_q: Array) -> Array:
    """Return ``p log(2p/(p+q)) / 2 + q log(2q/(p+q)) / 2``."""
    t = np.tanh((log_p - log_q) / 2)
    square = np.minimum(t * t, SMALL**2)
    # (1 + t) log(1 + t) + (1 - t) log(1 - t) = sum_k t^(2k) / (k (2k - 1)); nine terms leave (0.1)^20.
    series = square * np.polynomial.polynomial.polyval(square, [1 / (k * (2 * k - 1)) for k in range(1, 10)])
    direct = xlog1py(1 + t, t) + xlog1py(1 - t, -t)
    return np.exp(np.logaddexp(log_p, log_q)) / 4 * np.where(abs(t) < SMALL, series, direct)


def pearson(log_p: Array, log_q: Array) -> Array:
    """Return ``(p - q)^2 / q``."""
    larger, smaller = np.maximum(log_p, log_q), np.minimum(log_p, log_q)
    # |p - q| = larger (1 - e^-gap); divided through in the exponent, because q alone may underflow.
    return np.exp(2 * larger - log_q) * np.expm1(smaller - larger) ** 2


def squared_hellinger(log_p: Array, log_q: Array) -> Array:
    """Return ``(sqrt p - sqrt q)^2``."""
    larger, smaller = np.maximum(log_p, log_q), np.minimum(log_p, log_q)
    return np.exp(larger) * np.expm1((smaller - larger) / 2) ** 2


def triangular(log_p: Array, log_q: Array) -> Array:
    """Return ``(p - q)^2 / (p + q)``."""
    return np.exp(np.logaddexp(log_p, log_q)) * np.tanh((log_p - log_q) / 2) ** 2


def total_variation(log_p: Array, log_q: Array) -> Array:
    """Return ``abs(p - q) / 2``."""
    larger, smaller = np.maximum(log_p, log_q), np.minimum(log_p, log_q)
    return -np.exp(larger) * np.expm1(smaller - larger) / 2


INTEGRANDS: Mapping[str, Integrand] = MappingProxyType(
    {
        "kl": kl,
        "reverse-kl": reverse_kl,
        "js": js,
        "pearson": pearson,
        "squared-hellinger": squared_hellinger,
        "triangular": triangular,
        "total-variation": total_variation,
    }
)


def names() -> list[str]:
    """Return the names of the divergences."""
    return list(INTEGRANDS)


def evaluate(name: str, log_p: Array | float, log_q: Array | float) -> Array:
    """Return the integrand of a divergence; zero where both densities vanish.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name not in INTEGRANDS:
        raise unknown("divergence", name, INTEGRANDS)
    log_p, log_q = np.broadcast_arrays(np.asarray(log_p, dtype=np.float64), np.asarray(log_q, dtype=np.float64))
    nowhere = np.isneginf(log_p) & np.isneginf(log_q)
    # An infinite integrand is an answer (p where q vanishes), and 0 times infinity only occurs in branches not taken.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(nowhere, 0.0, INTEGRANDS[name](np.where(nowhere, 0.0, log_p), np.where(nowhere, 0.0, log_q)))


def excess(x: Array | float) -> Array:
    """Return ``e^x - 1 - x`` to full relative accuracy."""
    x = np.asarray(x, dtype=np.float64)
    small = np.clip(x, -SMALL, SMALL)
    # x^2/2! + x^3/3! + ...; eleven terms leave (0.1)^13 / 13!.
    coefficients = 1 / np.cumprod(np.arange(2.0, 13.0))
    series = small * small * np.polynomial.polynomial.polyval(small, coefficients)
    return np.where(abs(x) < SMALL, series, np.expm1(x) - x)
