"""Orders of convergence, fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import linregress

from dynamics.core.errors import InputError


@dataclass(frozen=True)
class Order:
    """Slope of ``log distance`` over ``log rate``.

    Attributes
    ----------
    value, standard_error : float
        NaN where it could not be fitted; the error needs three rates.
    used : int
        Number of rates that entered.
    """

    value: float
    standard_error: float
    used: int


def fit_order(rates: ArrayLike, distances: ArrayLike, floor: float = 0.0) -> Order:
    """Return the least-squares order ``p`` of ``distance = C rate^p``.

    Parameters
    ----------
    rates, distances : array_like, shape (n,)
        Positive rates; distances at one fixed time.
    floor : float
        Distances that are not above it (the error of the reference) or not finite do not enter.

    Raises
    ------
    InputError
        For shapes that differ or rates that are not positive.
    """
    h, d = np.asarray(rates, dtype=np.float64), np.asarray(distances, dtype=np.float64)
    if h.ndim != 1 or h.shape != d.shape:
        raise InputError(f"Rates and distances have the shapes {h.shape} and {d.shape}: give one distance per rate.")
    if not (h > 0).all():
        raise InputError("Rates must be positive: an order is fitted on their logarithms.")
    usable = np.isfinite(d) & (d > max(floor, 0.0))
    count = int(usable.sum())
    if count < 2 or len(set(h[usable])) < 2:
        return Order(float("nan"), float("nan"), count)
    x, y = np.log(h[usable]), np.log(d[usable])
    if count == 2:
        return Order(float((y[1] - y[0]) / (x[1] - x[0])), float("nan"), count)
    fit = linregress(x, y)
    return Order(float(fit.slope), float(fit.stderr), count)
