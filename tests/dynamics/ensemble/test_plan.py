"""Bad input is refused before anything is computed, in one sentence that says what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Isotropic, Matrix, StateDependent, simulate
from dynamics.ensemble.plan import make_plan
from dynamics.ensemble.schemes import find, get, names, read_scheme, summary
from dynamics.games.field import Field

GAME = games.get("dirac-gan", penalty="r1", gamma=0.5)
FINE = {"paths": 4, "dt": 0.1, "time": 1.0}


def plan(**given: Any) -> Any:
    scheme = read_scheme(given.pop("scheme", "euler-maruyama"))
    return make_plan(SDE(given.pop("game", GAME), Isotropic(0.1)), scheme, **{**FINE, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"paths": 0}, "number of paths must be a whole number of at least 1, got 0"),
        ({"paths": -5}, "number of paths"),
        ({"paths": 2.5}, "number of paths"),
        ({"paths": "many"}, "number of paths must be a number"),
        ({"paths": np.nan}, "number of paths must be finite"),
        ({"dt": 0.0}, "step dt must be positive, got 0"),
        ({"dt": -0.1}, "step dt must be positive"),
        ({"dt": np.inf}, "step dt must be finite"),
        ({"dt": None}, "step dt must be a number"),
        ({"time": 0.0}, "time must be positive"),
        ({"time": -1.0}, "time must be positive"),
        ({"time": np.nan}, "time must be finite"),
        ({"dt": 0.3}, r"dt = 0.3 does not divide the time = 1: take 0.3333333333 or 0.25"),
        ({"dt": 2.0}, "does not divide"),
        ({"brownian_dt": 0.03}, "brownian_dt = 0.03 does not divide dt = 0.1"),
        ({"brownian_dt": 0.2}, "does not divide"),
        ({"brownian_dt": 0.0}, "brownian_dt must be positive"),
        ({"brownian_dt": 0.05, "scheme": "exact", "game": games.get("bilinear")}, "do not compose"),
        ({"brownian_dt": 0.05, "scheme": "weak-order-2"}, "do not compose"),
        ({"brownian_dt": 0.05, "scheme": get("euler-maruyama", increments_of="two-point")}, "do not compose"),
        ({"brownian_dt": 0.05, "scheme": methods.get("adam", lr=0.1)}, "do not compose"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"seed": 2**64}, r"seed must be below 2\^64"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"first": -1}, "first path must be a whole number of at least 0"),
        ({"first": 2**62}, r"behind the last path must be below 2\^62"),
        ({"start": [1.0]}, "start has 1 coordinates, expected 2"),
        ({"start": [1.0, np.nan]}, "start must be finite"),
        ({"start": np.zeros((3, 2))}, r"start has the shape \(3, 2\), expected \(2,\) or \(4, 2\)"),
        ({"start": np.zeros((4, 1, 2))}, "start has the shape"),
        ({"start": "here"}, "start must be numbers"),
        ({"spread": -0.1}, "spread must not be negative, got -0.1"),
        ({"spread": {"x": 0.1}}, "Unknown coordinate of the spread 'x'"),
        ({"spread": {"theta": -1.0}}, "spread must not be negative"),
        ({"spread": "wide"}, "spread must be a number"),
        ({"records": 1}, "number of records must be a whole number of at least 2"),
        ({"records": [0.25]}, "record time 0.25 is no multiple of dt = 0.1 from 0 to 1: move it"),
        ({"records": [1.1]}, "record time 1.1"),
        ({"records": [-0.1]}, "record time -0.1"),
        ({"records": [np.nan]}, "record time must be finite"),
        ({"records": ["soon"]}, "record time must be a number"),
        ({"records": "soon"}, "record time must be a number"),
        ({"observe": ["theta +"]}, "is not a formula"),
        ({"observe": ["x"]}, "Unknown name in the expression 'x'"),
        ({"maxima": ["psi.real"]}, "not part of the formula language"),
        ({"until": ["theta > 1", "theta > 1"]}, "given twice"),
        ({"until": "theta"}, "no comparison"),
        ({"watch": [3]}, "A condition is a text"),
    ],
)
def test_bad_arguments(given, message):
    with pytest.raises(InputError, match=message):
        plan(**given)


class Bare(Field):
    """A field without formulas, box or start."""

    names = ("x", "y")

    def __call__(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        return -np.asarray(y)

    def jacobian(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        return np.broadcast_to(-np.eye(2), (*np.shape(y), 2))


@pytest.mark.parametrize(
    ("game", "noise", "given", "message"),
    [
        ("dirac-gan", 0.1, {}, "needs a game or another field, got 'dirac-gan'"),
        (GAME, None, {}, "noise must be a strength"),
        (GAME, True, {}, "noise must be a strength"),
        (GAME, "loud", {}, "noise strength must be a number"),
        (GAME, 0.1, {"scheme": "euler-maryama"}, "Unknown scheme 'euler-maryama': did you mean 'euler-maruyama'"),
        (GAME, 0.1, {"scheme": 3}, "scheme must be a name, a Scheme or a Method"),
        (GAME, 0.1, {"threads": 0}, "number of threads must be a whole number of at least 1"),
        (GAME, 0.1, {"chunk": 0}, "chunk must be a whole number of at least 1"),
        (Bare(), 0.1, {}, "has no start of its own"),
        (Bare(), 0.1, {"start": [1.0, 1.0], "compiled": True}, "Only symbolic games can be compiled, got Bare"),
        (Bare(), 0.1, {"start": [1.0, 1.0], "scheme": "exact"}, "linear in the state"),
        (Bare(), StateDependent([["x"], ["y"]]), {"start": [1.0, 1.0], "scheme": "milstein"}, "needs the formulas"),
        (Bare(), 0.1, {"start": [1.0, 1.0], "scheme": methods.get("adam", lr=0.1)}, "needs a game with players"),
        (GAME, StateDependent([["theta"], ["psi"]]), {"scheme": "stochastic-runge-kutta"}, "needs additive noise"),
        (
            games.get("dirac-gan", loss="wasserstein", clip=1.0),
            0.1,
            {"scheme": "stochastic-runge-kutta"},
            "not made for clipped coordinates",
        ),
    ],
)
def test_games_noise_and_schemes_that_do_not_fit(game, noise, given, message):
    with pytest.raises(InputError, match=message):
        simulate(game, noise, **{**FINE, **given})


def test_fields_without_formulas_run_in_the_readable_loop():
    found = simulate(Bare(), Matrix([[0.1, 0.0], [0.05, 0.2]]), start=[1.0, 1.0], until="x < 0.5", **FINE)
    assert found.status.ok and found.counts["event"] == 4
    np.testing.assert_allclose(found.final[:, 0], 0.5, atol=1e-14)


def test_schemes_have_names_summaries_and_settings():
    assert names() == [
        "euler-maruyama", "milstein", "stochastic-runge-kutta", "weak-order-2", "tamed-euler", "exact",
    ]  # fmt: skip
    for name in names():
        assert find(name).name == name and len(summary(name)) > 20
        assert get(name).settings()["scheme"] == name
    with pytest.raises(InputError, match=r"Unknown setting of the scheme euler-maruyama 'order'"):
        get("euler-maruyama", order=2)
    with pytest.raises(InputError, match=r"Unknown kind of increments 'four-point'"):
        get("euler-maruyama", increments_of="four-point")
    with pytest.raises(InputError, match=r"three-point or gaussian"):
        get("weak-order-2", increments_of="two-point")
    with pytest.raises(InputError, match=r"needs three-point increments"):
        noise = StateDependent([["theta", "psi"], ["psi", "1"]])
        simulate(GAME, noise, scheme=get("weak-order-2", increments_of="gaussian"), **FINE)


def test_one_text_is_one_condition_quantity_or_maximum():
    told = plan(until="theta > 1", watch="psi < 0", observe="theta*psi", maxima="psi")
    assert [c.text for c in told.conditions] == ["theta > 1", "psi < 0"]
    assert list(told.observables) == ["theta", "psi", "theta*psi"] and list(told.maxima) == ["psi"]


def test_records_are_the_times_asked_for_and_the_end():
    assert plan(records=[0.2, 0.2, 0.5]).records.tolist() == [2, 5, 10]
    assert plan(records=3).records.tolist() == [0, 5, 10]
    assert plan(records=1000).records.tolist() == list(range(11))


def test_bridges_stand_only_between_increments_of_brownian_motion():
    assert plan(until="theta > 1").bridge
    for scheme in ("weak-order-2", get("euler-maruyama", increments_of="two-point"), methods.get("adam", lr=0.1)):
        assert not plan(until="theta > 1", maxima="psi", scheme=scheme).bridge
    # Between increments of two values a bridge makes exits early by several percent: E tau of (-1, 1) at h = 0.09.
    assert not plan(until="theta > 1", scheme=get("euler-maruyama", increments_of="three-point")).bridge
    assert not plan().bridge and not plan(until="theta > 1", bridge=False).bridge
