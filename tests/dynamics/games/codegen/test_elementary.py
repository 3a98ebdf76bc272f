"""Elementary functions without branches: errors against exact values, special values, bits, vectors."""

from __future__ import annotations

import math
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.core import config

from dynamics.games.codegen import elementary

INF, NAN = math.inf, math.nan
LARGEST = float(np.finfo(np.float64).max)
SMALLEST = 5e-324

#: What the module states, in units in the last place.
BOUNDS = {
    "exp": 1.0,
    "log": 0.8,
    "log_positive": 0.8,
    "sin": 1.5,
    "cos": 1.5,
    "tanh": 2.0,
    "sigmoid": 2.0,
    "softplus": 1.8,
}


def exact(name: str, x: float) -> mpmath.mpf:
    """Return the value to 40 digits; arguments whose result does not change any more are taken nearer."""
    with mpmath.workdps(40):
        v = mpmath.mpf(float(x))
        if name in ("exp", "sigmoid"):
            e = mpmath.exp(max(min(v, 1000), -1000))
            return e if name == "exp" else e / (1 + e)
        if name == "softplus":
            return max(v, mpmath.mpf(0)) + mpmath.log1p(mpmath.exp(-min(abs(v), 1000)))
        if name == "tanh":
            return mpmath.tanh(max(min(v, 100), -100)) if abs(v) > 1e-30 else v
        if name == "sin" and abs(v) < 1e-30:
            return v
        return {"log": mpmath.log, "log_positive": mpmath.log, "sin": mpmath.sin, "cos": mpmath.cos}[name](v)


def units_off(name: str, x: float, got: float) -> float:
    """Return the error in units in the last place of the exact value."""
    with mpmath.workdps(40):
        value = exact(name, x)
        nearest = float(value)
        if math.isinf(nearest):
            return 0.0 if got == nearest else INF
        return abs(float((mpmath.mpf(float(got)) - value) / mpmath.mpf(float(np.spacing(abs(nearest))))))


def between(low: float, high: float) -> np.ndarray:
    return np.random.default_rng(2).uniform(low, high, 1500)


def scattered(low: float, high: float) -> np.ndarray:
    """Numbers of both signs whose magnitudes are equally spread over the exponents."""
    rng = np.random.default_rng(3)
    return np.exp(rng.uniform(math.log(low), math.log(high), 1500)) * rng.choice([-1.0, 1.0], 1500)


# The worst errors lie where the result is just above a power of two, or the two ends of a reduction meet.
SAMPLES = {
    "exp": [between(-1, 1), between(-708, 709.7), between(-746, -707), scattered(1e-20, 1)],
    "log": [between(0.3, 3), abs(scattered(1e-300, 1e300)), 1 + scattered(1e-15, 0.3), abs(scattered(1e-323, 1e-300))],
    "log_positive": [between(0.3, 3), abs(scattered(1e-300, 1e300)), 1 + scattered(1e-15, 0.3)],
    "sin": [between(-2, 2), between(-100, 100), between(-1e5, 1e5), scattered(1, 2.0**48), scattered(1e-300, 1)],
    "cos": [between(-2, 2), between(-100, 100), between(-1e5, 1e5), scattered(1, 2.0**48), scattered(1e-300, 1)],
    "tanh": [between(-1, 1), between(-22, 22), scattered(1e-300, 1)],
    "sigmoid": [between(-6, 6), between(-745, 50)],
    "softplus": [between(-1, 0.5), between(-6, 6), between(-745, 745)],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_errors_stay_below_the_stated_bounds(name, compiled) -> None:
    for sample in SAMPLES[name]:
        got = getattr(compiled, name)(sample)
        assert max(map(units_off, [name] * len(sample), sample, got)) <= BOUNDS[name]


def test_the_measure_of_errors_sees_one_unit() -> None:
    # Negative control: the next double is off by one unit, less or more by the half that rounding may take.
    x = between(0.5, 2)
    worst = max(units_off("log", v, np.nextafter(math.log(v), INF)) for v in x)
    assert 1.4 < worst < 1.6


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_multiples_of_a_quarter_turn_keep_relative_accuracy(name, compiled) -> None:
    # The doubles nearest to k pi/2: the result may be as small as 1e-17 k.
    k = np.unique(np.concatenate([np.arange(1, 500), np.logspace(2, 14, 500).astype(np.int64)]))
    with mpmath.workdps(40):
        x = np.array([float(int(i) * mpmath.pi / 2) for i in k])
    got = getattr(compiled, name)(np.concatenate([x, -x]))
    assert max(map(units_off, [name] * len(got), np.concatenate([x, -x]), got)) <= BOUNDS[name]


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_errors_grow_slowly_and_values_stay_bounded_beyond(name, compiled) -> None:
    far = scattered(2.0**48, 2.0**51)
    got = getattr(compiled, name)(far)
    assert max(abs(float(mpmath.mpf(g) - exact(name, x))) for x, g in zip(far, got, strict=True)) < 1.1e-14
    huge = getattr(compiled, name)(np.concatenate([scattered(2.0**51, LARGEST), [LARGEST, -LARGEST]]))
    assert (abs(huge) <= 1.0).all()


any_number = st.floats(allow_nan=False)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ("log_positive", "sin", "cos")])
@given(x=any_number)
def test_every_double_has_its_value(name, compiled, x) -> None:
    got = float(getattr(compiled, name)([x])[0])
    if name == "log" and x <= 0:
        assert math.isnan(got) if x < 0 else got == -INF
    elif math.isinf(x):
        assert (
            got
            == {"exp": (0.0, INF), "log": (NAN, INF), "tanh": (-1.0, 1.0)}.get(
                name, (0.0, 1.0 if name == "sigmoid" else INF)
            )[int(x > 0)]
        )
    else:
        assert units_off(name, x, got) <= BOUNDS[name]


@pytest.mark.parametrize("name", ["sin", "cos"])
@given(x=st.floats(-(2.0**48), 2.0**48))
def test_every_double_up_to_the_stated_end_has_its_sine_and_cosine(name, compiled, x) -> None:
    assert units_off(name, x, float(getattr(compiled, name)([x])[0])) <= BOUNDS[name]


SPECIAL = {
    "exp": {0.0: 1.0, 709.78: math.exp(709.78), 709.79: INF, INF: INF, -745.0: SMALLEST, -746.0: 0.0},
    "log": {1.0: 0.0, 0.0: -INF, INF: INF, -1.0: NAN, -INF: NAN, SMALLEST: math.log(SMALLEST)},
    "log_positive": {1.0: 0.0},
    "sin": {0.0: 0.0, INF: NAN, -INF: NAN, SMALLEST: SMALLEST},
    "cos": {0.0: 1.0, INF: NAN, -INF: NAN},
    "tanh": {INF: 1.0, -INF: -1.0, 20.0: 1.0, LARGEST: 1.0, SMALLEST: SMALLEST},
    "sigmoid": {0.0: 0.5, INF: 1.0, -INF: 0.0, 40.0: 1.0, -745.0: SMALLEST, -LARGEST: 0.0},
    "softplus": {INF: INF, -INF: 0.0, LARGEST: LARGEST, **{x: np.logaddexp(0.0, x) for x in (-800.0, -745.0, 800.0)}},
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, compiled) -> None:
    np.testing.assert_array_equal(
        getattr(compiled, name)(list(SPECIAL[name])), list(SPECIAL[name].values()), strict=True
    )


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos", "tanh", "sigmoid", "softplus", "turn"])
def test_nan_gives_nan(name, compiled) -> None:
    assert np.isnan(getattr(compiled, name)([NAN, -NAN])).all()


def test_negative_zero_is_zero(compiled) -> None:
    for name, value in {"exp": 1.0, "log": -INF, "sin": 0.0, "cos": 1.0, "sigmoid": 0.5}.items():
        assert getattr(compiled, name)([-0.0])[0] == value


def test_tanh_keeps_the_sign_of_zero(compiled) -> None:
    np.testing.assert_array_equal(np.signbit(compiled.tanh([0.0, -0.0])), [False, True])


def test_turn_is_exact_at_quarters_and_near_the_circle_everywhere(compiled) -> None:
    quarters = compiled.turn([0.0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_array_equal(quarters, [[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]])
    v = np.concatenate([between(0, 1), np.arange(1, 16) / 16, abs(scattered(1e-300, 1))])
    got = compiled.turn(v)
    with mpmath.workdps(40):
        worst = max(
            float(max(abs(mpmath.cospi(2 * mpmath.mpf(x)) - c), abs(mpmath.sinpi(2 * mpmath.mpf(x)) - s)))
            for x, (c, s) in zip(v.tolist(), got.tolist(), strict=True)
        )
    assert worst <= 0.7 * 2.0**-52


def interpolated(function, low: mpmath.mpf, high: mpmath.mpf, count: int) -> list[float]:
    """Return the coefficients of the polynomial through ``count`` Chebyshev points, each rounded once."""
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mpmath.cospi((2 * k + mpmath.mpf(1)) / (2 * count)) for k in range(count)
    ]
    powers = mpmath.matrix(count, count)
    for i, node in enumerate(nodes):
        for j in range(count):
            powers[i, j] = node**j
    return [float(c) for c in mpmath.lu_solve(powers, mpmath.matrix([function(node) for node in nodes]))]


def test_coefficients_are_those_of_the_stated_interpolations() -> None:
    with mpmath.workdps(80):
        half, eighth = mpmath.log(2) / 2, (mpmath.pi / 4) ** 2

        def exponential(r):
            # One node is 0 but for rounding.
            return mpmath.mpf("0.5") if abs(r) < 1e-40 else (mpmath.expm1(r) - r) / r**2

        def logarithm(z):
            s = mpmath.sqrt(z)
            return 2 * (mpmath.atanh(s) - s) / s**3

        def sine(z):
            r = mpmath.sqrt(z)
            return (mpmath.sin(r) - r) / r**3

        def cosine(z):
            return (mpmath.cos(mpmath.sqrt(z)) - 1) / z

        zero = mpmath.mpf(0)
        assert interpolated(exponential, -half, half, 11) == list(elementary.EXP)
        assert interpolated(logarithm, zero, mpmath.mpf(1) / 25, 8) == list(elementary.LOG)
        assert interpolated(sine, zero, eighth, 6) == list(elementary.SIN)
        assert interpolated(cosine, zero, eighth, 7) == list(elementary.COS)


WHOLE = {
    **{name: np.concatenate(samples) for name, samples in SAMPLES.items()},
    "turn": between(0, 1),
}


@pytest.mark.parametrize("name", WHOLE)
def test_bits_depend_neither_on_the_lane_nor_on_the_number_of_lanes(name, compiled) -> None:
    function, x = getattr(compiled, name), WHOLE[name][::37]
    whole = function(x)
    for count in (1, 13, 64):
        pieces = [function(x[i : i + count]) for i in range(0, len(x), count)]
        np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("name", WHOLE)
def test_bits_are_those_of_ieee_operations_one_after_the_other(name, compiled, interpreted) -> None:
    # Nothing was contracted, reassociated or approximated by the compiler.
    x = WHOLE[name][::37]
    with np.errstate(all="ignore"):
        expected = [getattr(interpreted, name)(v) for v in x]
    np.testing.assert_array_equal(getattr(compiled, name)(x), expected)


@pytest.mark.parametrize("name", elementary.NAMES)
def test_loops_become_vector_instructions(name, vectorised) -> None:
    line = f"out[i] = {name}(x[i])" if name != "turn" else "out[i] = turn(x[i])[0]"
    assert vectorised(line, np.ones(64), np.ones(64))


@pytest.mark.skipif(config.USING_SVML, reason="Intel's vector library, which Numba found, has a logarithm")
def test_loops_that_call_the_library_do_not_become_vector_instructions(vectorised) -> None:
    # Negative control.
    assert not vectorised("out[i] = fma(math.log(x[i]), 3.0, x[i])", np.ones(64), np.ones(64))


def test_loops_with_a_gamma_function_do_not_become_vector_instructions(vectorised) -> None:
    # Negative control: no vector library has it.
    assert not vectorised("out[i] = fma(math.lgamma(x[i]), 3.0, x[i])", np.ones(64), np.ones(64))


def test_functions_bring_what_they_need_once_and_nothing_else() -> None:
    text = elementary.functions("tanh", "exp")
    assert re.findall(r"def (\w+)\(", text) == ["exp_parts", "exp", "negated", "tanh"]
    assert "device.fused(" in elementary.functions("log", fused="device.fused")
