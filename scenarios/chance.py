"""What chance may do to a measurement: how many standard errors are allowed, and how often that is too few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from scenarios.registry import Measurement, Relation

if TYPE_CHECKING:
    from dynamics.ensemble import Ensemble

#: Standard errors allowed between a sample and what it should be.
ERRORS = 4.5
#: How often a true statement misses by more: twice the normal tail beyond 4.5.
FALSE_ALARM = 6.8e-6


def estimate(values: ArrayLike) -> tuple[float, float]:
    """Return mean and standard error of one value of each path."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array)))


def recorded(ensemble: Ensemble, quantity: str, at: int = -1) -> tuple[float, float]:
    """Return mean and standard error of a recorded quantity, at the last record unless another is named."""
    place = ensemble.index(quantity)
    return float(ensemble.mean[at, place]), float(ensemble.mean_error[at, place])


def sampled(
    name: str,
    found: tuple[float, float],
    expected: float,
    because: str = "",
    *,
    allowance: float = 0.0,
    scale: float = 1.0,
    told: bool = False,
    relation: Relation = "equal",
) -> Measurement:
    """Return the measurement of a sample: its tolerance is :data:`ERRORS` standard errors and an allowance.

    Parameters
    ----------
    name : str
    found : pair of float
        Estimate and standard error.
    expected : float
        In units of ``scale``, as the name says.
    because : str
        Where the allowance comes from.
    allowance : float
        What the sample may be off beside chance, in units of ``scale``.
    scale : float
        Divides the estimate and its error.
    told, relation
        As for :class:`Measurement`.
    """
    value, error = (number / scale for number in found)
    chance = f"{ERRORS:g} standard errors of {abs(error):.1e} (false alarms {FALSE_ALARM:.1e})"
    reason = f"{chance}, and {because}" if because else chance
    return Measurement(name, value, expected, ERRORS * abs(error) + allowance, reason, told, relation)


def combined(*errors: Any) -> float:
    """Return the standard error of a sum of independent estimates."""
    return float(np.sqrt(sum(np.square(error) for error in errors)))
