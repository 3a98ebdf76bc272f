"""Gaussian closure against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.ensemble import SDE, Isotropic, LinearSDE
from scenarios.closure import closed_moments


@pytest.mark.parametrize("schedule", [None, "exponential:half_life=2", "piecewise:at=[1.5],factors=[0]"])
def test_on_a_linear_game_the_closure_is_exact(schedule):
    game = games.inline("x*y + 0.3*x**2 - 0.2*y**2", ["x"], ["y"])
    sde = SDE(game, Isotropic(0.4, schedule=schedule))
    times, start, spread = [0.0, 0.5, 1.5, 4.0], np.array([1.0, -0.5]), np.diag([0.2, 0.1])
    means, covariances = closed_moments(sde, times, start, spread)
    exact = LinearSDE.of(sde).moments(times, start, spread)
    # rtol 1e-7 per step and some tens of steps
    np.testing.assert_allclose(means, exact[0], atol=1e-5)
    np.testing.assert_allclose(covariances, exact[1], atol=1e-5)


def test_a_cubic_term_enters_to_the_first_power_of_the_variance():
    # y' = -y - y^3 has E J = -1 - 3 S: stationary S (1 + 3 S) = s^2/2
    s = 0.1
    game = games.define({"player": (["x"], "x**2/2 + x**4/4")})
    _, ((found,),) = closed_moments(SDE(game, Isotropic(s)), [30.0], [0.0], [[0.0]])
    variance = (np.sqrt(1 + 6 * s**2) - 1) / 6
    assert found[0] == pytest.approx(variance, rel=1e-5)
    # the exact variance by quadrature of exp(-2 V/s^2); the closure leaves out terms of order S^2
    x = np.linspace(-1.0, 1.0, 4001)
    density = np.exp(-2 * (x**2 / 2 + x**4 / 4) / s**2)
    exact = (x**2 * density).sum() / density.sum()
    assert abs(found[0] / exact - 1) < 20 * variance**2 < abs(s**2 / 2 / exact - 1)
