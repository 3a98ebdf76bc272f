from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from dynamics import ensemble, games
from dynamics.ensemble import SDE, Isotropic, LinearSDE
from dynamics.ensemble.noise.schedules import read_schedule
from scenarios import registry, runner
from scenarios.claims.n3 import attracting, centre

CLAIM = "N3"


CONTROLS = {
    "noise 1 % off": lambda wrong: wrong.noise(1.01),
    "gamma 3 % off": lambda wrong: wrong.setting("gamma", 1.03),
    "noise on the data 1 % off": lambda wrong: wrong.setting("instance_noise", 1.01),
    "the stationary covariance for a slow exponential": lambda wrong: wrong.replace(
        attracting, "following", lambda right: lambda half_life: attracting.STATIONARY
    ),
    "no noise on the paths whose roughness is measured": lambda wrong: wrong.replace(
        ensemble, "trajectories", lambda right: lambda game, noise, **given: right(game, 1e-9, **given)
    ),
}
FEW = 2


def test_the_quick_audit_holds(outcome, holds):
    holds(outcome)
    assert outcome.picture.read_bytes().startswith(b"\x89PNG")


def test_wrong_physics_does_not_hold(wrong_outcome):
    assert wrong_outcome.error is None
    assert not wrong_outcome.holds


@pytest.mark.slow
def test_the_full_audit_holds(holds):
    (found,) = runner.run(registry.select([CLAIM]))
    holds(found)


@pytest.mark.parametrize("name", centre.SCHEDULES)
def test_what_a_schedule_adds_up_to_is_the_integral_of_its_square(name):
    schedule = read_schedule(centre.SCHEDULES[name])
    for end in (0.0, 13.0, 33.0, 200.0):
        square = (lambda t: 1.0) if schedule is None else (lambda t: schedule(t) ** 2)
        edges = [0.0, *(t for t in (20.0, 40.0) if t < end), end]
        total = sum(quad(square, low, high, epsabs=1e-12)[0] for low, high in pairwise(edges))
        assert centre.ACCUMULATED[name](end) == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("name", centre.SCHEDULES)
def test_the_distance_from_the_orbit_is_the_trace_of_the_covariance(name):
    noise = Isotropic(centre.STRENGTH, schedule=centre.SCHEDULES[name])
    _, (covariance,) = LinearSDE.of(SDE(games.get("bilinear"), noise)).moments([55.0], [1.0, 0.0])
    assert np.trace(covariance) == pytest.approx(centre.away(name, 55.0), rel=1e-11)


def test_the_linearisation_by_hand_is_that_of_the_game():
    game = games.get("dirac-gan", penalty="r1", gamma=attracting.GAMMA)
    np.testing.assert_allclose(game.jacobian(np.zeros(2)), attracting.matrix(), atol=1e-15)
    decay, turn = np.linalg.eigvals(attracting.matrix())[0].real, abs(np.linalg.eigvals(attracting.matrix())[0].imag)
    assert decay == pytest.approx(-attracting.GAMMA / 2, rel=1e-14)
    assert turn * attracting.HALF_TURN == pytest.approx(np.pi, rel=1e-14)


def _traces(schedule, times):
    noise = Isotropic(1.0, schedule=schedule)
    linear = LinearSDE(attracting.matrix(), np.zeros(2), np.eye(2), noise.factor)
    return np.einsum("kii->k", linear.moments(times, np.zeros(2))[1])


def test_slow_exponential_noise_is_followed_by_the_shifted_equation():
    t = np.array([60.0])
    # what is left of the start falls like exp(-(gamma - 2 ln 2/8) 60) = 3e-9
    assert _traces("exponential:half_life=8", t) * 4 ** (t / 8) == pytest.approx(attracting.following(8.0), rel=1e-8)
    # noise that hardly changes leaves the stationary covariance, and slower is closer
    assert attracting.following(1e6) == pytest.approx(attracting.STATIONARY, rel=1e-5)
    assert attracting.following(8.0) > attracting.following(16.0) > attracting.STATIONARY


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_the_corrections_of_a_power_law_are_its_asymptotic_series(power):
    t = np.array([100.0, 200.0])
    found = _traces(f"power:power={power},scale={attracting.SCALE}", t) * (1 + t / attracting.SCALE) ** (2 * power)
    errors = [found[i] / attracting.STATIONARY - attracting.corrections(power, float(t[i]))[:3].sum() for i in range(2)]
    # what is left is of order 1/t^3: it falls by a factor of 8 up to 1/t
    assert errors[0] / errors[1] == pytest.approx(8.0, rel=0.15)
    assert errors[1] == pytest.approx(attracting.corrections(power, 200.0)[3], rel=0.15)


def test_the_expected_roughness_is_that_of_the_moments_step_by_step():
    from scipy.linalg import expm

    game, s = games.get("bilinear"), 0.1
    linear = LinearSDE.of(SDE(game, Isotropic(s)))
    times = centre.FINE * np.arange(round(centre.SHORT / centre.FINE) + 1)
    means, covariances = linear.moments(times, centre.START)
    turn = expm(linear.drift * centre.FINE) - np.eye(2)
    seconds = covariances + means[:, :, None] * means[:, None, :]
    steps = np.einsum("ij,kjl,il->k", turn, seconds[:-1], turn) + np.trace(covariances[1])
    assert steps.sum() == pytest.approx(centre.roughness(s), rel=1e-11)


def test_weak_noise_and_attraction_hold_and_the_rest_does_not(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    holds = {
        word: next(ok for name, ok in told.items() if word in name)
        for word in ("order in s", "reach the equilibrium", "on the bilinear game", "smoother")
    }
    assert holds == {
        "order in s": True, "reach the equilibrium": True, "on the bilinear game": False, "smoother": False
    }  # fmt: skip
