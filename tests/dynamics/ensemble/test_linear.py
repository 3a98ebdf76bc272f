"""Closed forms of linear equations, and ensembles against them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Diagonal, Isotropic, LinearSDE, Matrix, PerCoordinate, simulate
from dynamics.ensemble.recursion import scheme_moments
from dynamics.ensemble.schemes import get
from dynamics.games.build import inline

A = np.array([[-0.3, -1.2, 0.0], [0.9, -0.2, 0.4], [0.1, -0.3, -0.5]])
C = np.array([0.5, -0.1, 0.2])
B = np.array([[0.3, 0.0], [0.1, 0.2], [0.0, 0.4]])


def fading(t: float) -> float:
    return 1.0 if t < 1.3 else 0.4 * np.exp(-0.5 * (t - 1.3))


@pytest.mark.parametrize(("strength", "jumps"), [(None, ()), (fading, (1.3,))])
def test_moments_are_those_of_their_differential_equations(strength, jumps):
    linear = LinearSDE(A, C, B, strength, jumps)
    times, start, spread = [0.0, 0.4, 1.3, 5.0], np.array([1.0, 0.0, -1.0]), np.diag([0.1, 0.2, 0.0])
    means, covariances = linear.moments(times, start, spread)

    def slope(t: float, flat: np.ndarray) -> np.ndarray:
        m, s = flat[:3], flat[3:].reshape(3, 3)
        g = 1.0 if strength is None else strength(t)
        return np.concatenate([A @ m + C, (A @ s + s @ A.T + g**2 * B @ B.T).ravel()])

    # In pieces, so that no step of the integrator meets the jump.
    flat, now = np.concatenate([start, spread.ravel()]), 0.0
    for t, mean, covariance in zip(times, means, covariances, strict=True):
        if t > now:
            flat = solve_ivp(slope, (now, np.nextafter(t, 0)), flat, "DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
            now = t
        # A hundred times the tolerance of the integration.
        np.testing.assert_allclose(mean, flat[:3], rtol=0, atol=1e-10)
        np.testing.assert_allclose(covariance, flat[3:].reshape(3, 3), rtol=0, atol=1e-10)


def test_the_stationary_law_solves_the_lyapunov_equation_and_attracts():
    linear = LinearSDE(A, C, B)
    s = linear.stationary_covariance
    np.testing.assert_allclose(A @ s + s @ A.T + B @ B.T, 0.0, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(s, s.T)
    assert np.linalg.eigvalsh(s).min() > 0
    means, covariances = linear.moments([200.0], np.ones(3))
    np.testing.assert_allclose(means[0], linear.stationary_mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(covariances[0], s, rtol=0, atol=1e-13)
    # It stays where it is.
    _, later = linear.moments([0.7], linear.stationary_mean, s)
    np.testing.assert_allclose(later[0], s, rtol=0, atol=1e-14)


def test_there_is_no_current_without_rotation_and_one_with_it():
    # v = -K y with K symmetric and isotropic noise: a gradient, S = s^2/2 K^-1 and Q = 0. Rotated: Q is the rotation.
    k = np.array([[1.0, 0.3], [0.3, 0.5]])
    gradient = LinearSDE(-k, np.zeros(2), 0.4 * np.eye(2))
    np.testing.assert_allclose(gradient.stationary_covariance, 0.08 * np.linalg.inv(k), rtol=1e-13)
    np.testing.assert_allclose(gradient.stationary_current, 0.0, rtol=0, atol=1e-14)
    turning = LinearSDE(-0.5 * np.eye(2) + 1.7 * np.array([[0.0, -1.0], [1.0, 0.0]]), np.zeros(2), 0.4 * np.eye(2))
    np.testing.assert_allclose(turning.stationary_current, [[0.0, -1.7], [1.7, 0.0]], rtol=0, atol=1e-14)
    # The current turns around the law: div J = 0 asks for tr(Q) = 0 and Q S antisymmetric.
    general = LinearSDE(A, C, np.hstack([B, 0.2 * np.eye(3)]))
    q = general.stationary_current
    assert abs(np.trace(q)) < 1e-13 and np.abs(q).max() > 0.1
    product = q @ general.stationary_covariance
    np.testing.assert_allclose(product, -product.T, rtol=0, atol=1e-14)


@pytest.mark.parametrize("omega", [0.0, 0.5, 3.0])
def test_the_variance_of_a_rotating_process_does_not_depend_on_the_rotation(omega):
    # y' = -k y + omega J y with isotropic noise: s^2/(2 k) I. As a game: losses k|.|^2/2 +- omega x y.
    game = inline("k*(x**2 - y**2)/2 + w*x*y", ["x"], ["y"], {"k": 0.4, "w": omega}, start={"x": 1.0, "y": 0.0})
    sde = SDE(game, Isotropic(0.3))
    np.testing.assert_allclose(LinearSDE.of(sde).stationary_covariance, 0.09 / 0.8 * np.eye(2), rtol=0, atol=1e-15)
    # Sampled exactly; two variances and a covariance, four standard errors: false alarm 2e-4.
    run = {"paths": 50_000, "dt": 10.0, "time": 40.0, "records": 2, "scheme": "exact", "compiled": False}
    found = simulate(game, 0.3, **run).covariance[-1]
    errors = 0.1125 * np.sqrt(np.array([[2, 1], [1, 2]]) / 5e4)
    assert (np.abs(found - 0.1125 * np.eye(2)) < 4 * errors).all()
    # Euler-Maruyama's own variance does depend on it: s^2 h / (1 - (1 - k h)^2 - w^2 h^2).
    h = 0.05
    told = scheme_moments(sde, get("euler-maruyama"), h, 2000, [0.0, 0.0]).covariance[-1]
    np.testing.assert_allclose(told, 0.09 * h / (1 - (1 - 0.4 * h) ** 2 - (omega * h) ** 2) * np.eye(2), atol=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_stationary_covariance_of_the_r1_dirac_gan_is_that_of_the_lyapunov_equation(gamma):
    game, s = games.get("dirac-gan", penalty="r1", gamma=gamma), 0.02
    sde = SDE(game, Isotropic(s))
    linear = LinearSDE.about(sde, [0.0, 0.0])
    np.testing.assert_allclose(linear.drift, [[0.0, 0.5], [-0.5, -gamma]], rtol=0, atol=1e-15)
    told = linear.stationary_covariance
    # Lyapunov: 0 = S_xy + s^2, 0 = -S_xy - 2 gamma S_yy + s^2, 0 = (S_yy - S_xx)/2 - gamma S_xy.
    closed = s**2 * np.array([[1 / gamma + 2 * gamma, -1.0], [-1.0, 1 / gamma]])
    np.testing.assert_allclose(told, closed, rtol=1e-12)
    # Sampled with weak order 2 at h = 0.1 over 40 time units; the slow mode decays with at least 0.13. Terms beyond
    # the linearisation are of order S = 1e-3, the scheme's of order h^2 |A|^2 / 6, below 1e-2 of the variance together.
    run = {"paths": 10_000, "dt": 0.1, "time": 40.0, "records": 2, "start": [0.0, 0.0], "compiled": False}
    found = simulate(game, s, scheme="stochastic-runge-kutta", **run).covariance[-1]
    errors = np.sqrt((told**2 + np.outer(np.diag(told), np.diag(told))) / 1e4)
    assert (np.abs(found - told) < 4 * errors + 0.01 * np.abs(told)).all()
    # Negative control: the law without the penalty's noise, gamma a tenth larger.
    other = LinearSDE.about(SDE(game.with_parameters(gamma=1.1 * gamma), Isotropic(s)), [0.0, 0.0])
    assert (np.abs(found - other.stationary_covariance) > 4 * errors + 0.01 * np.abs(told)).any()


def test_linear_equations_are_read_from_games():
    game = games.get("quadratic").with_timescales({"discriminator": 3.0})
    linear = LinearSDE.of(SDE(game, PerCoordinate({"x": 0.1})))
    np.testing.assert_allclose(linear.drift, game.jacobian(np.zeros(2)), rtol=0, atol=1e-15)
    np.testing.assert_allclose(linear.shift, game(np.zeros(2)), rtol=0, atol=1e-15)
    np.testing.assert_allclose(linear.noise, [[0.1], [0.0]])
    np.testing.assert_allclose(linear.diffusion, [[0.01, 0.0], [0.0, 0.0]])
    assert linear.dim == 2


def test_the_linearisation_at_a_point_has_its_drift_and_slope():
    sde = SDE(games.get("forsaken"), Diagonal({"x": "0.1*x"}, schedule="exponential:half_life=1"))
    at = np.array([0.3, -0.4])
    linear = LinearSDE.about(sde, at)
    np.testing.assert_allclose(linear.drift @ at + linear.shift, sde.drift_at(at), rtol=0, atol=1e-15)
    np.testing.assert_allclose(linear.drift, sde.drift_jacobian(at), rtol=0, atol=0)
    np.testing.assert_allclose(linear.noise, [[0.03], [0.0]], rtol=1e-15)
    assert linear.strength is not None and linear.strength(1.0) == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinearSDE.of(SDE(games.get("forsaken"), Isotropic(0.1))), "forsaken has not: take .*about"),
        (lambda: LinearSDE.of(SDE(games.get("bilinear"), Diagonal({"x": "x"}))), "additive noise"),
        (lambda: LinearSDE(np.zeros((2, 2)), np.zeros(2), np.eye(2)).stationary_covariance, "no stationary law: A has"),
        (lambda: LinearSDE(np.array([[0.2]]), np.zeros(1), np.eye(1)).stationary_covariance, "the eigenvalue 0.2,"),
        (lambda: LinearSDE.of(SDE(games.get("bilinear"), Isotropic(1.0))).stationary_covariance, "eigenvalue"),
        (
            lambda: LinearSDE(-np.eye(1), np.zeros(1), np.eye(1), fading).stationary_covariance,
            "changes: leave the sched",
        ),
        (
            lambda: scheme_moments(SDE(games.get("double-well"), Isotropic(0.1)), get("euler-maruyama"), 0.1, 1, [0.5]),
            "not affine in the state",
        ),
        (
            lambda: scheme_moments(
                SDE(games.get("bilinear"), Matrix(np.ones((2, 1)))), get("adam", lr=0.1), 0.1, 1, [1, 1]
            ),
            "not affine",
        ),
        (
            lambda: scheme_moments(
                SDE(games.get("bilinear"), Isotropic(0.1)), get("optimistic", lr=0.1), 0.1, 1, [1, 1], np.eye(2)
            ),
            "memory starts at a point",
        ),
    ],
)
def test_what_has_no_closed_form_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
