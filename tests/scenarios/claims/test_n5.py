from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dynamics import flow, games, methods
from dynamics.ensemble import SDE, GradientNoise, Isotropic
from dynamics.ensemble.recursion import scheme_moments
from dynamics.ensemble.schemes import get, read_scheme
from dynamics.flow import modified, modified_flow
from scenarios import registry, runner
from scenarios.claims import n5

CLAIM = "N5"


def _louder(wrong):
    """Make the noise of the second equation 1 % too strong."""

    def make(right):
        def louder(a, h):
            drift, covariance = right(a, h)
            return drift, 1.01**2 * covariance

        return louder

    wrong.replace(n5, "second_order", make)


def _equations_louder(game, noise, given):
    """Make the noise of the sampled equations 1 % too strong, and leave that of the steps."""
    if given["scheme"] == "stochastic-runge-kutta":
        noise = replace(noise, covariance=1.01**2 * np.asarray(noise.covariance))
    return game, noise, given


def _no_correction(wrong):
    """Take the plain field where the modified one is asked for."""
    for room in (flow, modified):
        wrong.replace(room, "modified_flow", lambda right: lambda game, name, lr: right(game, name, order=1, lr=lr))


CONTROLS = {
    "rates 1 % off": lambda wrong: wrong.rate(1.01),
    "noise of the second equation 1 % off": _louder,
    "noise of the sampled equations 1 % off": lambda wrong: wrong.simulated(_equations_louder),
    "J^T for J": lambda wrong: wrong.replace(n5, "second_order", lambda right: n5.printed),
    "no correction of the drift": _no_correction,
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


def test_for_minimisation_the_drift_as_printed_is_the_right_one():
    symmetric, rotation = np.array([[-2.0, 0.5], [0.5, -1.0]]), np.array([[0.0, -1.0], [1.0, 0.0]])
    np.testing.assert_array_equal(n5.printed(symmetric, 0.1)[0], n5.second_order(symmetric, 0.1)[0])
    # -(h/2) J J = h/2 pushes outward, -(h/2) J^T J = -h/2 pulls inward
    np.testing.assert_allclose(n5.second_order(rotation, 0.1)[0] - rotation, 0.05 * np.eye(2), atol=1e-16)
    np.testing.assert_allclose(n5.printed(rotation, 0.1)[0] - rotation, -0.05 * np.eye(2), atol=1e-16)


def test_the_second_drift_is_the_modified_field_of_simultaneous_steps():
    game, y, h = games.get("dirac-gan", penalty="r1", gamma=0.3), np.array([0.7, -0.4]), 0.2
    by_hand = game(y) - h / 2 * game.jacobian(y) @ game(y)
    np.testing.assert_allclose(modified_flow(game, "simultaneous", lr=h)(y), by_hand, rtol=1e-13)


@pytest.mark.parametrize("name", ["first_order", "second_order", "corrected"])
def test_one_step_differs_from_the_equation_by_the_next_power_of_the_rate(name):
    game = games.get("quadratic", generator_own=0.2, generator_cross=-0.5, discriminator_own=0.3)
    a, defects = np.asarray(game.jacobian(np.zeros(2))), []
    for h in (1e-2, 5e-3):
        sde = SDE(game, GradientNoise(n5.COVARIANCE, lr=h))
        step = scheme_moments(sde, read_scheme(methods.get("simultaneous", lr=h)), h, 1, n5.START)
        mean, spread = n5.moments(*getattr(n5, name)(a, h), h)
        defects.append((np.abs(mean - step.mean[-1]).max(), np.abs(spread - step.covariance[-1]).max()))
    # mean: h^2 for the first, h^3 for the others; covariance (itself h^2): h^3, and h^4 with the correction
    expected = {"first_order": (2, 3), "second_order": (3, 3), "corrected": (3, 4)}[name]
    np.testing.assert_allclose(np.log2(np.divide(*defects)), expected, atol=0.05)


def test_simultaneous_descent_with_noisy_gradients_is_euler_maruyama():
    game, h = games.get("bilinear"), 0.1
    sde = SDE(game, Isotropic(0.3))
    one = scheme_moments(sde, read_scheme(methods.get("simultaneous", lr=h)), h, 20, n5.START)
    other = scheme_moments(sde, get("euler-maruyama"), h, 20, n5.START)
    np.testing.assert_allclose(one.second, other.second, rtol=1e-13, atol=1e-15)


def test_the_orders_told_hold_for_minimisation_and_not_for_games(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    words = ("first equation", "as printed, with", "as printed, bilinear")
    assert [next(ok for name, ok in told.items() if word in name) for word in words] == [True, True, False]
