from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.compare.reference import SHARE, follow, tightened
from dynamics.core.errors import NumericalError

GAME, START, TIMES = games.get("bilinear"), np.array([1.0, 0.0]), np.linspace(0.0, 10.0, 5)
SOLVER = "torchdiffeq:dopri5"
#: The flow of xy is a rotation: x falls along y's sign.
EXACT = np.stack([np.cos(TIMES), np.sin(TIMES)], axis=1)


def test_the_estimate_is_above_the_error() -> None:
    reference = follow(GAME, START, TIMES, SOLVER, 1e-6)
    true = np.linalg.norm(reference.states - EXACT, axis=1).max()
    assert 0 < true < reference.error < 1e-2


@pytest.mark.parametrize("smallest", [1e-3, 1e-6])
def test_tightening_goes_on_until_the_smallest_distance_is_not_disturbed(smallest) -> None:
    first = follow(GAME, START, TIMES, SOLVER, None)
    reference = tightened(first, smallest, GAME, START, TIMES, SOLVER, budget=10**5)
    assert reference.error <= SHARE * smallest
    assert np.linalg.norm(reference.states - EXACT, axis=1).max() < reference.error
    assert (reference.rtol < first.rtol) == (first.error > SHARE * smallest)


def test_tightening_ends_where_rounding_or_the_budget_does() -> None:
    first = follow(GAME, START, TIMES, SOLVER, None)
    assert tightened(first, 0.0, GAME, START, TIMES, SOLVER, budget=10**6).rtol == pytest.approx(1e-10)
    long = np.array([0.0, 1000.0])
    start = follow(GAME, START, long, SOLVER, None)
    kept = tightened(start, 0.0, GAME, START, long, SOLVER)
    assert kept.rtol == start.rtol and kept.error == start.error and kept.evaluations <= start.evaluations + 2000


def test_a_flow_that_does_not_reach_the_end_is_refused() -> None:
    blow_up = games.inline(minimax="-x**3/3 + 0*y", minimise=["x"], maximise=["y"])
    with pytest.raises(NumericalError, match="could not be followed"):
        follow(blow_up, np.array([1.0, 0.0]), np.array([0.0, 2.0]), SOLVER, None)
