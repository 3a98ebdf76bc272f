"""Stop conditions: where, when, and in which direction."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.core.status import Status
from dynamics.flow import Event, integrate, solvers

#: Compiled solvers take no events.
EVERY = [name for name, solver in solvers().items() if solver.kind != "compiled"]
LOW_ORDER = ("scipy:RK23", "torchdiffeq:bosh3", "torchdiffeq:fehlberg2", "torchdiffeq:adaptive_heun")
FIRST = ("torchdiffeq:euler",)
SECOND = ("torchdiffeq:midpoint", "torchdiffeq:heun2")


def options(name: str) -> tuple[dict[str, float], float]:
    """Settings, and the error after a quarter turn: steps times tolerance, or the error constant times h^p."""
    if solvers()[name].kind == "fixed":
        return {"step": 0.001}, 2e-3 if name in FIRST else 1e-6 if name in SECOND else 1e-9
    rtol = 1e-5 if name in LOW_ORDER else 1e-8
    return {"rtol": rtol, "atol": rtol}, 2 * np.sqrt(2) * 2 * rtol * (2000 if "heun" in name else 300)


@pytest.mark.parametrize("name", EVERY)
def test_an_axis_is_met_after_the_angle_that_leads_to_it(fields, name):
    settings, slack = options(name)
    angles = np.array([0.1, 0.7, 1.3])
    starts = np.stack([np.cos(angles), np.sin(angles)], -1)
    result = integrate(fields.Plane(), starts, [0.0, 0.5, 5.0], name, events=lambda y: y[..., 0], **settings)
    assert set(result.statuses) == {Status.EVENT} and result.status is Status.EVENT and result.status.ok
    assert np.abs(result.reached - (np.pi / 2 - angles)).max() < slack
    assert np.abs(result.final - [0.0, 1.0]).max() < slack
    # The zero itself is found to rounding on the dense output, whatever the error of the orbit.
    assert np.abs(result.final[:, 0]).max() < 1e-14
    assert result.events.tolist() == [0, 0, 0]
    # 1.3 reaches the axis at 0.27, before the second output time.
    np.testing.assert_array_equal(np.isfinite(result.states[:, 1, 0]), [True, True, False])
    assert np.isnan(result.states[:, 2]).all()


@pytest.mark.parametrize("name", ["scipy:DOP853", "scipy:BDF", "torchdiffeq:dopri8"])
def test_direction_counts_along_the_integration(fields, name):
    up, down = Event(lambda y: y[..., 0], 1, "up"), Event(lambda y: y[..., 0], -1, "down")
    field = fields.Plane()
    for sign in (1.0, -1.0):
        times = [0.0, sign * 10.0]
        # cos t falls through zero first and rises at three quarters of the turn, in either direction of time.
        first = integrate(field, [1.0, 0.0], times, name, events=[down])
        assert abs(first.reached - sign * np.pi / 2) < 1e-5
        third = integrate(field, [1.0, 0.0], times, name, events=[up])
        assert abs(third.reached - sign * 3 * np.pi / 2) < 1e-5
        either = integrate(field, [1.0, 0.0], times, name, events=[up, down])
        assert either.events == 1 and abs(either.reached - sign * np.pi / 2) < 1e-5


def test_an_orbit_that_enters_and_leaves_within_one_step_is_caught(fields):
    # At loose tolerances a step of DOP853 is longer than the time inside the strip x > 0.8 (two thirds of a radian).
    result = integrate(fields.Plane(), [-1.0, 0.0], [0.0, 6.0], rtol=1e-3, atol=1e-3, events=lambda y: y[..., 0] - 0.8)
    assert result.status is Status.EVENT
    assert abs(result.reached - (np.pi - np.arccos(0.8))) < 0.02


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_short_stay_beyond_an_event_is_caught_in_either_direction_of_the_crossing(fields, sign):
    # The orbit is above 1 - 1e-6 for 2.8 ms about pi, a small part of a step: it enters going up and leaves going down,
    # and the mirrored event the other way round.
    half = np.arccos(1 - 1e-6)
    for direction, when in ((0.0, np.pi - half), (sign, np.pi - half), (-sign, np.pi + half)):
        event = Event(lambda y: sign * (y[..., 0] - (1 - 1e-6)), direction)
        result = integrate(fields.Plane(), [[-1.0, 0.0], [-0.9, 0.0]], [0.0, 5.0], rtol=1e-12, atol=1e-12, events=event)
        assert result.statuses.tolist() == [Status.EVENT, Status.FINISHED]
        # An error of 100 steps of 1e-12 in the height moves the crossing by that over the slope, half.
        assert abs(result.reached[0] - when) < 1e-10 / half


def test_a_start_on_the_surface_leaves_it_and_stops_on_return(fields):
    result = integrate(fields.Plane(), [1.0, 0.0], [0.0, 10.0], events=Event(lambda y: y[..., 1], 1))
    assert abs(result.reached - 2 * np.pi) < 1e-6


@pytest.mark.parametrize("name", ["scipy:RK45", "torchdiffeq:dopri5", "torchdiffeq:implicit_adams"])
def test_starts_that_stop_do_not_change_those_that_go_on(fields, name):
    settings, slack = options(name)
    angles = np.linspace(0.01, 1.5, 200)
    starts = np.concatenate([np.stack([np.cos(angles), np.sin(angles)], -1), 0.1 * np.eye(2)])
    # Only orbits of radius one reach the height 0.999.
    result = integrate(fields.Plane(), starts, [0.0, 4.0], name, events=lambda y: y[..., 1] - 0.999, **settings)
    inside = angles < np.arcsin(0.999)
    assert np.abs(result.reached[:200][inside] - (np.arcsin(0.999) - angles[inside])).max() < 30 * slack
    assert [status.value for status in result.statuses[200:]] == ["finished", "finished"]
    assert np.abs(result.final[200:] - fields.Plane().exact(starts[200:], [0.0, 4.0])[:, -1]).max() < 4 * slack


def test_a_direction_attribute_is_honoured_as_in_scipy(fields):
    def rising(y):
        return y[..., 0]

    rising.direction = 1.0
    assert abs(integrate(fields.Plane(), [1.0, 0.0], [0.0, 9.0], events=rising).reached - 1.5 * np.pi) < 1e-6
