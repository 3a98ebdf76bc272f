"""Learning-rate schedules: their factors, what they do to every method, and how they are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.methods.schedules import Constant, Cosine, RobbinsMonro, WarmUp, read_schedule, schedule_settings

TEXTS = (
    "robbins-monro:power=0.6,offset=5",
    "cosine:iterations=8,final=0.1",
    "warm-up:iterations=5",
    "warm-up:iterations=3 * cosine:iterations=6,final=0.2",
)


def factors(text: str, count: int) -> list[float]:
    schedule = read_schedule(text)
    assert schedule is not None
    return [schedule(k) for k in range(count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("robbins-monro", [1, 1 / 2, 1 / 3, 1 / 4]),
        ("robbins-monro:offset=2", [1, 2 / 3, 1 / 2, 2 / 5]),
        ("robbins-monro:power=0.5,offset=3", [1, np.sqrt(3 / 4), np.sqrt(3 / 5), np.sqrt(1 / 2)]),
        # cos of 0, pi/4, pi/2, 3 pi/4, pi, and the end from then on
        ("cosine:iterations=4", [1, (2 + np.sqrt(2)) / 4, 1 / 2, (2 - np.sqrt(2)) / 4, 0, 0, 0]),
        ("cosine:iterations=2,final=0.2", [1, 0.6, 0.2, 0.2]),
        ("warm-up:iterations=4", [0.25, 0.5, 0.75, 1, 1, 1]),
        ("warm-up:iterations=1", [1, 1]),
        ("warm-up:iterations=2*cosine:iterations=2,final=0.2", [0.5, 0.6, 0.2, 0.2]),
        ("constant * robbins-monro * constant", [1, 1 / 2, 1 / 3]),
    ],
)
def test_factors_are_those_of_the_formula(text, expected):
    # a cosine, a power and a product: a few roundings of numbers up to 1
    np.testing.assert_allclose(factors(text, len(expected)), expected, rtol=0, atol=4e-16)


def test_a_constant_schedule_is_none():
    assert read_schedule("constant") is None and read_schedule(Constant()) is None and read_schedule(None) is None
    assert methods.get("adam", lr=0.1, schedule="constant") == methods.get("adam", lr=0.1)
    assert Constant()(7) == 1.0


def test_a_product_is_what_its_factors_multiply_to_and_is_read_back_from_its_text():
    schedules = WarmUp(3), Cosine(20, 0.1), RobbinsMonro(0.7, 4.0)
    product = schedules[0] * schedules[1] * schedules[2]
    for k in range(30):
        assert product(k) == pytest.approx(np.prod([schedule(k) for schedule in schedules]), rel=4e-16)
    assert read_schedule(str(product)) == product == schedules[0] * (schedules[1] * schedules[2])
    assert read_schedule("constant*constant") is None


def test_a_descent_without_a_length_spans_the_run():
    assert read_schedule("cosine:final=0.1", iterations=2000) == Cosine(2000, 0.1)
    assert read_schedule("cosine:iterations=5", iterations=2000) == Cosine(5)
    assert read_schedule("warm-up*cosine", iterations=2000) == WarmUp(100) * Cosine(2000)
    assert read_schedule("cosine") == Cosine(1000)


@pytest.mark.parametrize("power", [0.6, 0.75, 1.0])
def test_robbins_monro_rates_have_an_infinite_sum_and_a_finite_sum_of_squares(power):
    schedule = RobbinsMonro(power=power, offset=3.0)
    ends = 4 ** np.arange(3, 9)
    rates = np.array([schedule(k) for k in range(ends[-1])])
    # Integrals bound the sums of a decreasing function f: from above by f(0) + int_0^K f, from below by int_0^K f.
    x = 1 + ends / 3.0
    below = 3.0 * (np.log(x) if power == 1 else (x ** (1 - power) - 1) / (1 - power))
    sums = np.array([rates[:end].sum() for end in ends])
    assert (sums >= below).all() and (sums <= below + 1).all()
    # Its values at fourfold ends grow by a factor, or by a constant: no limit.
    assert (np.diff(sums) > 0.9 * np.diff(sums)[0]).all()
    assert (rates**2).sum() < 1 + 3.0 / (2 * power - 1)


@pytest.mark.parametrize("text", ["cosine:iterations=100", "robbins-monro:power=0.5"])
def test_what_robbins_and_monro_exclude_has_a_finite_sum_or_an_infinite_sum_of_squares(text):
    rates = np.array(factors(text, 40_000))
    if text.startswith("cosine"):
        assert rates[100:].sum() == 0
    else:
        # squares 1 / (1 + k): between fourfold ends they add log 4, for ever
        assert (rates[10_000:40_000] ** 2).sum() == pytest.approx(np.log(4), rel=1e-3)


@given(st.integers(0, 10**6), st.integers(1, 10**4), st.floats(0, 1), st.floats(0.01, 1))
def test_factors_lie_between_zero_and_one(iteration, length, final, power):
    for schedule in (Cosine(length, final), WarmUp(length), RobbinsMonro(power, float(length))):
        assert 0 <= schedule(iteration) <= 1
        assert read_schedule(str(schedule)) == schedule


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", methods.names())
def test_an_iteration_of_any_method_is_the_one_at_the_rates_of_the_schedule(name, text):
    game = games.get("dirac-gan", penalty="r1", gamma=0.5)
    rates = {"generator": 0.2, "discriminator": 0.1}
    scheduled = methods.get(name, lr=rates, schedule=text)
    state = scheduled.init(np.array([0.7, -0.4]), game)
    for factor in factors(text, 7):
        plain = methods.get(name, lr={player: factor * rate for player, rate in rates.items()})
        expected, cost = plain.step(state, game)
        state, info = scheduled.step(state, game)
        np.testing.assert_array_equal(state.y, expected.y)
        assert state.iteration == expected.iteration and info == cost


@pytest.mark.parametrize("name", ["simultaneous", "heavy-ball", "adam", "proximal-point", "lookahead"])
def test_a_kernel_follows_the_schedule_as_python_does(name):
    game = games.get("dirac-gan", penalty="r1", gamma=0.5)
    starts = np.array([[0.7, -0.4], [-0.2, 1.0]])
    for text in TEXTS:
        method = methods.get(name, lr={"generator": 0.2, "discriminator": 0.1}, schedule=text)
        slow = methods.iterate(game, method, starts, 30, compiled=False).states
        fast = methods.iterate(game, method, starts, 30, compiled=True).states
        # thirty contracting steps of some ten roundings of numbers of order one
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-13)
        constant = methods.iterate(game, method.with_schedule(None), starts, 30, compiled=True).states
        assert np.abs(fast - constant).max() > 1e-3


def test_simultaneous_descent_under_robbins_monro_rates_grows_by_the_product():
    # On the bilinear game each step multiplies the radius by sqrt(1 + a_k²), and the product converges.
    path = methods.iterate(
        games.get("bilinear"), methods.get("simultaneous", lr=0.8, schedule="robbins-monro"), [1.0, 0.0], 500
    )
    growth = np.prod(np.sqrt(1 + (0.8 / np.arange(1, 501)) ** 2))
    assert np.hypot(*path.final) == pytest.approx(growth, rel=500 * 4 * 2.3e-16)


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("cosin", ("did you mean 'cosine'", "robbins-monro")),
        ("cosine:iteration=5", ("did you mean 'iterations'", "final")),
        ("cosine:iterations=many", ("'many'", "whole number", "cosine:iterations=1000")),
        ("cosine:iterations=2.5", ("'2.5'", "whole number")),
        ("cosine:iterations=0", ("at least 1", "got 0")),
        ("cosine:final=1.5", ("1.5", "[0, 1]")),
        ("cosine:final=nan", ("finite",)),
        ("warm-up:iterations=-1", ("at least 1", "-1")),
        ("robbins-monro:power=2", ("is 2", "finite sum", "(0, 1]")),
        ("robbins-monro:power=0", ("positive", "got 0")),
        ("robbins-monro:offset=-1", ("positive", "-1")),
        ("robbins-monro:power=", ("''", "a number", "robbins-monro:power=1.0")),
        ("constant:factor=2", ("Unknown setting", "factor")),
        ("", ("empty factor",)),
        ("cosine:iterations=5 *", ("empty factor", "warm-up")),
        ("warm-up * cosin", ("did you mean 'cosine'",)),
        (3.0, ("cosine:iterations=1000", "3.0")),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said_in_one_sentence(text, hints):
    with pytest.raises(InputError) as caught:
        methods.get("simultaneous", lr=0.1, schedule=text)
    message = str(caught.value)
    assert "\n" not in message and all(hint in message for hint in hints)


def test_every_schedule_has_a_summary_that_names_its_settings():
    for name in methods.schedule_names():
        line = methods.schedule_summary(name)
        assert 10 < len(line) < 120 and "\n" not in line
        assert all(f"{key}=" in line for key in schedule_settings(name))
    with pytest.raises(InputError, match="did you mean 'warm-up'"):
        methods.schedule_summary("warmup")
