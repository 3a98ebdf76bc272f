"""Schedules: the factor of the noise by time."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Isotropic, simulate
from dynamics.ensemble.noise.schedules import SCHEDULES, Constant, read_schedule, summary


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("exponential:half_life=10", {0.0: 1.0, 10.0: 0.5, 20.0: 0.25, 5.0: 0.5**0.5}),
        ("power:power=0.5,scale=2", {0.0: 1.0, 2.0: 0.5**0.5, 6.0: 0.5}),
        ("power:power=1", {1.0: 0.5, 9.0: 0.1}),
        ("cosine:length=4,final=0.2", {0.0: 1.0, 2.0: 0.6, 4.0: 0.2, 9.0: 0.2}),
        ("cosine", {5.0: 0.5, 10.0: 0.0, 11.0: 0.0}),
        ("piecewise:at=[5,20],factors=[0.5,0]", {0.0: 1.0, 4.999: 1.0, 5.0: 0.5, 19.0: 0.5, 20.0: 0.0, 99.0: 0.0}),
        ("piecewise:at=[1],factors=[3]", {0.5: 1.0, 1.5: 3.0}),
    ],
)
def test_values_at_times(text, values):
    schedule = read_schedule(text)
    for t, value in values.items():
        np.testing.assert_allclose(schedule(t), value, rtol=0, atol=1e-15)
    assert read_schedule(schedule) is schedule
    # The text of a schedule reads back as itself.
    assert read_schedule(str(schedule)) == schedule


def test_a_constant_schedule_is_none():
    for given in (None, "constant", Constant()):
        assert read_schedule(given) is None
    assert Constant()(3.0) == 1.0
    assert SDE(games.get("bilinear"), Isotropic(0.1, schedule="constant")).strengths(3, 0.1).shape == (3, 0)


def test_only_piecewise_schedules_jump():
    assert read_schedule("piecewise:at=[5,20],factors=[0.5,0]").jumps == (5.0, 20.0)
    for name in ("exponential", "power", "cosine"):
        assert read_schedule(name).jumps == ()


def test_a_jump_at_the_end_of_a_step_belongs_to_the_next_one():
    sde = SDE(games.get("bilinear"), Isotropic(1.0, schedule="piecewise:at=[0.2,0.26],factors=[0.5,0]"))
    # Beginning, middle and end of the steps of 0.1 from 0, 0.1 and 0.2.
    np.testing.assert_array_equal(sde.strengths(3, 0.1), [[1, 1, 1], [1, 1, 1], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(sde.strengths(1, 0.1, 2), [[0.5, 0.5, 0]])


def test_noise_that_is_switched_off_leaves_the_flow():
    game = games.get("bilinear")
    noise = Isotropic(1.0, schedule="piecewise:at=[1],factors=[0]")
    run = {"paths": 20, "dt": 0.1, "scheme": "exact", "compiled": False}
    early, late = (simulate(game, noise, time=t, **run).final for t in (1.0, 3.0))
    turn = np.array([[np.cos(2.0), -np.sin(2.0)], [np.sin(2.0), np.cos(2.0)]])
    np.testing.assert_allclose(late, early @ turn.T, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_has_a_summary_and_defaults(name):
    assert len(summary(name)) > 15
    assert read_schedule(name) is None or read_schedule(name)(0.0) == 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("exponentail", "Unknown noise schedule 'exponentail': did you mean 'exponential'"),
        ("exponential:halflife=3", "noise schedule exponential 'halflife': did you mean 'half_life'"),
        ("exponential:half_life=soon", "noise schedule exponential is 'soon', expected half_life=10.0"),
        ("exponential:half_life=", "is '', expected half_life=10.0"),
        ("exponential:half_life=0", "half-life of an exponential schedule must be positive"),
        ("exponential:half_life=nan", "must be finite"),
        ("power:power=-1", "power of a power schedule must be positive"),
        ("power:scale=0", "scale of a power schedule must be positive"),
        ("cosine:length=0", "length of a cosine schedule must be positive"),
        ("cosine:final=2", r"final factor of a cosine schedule is 2, expected a number in \[0, 1\]"),
        ("piecewise:at=[1,2],factors=[0.5]", "2 times and 1 factors: give as many of both"),
        ("piecewise:at=[],factors=[]", "0 times and 0 factors"),
        ("piecewise:at=[2,1],factors=[1,1]", "expected ascending positive ones"),
        ("piecewise:at=[0],factors=[1]", "expected ascending positive ones"),
        ("piecewise:at=[1],factors=[-1]", "expected numbers from 0 on"),
        ("piecewise:at=5,factors=[1]", "is '5', expected at="),
        ("piecewise:at=[a],factors=[1]", r"is '\[a\]', expected at="),
        ("piecewise:at=[[1]],factors=[1]", "expected at="),
        (7, "A noise schedule is a text such as exponential:half_life=10, got 7"),
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        read_schedule(given)
