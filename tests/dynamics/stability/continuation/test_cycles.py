"""Cycles of flows: collocation, births at Hopf points, folds, period doublings, tori, ends."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dynamics import games
from dynamics.flow.variational import transition
from dynamics.stability import continue_branches
from dynamics.stability.continuation import gauss
from dynamics.stability.continuation.atlas import Atlas
from dynamics.stability.continuation.atlas import branch as to_branch
from dynamics.stability.continuation.births import from_orbit
from dynamics.stability.continuation.curve import Steps
from dynamics.stability.continuation.families import resolve
from dynamics.stability.continuation.growth import Growth
from dynamics.stability.continuation.orbits import RESIDUAL, remeshed

SQUARE = "(x**2 + y**2)"


def radial(flow, law: str, parameters=None, **rest: str):
    """Return the field ``dr/dt = r law(r^2)``, ``dphi/dt = 1`` in the plane, with further coordinates."""
    rate = law.replace("s", SQUARE)
    return flow({"x": f"({rate})*x - y", "y": f"x + ({rate})*y", **rest}, parameters or {"mu": 0.0})


def cycles(found):
    return [branch for branch in found.branches if branch.kind == "cycle"]


def test_gauss_collocation_has_order_eight():
    # a turn of the rotation x' = -y, y' = x by 2, in k pieces
    game = games.get("bilinear")
    errors = []
    counts = np.array([1, 2, 3, 4])
    for k in counts:
        y = np.array([1.0, 0.0])
        for _ in range(k):
            y = gauss.propagate(game, np.zeros_like, y[None], np.array([2.0 / k]), y[None]).ends[0]
        errors.append(np.hypot(*(y - [np.cos(2.0), np.sin(2.0)])))
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order == pytest.approx(8, abs=0.3)  # from a piece as long as two radians on


def test_derivatives_of_a_piece_are_those_of_the_flow():
    game = games.get("forsaken")
    y, time = np.array([0.4, -0.3]), 0.2
    found = gauss.propagate(game, lambda states: game.slope(states, "shift"), y[None], np.array([time]), y[None])
    exact = transition(game, y, time)
    # order eight over a fifth of a unit of time, and the tolerance 1e-10 of the integration
    np.testing.assert_allclose(found.ends[0], exact.state, atol=1e-9)
    np.testing.assert_allclose(found.by_start[0], exact.matrix, atol=1e-8)
    np.testing.assert_allclose(found.by_time[0], game(exact.state), atol=1e-8)
    step = 1e-4
    moved = [transition(game.with_parameters(shift=0.45 + k * step), y, time).state for k in (-1, 1)]
    np.testing.assert_allclose(found.by_parameter[0], (moved[1] - moved[0]) / (2 * step), atol=1e-6)


def test_a_mesh_is_renewed_where_its_residual_is_uneven():
    lengths = np.full(24, 1 / 24)
    assert remeshed(lengths, np.full(24, RESIDUAL)) is None
    # the mean of neighbours hides a single piece that is four times over
    single = np.full(24, RESIDUAL)
    single[5] = 4 * RESIDUAL
    assert remeshed(lengths, single) is not None
    uneven = np.full(24, 1e-9)
    uneven[3] = 1e3 * RESIDUAL
    renewed = remeshed(lengths, uneven)
    assert renewed is not None
    assert renewed.sum() == pytest.approx(1)
    # short pieces where the residual was large
    assert np.cumsum(renewed)[np.argmin(renewed)] == pytest.approx(3.5 / 24, abs=1 / 24)


@pytest.fixture(scope="module")
def folded(flow):
    """Cycles of radius r with mu + r^2 - r^4 = 0: born subcritically at mu = 0, fold at mu = -1/4, r^2 = 1/2."""
    return continue_branches(radial(flow, "mu + s - s**2"), "mu", (-0.5, 0.5), search_cycles=False)


def test_cycles_from_a_hopf_point_follow_their_closed_form(folded):
    (branch,) = cycles(folded)
    assert branch.ended == ("event: hopf", "range")
    radius = branch.ranges[:, 0, 1]
    # collocation of order eight with 24 pieces of a quarter radian: below rounding; extrema by parabolas through
    # samples a thirtieth of a radian apart: r 0.03^4 / 64
    np.testing.assert_allclose(branch.parameter, radius**4 - radius**2, atol=1e-7)
    np.testing.assert_allclose(branch.period, 2 * np.pi, rtol=1e-10)
    rate = branch.parameter + 3 * radius**2 - 5 * radius**4
    np.testing.assert_allclose(branch.eigenvalues[:, 0].real, np.exp(2 * np.pi * rate), rtol=1e-5)
    # repels up to the fold, attracts beyond
    np.testing.assert_array_equal(branch.stable, radius**2 > 0.5 + 1e-6)


def test_the_fold_of_cycles_is_located(folded):
    (branch,) = cycles(folded)
    (event,) = branch.events
    assert event.kind == "fold"
    assert abs(event.parameter + 0.25) < 1e-10
    assert np.hypot(*event.at.values()) == pytest.approx(np.sqrt(0.5), abs=1e-7)


def test_results_are_json(folded):
    found = json.loads(json.dumps(folded.to_dict(), allow_nan=False))
    kinds = [branch["kind"] for branch in found["branches"]]
    assert sorted(kinds) == ["cycle", "equilibrium"]
    branch = found["branches"][kinds.index("cycle")]
    count = len(branch["parameter"])
    assert all(len(branch[key]) == count for key in ("points", "stable", "eigenvalues", "period"))
    assert all(len(column) == count for column in branch["range"].values())
    assert set(branch["points"][0]) == {"x", "y"}
    assert branch["stable"][0] is None and branch["stable"][5] is False and branch["stable"][-1] is True


def test_a_branch_of_cycles_between_two_hopf_points_is_found_once(flow):
    found = continue_branches(radial(flow, "mu - mu**2 - s"), "mu", (-0.5, 1.5), search_cycles=False)
    assert [round(event.parameter, 12) for event in found.events] == [0.0, 1.0]
    (branch,) = cycles(found)
    assert branch.ended == ("event: hopf", "event: hopf")
    assert branch.parameter[0] == pytest.approx(0, abs=1e-12) and branch.parameter[-1] == pytest.approx(1, abs=1e-12)
    inside = branch.parameter * (1 - branch.parameter)
    np.testing.assert_allclose(branch.ranges[:, 0, 1] ** 2, inside, atol=1e-7)


def test_a_period_without_bound_ends_the_branch(flow):
    # Bogdanov-Takens normal form: the cycle from the Hopf point at b = 0 grows into a loop of the saddle
    found = continue_branches(
        flow({"x": "y", "y": "b - x + x**2 + x*y"}, {"b": 0.0}), "b", (-0.6, 0.3), search_cycles=False
    )
    (branch,) = cycles(found)
    assert branch.ended[0] == "event: hopf"
    assert branch.ended[1].startswith("period: it grows without bound")
    # the loop reaches the saddle x = (1 + sqrt(1 - 4 b)) / 2, y = 0
    b = branch.parameter[-1]
    assert branch.ranges[-1, 0, 1] == pytest.approx((1 + np.sqrt(1 - 4 * b)) / 2, abs=1e-3)
    np.testing.assert_allclose(np.diff(branch.parameter[-4:]), 0, atol=1e-4)


def test_cycles_end_in_their_saddle_loop_without_turning_before(flow):
    # x'' = a x - x^3 + (b - x^2) x': Hopf points at b = a, loops at b = 4 a / 5 to first order (Guckenheimer and Holmes
    # 1983, section 7.3), the next order being a times smaller
    a = 0.05
    game = flow({"x": "y", "y": f"{a}*x - x**3 + (b - x**2)*y"}, {"b": a}, {"x": (-0.4, 0.4), "y": (-0.1, 0.1)})
    found = continue_branches(game, "b", (0.02, 0.07), search_cycles=False)
    for branch in cycles(found):
        assert branch.ended[0] == "event: hopf" and branch.ended[1].startswith("period: it grows without bound")
        assert branch.events == ()
        assert branch.parameter[0] == pytest.approx(a, rel=1e-12)
        assert branch.parameter[-1] == pytest.approx(4 * a / 5, rel=a)
        # the parameter tends to its limit like the square of the distance to the saddle, e^{-sqrt(a) T}
        assert np.ptp(branch.parameter[-3:]) < 1e-4 * a
    assert len(cycles(found)) == 2


def test_the_limit_cycle_of_the_almost_bilinear_game_bifurcates_from_its_centre():
    found = continue_branches(games.get("almost-bilinear"), "eps", (-0.3, 0.3), search_cycles=False)
    vertical, limit = cycles(found)
    # eps = 0 is the bilinear game: circles of every size at one value
    np.testing.assert_allclose(vertical.parameter, 0, atol=1e-10)
    assert "continuum of cycles" in found.notes[0]
    (event,) = limit.events
    assert event.kind == "branch-point"
    assert abs(event.parameter) < 1e-9
    # averaging: dr/dt = eps r (1/2 - 3 r^2 / 8)
    assert np.hypot(*event.at.values()) == pytest.approx(np.sqrt(4 / 3), abs=1e-7)
    np.testing.assert_allclose(np.sort(limit.parameter[[0, -1]]), [-0.3, 0.3])
    decided = np.abs(limit.parameter) > 1e-3
    np.testing.assert_array_equal(limit.stability[decided], np.sign(limit.parameter[decided]))


def test_cycles_of_the_forsaken_game_close_under_the_flow():
    game = games.get("forsaken")
    found = continue_branches(game, "shift", (0.3, 0.8), search_cycles=False)
    (branch,) = cycles(found)
    for i in (5, len(branch) // 2, len(branch) - 1):
        there = game.with_parameters(shift=branch.parameter[i])
        around = transition(there, branch.points[i], branch.period[i])
        # multipliers up to 30 magnify the tolerance 1e-10 of the integration
        np.testing.assert_allclose(around.state, branch.points[i], atol=1e-7)
        # Liouville: the other multiplier is the determinant
        assert branch.eigenvalues[i, 0].real == pytest.approx(np.linalg.det(around.matrix), rel=1e-5)


def grown(game, p):
    """Return what grows from the cycle r = 1 of the first two coordinates, the others at rest: its branch so far."""
    family = resolve(game, "mu", (-0.5, 0.5))
    times = np.linspace(0, 2 * np.pi, 60)
    states = np.stack([np.cos(times), np.sin(times), 0 * times, 0 * times], axis=1)
    started = from_orbit(family, game.names, np.full((4, 2), [-3.0, 3.0]), times, states, 2 * np.pi, p)
    assert started is not None
    growth = Growth(Atlas(Steps(largest=0.05)))
    growth.follow(*started)
    return growth


def followed(game, p):
    """Return the branch of that cycle."""
    return to_branch(grown(game, p).atlas.curves[0])


def test_a_torus_is_born_where_a_pair_of_multipliers_crosses(flow):
    # the cycle r = 1, and beside it u, w turning by 0.3 per unit of time at the rate mu
    game = radial(flow, "1 - s + 0*mu", u="mu*u - 3*w/10", w="3*u/10 + mu*w")
    found = followed(game, -0.2)
    (event,) = found.events
    assert event.kind == "neimark-sacker"
    assert abs(event.parameter) < 1e-9
    assert event.detail["angle"] == pytest.approx(0.6 * np.pi, abs=1e-8)
    assert found.ended == ("range", "range")
    # multipliers exp(2 pi (mu +- 0.3 i)) and exp(-4 pi)
    np.testing.assert_allclose(np.abs(found.eigenvalues[:, 0]), np.exp(2 * np.pi * found.parameter), rtol=1e-6)


def twisted(flow, rate: str, saturation: int):
    """Return the cycle r = 1 and beside it a band with a half twist.

    In a frame that makes half a turn per lap, U' = rate U - saturation U^3 and W' = -W: the multipliers of the cycle
    are -exp(2 pi rate) and -exp(-2 pi), and where U^2 = rate / saturation cycles close after two laps.
    """
    # with c, s the cosine and sine of phi / 2, U = u c + w s: c^2 = (1 + x)/2, c s = y/2, s^2 = (1 - x)/2
    powers = ["(1 + x)**2/4", "(1 + x)*y/4", "y**2/4", "(1 - x)*y/4", "(1 - x)**2/4"]
    first, second = (
        f"{saturation}*(u**3*{a} + 3*u**2*w*{b} + 3*u*w**2*{c} + w**3*{d})" for a, b, c, d in (powers[:4], powers[1:])
    )
    mean, half = f"({rate} - 1)/2", f"({rate} + 1)/2"
    return radial(
        flow,
        "1 - s + 0*mu",
        u=f"{mean}*u + {half}*(x*u + y*w) - w/2 - {first}",
        w=f"{mean}*w + {half}*(y*u - x*w) + u/2 - {second}",
    )


def test_a_period_doubles_where_a_band_with_a_half_twist_loses_stability(flow):
    growth = grown(twisted(flow, "mu", 0), -0.2)
    growth.run()
    (curve,) = growth.atlas.curves
    (event,) = to_branch(curve).events
    assert event.kind == "period-doubling"
    assert abs(event.parameter) < 1e-9
    assert event.detail["period"] == pytest.approx(2 * np.pi, rel=1e-10)
    (note,) = growth.atlas.notes
    assert "continuum of cycles of period 12.566" in note


@pytest.mark.parametrize(
    ("rate", "places", "begin"), [("mu", [0.0], -0.2), ("(1/16 - mu**2)", [-0.25, 0.25], -0.4)], ids=["open", "closed"]
)
def test_the_cycle_of_two_laps_is_followed_from_its_birth(flow, rate, places, begin):
    growth = grown(twisted(flow, rate, 1), begin)
    growth.run()
    first, doubled = (to_branch(curve) for curve in growth.atlas.curves)
    assert [event.kind for event in first.events] == ["period-doubling"] * len(places)
    np.testing.assert_allclose([event.parameter for event in first.events], places, atol=1e-9)
    # where there is a second doubling the branch ends in it, and is not followed again from there
    assert doubled.ended == ("event: period-doubling", "range" if len(places) == 1 else "event: period-doubling")
    np.testing.assert_allclose(doubled.period, 4 * np.pi, rtol=1e-9)
    mu = doubled.parameter
    square = mu if len(places) == 1 else 1 / 16 - mu**2
    # extrema by parabolas through samples a sixtieth of a radian apart, in half the angle
    np.testing.assert_allclose(doubled.ranges[:, 2, 1] ** 2, square, atol=1e-7)
    slow = np.maximum(np.exp(-8 * np.pi * square), np.exp(-4 * np.pi))
    # products of 96 derivatives of order one: small ones are known to the rounding of larger ones on the way
    np.testing.assert_allclose(np.abs(doubled.eigenvalues[:, 0]), slow, rtol=1e-5, atol=1e-8)


def test_an_isola_of_cycles_is_followed_around_once(flow):
    # cycles where (r^2 - 1.2)^2 + mu^2 = 0.08
    found = followed(radial(flow, "2/25 - mu**2 - (s - 6/5)**2", u="-u", w="-w"), -0.2)
    assert found.ended == ("closed", "closed")
    folds = sorted(event.parameter for event in found.events)
    np.testing.assert_allclose(folds, [-np.sqrt(0.08), np.sqrt(0.08)], rtol=1e-9)


def test_a_branch_point_on_the_end_of_the_range_ends_the_branch_there():
    # at eps = 0 the limit cycle crosses the continuum of circles of the bilinear game
    found = continue_branches(games.get("almost-bilinear"), "eps", (0.0, 0.3))
    (limit,) = [branch for branch in cycles(found) if branch.parameter.max() > 0.1]
    assert limit.parameter.min() == pytest.approx(0.0, abs=1e-9) and limit.parameter.max() == 0.3


@pytest.mark.slow
def test_cycles_that_live_in_the_middle_of_the_range_are_found_by_a_search(flow):
    # no equilibrium changes, and no cycle reaches an end: (r^2 - 1)^2 + (mu - 1/2)^2 = 1/100
    game = radial(flow, "1/100 - (mu - 1/2)**2 - (s - 1)**2")
    (branch,) = cycles(continue_branches(game, "mu", (0.0, 1.0), box={"x": (-2.0, 2.0), "y": (-2.0, 2.0)}))
    assert branch.ended == ("closed", "closed")


@pytest.mark.slow
def test_cycles_that_are_born_nowhere_in_the_range_are_found_by_a_search():
    found = continue_branches(games.get("forsaken"), "shift", (0.2, 1.0))
    born, outer = cycles(found)
    assert born.ended[0] == "event: hopf"
    # the outer cycle attracts, and dies where a saddle-node appears on it
    assert (outer.stability == 1).all()
    assert outer.ended[1].startswith("period: it grows without bound")
    (fold,) = [event for event in found.events if event.kind == "fold"]
    assert outer.parameter[-1] == pytest.approx(fold.parameter, abs=1e-3)
    assert outer.parameter[-1] < fold.parameter


@pytest.mark.slow
def test_cycles_of_a_non_smooth_game_carry_the_jumps_of_its_field():
    from dynamics.stability.cycles import find_cycles

    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp")
    found = continue_branches(game, "gamma", (0.4, 0.8))
    (branch,) = cycles(found)
    assert branch.ended == ("range", "range")
    (cycle,) = find_cycles(game.with_parameters(gamma=branch.parameter[-1])).cycles
    assert cycle.switchings == 2
    assert branch.period[-1] == pytest.approx(cycle.period, rel=1e-8)
    assert branch.eigenvalues[-1, 0].real == pytest.approx(cycle.multipliers[0].real, rel=1e-6)
    np.testing.assert_allclose(branch.ranges[-1], [cycle.range[name] for name in game.names], atol=1e-5)
