"""Ornstein-Uhlenbeck noise: stationary at all times, exponentially correlated, white in the limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from dynamics import games
from dynamics.ensemble import SDE, Coloured, Isotropic, LinearSDE, Matrix, PerCoordinate, simulate

B = np.array([[0.4, 0.1], [0.0, 0.3]])
GAME = games.get("bilinear", sigma=0.7)


def test_coordinates_drift_and_diffusion():
    sde = SDE(GAME, Coloured(PerCoordinate({"y": 0.2}), tau=0.5))
    assert sde.names == ("x", "y", "noise_y") and sde.noise_dim == 1 and sde.additive and sde.affine
    y = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(sde.drift_at(y), [0.0 - 0.7 * 2.0, 0.7 * 1.0 + 3.0, -3.0 / 0.5])
    np.testing.assert_allclose(sde.diffusion_at(y), [[0.0], [0.0], [0.2 / 0.5]])
    # No noise, no coordinate.
    assert SDE(GAME, Coloured(Isotropic(0.0), tau=1.0)).names == ("x", "y")


@pytest.mark.parametrize("tau", [0.5, 3.0])
def test_it_is_stationary_at_all_times_and_correlated_exponentially(tau):
    run = {"paths": 40_000, "dt": 0.25, "time": 1.0, "scheme": "exact", "compiled": False, "seed": 4}
    noise = Coloured(Matrix(B), tau=tau)
    found = simulate(GAME, noise, **run)
    truth = B @ B.T / (2 * tau)
    errors = np.sqrt((truth**2 + np.outer(np.diag(truth), np.diag(truth))) / 4e4)
    # 3 entries at 5 times, 4.5 standard errors: false alarm 1e-4.
    assert (np.abs(found.covariance[:, 2:, 2:] - truth) < 4.5 * errors).all()
    assert (np.abs(found.mean[:, 2:]) < 4.5 * np.sqrt(np.diag(truth) / 4e4)).all()
    # E eta(t) eta(0)^T = exp(-t / tau) B B^T / (2 tau): the same paths at time 0 and 1.
    start = simulate(GAME, noise, **{**run, "dt": 1e-12, "time": 1e-12}).final[:, 2:]
    end = found.final[:, 2:]
    lagged = end.T @ start / 4e4
    assert (np.abs(lagged - np.exp(-1.0 / tau) * truth) < 4.5 * errors).all()
    # Negative control: half the correlation time.
    assert (np.abs(lagged - np.exp(-2.0 / tau) * truth) > 4.5 * errors).any()


def test_a_schedule_scales_the_start_too():
    # g = 1 at time 0 for every schedule there is; the covariance then follows tau dC/dt = -2 C + g^2 B B^T / tau.
    noise = Coloured(Isotropic(0.5, schedule="exponential:half_life=1"), tau=0.5)
    sde = SDE(GAME, noise)
    start = np.zeros((4, 4))
    start[2:, 2:] = np.eye(2) * 0.25 / (2 * 0.5)
    _, (_, told) = LinearSDE.of(sde).moments([0.0, 2.0], np.zeros(4), start)
    run = {"paths": 40_000, "dt": 0.5, "time": 2.0, "scheme": "exact", "compiled": False, "records": 2, "start": [0, 0]}
    found = simulate(GAME, noise, **run)
    errors = np.sqrt((told**2 + np.outer(np.diag(told), np.diag(told))) / 4e4)
    # Ten entries, 4.5 standard errors: false alarm 1e-4.
    assert (np.abs(found.covariance[-1] - told) < 4.5 * errors).all()


def test_it_tends_to_white_noise():
    # The covariance of y after a time T differs from that of white noise by O(tau).
    white = LinearSDE.of(SDE(GAME, Matrix(B))).moments([2.0], np.zeros(2))[1][0]
    errors, taus = [], (0.1, 0.05, 0.025, 0.0125)
    for tau in taus:
        start = np.zeros((4, 4))
        start[2:, 2:] = B @ B.T / (2 * tau)
        linear = LinearSDE.of(SDE(GAME, Coloured(Matrix(B), tau=tau)))
        errors.append(np.abs(linear.moments([2.0], np.zeros(4), start)[1][0, :2, :2] - white).max())
    assert abs(np.polyfit(np.log(taus), np.log(errors), 1)[0] - 1.0) < 0.1


def test_on_a_still_game_the_integral_of_the_noise_has_the_variance_of_persistent_motion():
    # Var x(t) = s^2 (t - tau (1 - exp(-t / tau))) (Uhlenbeck and Ornstein 1930).
    game, s, tau = games.get("bilinear", sigma=0.0), 0.4, 0.5
    linear = LinearSDE.of(SDE(game, Coloured(PerCoordinate({"x": s}), tau=tau)))
    start = np.zeros((3, 3))
    start[2, 2] = s**2 / (2 * tau)
    times = np.array([0.1, 1.0, 4.0])
    _, covariances = linear.moments(times, np.zeros(3), start)
    np.testing.assert_allclose(covariances[:, 0, 0], s**2 * (times - tau * (1 - np.exp(-times / tau))), rtol=1e-12)
    np.testing.assert_allclose(covariances[:, 2, 2], start[2, 2], rtol=1e-13)
    np.testing.assert_allclose(expm(linear.drift)[2, 2], np.exp(-1 / tau), rtol=1e-13)
