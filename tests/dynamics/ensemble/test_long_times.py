"""Closed forms over times that are long against the modes of the equation, and against the schedule."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.ensemble import SDE, Isotropic, LinearSDE
from dynamics.ensemble.linear import noise_covariances

SCHEDULES = (
    "exponential:half_life=0.3", "power:power=0.5,scale=0.1", "cosine:length=7", "piecewise:at=[1,3],factors=[2,0.5]",
)  # fmt: skip


def _linear(gamma, schedule=None):
    sde = SDE(games.get("dirac-gan", penalty="r1", gamma=gamma), Isotropic(0.5, schedule=schedule))
    return LinearSDE.about(sde, np.zeros(2))


@pytest.mark.parametrize("gamma", [0.1, 2.0, 50.0])
def test_after_a_long_time_the_covariance_is_that_of_the_lyapunov_equation(gamma):
    # the slowest mode decays at gamma/2 = 0.05 or 1/(4 gamma) = 0.005: exp(-1e4 * 0.005 * 2) is below rounding
    linear = _linear(gamma)
    _, (found,) = linear.moments([1e4], np.ones(2))
    # S is good to rounding times the condition of the Lyapunov operator, below 2 * 50/0.005
    np.testing.assert_allclose(found, linear.stationary_covariance, rtol=0, atol=1e-10 * np.abs(found).max())


def test_one_long_step_is_many_short_ones():
    linear = _linear(20.0)
    times = np.linspace(0.0, 40.0, 4001)
    _, short = linear.moments(times, np.zeros(2))
    _, (long,) = linear.moments([40.0], np.zeros(2))
    # 4000 steps round 4000 times
    np.testing.assert_allclose(long, short[-1], rtol=0, atol=4000 * 2.3e-16 * np.abs(long).max())


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_under_a_schedule_one_long_step_is_many_short_ones(schedule):
    linear = _linear(20.0, schedule)
    # times of which some lie on the jumps of the last schedule
    times = np.linspace(0.0, 12.0, 301)
    _, short = linear.moments(times, np.zeros(2))
    _, (long,) = linear.moments([12.0], np.zeros(2))
    # sums agree to 1e-12 at every halving, and short steps round 300 times
    np.testing.assert_allclose(long, short[-1], rtol=0, atol=2e-12 * np.abs(short).max())


def test_a_schedule_on_a_game_that_turns_adds_the_integral_of_its_square():
    # on the bilinear game E exp(A u) B B^T exp(A u)^T = s^2 I: the integral of 4^(-t/h) is h/(2 ln 2) (1 - 4^(-T/h))
    linear = LinearSDE.of(SDE(games.get("bilinear"), Isotropic(1.0, schedule="exponential:half_life=2")))
    (found,) = noise_covariances(linear, 100.0, [0.0])
    np.testing.assert_allclose(found, np.eye(2) / np.log(2), rtol=0, atol=1e-12)
