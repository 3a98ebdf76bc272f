"""The gradient flow that a run is compared with, integrated as tightly as the distances to it need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import NumericalError
from dynamics.flow import integrate
from dynamics.games.field import Game

#: The absolute tolerance in units of the relative one, and the factor between two integrations whose difference
#: estimates the error.
ABSOLUTE, LOOSER = 1e-2, 10.0
#: Where tightening begins and ends. dopri5 takes 1.6 times as many steps for every factor of ten.
LOOSEST, TIGHTEST = 1e-6, 1e-10
#: Largest error in units of the smallest distance: it moves a logarithm by 0.01, so a slope over a factor of eight in
#: the rate by less than 0.005. The estimate is that of the looser integration; the true error is ten times smaller.
SHARE = 0.01


@dataclass(frozen=True)
class Reference:
    """States of the flow with an error estimate.

    Attributes
    ----------
    states : ndarray, shape (time, dim)
    error : float
        Largest distance to the integration at a tolerance ten times looser: an upper estimate.
    rtol : float
        Relative tolerance of ``states``.
    evaluations : int
        Calls of the field, those of looser integrations included.
    """

    states: NDArray[np.float64]
    error: float
    rtol: float
    evaluations: int


def follow(
    flow: Game, start: NDArray[np.float64], times: NDArray[np.float64], solver: str, rtol: float | None
) -> Reference:
    """Return the flow at ``rtol``, or at :data:`LOOSEST` for None.

    Raises
    ------
    NumericalError
        If the flow could not be integrated to the end.
    """
    fine = LOOSEST if rtol is None else rtol
    loose, first = _integrate(flow, start, times, solver, fine * LOOSER)
    states, second = _integrate(flow, start, times, solver, fine)
    return Reference(states, _distance(states, loose), fine, first + second)


def tightened(
    reference: Reference,
    smallest: float,
    flow: Game,
    start: NDArray[np.float64],
    times: NDArray[np.float64],
    solver: str,
) -> Reference:
    """Return the flow with an error of at most :data:`SHARE` times the smallest distance, as far as rounding allows."""
    # The factor 2 keeps powers of ten, which are not exact, from asking for one integration too many.
    while reference.error > SHARE * smallest and reference.rtol > 2 * TIGHTEST:
        rtol = reference.rtol / LOOSER
        states, more = _integrate(flow, start, times, solver, rtol)
        reference = Reference(states, _distance(states, reference.states), rtol, reference.evaluations + more)
    return reference


def _integrate(
    flow: Game, start: NDArray[np.float64], times: NDArray[np.float64], solver: str, rtol: float
) -> tuple[NDArray[np.float64], int]:
    result = integrate(flow, start, times, solver, rtol=rtol, atol=ABSOLUTE * rtol)
    if not result.status.ok:
        raise NumericalError(f"The gradient flow could not be followed: {result.message}", result)
    return result.states, int(result.statistics["evaluations"])


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(a - b, axis=1).max())
