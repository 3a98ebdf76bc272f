"""Gaussian expectations: exact where a closed form exists, quadrature with a known error elsewhere."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

from dynamics import games
from dynamics.core.errors import AccuracyWarning
from dynamics.games.expectations import NORMAL, Expectation, gauss_hermite, gaussian_expectation
from dynamics.games.primitives import log_sigmoid, relu, sigmoid

M, S = sp.symbols("m s", real=True)


def test_polynomials_are_integrated_exactly():
    assert sp.expand(gaussian_expectation((M + S * NORMAL) ** 2)) == M**2 + S**2
    assert sp.expand(gaussian_expectation((M + S * NORMAL) ** 4)) == M**4 + 6 * M**2 * S**2 + 3 * S**4


def test_relu_of_an_affine_normal_is_a_closed_form():
    assert not gaussian_expectation(relu(M + S * NORMAL)).has(Expectation)


def test_what_does_not_depend_on_the_noise_is_left_alone():
    assert gaussian_expectation(log_sigmoid(M)) == log_sigmoid(M)


def test_differentiation_passes_under_the_integral_and_closes_forms_again():
    mean = gaussian_expectation(log_sigmoid(M + S * NORMAL))
    assert sp.diff(mean, M) == Expectation(sigmoid(-M - S * NORMAL))
    assert sp.diff(gaussian_expectation(relu(M + S * NORMAL)), M).has(Expectation) is False


@pytest.mark.parametrize("count", [8, 64, 384])
def test_gauss_hermite_weights_integrate_moments(count):
    nodes, weights = gauss_hermite(count)
    for k, moment in ((0, 1.0), (2, 1.0), (4, 3.0), (6, 15.0)):
        # Sums of positive terms: relative rounding of a few ulp per term.
        assert weights @ nodes**k == pytest.approx(moment, rel=1e-12)


@pytest.mark.parametrize("sigma", [0.1, 0.7, 1.5])
def test_instance_noise_equals_adaptive_quadrature_over_the_default_box(sigma):
    game = games.get("dirac-gan", instance_noise=sigma)
    count, error = game.quadrature
    assert error <= 1e-13 and count >= 8
    for theta, psi in ((1.0, 1.0), (-3.0, 3.0), (3.0, -2.0), (0.2, 3.0)):

        def integrand(z, theta=theta, psi=psi):
            return -np.logaddexp(0, psi * (theta + sigma * z)) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

        def real(z, psi=psi):
            return -np.logaddexp(0, -psi * sigma * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

        with np.errstate(under="ignore"):
            exact = sum(quad(f, -12, 12, epsabs=1e-13, epsrel=1e-13, limit=200)[0] for f in (integrand, real))
        # The reference's own error estimate is 1e-13 per integral.
        assert game.losses([theta, psi])["generator"] == pytest.approx(exact, abs=1e-12)


def test_more_noise_asks_for_more_nodes():
    assert (
        games.get("dirac-gan", instance_noise=0.1).quadrature[0]
        < games.get("dirac-gan", instance_noise=1).quadrature[0]
    )


def test_large_batches_are_evaluated_in_pieces_with_the_same_result():
    game = games.get("dirac-gan", instance_noise=0.7)
    states = np.random.default_rng(0).uniform(-3, 3, (40_000, 2))
    whole = game(states)
    np.testing.assert_array_equal(whole[[0, 20_000, -1]], game(states[[0, 20_000, -1]]))


def test_far_states_get_more_nodes_or_a_warning():
    game = games.get("dirac-gan", instance_noise=0.3)
    nodes, weights = gauss_hermite(1024)
    for psi in (3.0, 6.0, 12.0):
        h = psi * (1.0 + 0.3 * nodes)
        exact = weights @ (psi / (1 + np.exp(-h)))
        # The count is chosen for the doubled boxes that hold the state, at most four here.
        assert game([1.0, psi])[0] == pytest.approx(exact, rel=1e-11)
    with pytest.warns(AccuracyWarning, match="relative error"):
        games.get("dirac-gan", instance_noise=2.0)([1.0, 300.0])


def test_a_kernel_chooses_its_nodes_for_where_the_run_goes():
    from dynamics import methods

    game = games.get("dirac-gan", instance_noise=0.2)
    # The start lies in the default box, the first step leads out of it.
    method = methods.get("simultaneous", lr=2.0)
    run = {c: methods.iterate(game, method, [2.5, 2.5], 3, compiled=c).states for c in (False, True)}
    assert np.abs(run[False]).max() > 6
    np.testing.assert_allclose(run[True], run[False], rtol=1e-11)
