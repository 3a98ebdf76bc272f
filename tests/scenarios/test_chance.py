"""Tolerances of samples: what they say of themselves, and what they catch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scenarios import chance


def test_false_alarms_are_as_frequent_as_said():
    assert pytest.approx(2 * stats.norm.sf(chance.ERRORS), rel=0.01) == chance.FALSE_ALARM


def test_a_sample_holds_and_one_with_a_scale_1_percent_off_does_not():
    # The variance of 200,000 squares is known to 0.32 %, 4.5 of which are below the 2 % of a wrong scale;
    # false alarm 6.8e-6, missed with probability 0.04 at most.
    numbers = np.random.default_rng(1).normal(size=200_000)
    assert chance.sampled("", chance.estimate(numbers**2), 1.0).holds
    assert not chance.sampled("", chance.estimate((1.01 * numbers) ** 2), 1.0).holds


def test_estimates_are_mean_and_standard_error():
    assert chance.estimate([1.0, 2.0, 3.0, 4.0]) == pytest.approx((2.5, np.sqrt(5 / 3) / 2))
    assert chance.combined(3.0, 4.0) == 5.0


def test_a_scale_divides_estimate_and_error_and_leaves_the_allowance():
    row = chance.sampled("", (20.0, 0.2), 2.0, "of the step", allowance=0.5, scale=10.0)
    assert (row.measured, row.tolerance) == pytest.approx((2.0, 4.5 * 0.02 + 0.5))
    assert "4.5 standard errors" in row.because and row.because.endswith("and of the step")
