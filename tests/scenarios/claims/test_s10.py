from __future__ import annotations

import numpy as np
import pytest

from dynamics import methods
from dynamics.methods import heun
from dynamics.methods.base import joined, replace_part
from scenarios.claims import s10

CLAIM = "S10"


def _setting(name, key, factor):
    """Multiply one setting of one method, given or not."""

    def change(method, given):
        if method == name:
            given = {**given, key: factor * given.get(key, methods.settings(method)[key])}
        return method, given

    return lambda wrong: wrong.asked_for(methods, change)


def _separate_stages(wrong):
    """Let each player take Heun's second stage with the other one frozen, as a widely copied notebook does."""

    seen = []

    def make(_):
        def field(game, y, draw):
            seen.append(y)
            parts = {}
            for player, part in game.players.items():
                at = y
                if len(seen) % 2 == 0:
                    at = replace_part(seen[-2], part, y[..., part])
                parts[player] = game.component(player, at, draw=draw)
            return joined(game, y, parts)

        return field

    wrong.replace(heun, "field", make)


CONTROLS = {
    "sigma 0.01 % off": lambda wrong: wrong.setting("sigma", 1.0001),
    "rates 0.01 % off": lambda wrong: wrong.rate(1.0001),
    "optimism 0.01 % off": _setting("optimistic", "optimism", 1.0001),
    "extrapolation 0.01 % off": _setting("extragradient", "extrapolation", 1.0001),
    "consensus weight 0.01 % off": _setting("consensus", "gamma", 1.0001),
    "stages of Heun's method apart": _separate_stages,
}


def test_the_quick_audit_holds(outcome, holds):
    holds(outcome)
    assert outcome.picture.read_bytes().startswith(b"\x89PNG")


def test_wrong_physics_does_not_hold(wrong_outcome):
    assert wrong_outcome.error is None
    assert not wrong_outcome.holds


def test_the_formulas_leave_no_method_made_for_games_out():
    # Those of the table of methods that neither step plainly, nor have momentum, nor normalise, nor wrap an average.
    others = {"simultaneous", "alternating", "heavy-ball", "nesterov", "unrolled", "averaging"}
    adaptive = {"adam", "rmsprop", "optimistic-adam"}
    assert {case.method for case in s10.CASES} == set(methods.names()) - others - adaptive


@pytest.mark.parametrize("a", [0.1, 0.3, 0.499, 0.501, 0.55, 1.0, 3.0])
def test_the_optimistic_radius_is_the_larger_root_of_its_polynomial(a):
    roots = np.roots([1, -(1 + 2j * a), 1j * a])
    # roots sqrt|1 - 4 a²| apart, at least 0.06: condition below 50
    assert s10.optimistic(np.array(a)) == pytest.approx(np.abs(roots).max(), rel=50 * 8 * 2.3e-16)


def test_the_optimistic_radius_is_one_at_its_critical_rate_and_continuous_at_one_half():
    radius = s10.optimistic(np.array([1 / np.sqrt(3), 0.5, 0.5 + 1e-14]))
    # beyond 1/2 the radius grows like a square root: sqrt(4e-14)/2 = 1e-7
    np.testing.assert_allclose(radius, [1, np.sqrt(0.5), np.sqrt(0.5)], atol=2e-7)
    # The imaginary part of the larger root alone, (2 a + sqrt(4 a² - 1))/2, is not the radius.
    assert (2 + 1) / np.sqrt(3) / 2 == pytest.approx(0.866, abs=1e-3)
