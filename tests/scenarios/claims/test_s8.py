from __future__ import annotations

import numpy as np
import pytest

from scenarios import registry, runner
from scenarios.claims.s8 import adaptive, momentum

CLAIM = "S8"
SWAPPED = {"simultaneous": "alternating", "alternating": "simultaneous"}

CONTROLS = {
    "sigma 0.01 % off": lambda wrong: wrong.setting("sigma", 1.0001),
    "rates 1 % off": lambda wrong: wrong.rate(1.01),
    "momentum 0.01 % off": lambda wrong: wrong.method_setting("beta", lambda value: 1.0001 * value),
    "the other order": lambda wrong: wrong.method_setting("order", SWAPPED.get),
    "memory of RMSProp 2 % off": lambda wrong: wrong.method_setting("alpha", lambda value: 1 - (1 - value) / 1.02),
    "no momentum in Adam": lambda wrong: wrong.method_setting("beta1", lambda value: 0.0),
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


@pytest.mark.parametrize("beta", [-0.99, -0.5, 0.0, 0.5, 0.99])
def test_simultaneous_momentum_leaves_one_multiplier_outside_by_schur_and_cohn(beta):
    a = np.geomspace(1e-3, 1e3, 61)
    larger, smaller = momentum.simultaneous(beta, a)
    assert (larger > 1).all()
    roots = np.sort([np.abs(np.roots([1, -(1 + beta + 1j * rate), beta])) for rate in a])
    # the small root of a companion matrix of norm 1e3 is known to 1e-13; near double roots, to the root of rounding
    np.testing.assert_allclose(np.stack([smaller, larger], axis=-1), roots, rtol=1e-12, atol=1e-12)
    s = 1 + beta + 1j * a
    np.testing.assert_allclose(np.abs(s - beta * s.conj()), (1 + beta) * np.abs(1 - beta + 1j * a), rtol=1e-14)


def test_the_fastest_alternating_momentum_has_a_triple_multiplier():
    radius, beta, a = (momentum.BEST[key] for key in ("radius", "beta", "a"))
    factored = np.polymul(np.poly([-radius] * 3), [1, -momentum.BEST_OTHER])
    np.testing.assert_allclose(momentum.polynomial(beta, a), factored, rtol=0, atol=2e-15)
    assert radius == pytest.approx(0.4641016151377546, rel=1e-15)
    assert abs(momentum.BEST_OTHER) < radius

    def largest(beta, a):
        return np.abs(np.roots(momentum.polynomial(beta, a))).max()

    # Around a triple root the radius grows like the cube root of the distance, in every direction.
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        assert largest(beta + 1e-6 * np.cos(angle), a + 1e-6 * np.sin(angle)) > radius + 1e-4


@pytest.mark.parametrize("beta", [-0.7, -0.5, -0.2])
def test_negative_momentum_in_turn_contracts_up_to_its_critical_rate(beta):
    inside, outside = 2 * (1 + beta) * np.array([0.999, 1.001])
    assert (
        np.abs(np.roots(momentum.polynomial(beta, inside))).max()
        < 1
        < np.abs(np.roots(momentum.polynomial(beta, outside))).max()
    )


def test_the_lag_counts_euler_momentum_and_optimism():
    assert adaptive.RMSPROP.lag == 1 and adaptive.RMSPROP_IN_TURN.lag == 0
    assert adaptive.ADAM.lag == pytest.approx(19) and adaptive.ADAM_IN_TURN.lag == pytest.approx(18)
    assert adaptive.OPTIMISTIC_ADAM.lag == pytest.approx(17)
    # 200 sqrt(2) / sqrt(99)
    assert adaptive.RMSPROP.radius == pytest.approx(28.426762, abs=1e-6)
