from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from scenarios import registry, runner
from scenarios.claims import n4

CLAIM = "N4"


def _parameter(key, factor):
    """Multiply one parameter of the games."""
    return lambda wrong: wrong.replace(
        games,
        "inline",
        lambda right: lambda text, low, high, given: right(text, low, high, given | {key: factor * given[key]}),
    )


CONTROLS = {
    "noise 1 % off": lambda wrong: wrong.noise(1.01),
    "rotation 2 % off": _parameter("omega", 1.02),
    "it turns the other way": _parameter("omega", -1.0),
    "damping of x 2 % off": _parameter("a", 1.02),
    "a reversible law is expected": lambda wrong: wrong.replace(
        n4.Linear, "turning", lambda right: lambda chosen, lag: 0.0
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


@pytest.mark.parametrize("chosen", [n4.ALIKE, n4.STILL, n4.UNLIKE, n4.Linear(3.0, 2.0, 0.1)])
def test_the_covariance_by_hand_solves_the_lyapunov_equation(chosen):
    a, s = chosen.drift(), chosen.covariance()
    np.testing.assert_allclose(chosen.game().jacobian(np.zeros(2)), a, atol=1e-15)
    np.testing.assert_allclose(a @ s + s @ a.T, -(n4.STRENGTH**2) * np.eye(2), atol=1e-14)
    assert (np.linalg.eigvalsh(s) > 0).all()


def test_players_damped_alike_turn_like_a_damped_sine():
    for lag in (0.0, 0.3, 2.0):
        by_hand = n4.STRENGTH**2 / n4.DAMPING * np.exp(-n4.DAMPING * lag) * np.sin(n4.SHOWN * lag)
        assert n4.ALIKE.turning(lag) == pytest.approx(by_hand, abs=1e-15)
        assert n4.STILL.turning(lag) == 0.0


def test_without_rotation_the_law_is_that_of_gibbs():
    still = n4.Linear(0.0, 0.1, 1.0)
    np.testing.assert_allclose(still.covariance(), still.gibbs(), rtol=1e-14)
    assert n4.UNLIKE.covariance()[0, 0] < 0.26 * n4.UNLIKE.gibbs()[0, 0]


def test_the_distance_from_normality_sees_a_law_of_the_same_covariance():
    # false alarm of each row 6.8e-6; uniform numbers of variance 1 have a distance of 0.057 from the normal law
    rng, n = np.random.default_rng(0), 20_000
    normal, uniform = rng.normal(size=(n, 2)), rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n, 2))
    assert all(row.holds for row in n4.normality(normal, np.eye(2), ""))
    assert not any(row.holds for row in n4.normality(uniform, np.eye(2), ""))


def test_normal_holds_and_at_rest_does_not(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    words = ("Lyapunov", "normal", "at rest", "damped alike: variance", "damped unlike: variance")
    holds = [next(ok for name, ok in told.items() if word in name) for word in words]
    assert holds == [True, True, False, True, False]
