"""Rest on a surface: orbits that converge to a zero of the field of their side stay there, and all others cross."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import lambertw

from dynamics import games
from dynamics.flow import integrate, saltation, transition
from dynamics.flow.compiled import integrate_many
from dynamics.games.field import Field

#: theta' = psi, psi' = 3 - theta - 3 psi above psi = 0: a node at (3, 0), and its mirror image below.
NODE = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", gamma=3.0)
#: The same backward in time.
MIRROR = games.define({"g": (["theta"], "theta*psi"), "d": (["psi"], "-theta*psi - 1.5*psi**2 + 3*abs(psi)")})
MINIMAX = games.get("dirac-gan", penalty="wgan-gp")

ADAPTIVE = ["scipy:DOP853", "scipy:RK45", "scipy:Radau", "scipy:BDF", "scipy:LSODA", "torchdiffeq:dopri8",
            "torchdiffeq:dopri5", "compiled:dop853", "compiled:dopri5"]  # fmt: skip


def kinds(result) -> list[str]:
    return [switching.kind for switching in result.switchings]


def stay(monkeypatch) -> None:
    """Take the rule away."""
    monkeypatch.setattr("dynamics.flow.pieces.comes_to_rest", lambda *_: False)


@pytest.mark.parametrize("tol", [1e-5, 1e-8, 1e-11])
@pytest.mark.parametrize("name", ADAPTIVE)
def test_an_orbit_that_converges_to_a_point_of_the_surface_stays_there(name, tol):
    y0, rest = np.array([1.0, 1.0]), np.array([3.0, 0.0])
    times = np.linspace(0.0, 300.0, 31)
    exact = [rest + expm(t * np.array([[0.0, 1.0], [-1.0, -3.0]])) @ (y0 - rest) for t in times]
    # The errors of explicit steps at the edge of their stability, 28 tolerances at most for any stiffness, and the
    # distance at which an orbit may come to rest: a hundred. A tolerance is tol + 3 tol.
    slack = 100 * 4 * tol
    forward = integrate(NODE, y0, times, name, rtol=tol, atol=tol, record_switchings=True)
    np.testing.assert_allclose(forward.states, exact, atol=slack)
    # An implicit method may be exact to rounding and never pushed.
    assert kinds(forward) in ([], ["rest"])
    np.testing.assert_allclose(forward.final, rest, atol=slack)
    backward = integrate(MIRROR, y0, -times, name, rtol=tol, atol=tol, record_switchings=True)
    np.testing.assert_allclose(backward.states, exact, atol=slack)
    assert kinds(backward) in ([], ["rest"])


def test_without_the_rule_rounding_throws_it_across(monkeypatch):
    # Negative control of the test above.
    assert kinds(integrate(NODE, [1.0, 1.0], [0.0, 300.0], record_switchings=True)) == ["rest"]
    stay(monkeypatch)
    for name in ("scipy:DOP853", "torchdiffeq:dopri5", "compiled:dop853"):
        thrown = integrate(NODE, [1.0, 1.0], np.linspace(0.0, 300.0, 31), name, record_switchings=True)
        assert kinds(thrown)[0] == "crossing" and thrown.states[:, 0].min() < -2.9


@pytest.mark.parametrize("name", ["scipy:DOP853", "compiled:dop853"])
def test_the_cross_entropy_loss_rests_at_two(name):
    # s = 2 - theta: s' = -psi/2, psi' = s/2 - 2 psi near it, slowest rate 0.134: e^-0.134*300 is below rounding.
    starts = np.array([[1.0, 1.0], [-1.0, -1.0], [0.5, 2.0], [3.0, -2.0]])
    result = integrate(MINIMAX, starts, [0.0, 300.0, 600.0], name, record_switchings=True)
    assert all(found[-1].kind == "rest" and [s.kind for s in found].count("rest") == 1 for found in result.switchings)
    np.testing.assert_allclose(np.abs(result.states[:, 1:]), np.broadcast_to([2.0, 0.0], (4, 2, 2)), atol=1e-6)
    np.testing.assert_array_equal(result.states[:, 1], result.states[:, 2])
    for row, start in enumerate(starts):
        alone = integrate(MINIMAX, start, [0.0, 300.0, 600.0], name)
        np.testing.assert_array_equal(alone.states, result.states[row])


def test_steps_of_fixed_size_rest_too():
    for name in ("torchdiffeq:rk4", "torchdiffeq:midpoint"):
        result = integrate(NODE, [1.0, 1.0], [0.0, 150.0], name, step=0.5)
        np.testing.assert_allclose(result.final, [3.0, 0.0], atol=1e-6)


def test_many_starts_all_come_to_rest():
    starts = np.random.default_rng(3).uniform(-4.0, 4.0, (300, 2))
    found = integrate_many(NODE, starts, 200.0)
    # A hundred tolerances of 1e-10 + 3e-8.
    np.testing.assert_allclose(np.abs(found.last), np.broadcast_to([3.0, 0.0], (300, 2)), atol=4e-6)
    np.testing.assert_array_equal(found.reached, 200.0)
    assert found.rested.all() and not integrate_many(NODE, starts, 1.0).rested.any()
    alone = integrate_many(NODE, starts[7:8], 200.0)
    np.testing.assert_array_equal(alone.last[0], found.last[7])


def test_what_rests_does_not_leave_when_it_is_looked_at_anew():
    first = integrate(NODE, [1.0, 1.0], [0.0, 100.0])
    for name in ("scipy:DOP853", "compiled:dop853"):
        again = integrate(NODE, first.final, [0.0, 100.0], name, record_switchings=True)
        assert again.final.tolist() == first.final.tolist() and again.switchings == ()
    # Negative control: from beside it the value on the surface leads off.
    beside = integrate(NODE, [3.001, 0.0], [0.0, 100.0])
    assert beside.final[0] < 0


def test_differences_die_out_where_an_orbit_rests():
    # The node is linear: M(t) = exp(J t) at all times, whenever its orbit comes to rest.
    tol = 1e-6
    found = transition(NODE, [1.0, 1.0], 60.0, rtol=tol, atol=tol)
    assert kinds(found) == ["rest"] and found.switchings[0].time < 50
    np.testing.assert_array_equal(saltation(found.switchings[0]), np.eye(2))
    earlier = transition(NODE, [1.0, 1.0], found.switchings[0].time - 1.0, rtol=tol, atol=tol)
    # The slowest rate is (3 - sqrt 5) / 2 = 0.38: what is left is below the tolerance, not what it was at rest.
    assert np.abs(found.matrix).max() < 100 * tol
    # Carried on by the Jacobian of the side, not frozen.
    long = transition(NODE, [1.0, 1.0], 400.0, rtol=tol, atol=tol)
    assert np.abs(long.matrix).max() <= np.abs(earlier.matrix).max()
    assert np.linalg.norm(found.switchings[0].after) == 0 < np.linalg.norm(found.switchings[0].before) < 100 * 4 * tol


@pytest.mark.parametrize("name", ["scipy:DOP853", "torchdiffeq:dopri5", "compiled:dop853"])
def test_an_orbit_that_slides_into_a_zero_rests_there(name, monkeypatch):
    # Above y = 0: x' = -x, y' = y - x, a saddle at the origin; below y' = 1. On y = 0 < x it slides with
    # x' = -x / (1 + x): x e^x = x0 e^(x0 - t), and above the origin everything leaves.
    field = games.define({"a": (["x"], "x**2*step(y)/2"), "b": (["y"], "-relu(y)**2/2 + x*relu(y) + relu(-y)")})
    times = np.linspace(0.0, 80.0, 9)
    result = integrate(field, [1.0, -0.5], times, name, record_switchings=True)
    assert kinds(result) == ["sliding-begin", "rest"]
    exact = lambertw(np.exp(1.0 - (times[1:] - 0.5))).real
    # At most a hundred tolerances, as above; on the surface to rounding.
    np.testing.assert_allclose(result.states[1:, 0], exact, atol=1e-6)
    assert np.abs(result.states[1:, 1]).max() < 1e-14
    # Negative control: rounding lets go of the surface, above which everything leaves. Compiled steps shrink instead.
    stay(monkeypatch)
    thrown = integrate(field, [1.0, -0.5], times, "scipy:DOP853", bound=1e3)
    assert thrown.final[1] > 1


def test_a_line_of_zeros_is_rested_on():
    # The bias of the Wasserstein loss moves nothing: one zero for each of its values.
    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", gamma=3.0, bias=True)
    result = integrate(game, [1.0, 1.0, 0.4], [0.0, 300.0], record_switchings=True)
    assert kinds(result) == ["rest"]
    np.testing.assert_allclose(result.final, [3.0, 0.0, 0.4], atol=4e-6)


# What crosses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tol", [1e-6, 1e-8, 1e-11])
@pytest.mark.parametrize("name", ["scipy:DOP853", "scipy:RK45", "torchdiffeq:dopri8", "compiled:dop853"])
def test_a_slow_crossing_is_one_down_to_the_tolerance(name, tol):
    # y' = -(y + d) above zero and -1 below: from 1 it falls to zero at log(1 + 1/d), at the speed d.
    for d in (1e-1, 1e-3, 1e-5, 1e-7, 1e-13):
        field = games.define({"p": (["y"], f"relu(y)**2/2 + {d!r}*relu(y) - relu(-y)")})
        hit = np.log1p(1 / d)
        result = integrate(field, [1.0], [0.0, 100.0], name, rtol=tol, atol=tol, record_switchings=True)
        # What errs by the tolerance of twenty steps meets the surface that much over d too early or late. At a
        # distance of a hundred tolerances, which at zero are of atol alone, it may rest.
        if d > 200 * tol:
            assert kinds(result) == ["crossing"]
            slack = 20 * 2 * tol / d
            assert abs(result.switchings[0].time - hit) < slack and abs(result.final[0] - (hit - 100)) < slack
        elif d < 50 * tol:
            assert kinds(result) == ["rest"] and abs(result.final[0]) < 100 * tol


@pytest.mark.parametrize("name", ["scipy:DOP853", "torchdiffeq:dopri8", "compiled:dop853"])
def test_what_starts_beside_a_focus_of_its_side_crosses_within_half_a_turn(name):
    # Nearer to it than any tolerance: gamma = 1.2 turns around (1.2, 0) at the rate 0.8.
    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", gamma=1.2)
    result = integrate(game, [1.2, 1e-9], [0.0, 4.0], name, record_switchings=True)
    # psi = 1e-9 e^(-0.6 t) (cos 0.8 t - 0.75 sin 0.8 t), known to the 1e-10 that a step may err.
    assert kinds(result)[:1] == ["crossing"]
    assert abs(result.switchings[0].time - np.arctan(1 / 0.75) / 0.8) < 0.1
    assert result.final[1] < -0.1


@pytest.mark.parametrize("name", ["scipy:DOP853", "torchdiffeq:dopri8", "compiled:dop853"])
def test_what_starts_beside_a_zero_that_repels_leaves(name):
    # Above: x' = x, y' = 2y - x, so y = (y0 - x0) e^2t + x0 e^t, zero at e^t = x0/(x0 - y0) = 2. Below y' = -1.
    field = games.define({"a": (["x"], "-x**2/2"), "b": (["y"], "-relu(y)**2 + x*relu(y) - relu(-y)")})
    result = integrate(field, [2e-9, 1e-9], [0.0, 1.0], name, record_switchings=True)
    assert kinds(result) == ["crossing"] and abs(result.switchings[0].time - np.log(2)) < 0.1
    # Backward it attracts: both rates are real.
    back = integrate(field, [1.0, 1.0], [0.0, -60.0], name, record_switchings=True)
    assert np.abs(back.final).max() < 1e-6


def test_a_kink_without_a_jump_is_crossed_at_any_distance():
    # x' = -x, y' = -2y - x + relu(-y): y = (y0 + x0) e^-2t - x0 e^-t is zero at e^t = (y0 + x0)/x0 = 2.
    field = games.define({"a": (["x"], "x**2/2"), "b": (["y"], "y**2 + x*y + relu(-y)**2/2")})
    for name in ("scipy:DOP853", "compiled:dop853"):
        result = integrate(field, [1e-9, 1e-9], [0.0, 1.0], name, record_switchings=True)
        assert kinds(result) == ["crossing"] and abs(result.switchings[0].time - np.log(2)) < 0.1


def test_a_zero_that_drifts_with_time_carries_its_orbit_across():
    class Drifting(Field):
        """y' = -y - c t above zero, -1 below."""

        names = ("y",)
        c = 1e-7

        @property
        def switches(self):
            return (lambda y: y[..., 0],)

        def __call__(self, y, t=0.0, draw=None):
            return np.where(y > 0, -y - self.c * t, -1.0)

        def jacobian(self, y, t=0.0, draw=None):
            return np.where(y > 0, -1.0, 0.0)[..., None]

    # y = (1 - c) e^-t - c (t - 1) is zero before t = 20, within the tolerance of a hundred steps of its zero.
    result = integrate(Drifting(), [1.0], [0.0, 30.0], rtol=1e-6, atol=1e-6, record_switchings=True)
    assert kinds(result) == ["crossing"] and result.final[0] < -10


def test_starts_end_on_their_side_of_the_fast_line_however_often_they_are_stopped():
    # Wasserstein, gamma = 3: where psi > 0 the flow is linear about (3, 0) with the rates -0.38 and -2.62. What begins
    # above the line of the fast one crosses psi = 0 beyond theta = 3 and goes to (-3, 0); what begins below it does not
    # cross, although its steps, as long as stability lets them be, have a dense output that is off by hundreds of
    # tolerances. The game is symmetric under (theta, psi) -> -(theta, psi).
    random = np.random.default_rng(0)
    starts = random.uniform([2.5, 0.05], [3.0, 3.0], (2000, 2)) * random.choice([-1.0, 1.0], (2000, 1))
    side = np.sign(starts[:, 1])
    above = side * starts[:, 1] + (3 + np.sqrt(5)) / 2 * (side * starts[:, 0] - 3)
    state = starts
    for leg in (10.0, 20.0, 170.0):
        found = integrate_many(NODE, state, leg, rtol=1e-8, atol=1e-8)
        state = found.last
    assert found.rested.all()
    ends = np.where(above > 0, -3.0, 3.0) * side
    # Closer to the line than this, orbits pass (3, 0) within the tolerance of a hundred steps.
    clear = np.abs(above) > 1e-3
    np.testing.assert_allclose(state[clear], np.stack([ends, 0 * ends], axis=-1)[clear], atol=1e-5)
