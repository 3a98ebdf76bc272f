from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics.core.errors import InputError, NumericalError
from dynamics.divergence import (
    Density,
    divergence,
    expectation,
    gaussian,
    histogram_divergence,
    mixture,
    names,
    uniform,
)
from dynamics.divergence.integrands import evaluate, excess

SYMMETRIC = ["js", "squared-hellinger", "triangular", "total-variation"]
BOUNDS = {"js": math.log(2), "squared-hellinger": 2.0, "triangular": 2.0, "total-variation": 1.0}


def textbook(name: str, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the divergences as the table writes them, for probabilities that do not vanish."""
    m = (p + q) / 2
    return {
        "kl": lambda: (p * np.log(p / q)).sum(-1),
        "reverse-kl": lambda: (q * np.log(q / p)).sum(-1),
        "js": lambda: ((p * np.log(p / m)).sum(-1) + (q * np.log(q / m)).sum(-1)) / 2,
        "pearson": lambda: ((p - q) ** 2 / q).sum(-1),
        "squared-hellinger": lambda: ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(-1),
        "triangular": lambda: ((p - q) ** 2 / (p + q)).sum(-1),
        "total-variation": lambda: abs(p - q).sum(-1) / 2,
    }[name]()


@pytest.mark.parametrize("name", names())
def test_histogram_divergences_are_the_textbook_sums(name: str) -> None:
    generator = np.random.default_rng(0)
    p, q = generator.dirichlet(np.ones(6), size=(2, 100))
    # the textbook sums cancel: round-off is absolute
    np.testing.assert_allclose(histogram_divergence(name, p, q), textbook(name, p, q), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", names())
def test_nearly_equal_histograms_keep_their_digits(name: str) -> None:
    # p = (1/2 + d, 1/2 - d), q = (1/2, 1/2): every smooth one is f''(1)/2 (2d)^2 to a relative O(d)
    second = {
        "kl": 0.5,
        "reverse-kl": 0.5,
        "js": 0.125,
        "pearson": 1.0,
        "squared-hellinger": 0.25,
        "triangular": 0.5,
    }
    for d in (2.0**-20, 2.0**-40):
        value = float(histogram_divergence(name, [0.5 + d, 0.5 - d], [0.5, 0.5]))
        expected = d if name == "total-variation" else second[name] * (2 * d) ** 2
        # log p is rounded to 1e-16, d relative to it: 1e-16 / d
        assert abs(value / expected - 1) < 4 * d + 1e-15 / d


@given(st.floats(-300, 300), st.floats(-300, 300))
def test_integrands_are_never_negative_and_finite_for_densities_that_are_not_zero(log_p: float, log_q: float) -> None:
    for name in names():
        value = float(evaluate(name, log_p, log_q))
        assert value >= 0
        assert math.isfinite(value) or name == "pearson"
    assert float(evaluate("kl", log_p, log_q)) == float(evaluate("reverse-kl", log_q, log_p))


def test_integrands_of_extreme_densities_neither_overflow_nor_give_nan() -> None:
    for log_p in (-1e300, -1e4, -700.0, 0.0, 700.0, -math.inf):
        for log_q in (-1e300, -1e4, -700.0, 0.0, 700.0, -math.inf):
            for name in names():
                assert not math.isnan(float(evaluate(name, log_p, log_q))), (name, log_p, log_q)


def test_the_series_joins_the_formula() -> None:
    for x in (0.0999999, 0.1000001, -0.0999999, -0.1000001):
        # the direct formula loses 1e-16 / x^2
        np.testing.assert_allclose(excess(x), math.expm1(x) - x, rtol=1e-13)
    for t in (0.0999999, 0.1000001):
        log_p = 2 * math.atanh(t)
        p = math.exp(log_p)
        direct = (p * math.log(2 * p / (p + 1)) + math.log(2 / (p + 1))) / 2
        np.testing.assert_allclose(evaluate("js", log_p, 0.0), direct, rtol=1e-12)


distributions = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda x: sum(x) > 0.01)


@given(distributions, distributions)
def test_divergences_respect_their_bounds_and_symmetries(p: list[float], q: list[float]) -> None:
    p_, q_ = np.array(p) / sum(p), np.array(q) / sum(q)
    for name in names():
        value = float(histogram_divergence(name, p_, q_))
        assert 0 <= value <= BOUNDS.get(name, math.inf) * (1 + 1e-14)
        assert float(histogram_divergence(name, p_, p_)) == 0
        if name in SYMMETRIC:
            assert abs(value - float(histogram_divergence(name, q_, p_))) < 1e-14


@pytest.mark.parametrize("name", SYMMETRIC)
def test_disjoint_supports_reach_the_bound(name: str) -> None:
    assert abs(float(histogram_divergence(name, [1, 0], [0, 1])) - BOUNDS[name]) < 1e-15
    measured = divergence(name, uniform(0, 1), uniform(3, 5))
    assert abs(measured.value - BOUNDS[name]) < 1e-12


@pytest.mark.parametrize("name", ["kl", "reverse-kl", "pearson"])
def test_disjoint_supports_have_an_infinite_divergence(name: str) -> None:
    assert histogram_divergence(name, [1, 0], [0, 1]) == math.inf
    assert divergence(name, uniform(0, 1), uniform(3, 5)).value == math.inf


def test_a_support_inside_the_other_is_finite_one_way_only() -> None:
    inner, outer = uniform(0, 1), uniform(0, 2)
    assert abs(divergence("kl", inner, outer).value - math.log(2)) < 1e-13
    assert abs(divergence("pearson", inner, outer).value - 1) < 1e-13
    assert divergence("kl", outer, inner).value == math.inf
    assert abs(divergence("reverse-kl", outer, inner).value - math.log(2)) < 1e-13


# With equal deviations s and distance m: Pearson e^(m^2/s^2) - 1, squared Hellinger 2 - 2 e^(-m^2/(8 s^2)),
# total variation erf(m / (sqrt 8 s)).
@pytest.mark.parametrize(("m", "s"), [(0.3, 1.0), (2.0, 1.0), (3e-3, 1e-3), (500.0, 300.0), (5.0, 0.5)])
def test_quadrature_gives_the_closed_forms_of_gaussians(m: float, s: float) -> None:
    p, q = gaussian(m, s), gaussian(0, s)
    closed = {
        "kl": (m / s) ** 2 / 2,
        "reverse-kl": (m / s) ** 2 / 2,
        "pearson": math.expm1((m / s) ** 2),
        "squared-hellinger": -2 * math.expm1(-((m / s) ** 2) / 8),
        "total-variation": math.erf(m / s / math.sqrt(8)),
    }
    for name, value in closed.items():
        measured = divergence(name, p, q)
        # asked for 1e-10 on each piece
        assert abs(measured.value - value) <= max(2e-10 * value, 2 * measured.error), name


def test_the_error_estimate_covers_the_error_at_a_loose_tolerance() -> None:
    p, q = gaussian(1.0, 1.0), gaussian(0.0, 1.0)
    measured = divergence("kl", p, q, rtol=1e-3)
    assert abs(measured.value - 0.5) <= measured.error + 1e-15


def test_narrow_peaks_far_apart_are_not_missed() -> None:
    p, q = gaussian(-1e3, 1e-3), gaussian(1e3, 1e-3)
    assert abs(divergence("js", p, q).value - math.log(2)) < 1e-10
    assert abs(expectation(lambda x: x, p).value + 1e3) < 1e-7


def test_pearson_of_a_much_wider_density_is_infinite() -> None:
    # p^2/q grows without bound once std_p > sqrt 2 std_q
    assert divergence("pearson", gaussian(0, 2), gaussian(0, 1)).value == math.inf
    # and just below, where det = 2/1.9 - 1/1: 1.0 (q's deviation 1): s^2 = 1.9
    variance = 1.9
    closed = 1 / (math.sqrt(variance) * math.sqrt(2 - variance)) - 1
    assert abs(divergence("pearson", gaussian(0, math.sqrt(variance)), gaussian(0, 1)).value / closed - 1) < 1e-8


def test_mixtures_integrate_to_one_and_have_the_weighted_mean() -> None:
    density = mixture([gaussian(-2, 0.1), gaussian(3, 1), uniform(10, 11)], [0.5, 0.25, 0.25])
    assert abs(expectation(lambda x: 1.0, density).value - 1) < 1e-12
    assert abs(expectation(lambda x: x, density).value - (-1 + 0.75 + 10.5 / 4)) < 1e-10


def test_js_of_a_mixture_label_is_the_mutual_information() -> None:
    # MI(sample; real or fake) = H(sample) - H(sample | label), computed from entropies
    p, q = gaussian(0.7, 1.0), gaussian(0.0, 0.6)
    both = mixture([p, q])
    entropy = expectation(lambda x: -both.log_at(x), both).value
    conditional = (0.5 * math.log(2 * math.pi * math.e) + 0.5 * math.log(2 * math.pi * math.e * 0.36)) / 2
    assert abs(divergence("js", p, q).value - (entropy - conditional)) < 1e-9


@pytest.mark.parametrize("power", [0.5, 0.75])
def test_a_divergent_integral_is_not_given_its_finite_part(power: float) -> None:
    # p = (1 - a) x^-a on (0, 1): KL is log(1 - a) + a/(1 - a); Pearson (1 - a)^2 int x^(-2a) - 1, infinite from a = 1/2
    p = Density(lambda x: math.log1p(-power) - power * math.log(x) if x > 0 else -math.inf, support=(0.0, 1.0))
    assert abs(divergence("kl", p, uniform(0, 1)).value - (math.log1p(-power) + power / (1 - power))) < 1e-8
    try:
        assert divergence("pearson", p, uniform(0, 1)).value == math.inf
    except NumericalError as error:
        assert "may be infinite" in str(error)


def test_quadrature_that_cannot_follow_is_a_numerical_error_with_the_estimate() -> None:
    # 10^5 periods on (0, 1): the 1,000 pieces that quadrature may use do not resolve them
    wild = Density(lambda x: math.log1p(0.9 * math.sin(2e5 * math.pi * x)), support=(0.0, 1.0))
    with pytest.raises(NumericalError) as caught:
        divergence("kl", wild, uniform(0, 1))
    assert caught.value.result.error > 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: divergence("jensen", gaussian(), gaussian()),
        lambda: divergence("js", gaussian(), gaussian(), rtol=0),
        lambda: gaussian(0, 0),
        lambda: uniform(1, 0),
        lambda: mixture([]),
        lambda: mixture([gaussian()], [0.5]),
        lambda: Density(lambda x: 0.0, support=(1, 1)),
        lambda: histogram_divergence("kl", [0.5, 0.5], [0.5, 0.4]),
        lambda: histogram_divergence("kl", [0.5, 0.5], [1.0]),
        lambda: histogram_divergence("kl", [1.5, -0.5], [0.5, 0.5]),
        lambda: histogram_divergence("kul", [0.5, 0.5], [0.5, 0.5]),
    ],
)
def test_bad_input_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()
