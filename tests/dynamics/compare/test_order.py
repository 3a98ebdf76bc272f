from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics.compare.order import fit_order
from dynamics.core.errors import InputError

RATES = 0.1 / np.array([1, 2, 4, 8])


@given(st.floats(0.5, 6), st.floats(1e-3, 1e3))
def test_a_power_law_gives_its_exponent(p, constant) -> None:
    order = fit_order(RATES, constant * RATES**p)
    # Logarithms of size below 20 carry errors of 1e-15; the rates span log 8. The standard error comes from
    # 1 - r^2, whose rounding of 1e-16 becomes 1e-8 under the root, times a slope below 6.
    assert order.value == pytest.approx(p, abs=1e-12) and order.standard_error < 1e-6 and order.used == 4


def test_the_standard_error_is_that_of_the_regression_by_hand() -> None:
    x, noise = np.log(RATES), np.array([0.01, -0.02, 0.015, -0.005])
    order = fit_order(RATES, np.exp(x + noise))
    A = np.stack([x, np.ones(4)], axis=1)
    solution, residual, *_ = np.linalg.lstsq(A, x + noise, rcond=None)
    expected = np.sqrt(residual[0] / 2 / ((x - x.mean()) ** 2).sum())
    assert order.value == pytest.approx(solution[0]) and order.standard_error == pytest.approx(expected)


def test_distances_that_say_nothing_do_not_enter() -> None:
    distances = RATES**2
    assert fit_order(RATES, distances, floor=distances[2]).used == 2
    broken = fit_order(RATES, [np.nan, 0.0, np.inf, 1.0])
    assert broken.used == 1 and np.isnan(broken.value)
    two = fit_order(RATES[:2], distances[:2])
    assert two.value == pytest.approx(2) and np.isnan(two.standard_error)


def test_bad_rates_are_refused() -> None:
    with pytest.raises(InputError, match="positive"):
        fit_order([0.1, -0.1], [1.0, 1.0])
    with pytest.raises(InputError, match="shapes"):
        fit_order([0.1, 0.2], [1.0])
