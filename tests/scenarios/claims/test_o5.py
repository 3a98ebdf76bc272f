from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from scenarios import registry, runner
from scenarios.claims import o5

CLAIM = "O5"


def _without_the_metric(wrong):
    """Replace the replicator by plain gradient play, whose orbits are circles."""
    value = "(2*x - 1)*(2*y - 1)/4"
    wrong.replace(games, "get", lambda _: lambda name, **given: games.inline(value, ["x"], ["y"]))


CONTROLS = {
    "one player 1 % faster": lambda wrong: wrong.discriminator_faster(1.01),
    "gradient instead of replicator": _without_the_metric,
    "rate 1 % off": lambda wrong: wrong.rate(1.01),
}


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


def test_a_small_orbit_takes_two_pi_and_a_large_one_longer():
    # K(m) = pi/2 (1 + m/4 + ...), m = 1 - e^-2E = 2E + ...
    assert o5.period(1e-9) == pytest.approx(2 * np.pi * (1 + 0.5e-9), rel=1e-15)
    # K(m) -> log(4 / sqrt(1 - m)) as m -> 1, here with 1 - m = e^-40; the next term is smaller by (1 - m)/4
    assert o5.period(20.0) == pytest.approx(4 * (np.log(4) + 20.0), rel=1e-14)


def test_the_sum_is_that_of_the_divergences_from_one_half():
    x, y = 0.3, 0.8
    by_hand = sum(0.5 * np.log(0.5 / p) for p in (x, 1 - x, y, 1 - y))
    assert o5.divergence_sum(np.array([x, y])) == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_the_leading_drift_is_the_second_difference_of_the_sum(name):
    # The part that averages to zero along the orbit, 2 (eta² - xi²) for alternating steps, is antisymmetric under a
    # quarter turn: averaged over four points a quarter turn apart the gain per squared step is the formula, to O(h).
    from dynamics import methods

    game, h = games.get("matching-pennies"), 1e-4
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    points = np.array([0.5 + np.linalg.matrix_power(turn, k) @ np.array([0.2, 0.1]) for k in range(4)])
    after = methods.iterate(game, methods.get(name, lr=h), points, 1).final
    gain = (o5.divergence_sum(after) - o5.divergence_sum(points)).mean() / h**2
    # rounding 1e-16 / h² and the next order h
    assert gain == pytest.approx(o5.leading_drift(name, points).mean(), abs=1e-3)


def test_extrapolation_is_exact_for_a_polynomial():
    h = 0.1 / 2 ** np.arange(4)
    limit, _ = o5.extrapolate(1 + 3 * h - 2 * h**2 + h**3)
    assert limit == pytest.approx(1.0, abs=1e-14)
