from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dynamics.core.errors import InputError
from dynamics.divergence import divergence, gaussian, gaussians

means = st.floats(-5, 5)
stds = st.floats(0.1, 5)


@pytest.mark.parametrize("eps", [0.1, 1.0, 7.0])
def test_kl_of_equal_deviations_is_half_the_squared_distance_in_units_of_it(eps: float) -> None:
    np.testing.assert_allclose(gaussians.kl(1.5, eps, -0.5, eps), 2.0**2 / (2 * eps**2), rtol=1e-15)


def test_kl_of_equal_means_is_the_textbook_number() -> None:
    # log 2 + 1/8 - 1/2
    np.testing.assert_allclose(gaussians.kl(0, 1, 0, 2), np.log(2) - 3 / 8, rtol=1e-15)


def test_kl_of_nearly_equal_deviations_keeps_its_digits() -> None:
    # e^u - 1 - u with u = 2 log(1 + d) is 2 d^2 - 2/3 d^3 + O(d^4); half of it, relative remainder d^2
    for exponent in (10, 20, 30, 40):
        d = Fraction(1, 2**exponent)
        series = float(d**2 - d**3 / 3)
        np.testing.assert_allclose(gaussians.kl(0, 1 + float(d), 0, 1), series, rtol=max(1e-14, float(d) ** 2))


@settings(max_examples=25)
@given(means, stds, means, stds)
def test_kl_equals_quadrature(mean_p: float, std_p: float, mean_q: float, std_q: float) -> None:
    closed = float(gaussians.kl(mean_p, std_p, mean_q, std_q))
    measured = divergence("kl", gaussian(mean_p, std_p), gaussian(mean_q, std_q))
    assert abs(measured.value - closed) <= 1e-9 * closed + 1e-13


@given(means, stds, means, stds)
def test_wasserstein_distances_equal_those_of_the_quantile_functions(
    m1: float, s1: float, m2: float, s2: float
) -> None:
    # Midpoint rule over the quantiles' difference |m + s Z|, a function with one kink: error below 2 s max|Z| / n, plus
    # its tails beyond the last midpoint.
    n = 4000
    z = stats.norm.ppf((np.arange(n) + 0.5) / n)
    gap = (m1 - m2) + (s1 - s2) * z
    tolerance = 10 * (abs(s1 - s2) + 1e-12) / n
    assert abs(float(gaussians.wasserstein1(m1, s1, m2, s2)) - abs(gap).mean()) <= tolerance
    # the second moment of z misses the tails: 1 - var(z) = O(log n / n)
    squared = (m1 - m2) ** 2 + (s1 - s2) ** 2 * (z**2).mean()
    assert abs(float(gaussians.wasserstein2(m1, s1, m2, s2)) ** 2 - squared) <= 30 * (s1 - s2) ** 2 / n + 1e-12


def test_wasserstein_has_slope_one_at_any_separation() -> None:
    separations = np.array([1e-8, 1.0, 1e3, 1e8])
    np.testing.assert_array_equal(gaussians.wasserstein1(separations, 0.3, 0, 0.3), separations)
    np.testing.assert_array_equal(gaussians.wasserstein1(separations, 0, 0, 0), separations)


def test_wasserstein_one_of_equal_means_is_the_mean_of_a_half_normal() -> None:
    np.testing.assert_allclose(gaussians.wasserstein1(2, 3, 2, 1), 2 * np.sqrt(2 / np.pi), rtol=1e-15)


def random_covariance(generator: np.random.Generator, dim: int) -> np.ndarray:
    factor = generator.standard_normal((dim, dim + 2))
    return factor @ factor.T


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_multivariate_kl_of_equal_covariances_is_half_the_squared_mahalanobis_distance(dim: int) -> None:
    generator = np.random.default_rng(dim)
    covariance, p, q = random_covariance(generator, dim), generator.standard_normal(dim), generator.standard_normal(dim)
    squared = (p - q) @ np.linalg.solve(covariance, p - q)
    np.testing.assert_allclose(gaussians.mahalanobis(p, q, covariance) ** 2, squared, rtol=1e-10)
    np.testing.assert_allclose(gaussians.kl_multivariate(p, covariance, q, covariance), squared / 2, rtol=1e-10)


@pytest.mark.parametrize("dim", [1, 3, 6])
def test_multivariate_kl_is_the_trace_and_determinant_formula(dim: int) -> None:
    generator = np.random.default_rng(dim)
    P, Q = random_covariance(generator, dim), random_covariance(generator, dim)
    p, q = generator.standard_normal((2, dim))
    gap = q - p
    direct = (
        np.trace(np.linalg.solve(Q, P))
        - dim
        + np.linalg.slogdet(Q)[1]
        - np.linalg.slogdet(P)[1]
        + gap @ np.linalg.solve(Q, gap)
    ) / 2
    # condition numbers up to about 1e4
    np.testing.assert_allclose(gaussians.kl_multivariate(p, P, q, Q), direct, rtol=1e-10)


def test_one_dimensional_forms_are_the_multivariate_ones() -> None:
    np.testing.assert_allclose(
        gaussians.kl_multivariate([1.0], [[4.0]], [0.0], [[9.0]]), gaussians.kl(1, 2, 0, 3), rtol=1e-14
    )
    np.testing.assert_allclose(gaussians.frechet([1.0], [[4.0]], [0.0], [[9.0]]), 1 + 1, rtol=1e-13)


def test_frechet_of_commuting_covariances_is_the_distance_of_the_roots() -> None:
    p, q = np.array([4.0, 9.0, 0.0]), np.array([1.0, 16.0, 25.0])
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    P, Q = (rotation @ np.diag(values) @ rotation.T for values in (p, q))
    P, Q = (P + P.T) / 2, (Q + Q.T) / 2
    expected = ((np.sqrt(p) - np.sqrt(q)) ** 2).sum() + 3.0
    # the zero eigenvalue is one of 1e-15, whose root is 3e-8, times 5
    np.testing.assert_allclose(gaussians.frechet(np.zeros(3), P, np.ones(3), Q), expected, atol=1e-6)


def test_frechet_is_symmetric_and_zero_on_itself() -> None:
    generator = np.random.default_rng(0)
    P, Q = random_covariance(generator, 4), random_covariance(generator, 4)
    there, back = gaussians.frechet(np.zeros(4), P, np.ones(4), Q), gaussians.frechet(np.ones(4), Q, np.zeros(4), P)
    np.testing.assert_allclose(there, back, rtol=1e-12)
    assert gaussians.frechet(np.ones(4), P, np.ones(4), P) < 1e-12 * np.trace(P)


def test_the_log_density_and_its_score_are_those_of_scipy_and_of_differences() -> None:
    generator = np.random.default_rng(2)
    covariance, mean = random_covariance(generator, 3), generator.standard_normal(3)
    points = generator.standard_normal((5, 2, 3))
    reference = stats.multivariate_normal(mean, covariance)
    np.testing.assert_allclose(gaussians.log_density(points, mean, covariance), reference.logpdf(points), rtol=1e-10)
    # central differences of a quadratic are exact but for round-off, 1e-16 |log p| / 1e-3
    h = 1e-3
    differences = np.stack(
        [
            (
                gaussians.log_density(points + h * unit, mean, covariance)
                - gaussians.log_density(points - h * unit, mean, covariance)
            )
            / (2 * h)
            for unit in np.eye(3)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(gaussians.score(points, mean, covariance), differences, atol=1e-10)


@pytest.mark.parametrize(
    "call",
    [
        lambda: gaussians.kl(0, 0, 0, 1),
        lambda: gaussians.kl(0, 1, 0, -1),
        lambda: gaussians.kl(np.nan, 1, 0, 1),
        lambda: gaussians.wasserstein1(0, -1, 0, 1),
        lambda: gaussians.kl_multivariate([0, 0], np.eye(2), [0], np.eye(1)),
        lambda: gaussians.kl_multivariate([0, 0], np.eye(3), [0, 0], np.eye(2)),
        lambda: gaussians.kl_multivariate([0, 0], [[1, 0.5], [0, 1]], [0, 0], np.eye(2)),
        lambda: gaussians.kl_multivariate([0, 0], [[1, 2], [2, 1]], [0, 0], np.eye(2)),
        lambda: gaussians.frechet([0, 0], [[1, 2], [2, 1]], [0, 0], np.eye(2)),
        lambda: gaussians.frechet([0, 0], np.eye(2), [0], np.eye(1)),
        lambda: gaussians.mahalanobis([0, 0], [0, np.inf], np.eye(2)),
    ],
)
def test_moments_that_are_none_are_refused(call) -> None:
    with pytest.raises(InputError):
        call()
