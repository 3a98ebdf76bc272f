from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamics.divergence import (
    divergence,
    gaussian,
    least_squares_discriminator,
    least_squares_generator_value,
    least_squares_value,
    minimax_value,
    optimal_discriminator,
    optimal_minimax_value,
    optimal_score,
    uniform,
)
from dynamics.divergence.densities import integrate

PAIRS = [
    (gaussian(0.5, 1.0), gaussian(0.0, 1.0)),
    (gaussian(2, 0.5), gaussian(-1, 1.5)),
    (gaussian(0, 1), gaussian(0, 1)),
]


def test_the_optimal_discriminator_is_p_over_p_plus_q() -> None:
    p, q = np.array([0.2, 0.5, 0.0, 1.0]), np.array([0.6, 0.5, 1.0, 0.0])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(optimal_discriminator(np.log(p), np.log(q)), p / (p + q), rtol=1e-15)


def test_extreme_densities_give_scores_without_overflow() -> None:
    np.testing.assert_array_equal(optimal_score([-1e8, 0.0, -np.inf], [0.0, -np.inf, -np.inf]), [-1e8, np.inf, 0.0])
    np.testing.assert_array_equal(optimal_discriminator([-1e8, 0.0, -np.inf], [0.0, -np.inf, -np.inf]), [0, 1, 0.5])


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_the_value_at_the_optimal_score_is_minus_log_four_plus_twice_js(p, q) -> None:
    direct = minimax_value(lambda x: float(optimal_score(p.log_at(x), q.log_at(x))), p, q)
    closed = optimal_minimax_value(p, q)
    assert abs(direct.value - closed.value) < 1e-9
    assert abs(closed.value - (2 * divergence("js", p, q).value - math.log(4))) < 1e-15


def test_equal_distributions_give_minus_log_four_and_disjoint_ones_zero() -> None:
    assert optimal_minimax_value(gaussian(), gaussian()).value == -math.log(4)
    assert abs(optimal_minimax_value(uniform(0, 1), uniform(2, 3)).value) < 1e-12


@settings(max_examples=25)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.5, 0.5))
def test_no_score_beats_the_optimal_one(shift: float, slope: float, bend: float) -> None:
    p, q = PAIRS[0]
    perturbed = minimax_value(lambda x: 0.5 * x - 0.125 + shift + slope * x + bend * math.sin(3 * x), p, q, rtol=1e-8)
    assert perturbed.value <= optimal_minimax_value(p, q).value + 1e-7


@given(st.floats(-700, 700), st.floats(-2, 2), st.floats(-2, 2), st.floats(-3, 3))
def test_the_least_squares_optimum_is_stationary(log_ratio: float, real: float, fake: float, other: float) -> None:
    # p (D - b)^2 + q (D - a)^2 with p = e^r, q = 1, divided by p + q
    share = float(optimal_discriminator(log_ratio, 0.0))

    def loss(d: float) -> float:
        return share * (d - real) ** 2 + (1 - share) * (d - fake) ** 2

    best = float(least_squares_discriminator(log_ratio, 0.0, real, fake))
    assert loss(best) <= loss(other) + 1e-13
    assert min(real, fake) - 1e-14 <= best <= max(real, fake) + 1e-14


LABELS = [(1.0, 0.0, 1.0), (1.0, -1.0, 0.0), (0.7, 0.2, -0.4)]


@pytest.mark.parametrize(("p", "q"), PAIRS)
@pytest.mark.parametrize(("b", "a", "c"), LABELS)
def test_least_squares_values_are_triangular_discriminations_for_every_choice_of_labels(p, q, b, a, c) -> None:
    def density(x: float) -> tuple[float, float, float]:
        log_p, log_q = p.log_at(x), q.log_at(x)
        return math.exp(log_p), math.exp(log_q), float(least_squares_discriminator(log_p, log_q, b, a))

    def discriminator_loss(x: float) -> float:
        real, fake, d = density(x)
        return (real * (d - b) ** 2 + fake * (d - a) ** 2) / 2

    def generator_loss(x: float) -> float:
        real, fake, d = density(x)
        return (real + fake) * (d - c) ** 2 / 2

    assert abs(integrate(discriminator_loss, (p, q)).value - least_squares_value(p, q, b, a).value) < 1e-9
    closed = least_squares_generator_value(p, q, b, a, c).value
    assert abs(integrate(generator_loss, (p, q)).value - closed) < 1e-9


def test_least_squares_values_at_equality_and_at_disjoint_supports() -> None:
    same, apart = (gaussian(), gaussian()), (uniform(0, 1), uniform(2, 3))
    assert least_squares_value(*same).value == 0.25
    assert abs(least_squares_value(*apart).value) < 1e-12
    # labels (-1, 1, 0): half the triangular discrimination
    assert least_squares_generator_value(*same, real=1, fake=-1, target=0).value == 0.0
    assert abs(least_squares_generator_value(*apart, real=1, fake=-1, target=0).value - 1) < 1e-12
