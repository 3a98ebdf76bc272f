"""Conditions: read without being evaluated, positive exactly where they hold."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Condition, Isotropic, ball, simulate
from dynamics.ensemble.conditions import read_condition

SDE_OF_XY = SDE(games.get("bilinear", sigma=2.0), Isotropic(1.0))


def value(condition: Condition, states: np.ndarray) -> np.ndarray:
    return SDE_OF_XY.evaluate(f"test {condition.expression}", [condition.expression], states)[:, 0]


def holds(text: str, states: np.ndarray) -> np.ndarray:
    return value(read_condition(text, SDE_OF_XY, stop=True), states) > 0


ATOMS = {
    "x > 0.5": lambda x, y: x > 0.5,
    "y <= -x": lambda x, y: y <= -x,
    "abs(x) + y**2 < 1": lambda x, y: abs(x) + y**2 < 1,
    "-1 < x < sigma/4": lambda x, y: (x > -1) & (x < 0.5),
    "exp(x) >= 2*y": lambda x, y: np.exp(x) >= 2 * y,
    "x**2 + y**2 > 1.5": lambda x, y: x**2 + y**2 > 1.5,
}


def formulas() -> st.SearchStrategy:
    """Texts of conditions and the functions that Python itself makes of them."""
    atoms = st.sampled_from([(f"({text})", function) for text, function in ATOMS.items()])

    def extend(inner: st.SearchStrategy) -> st.SearchStrategy:
        both = st.tuples(inner, inner)
        return (
            inner.map(lambda f: (f"(not {f[0]})", lambda x, y: ~f[1](x, y)))
            | both.map(lambda p: (f"({p[0][0]} and {p[1][0]})", lambda x, y: p[0][1](x, y) & p[1][1](x, y)))
            | both.map(lambda p: (f"({p[0][0]} or {p[1][0]})", lambda x, y: p[0][1](x, y) | p[1][1](x, y)))
        )

    return st.recursive(atoms, extend, max_leaves=6)


@given(formulas())
@settings(max_examples=60)
def test_any_condition_is_positive_exactly_where_it_holds(formula):
    text, truth = formula
    states = np.random.default_rng(0).uniform(-2, 2, (200, 2))
    np.testing.assert_array_equal(holds(text, states), truth(states[:, 0], states[:, 1]))


def test_many_alternatives_stay_small_and_fast():
    # One by one, the expression doubles with each: 32 of them would have 2^32 terms.
    began = time.perf_counter()
    text = " or ".join(f"x > {3 + k} - {k} * y" for k in range(32))
    condition = read_condition(text, SDE_OF_XY, stop=True)
    assert len(str(condition.expression)) < 10_000
    assert time.perf_counter() - began < 5
    states = np.random.default_rng(1).uniform(-3, 3, (100, 2))
    x, y = states.T
    truth = np.any([x > 3 + k - k * y for k in range(32)], axis=0)
    np.testing.assert_array_equal(holds(text, states), truth)


ATTACKS = [
    "__import__('os').system('echo') > 1",
    "x.__class__ > 1",
    "(lambda: 1)() > x",
    "[x for x in (1,)] > x",
    "x > (y := 1)",
    "getattr(x, 'real') > 1",
    "x[0] > 1",
    "f'{x}' > 1",
    "eval('x') > 1",
    "open('/etc/passwd') > x",
    "x if x > 1 else y",
    "await_ > x",
    "x > __builtins__",
    "_x > 1",
    "exec > x",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_is_evaluated(text, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.__import__", __import__)
    with pytest.raises(InputError) as caught:
        read_condition(text, SDE_OF_XY, stop=True)
    assert str(caught.value).endswith((".", "?")) or ":" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "no comparison: write it as"),
        ("x + 1", "no comparison"),
        ("x == 1", "something else than < and >: a path meets no equation"),
        ("x != 1", "something else than < and >"),
        ("x in y", "something else than < and >"),
        ("x is y", "something else than < and >"),
        ("1 > 0", "names no coordinate: use x, y"),
        ("sigma > 1", "names no coordinate"),
        ("x - x > 1", "names no coordinate"),
        ("z > 1", "Unknown name in the expression 'z'"),
        ("x > 1 or", "is not one: write it as"),
        ("x > 1; y > 1", "is not one"),
        ("x > = 1", "is not one"),
        ("", "A condition is a text"),
        ("   ", "A condition is a text"),
        (3, "A condition is a text"),
        (None, "A condition is a text"),
        ("x > 1\x00", "is not one"),
        ("x > 1 and 3", "no comparison"),
        ("not x", "no comparison"),
        ("x > 1/0", "division by zero"),
        ("x > 2**1000", "exponent"),
        ("not " * 6000 + "x > 1", "at most 20000"),
        ("not " * 3000 + "x > 1", "is not one"),
        ("(" * 500 + "x > 1" + ")" * 500, "is not one"),
        ("x" + " < x" * 5000, "at most 20000"),
    ],
)
def test_what_is_no_condition_is_refused_in_one_short_sentence(text, message):
    with pytest.raises(InputError, match=message) as caught:
        read_condition(text, SDE_OF_XY, stop=True)
    assert len(str(caught.value)) < 300


def test_a_deep_condition_is_read_or_refused_but_never_breaks():
    for depth in (50, 500, 900, 1500):
        try:
            condition = read_condition("not " * depth + "x > 1", SDE_OF_XY, stop=True)
        except InputError:
            continue
        assert value(condition, np.array([[3.0, 0.0]]))[0] == 2.0


def test_a_ball_is_a_ball_with_the_distance_from_its_surface():
    condition = ball({"y": -1.0, "x": 0.5}, 0.25, SDE_OF_XY)
    assert condition.text == "|y - (0.5, -1)| < 0.25" and not condition.stop
    angle = np.linspace(0, 6, 7)
    on = np.stack([0.5 + 0.25 * np.cos(angle), -1 + 0.25 * np.sin(angle)], axis=-1)
    np.testing.assert_allclose(value(condition, on), 0.0, atol=1e-15)
    # The slope at the surface is one: values are distances, to second order.
    out = np.stack([0.5 + 0.251 * np.cos(angle), -1 + 0.251 * np.sin(angle)], axis=-1)
    np.testing.assert_allclose(value(condition, out), -1e-3, rtol=3e-3)
    assert value(ball([0.5, -1.0], 0.25, SDE_OF_XY, name="near"), on[:1] * 0 + [0.5, -1.0])[0] == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("centre", "radius", "message"),
    [
        ([0.0], 0.1, "has 1 coordinates, expected 2"),
        ([0.0, 0.0, 0.0], 0.1, "has 3 coordinates, expected 2"),
        ({"x": 0.0}, 0.1, "names x, expected x, y"),
        ({"x": 0.0, "z": 0.0}, 0.1, "names x, z, expected x, y"),
        ([0.0, np.nan], 0.1, "must be finite"),
        ([[0.0, 0.0]], 0.1, "one state, got 1"),
        ([0.0, 0.0], 0.0, "must be positive"),
        ([0.0, 0.0], -1.0, "must be positive"),
    ],
)
def test_balls_that_are_none_are_refused(centre, radius, message):
    with pytest.raises(InputError, match=message):
        ball(centre, radius, SDE_OF_XY)


def test_first_passage_to_an_equilibrium_is_noted():
    game = games.get("dirac-gan", penalty="r1", gamma=1.0)
    sde = SDE(game, Isotropic(0.05))
    run = {"paths": 100, "dt": 0.05, "time": 20.0, "start": [1.0, 0.0], "records": 2, "compiled": False}
    found = simulate(game, 0.05, watch=ball([0.0, 0.0], 0.2, sde, name="equilibrium"), **run)
    assert found.events[0].text == "equilibrium" and not found.events[0].stop
    # Without noise it takes a time that noise of 0.05, a standard deviation of 0.05 near rest, shifts by its distance
    # over the speed there, 0.05/0.1.
    still = simulate(game, 0.0, **{**run, "paths": 1, "records": 401})
    when = still.times[np.linalg.norm(still.mean, axis=1) < 0.2][0]
    assert found.events[0].count == 100 and abs(found.events[0].mean - when) < 0.5
    # Places lie on the surface, to the second order in the step of its correction.
    assert abs(np.linalg.norm(found.events[0].place) - 0.2) < 0.02


def test_a_condition_that_is_given_twice_is_refused():
    for twice in ({"until": ["x > 1", "x > 1"]}, {"until": "x > 1", "watch": "x > 1"}):
        with pytest.raises(InputError, match="given twice"):
            simulate(games.get("bilinear"), 0.1, paths=1, dt=0.1, time=1.0, **twice)
