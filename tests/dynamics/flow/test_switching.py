"""Fields that are not smooth: exact orbits that cross surfaces, slide along them and stop at bounds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from dynamics import games
from dynamics.core.status import Status
from dynamics.flow import Event, integrate, solvers
from dynamics.games.field import Field

FAMILIES = ["scipy:DOP853", "scipy:RK45", "scipy:Radau", "scipy:BDF", "scipy:LSODA", "torchdiffeq:dopri8",
            "torchdiffeq:dopri5", "torchdiffeq:rk4", "torchdiffeq:implicit_adams"]  # fmt: skip
EVERY = [name for name, solver in solvers().items() if solver.kind != "compiled"]
LOW_ORDER = ("scipy:RK23", "torchdiffeq:bosh3", "torchdiffeq:fehlberg2", "torchdiffeq:adaptive_heun")

#: x' = y, y' = -sign x: parabolas, closed orbits of period 4 sqrt(2 x0).
RELAY = games.define({"a": (["x"], "-x*y"), "b": (["y"], "y*sign(x)")})
WGAN_GP = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", gamma=0.8, target=1.2)
CLIPPED = games.get("dirac-gan", loss="wasserstein", clip=0.5)
CLIPPED_GP = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", gamma=0.8, target=1.2, clip=0.5)
HINGE = games.get("dirac-gan", loss="hinge")


def options(name: str, step: float = 0.02) -> dict[str, float]:
    return {"step": step} if solvers()[name].kind == "fixed" else {"rtol": 1e-4} if name in LOW_ORDER else {}


def kinds(result: Any) -> list[str]:
    return [switching.kind for switching in result.switchings]


class Hidden(Field):
    """A field that does not tell where it is not smooth (or, with ``told``, how it continues)."""

    def __init__(self, field: Field, told: bool = False) -> None:
        self.names, self.field, self.told = field.names, field, told

    @property
    def switches(self):
        return self.field.switches if self.told else ()

    @property
    def bounds(self):
        return self.field.bounds if self.told else {}

    def __call__(self, y, t=0.0, draw=None):
        return self.field(y, t, draw)

    def jacobian(self, y, t=0.0, draw=None):
        return self.field.jacobian(y, t, draw)


# Exact orbits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_a_point_reaches_the_surface_at_its_distance_and_stays(name):
    field = games.define({"p": (["x"], "abs(x)")})
    result = integrate(field, [[0.7], [-1.3]], [0.0, 0.5, 3.0], name, record_switchings=True, **options(name))
    assert result.status is Status.FINISHED and result.statistics["switchings"] == 2
    # The field is constant on either side: every method is exact up to the rounding of a few hundred steps.
    for found, distance in zip(result.switchings, (0.7, 1.3), strict=True):
        assert [(s.kind, s.surface) for s in found] == [("sliding-begin", 0)]
        assert abs(found[0].time - distance) < 1e-13
        assert abs(abs(found[0].before[0]) - 1) < 1e-15 and found[0].after == 0
    np.testing.assert_allclose(result.states[:, 1:, 0], [[0.2, 0.0], [-0.8, 0.0]], atol=1e-13)


@pytest.mark.parametrize("name", [name for name in EVERY if not name.endswith("euler")])
def test_the_relay_switches_when_its_parabolas_say(name):
    x0 = 0.9
    result = integrate(RELAY, [x0, 0.0], [0.0, 5.0, 12.0], name, record_switchings=True, **options(name))
    quarter = np.sqrt(2 * x0)
    times = quarter * np.arange(1, 12, 2)
    times = times[times < 12]
    # Runge-Kutta methods of order two and more are exact on parabolas, up to rounding in at most 1200 steps. BDF, LSODA
    # and Adams methods err by at most their tolerance per step; a difference in y lasts for a quarter of the orbit.
    exact = name not in ("scipy:BDF", "scipy:LSODA") and "adams" not in name
    slack = 1e-11 if exact else 2 * 2e-8 * result.statistics["steps"] * 12
    assert kinds(result) == ["crossing"] * len(times)
    np.testing.assert_allclose([s.time for s in result.switchings], times, atol=slack)
    np.testing.assert_allclose(
        [s.state[1] for s in result.switchings], -quarter * (-1.0) ** np.arange(len(times)), atol=slack
    )
    phase = np.array([5.0, 12.0]) % (4 * quarter)
    # x = (q^2 - tau^2) / 2 on the side it is on, with tau the time from the arc's top.
    arc = (phase + quarter) % (4 * quarter)
    tau = arc % (2 * quarter) - quarter
    side = np.where(arc < 2 * quarter, 1, -1)
    np.testing.assert_allclose(result.states[1:, 0], side * (quarter**2 - tau**2) / 2, atol=10 * slack)
    np.testing.assert_allclose(result.states[1:, 1], -side * tau, atol=10 * slack)


def wgan_gp_orbit(game: Any, y: np.ndarray, time: float) -> tuple[np.ndarray, list[float], float]:
    """State, crossing times and largest growth of a difference, from exponentials of the two linear pieces."""
    gamma, target = game.parameters["gamma"], game.parameters["target"]
    values, vectors = np.linalg.eig(np.array([[0.0, 1.0], [-1.0, -gamma]]))
    inverse = np.linalg.inv(vectors)
    side, now, crossings = np.sign(y[1]), 0.0, []
    matrix, growth = np.eye(2), 1.0
    while True:
        rest = np.array([side * gamma * target, 0.0])

        def flow(t: float) -> np.ndarray:
            return (vectors * np.exp(values * t)) @ inverse

        def psi(t: float, y=y, rest=rest) -> float:
            return float((rest + flow(t) @ (y - rest)).real[1])

        grid = np.linspace(1e-6, time - now, 4000)
        found = np.flatnonzero(side * np.array([psi(t) for t in grid]) < 0)
        if not found.size:
            return (rest + flow(time - now) @ (y - rest)).real, crossings, growth
        t = brentq(psi, grid[found[0] - 1], grid[found[0]], xtol=1e-15, rtol=1e-15)
        y = np.array([(rest + flow(t) @ (y - rest)).real[0], 0.0])
        speed = -y[0] + gamma * target * side
        matrix = np.array([[1.0, 0.0], [0.0, 1 - 2 * side * gamma * target / speed]]) @ flow(t).real @ matrix
        growth = max(growth, np.linalg.norm(matrix, 2))
        now, side = now + t, -side
        crossings.append(now)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_wgan_gp_orbit_is_that_of_two_matrix_exponentials(name):
    y0 = np.array([1.5, 0.4])
    exact, crossings, growth = wgan_gp_orbit(WGAN_GP, y0, 12.0)
    result = integrate(WGAN_GP, y0, [0.0, 12.0], name, record_switchings=True, **options(name))
    assert kinds(result) == ["crossing"] * len(crossings) and len(crossings) >= 3
    # A step errs by 2 sqrt(2) (1e-10 + 1e-8 |y|) with |y| < 2.5; the interpolant at a switching by ten times as much.
    # Differences grow by at most the saltation and flow matrices, forward from any time: growth squared. Fixed steps
    # of order four: 0.02^4 = 2e-7 a unit of time, times an error constant of a hundredth.
    slack = 2 * np.sqrt(2) * 2.6e-8 * (result.statistics["steps"] + 10 * len(crossings)) * growth**2
    np.testing.assert_allclose([s.time for s in result.switchings], crossings, atol=slack)
    np.testing.assert_allclose(result.final, exact, atol=slack)
    # On the surface to rounding.
    assert max(abs(s.state[1]) for s in result.switchings) < 1e-14


@pytest.mark.parametrize("name", FAMILIES)
def test_the_clipped_wgan_turns_stops_and_ends_on_the_circle_that_touches_the_bounds(name):
    # theta = R sin(t + a), psi = R cos(t + a) until psi = -c; then theta falls at the rate c to zero; then a circle of
    # radius c for ever, which touches both bounds.
    c, radius, a = 0.5, 1.3, 0.9
    y0 = 1.3 * np.array([np.sin(a), np.cos(a)])
    y0[1] = min(y0[1], c)
    radius, a = np.hypot(*y0), np.arctan2(*y0)
    hit = np.arccos(-c / radius) - a
    theta = radius * np.sin(hit + a)
    release = hit + theta / c
    times = np.array([0.0, hit / 2, (hit + release) / 2, release + 2.0, release + 9.0])
    result = integrate(CLIPPED, y0, times, name, record_switchings=True, **options(name))
    exact = [[radius * np.sin(hit / 2 + a), radius * np.cos(hit / 2 + a)], [theta / 2, -c]]
    exact += [[-c * np.sin(t), -c * np.cos(t)] for t in (2.0, 9.0)]
    # No difference grows in a rotation or a stop; see above for the steps.
    slack = 2 * np.sqrt(2) * 1.6e-8 * (result.statistics["steps"] + 20)
    np.testing.assert_allclose(result.states[1:], exact, atol=slack)
    assert result.states[2, 1] == -c
    first, second = result.switchings[:2]
    assert (first.kind, first.label, second.kind) == ("bound", "psi = -0.5", "release")
    assert abs(first.time - hit) < slack and abs(second.time - release) < slack / c
    assert first.state[1] == -c and first.after[1] == 0
    # What follows are touches, of the length of the root of an error.
    rest = [s.time for s in result.switchings[2:]]
    assert all(b - a < 4 * np.sqrt(slack) for a, b in zip(rest[::2], rest[1::2], strict=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_hinge_slides_along_its_hyperbola_and_leaves_it_where_both_are_one(name):
    # A circle until theta psi = -1; beyond it only theta moves, and back: theta psi = -1 with theta^2 falling at the
    # rate two; from (1, -1) on the circle of radius sqrt 2, which touches the hyperbola every half turn.
    y0 = np.array([1.9, 0.3])
    radius, a = np.hypot(*y0), np.arctan2(*y0)
    hit = (np.pi - np.arcsin(-2 / radius**2)) / 2 - a
    theta = radius * np.sin(hit + a)
    leave = hit + (theta**2 - 1) / 2
    times = np.array([0.0, hit / 2, (hit + leave) / 2, leave + 1.0, leave + 6.0])
    result = integrate(HINGE, y0, times, name, record_switchings=True, **options(name))
    middle = np.sqrt(theta**2 - (leave - hit))
    exact = [[radius * np.sin(hit / 2 + a), radius * np.cos(hit / 2 + a)], [middle, -1 / middle]]
    exact += [np.sqrt(2) * np.array([np.sin(t), np.cos(t)]) for t in (1 + 3 * np.pi / 4, 6 + 3 * np.pi / 4)]
    # On the hyperbola differences along it grow like 1 / theta, by less than 1.8.
    slack = 1.8 * 2 * np.sqrt(2) * 2e-8 * (result.statistics["steps"] + 20)
    np.testing.assert_allclose(result.states[1:], exact, atol=slack)
    first, second = result.switchings[:2]
    assert (first.kind, second.kind) == ("sliding-begin", "sliding-end")
    assert abs(first.time - hit) < slack and abs(second.time - leave) < 3 * slack
    np.testing.assert_allclose(second.before, second.after, atol=1e-12)


# Where a piece begins -------------------------------------------------------------------------------------------------


def test_an_equilibrium_by_symmetric_cancellation_stays():
    for y0 in ([0.0, 0.0],):
        result = integrate(WGAN_GP, y0, [0.0, 50.0])
        assert result.final.tolist() == y0
    repelling = games.define({"p": (["x"], "-abs(x)")})
    assert integrate(repelling, [0.0], [0.0, 5.0]).final.tolist() == [0.0]
    assert abs(integrate(repelling, [1e-300], [0.0, 5.0]).final[0] - 5) < 1e-12


def test_a_start_on_a_surface_goes_where_the_fields_lead():
    # psi' = -theta -+ gamma target on the sides of psi = 0: both down for theta = 2, apart for |theta| < 0.96, where
    # the value on the surface itself, -theta, decides.
    for theta, way in ((2.0, -1), (-2.0, 1), (0.3, -1), (-0.3, 1)):
        result = integrate(WGAN_GP, [theta, 0.0], [0.0, 0.1], record_switchings=True)
        assert np.sign(result.final[1]) == way and result.switchings == ()
    attracting = games.define({"p": (["x"], "abs(x - 0.5)"), "q": (["y"], "-y")})
    result = integrate(attracting, [0.5, 0.0], [0.0, 1.0], record_switchings=True)
    assert result.final[0] == 0.5 and abs(result.final[1] - 1) < 1e-12 and result.switchings == ()


def test_a_start_at_a_bound_or_beyond_it_obeys_the_projected_field():
    # At psi = c: stopped while theta < 0, free for theta > 0, and at theta = 0 the curvature leads inside.
    stopped = integrate(CLIPPED, [-1.0, 0.5], [0.0, 1.0], record_switchings=True)
    np.testing.assert_allclose(stopped.final, [-0.5, 0.5], atol=1e-12)
    assert kinds(stopped) == []
    inward = integrate(CLIPPED, [0.0, 0.5], [0.0, 1.0], record_switchings=True)
    np.testing.assert_allclose(inward.final, 0.5 * np.array([np.sin(1), np.cos(1)]), atol=1e-7)
    assert kinds(inward) == []
    # Beyond: frozen at psi = 0.8 until theta = 0, then the circle of radius 0.8, and free to pass 0.5 inward.
    beyond = integrate(CLIPPED, [-0.4, 0.8], [0.0, 0.25, 1.5], record_switchings=True)
    np.testing.assert_allclose(beyond.states[1], [-0.2, 0.8], atol=1e-12)
    np.testing.assert_allclose(beyond.final, 0.8 * np.array([np.sin(1), np.cos(1)]), atol=1e-7)
    assert kinds(beyond) == ["release", "crossing"] and abs(beyond.switchings[0].time - 0.5) < 1e-12
    assert abs(beyond.switchings[1].time - (0.5 + np.arccos(0.5 / 0.8))) < 1e-7


# Several surfaces -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_two_surfaces_are_slid_on_at_once(name):
    field = games.define({"a": (["x"], "abs(x)"), "b": (["y"], "2*abs(y - x)")})
    # Towards x = 0 at unit speed, towards y = x at speed two: y = 2 - 2t meets x = 1.5 - t at 1/2, and then both go on
    # to the origin, which they reach at 3/2.
    result = integrate(
        field, [[1.5, 2.0], [1.0, 0.0]], [0.0, 1.0, 2.0], name, record_switchings=True, **options(name, 0.1)
    )
    np.testing.assert_allclose(result.states[0, 1], [0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(result.final, 0.0, atol=1e-12)
    assert [[s.kind for s in found] for found in result.switchings] == [["sliding-begin"] * 2] * 2
    np.testing.assert_allclose([s.time for s in result.switchings[0]], [0.5, 1.5], atol=1e-12)
    np.testing.assert_allclose([s.time for s in result.switchings[1]], [1 / 3, 1.0], atol=1e-12)


def test_a_corner_that_is_hit_exactly_is_rest_for_both():
    field = games.define({"a": (["x"], "abs(x)"), "b": (["y"], "abs(y)")})
    result = integrate(field, [1.0, -1.0], [0.0, 3.0], record_switchings=True)
    assert np.abs(result.final).max() < 1e-14 and len(result.switchings) <= 2


def test_switchings_that_accumulate_end_in_rest():
    # x' = y, y' = -2 sign x - sign y (the twisting controller): |y| on x = 0 falls by sqrt 3 every half turn, which
    # takes y/3 + y/sqrt 3; the sum over all of them is finite.
    field = games.define({"a": (["x"], "-x*y"), "b": (["y"], "2*y*sign(x) + abs(y)")})
    end = (1 / 3 + 1 / np.sqrt(3)) / (1 - 1 / np.sqrt(3))
    result = integrate(field, [0.0, 1.0], [0.0, end + 1.0], record_switchings=True)
    assert result.status is Status.FINISHED
    assert np.abs(result.final).max() < 1e-12
    times = np.array([s.time for s in result.switchings if abs(s.state[0]) < abs(s.state[1])])
    expected = end * (1 - 3.0 ** (-0.5 * np.arange(1, 11)))
    np.testing.assert_allclose(times[:10], expected, atol=1e-9)
    assert len(result.switchings) < 200


def test_a_surface_that_a_field_is_tangent_to_is_reached_and_not_left_by_rounding():
    # x' = -x/2 - step(x): exp(-t/2) (x0 + 2) - 2 until zero, where the field below vanishes; y turns meanwhile.
    field = games.define({"a": (["x"], "x**2/4 + relu(x)"), "b": (["y"], "-z*y"), "c": (["z"], "y*z")})
    result = integrate(field, [1.0, 1.0, 0.0], [0.0, 20.0], record_switchings=True, max_evaluations=700)
    assert result.status is Status.FINISHED and len(result.switchings) == 1
    assert abs(result.switchings[0].time - 2 * np.log(1.5)) < 1e-7
    assert abs(result.final[0]) < 1e-14
    np.testing.assert_allclose(result.final[1:], [np.cos(20.0), -np.sin(20.0)], atol=1e-6)


def test_a_surface_on_which_the_gradient_vanishes_changes_nothing():
    # sign(y^2) is one on both sides of y = 0, which the orbit passes straight through.
    field = games.define({"a": (["x"], "-x"), "b": (["y"], "y*sign(y**2)*(1 - 2*step(x))")})
    for y0 in (-1.0, 0.7):
        result = integrate(field, [0.1, y0], [0.0, 3.0])
        np.testing.assert_allclose(result.final, [3.1, y0 + 3.0], atol=1e-12)


def test_multiples_of_a_surface_slide_as_one():
    # Towards x = 0 at the speed 1 + 1/2, on which y' = sign(x) + sign(2 x)/2 slides with neither sign.
    field = games.define({"a": (["x"], "abs(x) + abs(2*x)/4"), "b": (["y"], "-y*(sign(x) + sign(-2*x)/2)")})
    result = integrate(field, [1.5, 0.0], [0.0, 1.0, 4.0], record_switchings=True)
    assert len(field.switches) == 1 and kinds(result) == ["sliding-begin"]
    np.testing.assert_allclose(result.states[1:], [[0.0, 0.5], [0.0, 0.5]], atol=1e-12)


# Cost, order, company -------------------------------------------------------------------------------------------------


def test_fourth_order_is_kept_across_switchings():
    # A pendulum with a relay on a parabola: x' = y, y' = -sin x - sign(x + y^2/5)/2. Where the grid meets the surface
    # differs from step to step, and the error with it: four starts even that out.
    game = games.define({"a": (["x"], "-x*y"), "b": (["y"], "y*(sin(x) + sign(x + 0.2*y**2)/2)")})
    starts = np.array([1.5, 0.4]) + np.random.default_rng(0).uniform(-0.3, 0.3, (4, 2))
    times = [0.0, 3.0]
    reference = integrate(game, starts, times, rtol=1e-13, atol=1e-13, record_switchings=True)
    assert [len(found) for found in reference.switchings] == [1] * 4
    steps = 0.06 * 0.5 ** np.arange(4)

    def order(field):
        ends = [integrate(field, starts, times, "torchdiffeq:rk4", step=step).final for step in steps]
        errors = [np.sqrt(np.mean((end - reference.final) ** 2)) for end in ends]
        return np.polyfit(np.log(steps), np.log(errors), 1)[0]

    assert abs(order(game) - 4) < 0.1
    # Negative control: stepped across, the same method is of order one.
    assert abs(order(Hidden(game)) - 1) < 0.5


def test_a_switching_costs_a_few_steps():
    for field, budget in ((WGAN_GP, 900), (CLIPPED, 600), (HINGE, 700), (RELAY, 1100)):
        result = integrate(field, [1.5, 0.4], [0.0, 20.0], max_evaluations=budget)
        assert result.status is Status.FINISHED
    # What the jumps cost where they are not told: the step size shrinks at each of them.
    blind = integrate(Hidden(WGAN_GP), [1.5, 0.4], [0.0, 20.0]).statistics
    told = integrate(WGAN_GP, [1.5, 0.4], [0.0, 20.0]).statistics
    assert blind["evaluations"] > 2 * told["evaluations"]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_start_gives_the_same_bits_alone_and_in_a_batch(name):
    starts = np.random.default_rng(2).uniform(-2, 2, (2, 3, 2))
    times = [0.0, 1.0, 4.0]
    together = integrate(WGAN_GP, starts, times, name, record_switchings=True, **options(name, 0.1))
    assert together.switchings.shape == (2, 3)
    for index in np.ndindex(2, 3):
        alone = integrate(WGAN_GP, starts[index], times, name, record_switchings=True, **options(name, 0.1))
        np.testing.assert_array_equal(together.states[index], alone.states)
        assert [s.time for s in together.switchings[index]] == [s.time for s in alone.switchings]


@pytest.mark.parametrize("name", ["scipy:DOP853", "scipy:LSODA", "torchdiffeq:dopri8"])
def test_a_crossing_is_undone_backward_in_time(name):
    y0 = np.array([1.5, 0.4])
    forth = integrate(WGAN_GP, y0, [0.0, 3.0], name, rtol=1e-10, atol=1e-12, record_switchings=True)
    back = integrate(WGAN_GP, forth.final, [3.0, 0.0], name, rtol=1e-10, atol=1e-12, record_switchings=True)
    assert kinds(forth) == kinds(back) == ["crossing"]
    assert abs(forth.switchings[0].time - back.switchings[0].time) < 1e-7
    # dy/dt on the two sides, whichever comes first.
    np.testing.assert_allclose(forth.switchings[0].before, back.switchings[0].after, atol=1e-7)
    np.testing.assert_allclose(back.final, y0, atol=1e-7)


def test_backward_from_a_stop_is_what_the_projected_field_says():
    # At the bound with the field outward nothing moves but theta; beyond it, a point that came inward goes back out.
    back = integrate(CLIPPED, [-0.4, 0.5], [0.0, -1.0])
    np.testing.assert_allclose(back.final, [-0.9, 0.5], atol=1e-12)
    out = integrate(CLIPPED, [0.3, 0.4], [0.0, -0.9])
    np.testing.assert_allclose(integrate(CLIPPED, out.final, [-0.9, 0.0]).final, [0.3, 0.4], atol=1e-7)


@pytest.mark.parametrize("game", [WGAN_GP, HINGE, RELAY, games.get("dirac-gan", loss="hinge", bias=True)])
def test_a_field_that_does_not_know_its_branches_gives_the_same_orbits(game):
    y0 = np.array([1.6, 0.3, 0.2])[: game.dim]
    known = integrate(game, y0, [0.0, 6.0], record_switchings=True)
    rough = integrate(Hidden(game, told=True), y0, [0.0, 6.0], record_switchings=True)
    count = min(2, len(known.switchings))
    assert kinds(rough)[:count] == kinds(known)[:count]
    np.testing.assert_allclose(
        [s.time for s in rough.switchings[:count]], [s.time for s in known.switchings[:count]], atol=1e-6
    )
    np.testing.assert_allclose(rough.final, known.final, atol=1e-5)


@pytest.mark.parametrize("name", ["scipy:DOP853", "scipy:Radau", "torchdiffeq:dopri8", "torchdiffeq:rk4"])
@pytest.mark.parametrize("game", [CLIPPED, CLIPPED_GP])
def test_a_clipped_field_that_does_not_know_its_branches_gives_the_same_orbits(game, name):
    # Backward it may begin beyond the bound, where steps of fixed size do not see what they miss.
    for end in (6.0,) if solvers()[name].kind == "fixed" else (6.0, -2.0):
        known, rough = (
            integrate(field, [1.5, 0.4], [0.0, end], name, record_switchings=True, **options(name))
            for field in (game, Hidden(game, told=True))
        )
        assert kinds(rough) == kinds(known) != []
        # Affine on every side: its continuation is exact up to rounding, some 1e-9 of the field.
        np.testing.assert_allclose(rough.final, known.final, atol=1e-7)


# Beside events, times and failures ------------------------------------------------------------------------------------


def test_an_event_on_the_switching_surface_itself_is_met():
    for direction, crossing in ((-1.0, 0), (1.0, 1), (0.0, 0)):
        event = Event(lambda y: y[..., 1], direction)
        recorded = integrate(WGAN_GP, [1.5, 0.4], [0.0, 12.0], record_switchings=True)
        result = integrate(WGAN_GP, [1.5, 0.4], [0.0, 12.0], events=event, record_switchings=True)
        assert result.status is Status.EVENT
        assert abs(result.reached - recorded.switchings[crossing].time) < 1e-12
        # The same surface written otherwise, so that its zero is rounded otherwise.
        scaled = Event(lambda y: 3 * (y[..., 1] + 0.1) - 0.3, direction)
        other = integrate(WGAN_GP, [1.5, 0.4], [0.0, 12.0], events=scaled)
        assert abs(other.reached - result.reached) < 1e-12


def test_the_time_of_a_field_that_depends_on_it_counts_on_the_surface():
    class Pushed(Field):
        """x' = 2 cos t - sign x."""

        names = ("x",)

        @property
        def switches(self):
            return (lambda y: y[..., 0],)

        def __call__(self, y, t=0.0, draw=None):
            return 2 * np.cos(t) - np.sign(y)

        def jacobian(self, y, t=0.0, draw=None):
            return np.zeros((*y.shape, 1))

    # It slides while |2 cos t| < 1, until 2 pi / 3, and then x' = 2 cos t + 1.
    result = integrate(Pushed(), [0.0], [np.pi / 2, 3.0], record_switchings=True)
    assert kinds(result) == ["sliding-end"] and abs(result.switchings[0].time - 2 * np.pi / 3) < 1e-12
    exact = 2 * (np.sin(3.0) - np.sin(2 * np.pi / 3)) + 3.0 - 2 * np.pi / 3
    assert abs(result.final[0] - exact) < 1e-8


def test_a_switching_at_the_last_time_ends_the_run():
    field = games.define({"p": (["x"], "abs(x)")})
    result = integrate(field, [1.0], [0.0, 0.5, 1.0])
    assert result.status is Status.FINISHED and result.reached == 1.0
    np.testing.assert_allclose(result.states[:, 0], [1.0, 0.5, 0.0], atol=1e-15)


def test_a_budget_holds_for_every_start_and_keeps_what_was_paid_for():
    times = np.linspace(0.0, 200.0, 401)
    result = integrate(WGAN_GP, [[1.5, 0.4], [0.0, 0.0]], times, max_evaluations=500)
    assert result.statuses.tolist() == [Status.BUDGET_EXHAUSTED, Status.FINISHED]
    np.testing.assert_array_equal(np.isfinite(result.states[0, :, 0]), times <= result.reached[0])
    assert 0 < result.reached[0] < 200 and np.isfinite(result.final).all()


def test_an_interrupt_between_starts_keeps_the_first():
    class Impatient(Hidden):
        calls = 0

        def __call__(self, y, t=0.0, draw=None):
            self.calls += 1
            if self.calls > 2000:
                raise KeyboardInterrupt
            return super().__call__(y, t)

    result = integrate(Impatient(WGAN_GP, told=True), [[0.0, 0.0], [1.5, 0.4], [1.0, 1.0]], [0.0, 500.0])
    assert [status.value for status in result.statuses] == ["finished", "interrupted", "interrupted"]
    assert result.reached[2] == 0.0


def test_switchings_are_counted_and_kept_on_request():
    plain = integrate(WGAN_GP, [1.5, 0.4], [0.0, 12.0])
    assert plain.switchings is None and plain.statistics["switchings"] > 2
    smooth = integrate(games.get("dirac-gan"), [1.0, 1.0], [0.0, 1.0], record_switchings=True)
    assert smooth.switchings == () and "switchings" not in smooth.statistics
    result = integrate(WGAN_GP, [1.5, 0.4], [0.0, 12.0], record_switchings=True)
    entry = json.loads(json.dumps(result.switchings[0].to_dict()))
    assert entry["label"] == "ψ = 0" and entry["kind"] == "crossing" and len(entry["state"]) == 2
