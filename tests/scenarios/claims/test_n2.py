from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.ensemble import SDE, Isotropic, LinearSDE
from dynamics.ensemble.recursion import scheme_moments
from dynamics.ensemble.schemes import get
from scenarios import registry, runner
from scenarios.claims import n2

CLAIM = "N2"


def _euler_instead(game, noise, given):
    """Take Euler's step of a tenth where exact sampling was asked for."""
    return game, noise, given | ({"scheme": "euler-maruyama", "dt": 0.1} if given.get("scheme") == "exact" else {})


CONTROLS = {
    "noise 1 % off": lambda wrong: wrong.noise(1.01),
    "gamma 3 % off": lambda wrong: wrong.setting("gamma", 1.03),
    # attracts without noise, so that r² does not grow as on a game that turns
    "non-saturating instead": lambda wrong: wrong.asked_for(
        games, lambda name, given: (name, given | ({"loss": "non-saturating"} if name == "dirac-gan" else {}))
    ),
    "Euler instead of exact sampling": lambda wrong: wrong.simulated(_euler_instead),
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


@pytest.mark.parametrize("gamma", [0.1, 0.7, 1.0, 5.0])
def test_the_variances_with_r1_solve_the_lyapunov_equation(gamma):
    game = games.get("dirac-gan", penalty="r1", gamma=gamma)
    a = game.jacobian(np.zeros(2))
    s = np.array([[n2.theta_variance(gamma), -1.0], [-1.0, n2.psi_variance(gamma)]])
    # entries of a few units, rounded a few times
    np.testing.assert_allclose(a @ s + s @ a.T, -np.eye(2), atol=1e-13)


def test_theta_is_quietest_at_one_over_the_root_of_two():
    best = np.sqrt(0.5)
    assert n2.theta_variance(best) == pytest.approx(2 * np.sqrt(2), rel=1e-15)
    assert min(n2.theta_variance(best * np.array([0.99, 1.01]))) > n2.theta_variance(best)


def test_euler_growth_is_the_recursion_of_the_scheme():
    sde = SDE(games.get("bilinear"), Isotropic(n2.STRENGTH))
    h, steps = 0.1, 50
    moments = scheme_moments(sde, get("euler-maruyama"), h, steps, [n2.R0, 0.0])
    squares = np.einsum("kii->k", moments.second)
    # 50 steps, each rounded a few times
    np.testing.assert_allclose(squares, n2.euler_growth(moments.times, h), rtol=1e-13)


def test_the_law_of_growth_is_that_of_the_linear_equation():
    linear = LinearSDE.of(SDE(games.get("bilinear"), Isotropic(n2.STRENGTH)))
    (mean,), (covariance,) = linear.moments([7.0], [n2.R0, 0.0])
    assert mean @ mean + np.trace(covariance) == pytest.approx(n2.growth(7.0), rel=1e-13)


def test_the_field_of_the_minimax_dirac_gan_is_at_right_angles_to_the_state():
    states = np.random.default_rng(0).normal(size=(20, 2))
    fields = games.get("dirac-gan")(states)
    np.testing.assert_allclose((states * fields).sum(axis=-1), 0.0, atol=1e-15)


def test_smoothing_holds_and_stabilising_does_not(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    assert [holds for name, holds in told.items() if "smooths" in name] == [True]
    assert [holds for name, holds in told.items() if "stabilises" in name] == [False, False]
