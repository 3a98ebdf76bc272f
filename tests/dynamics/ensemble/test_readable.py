"""The compiled loop against the readable one: everything they measure agrees up to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamics import games, methods
from dynamics.ensemble import (
    Coloured,
    Diagonal,
    Ensemble,
    GradientNoise,
    Histogram,
    Isotropic,
    Matrix,
    StateDependent,
    simulate,
)
from dynamics.ensemble.schemes import get

#: Rounding of one step, in units of 2^-52 of the largest number in it: normal numbers through other elementary
#: functions (4), a field and a scheme of some 20 operations.
_STEP = 32 * 2.0**-52


def compare(one: Ensemble, other: Ensemble, steps: int, growth: float = 10.0) -> None:
    """Fail unless two ensembles agree to the rounding of their steps.

    The error of each step grows by ``growth`` at most to the end. First times divide by the speed at which a surface is
    met, which costs up to 1e3 more. Sums over paths are compared in units of the largest number of their record.
    """
    bound = _STEP * steps * growth

    def close(a: np.ndarray, b: np.ndarray, factor: float = 1.0) -> None:
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        scale = np.maximum(1.0, np.nan_to_num(np.abs(a)).max(axis=-1, initial=0.0, keepdims=True))
        assert np.nan_to_num(np.abs(a - b) / scale).max(initial=0.0) <= factor * bound

    np.testing.assert_array_equal(one.status_codes, other.status_codes)
    np.testing.assert_array_equal(one.count, other.count)
    close(one.final, other.final, 1e3)
    close(one.summary.rows, other.summary.rows)
    for a, b in zip(one.events, other.events, strict=True):
        assert (a.count, a.open_paths, a.elsewhere) == (b.count, b.open_paths, b.elsewhere)
        close(a.summary.rows, b.summary.rows, 1e3)
    if one.events:
        close(one.event_times, other.event_times, 1e3)
    for name, frontier in one.largest.items():
        close(frontier.total().rows, other.largest[name].total().rows, 1e3)
    for a, b in zip(one.histograms, other.histograms, strict=True):
        np.testing.assert_array_equal(a.counts, b.counts)
        np.testing.assert_array_equal(a.outside, b.outside)
    assert one.notes == other.notes


@given(
    strength=st.floats(0.01, 0.6),
    gamma=st.floats(0.0, 2.0),
    start=st.tuples(st.floats(-1.0, 1.5), st.floats(-1.0, 1.5)),
    spread=st.sampled_from([0.0, 0.2]),
    dt=st.sampled_from([0.02, 0.1, 0.4]),
    seed=st.integers(0, 2**64 - 1),
    first=st.integers(0, 2**61),
    paths=st.integers(1, 70),
)
@settings(max_examples=15)
def test_exits_maxima_and_histograms_of_any_run(watched, dirac, strength, gamma, start, **given):
    # One kernel: games, strengths, starts and steps are its arguments.
    run = {
        "game": dirac.with_parameters(gamma=gamma),
        "noise": strength,
        "start": start,
        "time": 10 * given["dt"],
        "histograms": [Histogram({"psi": (-1.0, 1.0, 4)})],
        **given,
    }
    # |J| <= 1/2 + gamma + |theta psi| / 4 in the region where paths stay: e^(3 * 4) at the longest time.
    compare(watched(**run), watched(compiled=False, **run), 10, np.exp(3 * run["time"]))


def test_another_seed_disagrees(watched):
    # Negative control: the comparison sees that the random numbers are the same.
    with pytest.raises(AssertionError):
        compare(watched(paths=64), watched(paths=64, seed=6, compiled=False), 20)


R1 = games.get("dirac-gan", penalty="r1", gamma=0.5)
XY = games.get("bilinear")
TURNING = StateDependent([["0.3*psi", "0.1"], ["0.2", "0.1*theta"]])
STRATONOVICH = StateDependent(
    [["0.3*psi", "0.1"], ["0.2", "0.1*theta"]], interpretation="stratonovich", schedule="cosine:length=1"
)

#: game, noise, scheme, further arguments
SHORT: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "weak order 2, signs, a watched condition": (R1, TURNING, "weak-order-2", {"watch": "psi < 0"}),
    "coloured, order 1.5, schedule, two conditions": (
        R1,
        Coloured(Isotropic(0.3, schedule="exponential:half_life=1"), tau=0.2),
        "stochastic-runge-kutta",
        {"spread": 0.1, "until": "theta > 1.3", "watch": "psi < 0.5"},
    ),
    "cubic noise that diverges": (
        games.get("double-well"),
        Diagonal({"x": "3*x**3"}),
        "milstein",
        {"until": "x > 1.5", "maxima": "x", "start": [-1.2]},
    ),
    "adam": (R1, 0.3, methods.get("adam", lr=0.1), {"watch": "theta < 0"}),
}
LONG: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "no noise": (R1, 0.0, "euler-maruyama", {"watch": "psi < 0", "maxima": "psi**2"}),
    "schedule, order 1.5": (R1, Isotropic(0.3, schedule="power:power=1"), "stochastic-runge-kutta", {}),
    "diagonal, milstein, maxima": (
        R1,
        Diagonal({"theta": "0.3*theta", "psi": "0.2*cos(psi)"}),
        "milstein",
        {"until": "abs(theta) > 1.3", "maxima": ["theta", "psi**2"]},
    ),
    "stratonovich, composed increments": (
        R1,
        STRATONOVICH,
        "euler-maruyama",
        {"until": "abs(theta) > 1.2", "brownian_dt": 0.025},
    ),
    "exact, jump inside a step": (
        XY,
        Matrix([[0.3, 0.1], [0.0, 0.2]], schedule="piecewise:at=[0.55],factors=[0.2]"),
        "exact",
        {"observe": ["x**2 + y**2"], "watch": "x < 0"},
    ),
    "gradient noise, tamed, either of two": (
        XY,
        GradientNoise([[1.0, 0.5], [0.5, 1.0]], lr=0.1),
        "tamed-euler",
        {"until": "x > 1.1 or y < 0.2"},
    ),
    "no bridge": (R1, 0.3, "euler-maruyama", {"until": "theta > 1.1", "bridge": False, "maxima": "theta"}),
    "clipped": (games.get("dirac-gan", loss="wasserstein", clip=1.0), 0.3, "euler-maruyama", {"until": "theta > 1.5"}),
    "optimistic, schedule": (
        R1,
        0.3,
        methods.get("optimistic", lr=0.1, schedule="cosine:iterations=20"),
        {"watch": "theta < 0"},
    ),
    "extragradient, fresh samples": (R1, TURNING, methods.get("extragradient", lr=0.1, sample="fresh"), {}),
    "alternating, several steps": (R1, 0.3, methods.get("alternating", lr=0.1, d_steps=2), {}),
    "consensus, one coordinate": (R1, {"theta": 0.3}, methods.get("consensus", lr=0.1), {}),
    "instance noise": (
        games.get("dirac-gan", instance_noise=0.7),
        0.3,
        "euler-maruyama",
        {"histograms": [Histogram({"theta": (-2.0, 2.0, 10), "psi": (-2.0, 2.0, 7)})]},
    ),
    "three points": (
        games.get("double-well"),
        0.5,
        get("euler-maruyama", increments_of="three-point"),
        {"until": "x > 0", "start": [-1.0]},
    ),
    "two points, milstein-free": (R1, 0.3, get("euler-maruyama", increments_of="two-point"), {}),
    "three coordinates, order 2": (
        games.get("gaussian-gan"),
        StateDependent([["0.2*weight"], ["0.1*theta"], ["0.1"]]),
        get("weak-order-2", increments_of="gaussian"),
        {"until": "not (theta < 1.5 and weight > -1)"},
    ),
}
CASES = [pytest.param(case, id=name) for name, case in SHORT.items()]
CASES += [pytest.param(case, id=name, marks=pytest.mark.slow) for name, case in LONG.items()]


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_game_noise_and_scheme(case):
    game, noise, scheme, further = case
    run = {"paths": 301, "dt": 0.1, "time": 2.0, "scheme": scheme, "seed": 5, **further}
    # |J| <= 2 over two units of time; in the double well a relative error triples where x becomes a multiple of x^3,
    # which leads beyond the bound in seven steps.
    growth = 3.0**7 if game.name == "double-well" else np.exp(4.0)
    compare(simulate(game, noise, **run), simulate(game, noise, compiled=False, **run), 20, growth)


def test_every_way_to_end_is_among_the_cases():
    game, noise, scheme, further = SHORT["cubic noise that diverges"]
    run = {"paths": 301, "dt": 0.1, "time": 2.0, "scheme": scheme, "seed": 5, **further}
    found = simulate(game, noise, compiled=False, **run).counts
    assert min(found["finished"], found["event"], found["diverged"]) > 0


def test_a_quantity_without_a_value_spoils_its_mean_and_no_other(dirac):
    # sqrt(theta) of a negative theta: the mean is not that of the paths which happen to have one.
    run = {"paths": 40, "dt": 0.1, "time": 1.0, "start": [0.1, 0.1], "observe": "sqrt(theta)", "compiled": False}
    found = simulate(dirac, 0.3, **run)
    assert found.count.tolist() == [40] * 11
    assert np.isnan(found.mean[-1, 2]) and np.isfinite(found.mean[-1, :2]).all()
