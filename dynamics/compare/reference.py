"""The gradient flow that a run is compared with, integrated as tightly as the distances to it need."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import NumericalError
from dynamics.flow import integrate
from dynamics.flow.result import FlowTrajectory
from dynamics.games.field import Game

#: The absolute tolerance in units of the relative one, and the factor between two integrations whose difference
#: estimates the error.
ABSOLUTE, LOOSER = 1e-2, 10.0
#: Where tightening begins, and where for fields with kinks (which cost an adaptive solver many small steps, and whose
#: errors average out over the samples); and where it ends.
LOOSEST, LOOSEST_KINKS, TIGHTEST = 1e-6, 1e-5, 1e-10
#: Largest estimated error in units of the smallest distance. The estimate is that of the looser integration, the true
#: error of a smooth field about ten times smaller: it moves a logarithm by 0.005, a slope over eightfold rates by less.
SHARE = 0.05
#: One tightening may cost so many evaluations, or as many as the retraining has iterations. A hinge loss on 1,797
#: samples takes 1,762 over a unit of time at 1e-7, where four rates can be fitted, 4.7 times those at 1e-6.
BUDGET = 2000


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
    last : int
        Calls of the field in the last integration.
    """

    states: NDArray[np.float64]
    error: float
    rtol: float
    evaluations: int
    last: int


def follow(
    flow: Game,
    start: NDArray[np.float64],
    times: NDArray[np.float64],
    solver: str,
    rtol: float | None,
    kinks: bool = False,
) -> Reference:
    """Return the flow at ``rtol``, or where tightening begins for None.

    Raises
    ------
    NumericalError
        If the flow could not be integrated to the end.
    """
    first = LOOSEST_KINKS if kinks else LOOSEST
    fine = first if rtol is None else rtol
    loose, tight = (_integrate(flow, start, times, solver, fine * factor) for factor in (LOOSER, 1.0))
    for result in (loose, tight):
        if not result.status.ok:
            raise NumericalError(f"The gradient flow could not be followed: {result.message}", result)
    error = _distance(tight.states, loose.states)
    return Reference(tight.states, error, fine, _evaluations(loose) + _evaluations(tight), _evaluations(tight))


def tightened(
    reference: Reference,
    smallest: float,
    flow: Game,
    start: NDArray[np.float64],
    times: NDArray[np.float64],
    solver: str,
    budget: int = BUDGET,
) -> Reference:
    """Return the flow with an error of at most :data:`SHARE` times the smallest distance, as far as that is affordable.

    What is left of the error stands in the result; distances near it are not fitted.
    """
    budget = max(budget, BUDGET)
    # The factor 2 keeps powers of ten, which are not exact, from asking for one integration too many.
    while reference.error > SHARE * smallest and reference.rtol > 2 * TIGHTEST:
        # The next one costs at least 1.6 times the last.
        if 1.6 * reference.last > budget:
            break
        rtol = reference.rtol / LOOSER
        result = _integrate(flow, start, times, solver, rtol, budget)
        last = _evaluations(result)
        if not result.status.ok:
            return replace(reference, evaluations=reference.evaluations + last, last=last)
        error = _distance(result.states, reference.states)
        reference = Reference(result.states, error, rtol, reference.evaluations + last, last)
    return reference


def _integrate(
    flow: Game,
    start: NDArray[np.float64],
    times: NDArray[np.float64],
    solver: str,
    rtol: float,
    budget: int | None = None,
) -> FlowTrajectory:
    return integrate(flow, start, times, solver, rtol=rtol, atol=ABSOLUTE * rtol, max_evaluations=budget)


def _evaluations(result: FlowTrajectory) -> int:
    return int(result.statistics["evaluations"])


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(a - b, axis=1).max())
