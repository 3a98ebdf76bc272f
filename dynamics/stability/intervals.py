r"""All rates at which a method is stable, and the one at which it is fastest: a scan of the spectral radius, refined.

The spectral radius ``rho(lr)`` of the multipliers is a continuous, piecewise smooth function of the rate. It is
evaluated on a geometric grid of rates up to :data:`REACH` inverse norms of the Jacobian, all in one batch; between its
points only the neighbourhood of local extremes can hide an interval of (in)stability, so these are zoomed into.
Crossings are refined to round-off: by root finding where the radius is below one on their inner side, by bisection
within the rounding of the multipliers where it is marginal. What lies beyond the grid, and windows narrower than two
percent of their rate that leave no local extreme on the grid, are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.expansion import Stack, conditions
from dynamics.stability.roots import bracketed_root

#: Rates are scanned up to this many inverse norms of the Jacobian before an interval counts as unbounded.
REACH = 1e6
#: Ratio of successive rates of the scan.
RATIO = 1.02
#: Most operations of one scan, in cubes of the size of the map: larger maps are scanned with a larger ratio.
WORK = 10**8
#: Entries of the matrices held at a time.
CHUNK = 4_000_000
#: Points of one round of a zoom.
POINTS = 64
#: Local extremes of the radius this close to one may hide an interval between two rates of the scan: maxima are
#: smooth, minima may be as sharp as a root where two multipliers meet.
HIDDEN_ABOVE, HIDDEN_BELOW = 0.97, 1.5


@dataclass(frozen=True)
class Survey:
    """What a scan of the spectral radius found.

    Attributes
    ----------
    intervals : tuple of (float, float or None)
        Rates with a spectral radius of at most one (marginal counts), ascending; None: no end within reach.
    optimal_lr, optimal_radius : float or None
        Rate of the least spectral radius, the lowest one where several share it, and that radius; None where the
        radius is nowhere below one or falls on as the rate grows.
    reach : float
        Largest rate scanned.
    """

    intervals: tuple[tuple[float, float | None], ...]
    optimal_lr: float | None
    optimal_radius: float | None
    reach: float


def survey(stack: Stack, size: float, low: float, inside: bool, begin: float) -> Survey:
    """Return the intervals of stability beyond a rate and the optimal rate.

    Parameters
    ----------
    stack : callable
        Maps rates of shape (m,) to the Jacobians of the map, shape (m, n, n).
    size : float
        Norm of the Jacobian of the field, which sets the scale of rates.
    low : float
        Rates up to here are decided already (by expansion).
    inside : bool
        Whether they end with stable ones.
    begin : float
        Between here and ``low`` the fastest rate may lie, too.
    """
    n = stack(np.array([low])).shape[-1]
    early = _grid(begin, low, n)[:-1] if begin < low else np.empty(0)
    scanned = np.concatenate([early, _grid(low, REACH / size, n)])
    radii, sides = _scan(stack, scanned)
    # what is early is decided: the fastest rate is all that is looked for there
    sides[: len(early)] = 0
    rates, states = scanned[len(early) :], sides[len(early) :]
    if not inside:
        # until the radius leaves the neighbourhood of one, the expansion knows better on which side it is
        decided = np.flatnonzero(states)
        states[: decided[0] if decided.size else len(states)] = 1
    states[0] = 0 if inside else 1
    end = float(rates[-1])
    extremes = _extremes(stack, scanned, radii, sides)
    lr, least = _optimum(stack, extremes, radii, end)
    rates, states = _with_hidden(rates, states, extremes)
    stable = states <= 0
    edges = np.flatnonzero(stable[1:] != stable[:-1])
    ends: list[float | None] = [low] if inside else []
    ends += [_crossing(stack, float(rates[k]), float(rates[k + 1]), bool(stable[k])) for k in edges]
    if len(ends) % 2:
        ends.append(None)
    intervals = tuple((float(a), b) for a, b in zip(ends[::2], ends[1::2], strict=True) if a is not None)
    return Survey(intervals, lr, least, end)


def _grid(low: float, high: float, n: int) -> NDArray[np.float64]:
    """Return the rates of a scan of a map of size n."""
    span = np.log(high / low)
    count = int(min(span / np.log(RATIO) + 2, max(64, WORK // n**3)))
    return low * np.exp(np.linspace(0.0, span, count))


def moduli(matrices: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return spectral radii and on which side of one they are, to the rounding of the multipliers, shape (m,) each.

    -1: every multiplier is inside the unit circle, 0: some is on it, none outside, 1: one is outside. A matrix that is
    not finite counts as outside.
    """
    finite = np.asarray(np.isfinite(matrices).all(axis=(-2, -1)))
    matrices = np.where(finite[:, None, None], np.real(matrices), 0.0)
    radii = np.abs(np.linalg.eigvals(matrices)).max(axis=-1)
    with np.errstate(over="ignore"):
        change = 4 * matrices.shape[-1] * np.finfo(float).eps * np.linalg.norm(matrices, axis=(-2, -1))
    states = np.sign(radii - 1).astype(int)
    close = np.flatnonzero(np.abs(radii - 1) <= 2 * np.sqrt(change))
    if close.size:
        values, vectors = np.linalg.eig(matrices[close])
        gaps, tolerance = np.abs(values) - 1, rounding(matrices[close], vectors)
        states[close] = np.where((gaps > tolerance).any(axis=-1), 1, np.where((gaps < -tolerance).all(axis=-1), -1, 0))
    return np.where(finite, radii, np.inf), np.where(finite, states, 1)


def rounding(matrices: NDArray[Any], vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the rounding of every eigenvalue from its condition number, at most the root of it, shape (..., n)."""
    n = matrices.shape[-1]
    change = 4 * n * np.finfo(float).eps * np.linalg.norm(matrices, axis=(-2, -1))[..., None]
    return np.minimum(change * np.maximum(conditions(vectors), 1.0), 2 * np.sqrt(change))


def radius(matrix: NDArray[Any]) -> float:
    """Return the largest modulus of the eigenvalues; a group that rounding split counts by its mean.

    A double eigenvalue that is defective splits by the root of rounding, its mean moves by rounding only.
    """
    values, vectors = np.linalg.eig(matrix)
    largest = float(np.abs(values).max())
    tolerance = rounding(matrix, vectors)
    for i in np.argsort(-np.abs(values)):
        if np.abs(values[i]) < largest:
            break
        group = np.abs(values - values[i]) <= 2 * np.maximum(tolerance, tolerance[i])
        if tolerance[i] > 1e-10 and group.sum() > 1:
            others = np.abs(values[~group]).max(initial=0.0)
            return float(max(np.abs(values[group].mean()), others))
    return largest


def _scan(stack: Stack, rates: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return :func:`moduli` at many rates."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if len(rates) <= POINTS:
            return moduli(stack(rates))
        n = stack(rates[:1]).shape[-1]
        found = [moduli(stack(piece)) for piece in np.array_split(rates, max(1, len(rates) * n**2 // CHUNK))]
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


@dataclass(frozen=True)
class _Extremes:
    """Local extremes of the radius: where, how large, and which are maxima; none of them on the grid's ends."""

    rates: NDArray[np.float64]
    radii: NDArray[np.float64]
    maxima: NDArray[np.bool_]


def _extremes(
    stack: Stack, rates: NDArray[np.float64], radii: NDArray[np.float64], states: NDArray[np.int_]
) -> _Extremes:
    """Return the local extremes that may hide an interval between two rates, or be the least radius of all."""
    last = len(rates) - 1
    before, here, after = radii[:-2], radii[1:-1], radii[2:]
    margin = 1e-9
    peaks = (here > before + margin) & (here > after + margin) & (states[1:-1] <= 0) & (here > HIDDEN_ABOVE)
    dips = (here < before - margin) & (here < after - margin)
    least = float(radii.min())
    dips &= ((states[1:-1] > 0) & (here < HIDDEN_BELOW)) | (here < min(1.0, least + HIDDEN_BELOW - 1))
    # the first of several rates that share the least radius, unless that falls on with the rate
    first = int(np.argmax(radii <= least + 1e-12))
    optimum = [first] if least < 1 - 1e-9 and rates[first] <= 0.1 * rates[-1] and radii[-1] > least + 1e-6 else []
    at = np.unique(np.concatenate([1 + np.flatnonzero(peaks | dips), optimum])).astype(int)
    maxima = np.isin(at, 1 + np.flatnonzero(peaks))
    found = _zoom(stack, rates[np.maximum(at - 1, 0)], rates[np.minimum(at + 1, last)], np.where(maxima, -1.0, 1.0))
    return _Extremes(*found, maxima)


def _zoom(
    stack: Stack, low: NDArray[np.float64], high: NDArray[np.float64], sign: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where ``sign rho`` is least between two rates, the lowest place of several, and rho there; many at once.

    Ten rounds bring brackets of four percent to the spacing of floats; smooth extremes are level long before.
    """
    unit = np.linspace(0.0, 1.0, POINTS)
    row = np.arange(len(low))
    found = radii = low
    for _ in range(10 if len(low) else 0):
        points = low[:, None] + (high - low)[:, None] * unit
        values = _scan(stack, points.ravel())[0].reshape(points.shape)
        signed = np.where(np.isfinite(values), sign[:, None] * values, np.inf)
        best = np.argmax(signed <= signed.min(axis=1, keepdims=True) + 8 * np.finfo(float).eps, axis=1)
        found, radii = points[row, best], values[row, best]
        before, after = np.maximum(best - 1, 0), np.minimum(best + 1, POINTS - 1)
        low, high = points[row, before], points[row, after]
        rise = np.maximum(signed[row, before], signed[row, after]) - signed[row, best]
        if (rise <= 2 * np.finfo(float).eps).all():
            break
    return found, radii


def _with_hidden(
    rates: NDArray[np.float64], states: NDArray[np.int_], extremes: _Extremes
) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return rates and states with the extremes put in that lie on another side of one than their neighbours."""
    position = np.searchsorted(rates, extremes.rates)
    inner = (position > 0) & (position < len(rates))
    stable = states[np.clip(position - 1, 0, None)] <= 0
    alike = inner & (stable == (states[np.clip(position, None, len(rates) - 1)] <= 0))
    # touching the unit circle from either side is no interval of its own
    hidden = alike & np.where(
        extremes.maxima, stable & (extremes.radii > 1 + 1e-9), ~stable & (extremes.radii < 1 - 1e-9)
    )
    fresh = np.where(extremes.maxima[hidden], 1, -1)
    return np.insert(rates, position[hidden], extremes.rates[hidden]), np.insert(states, position[hidden], fresh)


def _optimum(
    stack: Stack, extremes: _Extremes, radii: NDArray[np.float64], end: float
) -> tuple[float | None, float | None]:
    """Return the rate of the least radius and that radius; None where it is not below one or lies at the far end."""
    minima = np.flatnonzero(~extremes.maxima)
    if minima.size == 0:
        return None, None
    best = minima[np.argmin(extremes.radii[minima])]
    rate, least = float(extremes.rates[best]), float(extremes.radii[best])
    if least > 1 - 1e-9 or rate > 0.1 * end or radii[-1] <= least + 1e-6:
        return None, None
    return rate, radius(np.real(stack(np.array([rate]))[0]))


def _crossing(stack: Stack, low: float, high: float, leaving: bool) -> float:
    """Return the rate at which the spectral radius passes one between two rates, the first or second of them stable."""

    def narrowed(low: float, high: float, exact: bool) -> tuple[float, float]:
        points = np.linspace(low, high, POINTS)
        radii, states = _scan(stack, points)
        stable = radii <= 1 if exact else states <= 0
        stable[0], stable[-1] = leaving, not leaving
        k = int(np.argmax(stable != leaving))
        return float(points[k - 1]), float(points[k])

    def gap(lr: float) -> float:
        return radius(np.real(stack(np.array([lr]))[0])) - 1

    for _ in range(2):
        low, high = narrowed(low, high, exact=False)
    ends = np.array([low, high] if leaving else [high, low])
    # a radius within rounding of one on the stable side is marginal, and its sign means nothing
    sharp = bool(_scan(stack, ends)[1][0] < 0) and gap(ends[0]) < 0 < gap(ends[1])
    matrices = np.real(stack(ends))
    if sharp and rounding(matrices, np.linalg.eig(matrices)[1]).max() > 1e-10:
        # the mean of multipliers that rounding splits crosses one more precisely than the largest of them
        return bracketed_root(gap, low, high)
    while np.nextafter(low, high) < high:
        before = (low, high)
        low, high = narrowed(low, high, sharp)
        if (low, high) == before:
            break
    return low if leaving else high
