"""Multilevel expectations meet the error asked for, at less work than one level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import ensemble, games
from dynamics.core.errors import InputError, NumericalError
from dynamics.core.status import Status
from dynamics.ensemble import multilevel

GAME = games.get("bilinear")
#: dX = -Y dt + s dW, dY = X dt + s dW: E r^2 = r0^2 + 2 s^2 t.
RUN: dict[str, Any] = {"dt": 0.25, "time": 1.0, "start": [1.0, 1.0]}
EXACT = 2.0 + 2 * 0.25 * 1.0


@pytest.fixture(scope="module")
def found() -> multilevel.Expectation:
    return ensemble.expectation(GAME, 0.5, "x**2 + y**2", standard_error=0.01, **RUN)


def test_the_error_is_the_one_asked_for(found: multilevel.Expectation) -> None:
    assert found.status is Status.FINISHED
    assert found.stderr <= 0.01 / np.sqrt(2)
    assert found.bias <= 0.01 / np.sqrt(2)
    # Bias at most 0.0071 and five standard errors of at most 0.0071: false alarm below 1e-6.
    assert abs(found.value - EXACT) <= 0.0071 + 5 * 0.0071


def test_corrections_shrink_as_weak_and_strong_order_say(found: multilevel.Expectation) -> None:
    means = [abs(level.mean) for level in found.levels[1:]]
    variances = [level.variance for level in found.levels[1:]]
    # Euler-Maruyama on additive noise: weak order 1 halves the corrections, strong order 1 quarters their variances.
    # Means are known to a tenth or better, variances of 4,096 paths to sqrt(2 kappa / 4096), about 5 %.
    assert np.mean(np.diff(np.log2(means[:4]))) == pytest.approx(-1, abs=0.2)
    assert np.mean(np.diff(np.log2(variances))) == pytest.approx(-2, abs=0.2)


def test_most_paths_take_few_steps_and_the_work_is_less_than_that_of_one_level(found: multilevel.Expectation) -> None:
    paths = [level.paths for level in found.levels]
    assert paths == sorted(paths, reverse=True)
    finest = found.levels[-1]
    variance = found.levels[0].variance
    plain = variance / (0.01**2 / 2) * (1.0 / finest.dt)
    assert found.path_steps < plain


def test_a_scheme_of_higher_order_needs_fewer_levels(found: multilevel.Expectation) -> None:
    better = ensemble.expectation(GAME, 0.5, "x**2 + y**2", standard_error=0.01, scheme="stochastic-runge-kutta", **RUN)
    assert len(better.levels) < len(found.levels)
    assert abs(better.value - EXACT) <= 0.0071 + 5 * 0.0071


def test_the_same_seed_gives_the_same_number_and_another_one_another(found: multilevel.Expectation) -> None:
    again = ensemble.expectation(GAME, 0.5, "x**2 + y**2", standard_error=0.01, **RUN)
    other = ensemble.expectation(GAME, 0.5, "x**2 + y**2", standard_error=0.01, seed=1, **RUN)
    assert again.value == found.value != other.value


def test_too_few_levels_are_said() -> None:
    short = ensemble.expectation(GAME, 0.5, "x**2 + y**2", standard_error=0.01, most_levels=3, **RUN)
    assert short.status is Status.BUDGET_EXHAUSTED
    assert short.bias > 0.01 / np.sqrt(2)


def test_bad_input_is_one_sentence() -> None:
    for change, said in (
        ({"standard_error": 0.0}, "standard error"),
        ({"scheme": "exact"}, "no bias"),
        ({"scheme": "weak-order-2"}, "do not compose"),
        ({"most_levels": 2}, "most_levels"),
        ({"dt": 0.3}, "does not divide"),
    ):
        with pytest.raises(InputError, match=said):
            ensemble.expectation(GAME, 0.5, "x", **{"standard_error": 0.1, **RUN, **change})


def test_a_path_that_diverges_is_no_number() -> None:
    steep = games.inline("x**4", ["x"], [])
    with pytest.raises(NumericalError, match="smaller dt"):
        ensemble.expectation(steep, 0.5, "x", standard_error=0.1, dt=1.0, time=30.0, start=[3.0])
