"""Tamed Euler on drifts that grow faster than linearly."""

from __future__ import annotations

import numpy as np

from dynamics import games
from dynamics.core.status import Status
from dynamics.ensemble import simulate

RUN = {"paths": 200, "dt": 0.25, "time": 20.0, "start": [10.0], "records": 3, "compiled": False}


def test_tamed_euler_stays_where_euler_maruyama_diverges():
    # x' = x - x^3 at 10 with steps of 1/4 goes to 10 + (10 - 1000)/4 = -237, and on beyond every bound.
    game = games.get("double-well")
    wild, tame = (simulate(game, 0.5, scheme=name, **RUN) for name in ("euler-maruyama", "tamed-euler"))
    assert wild.status is Status.DIVERGED and wild.counts["diverged"] == 200
    assert "200 of 200 paths diverged" in wild.notes[-1] and "tamed-euler" in wild.notes[-1]
    assert np.isfinite(wild.final).all() and wild.count[-1] == 0
    assert tame.status is Status.FINISHED
    # Back in the wells, whose law of strength 0.5 has left |x| < 2.5 but for exp(-2 V / s^2), V(2.5) = 6.9: e^-55.
    assert np.abs(tame.final).max() < 2.5


def test_the_drift_moves_by_less_than_one_in_a_step():
    game = games.get("double-well")
    for start in (3.0, 1e3, 1e40):
        moved = simulate(game, 0.0, scheme="tamed-euler", paths=1, dt=0.5, time=0.5, start=[start], compiled=False)
        assert start - 1.0 <= moved.final[0, 0] < start or start > 1e15


def test_small_drifts_are_hardly_tamed():
    # h a / (1 + h |a|) = h a - h^2 a |a| + ..., a of both coordinates together.
    game, h = games.get("bilinear"), 1e-3
    tame = simulate(game, 0.0, scheme="tamed-euler", paths=1, dt=h, time=h, start=[3.0, 4.0], compiled=False)
    np.testing.assert_allclose(tame.final[0], [3 - 4 * h / (1 + 5 * h), 4 + 3 * h / (1 + 5 * h)], rtol=1e-15)
