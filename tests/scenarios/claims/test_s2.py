from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from scenarios import registry, runner
from scenarios.claims import s2

CLAIM = "S2"


def _asked_of_wgan_gp(change):
    """Change the settings of WGAN-GP only."""
    return lambda wrong: wrong.asked_for(
        games, lambda name, given: (name, change(given) if given.get("penalty") == "wgan-gp" else given)
    )


CONTROLS = {
    "gamma 1 % off": lambda wrong: wrong.setting("gamma", 1.01),
    # it asks for a slope that is 1 % too large, and the cycle grows by as much
    "target 1 % off": _asked_of_wgan_gp(lambda given: {"target": 1.01, **given}),
    # which has no cycle
    "zero-centred instead": _asked_of_wgan_gp(lambda given: {**given, "target": 0.0}),
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


@pytest.mark.parametrize("gamma", [0.01, 0.5, 1.9])
def test_the_amplitude_is_where_half_a_turn_leads_to_the_opposite_point(gamma):
    # from (-A, 0) with psi > 0 half a turn later at gamma + q (A + gamma)
    q, a = s2.contraction(gamma), s2.amplitude(gamma)
    assert gamma + q * (a + gamma) == pytest.approx(a, rel=1e-12)


def test_small_weights_have_the_amplitude_of_the_describing_function():
    # gamma coth(pi gamma/4) -> 4/pi, as for an oscillator driven by a square wave against linear friction
    assert s2.amplitude(1e-6) == pytest.approx(4 / np.pi, rel=1e-10)
    # at gamma = 2 the turn never ends and q = 0
    assert s2.amplitude(2 - 1e-9) == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize("gamma", [0.3, 1.2])
def test_the_jumps_take_the_multiplier_from_the_divergence_to_its_square_root(gamma):
    # divergence -gamma over the period 2 pi / omega, times two jumps (A + gamma)/(A - gamma)
    a = s2.amplitude(gamma)
    divergence = np.exp(-gamma * 2 * np.pi / s2.frequency(gamma))
    assert divergence * ((a + gamma) / (a - gamma)) ** 2 == pytest.approx(s2.multiplier(gamma), rel=1e-10)
    assert s2.multiplier(gamma) == pytest.approx(np.sqrt(divergence), rel=1e-12)


def test_the_largest_slope_is_a_maximum_of_the_half_turn():
    gamma, omega = 0.7, s2.frequency(0.7)
    t = np.linspace(0.0, np.pi / omega, 100_001)
    psi = (s2.amplitude(gamma) + gamma) / omega * np.exp(-gamma * t / 2) * np.sin(omega * t)
    # between samples a maximum is missed by at most |psi''| dt²/8, below 1e-9
    assert psi.max() == pytest.approx(s2.slope(gamma), abs=1e-9)


def test_the_overdamped_approach_solves_its_equation():
    gamma, start, h = 3.0, (0.5, 1.0), 1e-5
    times = np.array([0.5, 2.0])
    theta, psi = s2.sliding(times, gamma, start).T
    slopes = (s2.sliding(times + h, gamma, start) - s2.sliding(times - h, gamma, start)) / (2 * h)
    np.testing.assert_allclose(s2.sliding(np.zeros(1), gamma, start), [start], atol=1e-14)
    np.testing.assert_allclose(slopes, np.stack([psi, -theta - gamma * (psi - 1)], axis=-1), atol=1e-8)


def test_stabilising_holds_and_converging_does_not(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    assert [holds for name, holds in told.items() if "stabilises" in name] == [True]
    assert [holds for name, holds in told.items() if "converges" in name] == [False, False]
