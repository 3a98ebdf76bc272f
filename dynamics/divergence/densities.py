"""Divergences between one-dimensional densities by adaptive quadrature, with error estimates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad_vec
from scipy.special import logsumexp

from dynamics.core.errors import InputError, NumericalError, check_number, check_positive
from dynamics.divergence.integrands import evaluate

#: Where the line is cut around a Gaussian, in standard deviations. Quadrature on the whole line misses narrow peaks.
CUTS = (-32.0, -16.0, -8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True)
class Density:
    """A probability density on an interval of the line.

    Attributes
    ----------
    log : callable
        Logarithm of the density at a float inside ``support``; ``-inf`` where it vanishes.
    support : (float, float)
        Interval outside which the density vanishes; ends may be infinite.
    marks : tuple of float
        Places that quadrature must not step over: centres, flanks, jumps.
    """

    log: Callable[[float], float]
    support: tuple[float, float] = (-math.inf, math.inf)
    marks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.support[0] < self.support[1]:
            raise InputError(f"The support {self.support} is reversed or empty: give (low, high) with low < high.")

    def log_at(self, x: float) -> float:
        """Return the logarithm of the density anywhere on the line."""
        return float(self.log(x)) if self.support[0] <= x <= self.support[1] else -math.inf


@dataclass(frozen=True)
class Estimate:
    """A number and a bound on its error, as quadrature estimates it."""

    value: float
    error: float

    def __float__(self) -> float:
        return self.value


def gaussian(mean: float = 0.0, std: float = 1.0) -> Density:
    """Return the density of N(mean, std^2)."""
    mean, std = check_number("mean", mean), check_positive("std", std)
    constant = math.log(std) + math.log(2 * math.pi) / 2
    return Density(lambda x: -(((x - mean) / std) ** 2) / 2 - constant, marks=tuple(mean + std * cut for cut in CUTS))


def uniform(low: float = 0.0, high: float = 1.0) -> Density:
    """Return the uniform density on (low, high)."""
    low, high = check_number("low", low), check_number("high", high)
    if not low < high:
        raise InputError(f"The interval {low:g} to {high:g} is reversed or empty: give low < high.")
    height = -math.log(high - low)
    return Density(lambda x: height, support=(low, high), marks=(low, high))


def mixture(parts: Sequence[Density], weights: Sequence[float] | None = None) -> Density:
    """Return the mixture of densities, of equal weights unless they are given (they must be positive and sum to 1)."""
    if not parts:
        raise InputError("A mixture needs at least one part, got none.")
    shares = [1 / len(parts)] * len(parts) if weights is None else [check_positive("weight", w) for w in weights]
    if len(shares) != len(parts) or abs(sum(shares) - 1) > 1e-12:
        raise InputError(f"A mixture of {len(parts)} parts needs as many weights that sum to 1, got {weights}.")
    logarithms = [math.log(share) for share in shares]

    def log(x: float) -> float:
        terms = [part.log_at(x) + logarithm for part, logarithm in zip(parts, logarithms, strict=True)]
        # logsumexp of nothing but -inf would warn.
        return float(logsumexp(terms)) if max(terms) > -math.inf else -math.inf

    support = min(part.support[0] for part in parts), max(part.support[1] for part in parts)
    return Density(log, support, tuple(mark for part in parts for mark in part.marks))


def divergence(name: str, p: Density, q: Density, rtol: float = 1e-10) -> Estimate:
    """Return the divergence ``D(p || q)`` of two densities, in nats.

    Parameters
    ----------
    name : str
        One of the table in :mod:`dynamics.divergence`.
    p, q : Density
        The real and the generated distribution; both must integrate to one.
    rtol : float
        Relative error asked for.

    Returns
    -------
    Estimate
        ``inf`` where the integrand is infinite on a set that quadrature meets, such as ``kl`` where ``q`` vanishes
        and ``p`` does not.

    Raises
    ------
    InputError
        For an unknown name or a tolerance that is not positive.
    NumericalError
        If quadrature fails; ``result`` is its best :class:`Estimate`.
    """
    evaluate(name, 0.0, 0.0)

    def integrand(x: float) -> float:
        return float(evaluate(name, p.log_at(x), q.log_at(x)))

    return integrate(integrand, (p, q), rtol)


def expectation(function: Callable[[float], float], p: Density, rtol: float = 1e-10) -> Estimate:
    """Return ``E_p function(x)``; errors as in :func:`divergence`."""

    def integrand(x: float) -> float:
        logarithm = p.log_at(x)
        # Where the density underflows its product with a growing function does not count.
        return math.exp(logarithm) * float(function(x)) if logarithm > -700.0 else 0.0

    return integrate(integrand, (p,), rtol)


def integrate(integrand: Callable[[float], float], densities: Sequence[Density], rtol: float = 1e-10) -> Estimate:
    """Return the integral over the joint support, cut at the densities' marks; errors as in :func:`divergence`."""
    rtol = check_positive("rtol", rtol)
    low = min(density.support[0] for density in densities)
    high = max(density.support[1] for density in densities)
    marks = {mark for density in densities for mark in (*density.marks, *density.support)}
    edges = [low, *sorted(mark for mark in marks if low < mark < high and math.isfinite(mark)), high]
    if math.isinf(low) and math.isinf(high) and len(edges) == 2:
        edges.insert(1, 0.0)

    def watched(x: float) -> float:
        value = integrand(x)
        if math.isinf(value):
            raise _InfiniteError(value)
        return value

    pieces = []
    try:
        if math.isinf(low):
            pieces.append(_tail(watched, edges[1], -_scale(edges[1:]), rtol))
            edges = edges[1:]
        if math.isinf(high):
            pieces.append(_tail(watched, edges[-2], _scale(edges[-2::-1]), rtol))
            edges = edges[:-1]
        if len(edges) > 1:
            pieces.append(_adaptive(watched, edges[0], edges[-1], rtol, edges[1:-1]))
    except _InfiniteError as infinite:
        return Estimate(infinite.args[0], 0.0)
    result = Estimate(math.fsum(piece[0] for piece in pieces), math.fsum(piece[1] for piece in pieces))
    # A piece that did not converge but hardly counts is of no consequence.
    failed = not all(piece[2] for piece in pieces)
    if not math.isfinite(result.value) or (failed and result.error > max(1e-6 * abs(result.value), 1e-12)):
        raise NumericalError(
            f"Quadrature reached {result.value:g} with an error of {result.error:g} only: the integral may be "
            "infinite; otherwise give the densities marks where they vary, or a larger rtol.",
            result=result,
        )
    return result


class _InfiniteError(Exception):
    """The integrand is infinite somewhere: leave quadrature at once."""


def _scale(edges: Sequence[float]) -> float:
    """Return the unit of length beyond the first edge: the distance to the next finite one."""
    inner = [abs(edge - edges[0]) for edge in edges[1:] if math.isfinite(edge)]
    return inner[0] if inner else 1.0


def _tail(function: Callable[[float], float], edge: float, scale: float, rtol: float) -> tuple[float, float, bool]:
    """Integrate from ``edge`` to infinity in the direction of ``scale``, in units of it."""
    return _adaptive(lambda u: abs(scale) * function(edge + scale * u), 0.0, math.inf, rtol)


def _adaptive(
    function: Callable[[float], float], left: float, right: float, rtol: float, points: Sequence[float] = ()
) -> tuple[float, float, bool]:
    # Not quad: its extrapolation gives divergent integrals a finite value (the finite part) with a small error.
    with np.errstate(over="ignore", invalid="ignore"):
        value, error, info = quad_vec(
            function,
            left,
            right,
            epsabs=1e-300,
            epsrel=max(rtol, 1e-13),
            norm="max",
            limit=1000,
            points=points,
            full_output=True,
        )
    return float(value), float(error), bool(info.success)
