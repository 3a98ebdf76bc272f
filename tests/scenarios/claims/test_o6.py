from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from scenarios import registry, runner
from scenarios.claims import o6

CLAIM = "O6"


CONTROLS = {
    "eps 1 % off": lambda wrong: wrong.setting("eps", 1.01),
    "one player 1 % faster": lambda wrong: wrong.discriminator_faster(1.01),
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


def test_the_field_by_hand_is_the_catalogues():
    game, by_hand = games.get("forsaken"), o6.Forsaken()
    states = np.array([[0.3, -0.8], [1.2, 1.4], [0.0, 0.0]])
    np.testing.assert_allclose(by_hand(states), game(states), atol=1e-14)
    np.testing.assert_allclose(by_hand.jacobian(states), game.jacobian(states), atol=1e-13)
    assert np.abs(by_hand(by_hand.equilibrium())).max() < 1e-13


def test_van_der_pols_equation_in_other_letters():
    # y'' = x' + eps (1 - 3 y²) y' = -y + eps (1 - 3 y²) y' along the flow, so that z = sqrt(3) y obeys van der Pol's
    game, eps = games.get("almost-bilinear", eps=0.3), 0.3
    state = np.array([0.4, -0.7])
    velocity = game(state)
    acceleration = game.jacobian(state) @ velocity
    y = state[1]
    assert acceleration[1] == pytest.approx(-y + eps * (1 - 3 * y**2) * velocity[1], rel=1e-12)


def test_the_series_agree_with_their_first_terms():
    # frequency 1 - eps²/16: period 2 pi (1 + eps²/16 - 5 eps⁴/3072)
    eps = 0.1
    assert o6.period(eps) == pytest.approx(2 * np.pi * (1 + eps**2 / 16 - 5 * eps**4 / 3072), abs=1e-8)
    assert o6.amplitude(0.0) == pytest.approx(np.sqrt(4 / 3), rel=1e-15)


def test_liouville_on_a_circle():
    # x' = -y + x (1 - r²), y' = x + y (1 - r²): divergence 2 - 4 r² = -2 on r = 1, period 2 pi
    game = games.define(
        {
            "generator": (["x"], "x*y - x**2/2 + x**4/4 + x**2*y**2/2"),
            "discriminator": (["y"], "-x*y - y**2/2 + y**4/4 + x**2*y**2/2"),
        }
    )
    times = np.linspace(0.0, 2 * np.pi, 65)
    states = np.stack([np.cos(times), np.sin(times)], axis=-1)
    np.testing.assert_allclose(game(states), np.stack([-np.sin(times), np.cos(times)], axis=-1), atol=1e-15)
    assert o6.closed(game, times, states) == pytest.approx(np.exp(-4 * np.pi), rel=1e-13)
