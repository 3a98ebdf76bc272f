"""Compiled solvers on kinks and bounds: exact orbits across, along and at them, and the Python solvers' switchings."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.core.status import Status
from dynamics.flow import integrate
from dynamics.flow.compiled import integrate_many

SOLVERS = ("compiled:dop853", "compiled:dopri5")


def turned(state: np.ndarray, angle: float) -> np.ndarray:
    """A state turned by an angle against the clock."""
    z = complex(*state) * np.exp(1j * angle)
    return np.array([z.real, z.imag])


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_weak_sign_bends_the_orbit_at_its_surface(solver):
    # x' = -y, y' = x - k sign(y): half circles around (k, 0) above and (-k, 0) below. From (c, 0) with c > k, half a
    # turn later at -(c - 2 k), another half turn later at c - 4 k.
    k, c = 0.25, 2.0
    game = games.define(players={"a": (["x"], "x*y"), "b": (["y"], f"-x*y + {k}*abs(y)")})
    times = np.pi * np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    result = integrate(game, [c, 1e-300], times, solver, rtol=1e-10, atol=1e-10)
    exact = [[c, 0], [k, c - k], [2 * k - c, 0], [-k, -(c - 3 * k)], [c - 4 * k, 0], [k, c - 5 * k]]
    # Two pieces; each step errs by at most 1e-10 (1 + |y|) < 3e-10 per coordinate in root mean square, and isometries
    # add that up; crossings at an angle of 45 degrees or more enlarge it at most by two.
    assert np.abs(result.states - exact).max() < 2 * np.sqrt(2) * 3e-10 * result.statistics["steps"]
    assert result.statistics["switchings"] == 2


@pytest.mark.parametrize("solver", SOLVERS)
def test_hinge_orbits_slide_and_leave_where_the_field_becomes_tangent(solver):
    # On theta psi = -1 with |theta| > |psi| both fields lead to the surface. Sliding, theta' = psi = -1/theta, so that
    # theta^2 falls at the rate 2; at (1, -1) the field of the inner side is tangent and takes over, a unit rotation
    # (theta' = psi, psi' = -theta) on which theta psi >= -1.
    game = games.get("dirac-gan", loss="hinge")
    start = [3.0, -1 / 3]
    result = integrate(game, start, [0.0, 2.5, 4.0, 5.0], solver, rtol=1e-10, atol=1e-10)
    assert result.status is Status.FINISHED
    slides = [2.0, -0.5]
    assert np.abs(result.states[1] - slides).max() < 1e-7
    # Near the exit the distance to it goes like the square root of what is left of theta^2 - 1: nothing is lost, since
    # theta itself falls at the rate 1 there.
    left = turned(np.array([1.0, -1.0]), -1.0)
    assert np.abs(result.states[3] - left).max() < 1e-6
    assert result.statistics["switchings"] == 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_orbit_meets_the_surface_on_which_it_slides(solver):
    # Far from the surface psi grows freely while the hinge is off: theta' = psi, psi' = 0 at theta psi < -1.
    game = games.get("dirac-gan", loss="hinge")
    result = integrate(game, [-4.0, 1.0], [0.0, 2.0, 3.0, 3.5], solver, rtol=1e-10, atol=1e-10)
    # theta = -4 + t meets theta psi = -1 at t = 3, at (-1, 1), where the inner field is tangent to it.
    assert np.abs(result.states[1] - [-2.0, 1.0]).max() < 1e-8
    assert np.abs(result.states[2] - [-1.0, 1.0]).max() < 1e-8
    assert np.abs(result.states[3] - turned(np.array([-1.0, 1.0]), -0.5)).max() < 1e-7


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_clipped_coordinate_stops_at_its_bound_and_leaves_it_when_the_field_turns(solver):
    # theta' = psi, psi' = -theta, psi clipped to [-1/2, 1/2]. From (-2, 0) the orbit follows the circle of radius 2 to
    # psi = 1/2, moves on with theta' = 1/2 until theta = 0, and turns on the circle of radius 1/2 from there.
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    hit = np.arcsin(0.25)
    leave = hit + 4 * np.cos(hit)
    times = np.array([0.0, hit / 2, hit + 1.0, leave + 1.0, leave + 3.0])
    result = integrate(game, [-2.0, 0.0], times, solver, rtol=1e-10, atol=1e-10, record_switchings=True)
    exact = [
        [-2.0, 0.0],
        [-2 * np.cos(hit / 2), 2 * np.sin(hit / 2)],
        [-2 * np.cos(hit) + 0.5, 0.5],
        [0.5 * np.sin(1.0), 0.5 * np.cos(1.0)],
        [0.5 * np.sin(3.0), 0.5 * np.cos(3.0)],
    ]
    # The bound is met at a small angle, sin 0.25: there errors grow by 4 along it, and again by 2 where it is left at
    # half the speed. Local errors are below 3e-10 per coordinate.
    assert np.abs(result.states - exact).max() < 8 * np.sqrt(2) * 3e-10 * result.statistics["steps"]
    assert [switching.kind for switching in result.switchings] == ["bound", "release"]
    assert np.abs([s.time for s in result.switchings] - np.array([hit, leave])).max() < 1e-7
    assert (result.states[2, 1], result.switchings[0].state[1]) == (0.5, 0.5)


def test_a_start_beyond_its_bounds_comes_back_through_both_of_them():
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    starts = np.array([[1.25, 1.65], [0.55, -0.92], [1.0, 3.0], [-1.0, -0.6]])
    found = integrate_many(game, starts, 3.0, rtol=1e-11, atol=1e-11)
    twins = integrate(game, starts, [0.0, 3.0], rtol=1e-11, atol=1e-11)
    assert np.abs(found.last - twins.final).max() < 1e-8


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "wasserstein", "penalty": "wgan-gp", "gamma": 0.5},
        {"loss": "hinge", "bias": True, "clip": 0.7},
        pytest.param({"loss": "hinge"}, marks=pytest.mark.slow),
        pytest.param({"loss": "hinge", "bias": True}, marks=pytest.mark.slow),
        # Without the penalty an orbit that leaves its bound comes back to it tangentially, a turn later.
        pytest.param({"loss": "wasserstein", "penalty": "r1", "bias": True, "clip": 0.4}, marks=pytest.mark.slow),
        pytest.param({"loss": "hinge", "penalty": "wgan-gp", "gamma": 0.3, "clip": 0.9}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("end", [6.0, -2.0])
def test_ends_and_switchings_are_those_of_the_python_solvers(settings, end):
    game = games.get("dirac-gan", **settings)
    starts = np.random.default_rng(5).uniform(-1.5, 1.5, (12, game.dim))
    if game.bounds:
        starts = game.project(starts)
    tight = {"rtol": 1e-11, "atol": 1e-11, "record_switchings": True}
    ours = integrate(game, starts, [0.0, end / 2, end], "compiled:dop853", **tight)
    theirs = integrate(game, starts, [0.0, end / 2, end], "scipy:DOP853", **tight)
    many = integrate_many(game, starts, end, rtol=1e-11, atol=1e-11)
    same = ours.statuses == theirs.statuses
    # Tangencies decided by the last bit may send a twin another way for a while; they are rare, and lead back.
    assert same.sum() >= 11
    assert np.abs(ours.states - theirs.states)[same].max() < 1e-7
    assert np.abs(many.last - ours.final)[same].max() < 1e-7
    equal = [
        [(s.kind, s.surface) for s in mine] == [(s.kind, s.surface) for s in other]
        for mine, other in zip(ours.switchings[same], theirs.switchings[same], strict=True)
    ]
    assert sum(equal) >= same.sum() - 1
    for mine, other, agree in zip(ours.switchings[same], theirs.switchings[same], equal, strict=True):
        if agree and mine:
            assert max(abs(a.time - b.time) for a, b in zip(mine, other, strict=True)) < 1e-6


def test_a_corner_of_two_sliding_surfaces_is_where_the_orbit_rests():
    # Both signs push to their surfaces: from (1, 2) x falls to 0 at t = 1, slides, and y falls to 0 at t = 2.
    game = games.define(players={"a": (["x"], "abs(x)"), "b": (["y"], "abs(y)")})
    result = integrate(game, [1.0, 2.0], [0.0, 0.5, 1.5, 2.5], "compiled:dop853")
    assert result.status is Status.FINISHED
    assert np.abs(result.states - [[1.0, 2.0], [0.5, 1.5], [0.0, 0.5], [0.0, 0.0]]).max() < 1e-9
    found = integrate_many(game, [[1.0, 2.0], [3.0, 3.0]], 3.5, targets=[[0.0, 0.0]], radii=0.25)
    assert found.captured.tolist() == [0, 0]
    # (3, 3) runs down the diagonal into the corner, which it comes as near as 1/4 when t = 3 - sqrt(1/32).
    np.testing.assert_allclose(found.reached, [1.75, 3 - 0.25 / np.sqrt(2)], atol=1e-9)


def test_a_brief_graze_is_not_stepped_across():
    # The unit circle is below y = -0.999, where the field bends, for 2 acos(0.999) = 0.09 of each turn of 6.28; a step
    # is about 0.8 long.
    game = games.define(players={"a": (["x"], "x*y"), "b": (["y"], "-x*y + 5*relu(-y - 0.999)**2")})
    result = integrate(game, [1.0, 0.0], [0.0, 4.0 * np.pi], "compiled:dop853", record_switchings=True)
    twin = integrate(game, [1.0, 0.0], [0.0, 4.0 * np.pi], rtol=1e-11, atol=1e-12)
    assert len(result.switchings) >= 2
    half = np.arccos(0.999)
    assert np.abs([s.time for s in result.switchings[:1]] - (1.5 * np.pi - half)).max() < 1e-6
    # Local errors of 1e-8 in each of 20 steps, that at the surface enlarged by 1 / sin(half) = 22.
    assert np.abs(result.final - twin.final).max() < 22 * 20 * 1e-8


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_touch_within_the_error_of_the_orbit_is_no_switching(solver):
    # Released at theta = 0 the orbit turns on the circle of radius 1/2, which touches both bounds in every turn.
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    result = integrate(game, [-2.0, 0.0], [0.0, 30.0], solver)
    assert result.statistics["switchings"] == 2
