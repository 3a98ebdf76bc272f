"""The derivative of the flow by its start, against matrix exponentials, conservation laws and differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from dynamics import games
from dynamics.core.errors import InputError, NumericalError
from dynamics.core.status import Status
from dynamics.flow import integrate, saltation
from dynamics.flow.modes import Mode
from dynamics.flow.switching import Switching
from dynamics.flow.variational import VariationalField, transition


def difference(field, y0, time, step, **settings):
    """Fourth-order central differences of the flow map at tolerance 1e-13."""
    shifts = step * np.eye(len(y0))
    points = np.concatenate([y0 + k * shifts for k in (-2, -1, 1, 2)])
    ends = integrate(field, points, [0.0, time], rtol=1e-13, atol=1e-13, **settings).final.reshape(4, len(y0), -1)
    return ((ends[0] - ends[3]) + 8 * (ends[2] - ends[1])).T / (12 * step)


def test_a_linear_flow_has_the_matrix_exponential():
    game = games.get("quadratic")
    matrix = game.jacobian(np.zeros(game.dim))
    for time in (2.0, -2.0):
        got = transition(game, np.ones(game.dim), time)
        # Each of fewer than 40 steps errs by at most 2 sqrt(6) (1e-12 + 1e-10 |z|), carried along by at most |exp|.
        slack = 40 * 5 * 1e-10 * np.linalg.norm(expm(time * matrix)) ** 2
        assert np.abs(got.matrix - expm(time * matrix)).max() < slack
        assert got.reached == time and got.status is Status.FINISHED


@pytest.mark.parametrize(
    ("name", "settings"),
    [("dirac-gan", {}), ("dirac-gan", {"loss": "non-saturating", "penalty": "r1"}), ("forsaken", {})],
)
def test_the_matrix_is_the_derivative_of_the_flow_map(name, settings):
    game = games.get(name, **settings)
    y0 = np.array([0.9, -0.7])
    got = transition(game, y0, 6.0)
    # Differences with steps of 1e-3: truncation 1e-12 times a fifth derivative of some hundred; ends are exact to
    # about 1e-12, which the step divides.
    np.testing.assert_allclose(got.matrix, difference(game, y0, 6.0, 1e-3), atol=2e-9)


def test_the_determinant_is_the_exponential_of_the_integrated_divergence():
    # Liouville, with the integral by Gauss's rule: 40 nodes on a smooth orbit of four time units are exact.
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    times = np.concatenate([[0.0], 2 * (nodes + 1)])
    orbit = integrate(game, [1.0, 0.5], times, rtol=1e-12, atol=1e-12).states[1:]
    divergence = np.trace(game.jacobian(orbit), axis1=-2, axis2=-1)
    got = transition(game, [1.0, 0.5], 4.0)
    assert abs(np.linalg.det(got.matrix) - np.exp(2 * weights @ divergence)) < 1e-8


def test_the_field_itself_is_carried_along():
    # d/dt phi_t(y0) solves the variational equation: M v(y0) = v(phi_t(y0)).
    game = games.get("forsaken")
    y0 = np.array([0.3, 0.8])
    got = transition(game, y0, 5.0)
    np.testing.assert_allclose(got.matrix @ game(y0), game(got.state), atol=1e-8)


def test_matrices_compose_and_backward_is_the_inverse():
    game = games.get("dirac-gan")
    first = transition(game, [1.2, 0.1], 3.0)
    second = transition(game, first.state, 2.0, tangents=first.matrix)
    whole = transition(game, [1.2, 0.1], 5.0)
    np.testing.assert_allclose(second.matrix, whole.matrix, atol=1e-8)
    back = transition(game, whole.state, -5.0)
    np.testing.assert_allclose(back.matrix @ whole.matrix, np.eye(2), atol=1e-8)
    np.testing.assert_allclose(back.state, [1.2, 0.1], atol=1e-8)


def test_a_batch_has_the_matrices_of_its_members():
    game = games.get("dirac-gan")
    starts = np.array([[[1.0, 0.0], [0.2, -0.4]]])
    together = transition(game, starts, 2.0)
    assert together.matrix.shape == (1, 2, 2, 2)
    for row in range(2):
        alone = transition(game, starts[0, row], 2.0)
        np.testing.assert_allclose(together.matrix[0, row], alone.matrix, atol=1e-8)


def test_one_tangent_vector_is_one_column():
    game = games.get("forsaken")
    vector = np.array([[0.6], [-0.8]])
    whole, column = transition(game, [1.0, 0.2], 2.0), transition(game, [1.0, 0.2], 2.0, tangents=vector)
    np.testing.assert_allclose(column.matrix, whole.matrix @ vector, atol=1e-9)


@pytest.mark.parametrize("solver", ["scipy:Radau", "torchdiffeq:dopri8"])
def test_other_families_agree(solver):
    game = games.get("dirac-gan", penalty="r1")
    ours, theirs = transition(game, [1.0, 1.0], 1.0), transition(game, [1.0, 1.0], 1.0, solver=solver)
    np.testing.assert_allclose(theirs.matrix, ours.matrix, atol=1e-8)


def test_the_jacobian_of_the_pair_is_that_of_differences():
    pair = VariationalField(games.get("dirac-gan"), 1)
    z = np.array([0.4, -0.9, 0.3, 1.1])
    step = 1e-6 * np.eye(4)
    numerical = (pair(z + step) - pair(z - step)).T / 2e-6
    np.testing.assert_allclose(pair.jacobian(z), numerical, atol=1e-9)


def test_no_time_is_the_identity_and_failure_is_data(fields):
    game = games.get("dirac-gan")
    still = transition(game, [1.0, 0.0], 0.0)
    np.testing.assert_array_equal(still.matrix, np.eye(2))
    blown = transition(fields.square(), [1.0], 2.0)
    assert blown.status is Status.DIVERGED and abs(blown.reached - 1.0) < 1e-6
    with pytest.raises(NumericalError):
        transition(fields.square(), [1.0], 2.0, throw=True)
    with pytest.raises(InputError, match="one column per vector"):
        transition(game, [1.0, 0.0], 1.0, tangents=np.ones(3))
    with pytest.raises(InputError, match="second derivatives"):
        transition(fields.Plane(), [1.0, 0.0], 1.0, solver="scipy:Radau")


# Fields that are not smooth --------------------------------------------------------------------------------------


def test_the_saltation_of_a_relay_is_the_one_by_hand():
    # x' = y, y' = -sign x at x = 0, y = -w: f goes from (-w, -1) to (-w, 1), n = (1, 0): S = [[1, 0], [-2/w, 1]].
    game = games.define({"a": (["x"], "-x*y"), "b": (["y"], "y*sign(x)")})
    found = integrate(game, [0.5, 0.0], [0.0, 1.5], record_switchings=True).switchings
    assert [s.kind for s in found] == ["crossing"]
    np.testing.assert_allclose(saltation(found[0]), [[1.0, 0.0], [-2.0, 1.0]], atol=1e-9)
    # The normal may be told, and have any length: a power of two changes no bit.
    np.testing.assert_array_equal(saltation(found[0], [-8.0, 0.0]), saltation(found[0]))
    with pytest.raises(InputError, match="expected \\(2,\\)"):
        saltation(found[0], [1.0])


def test_sliding_and_stops_project_and_what_ends_them_is_the_identity():
    hinge = integrate(games.get("dirac-gan", loss="hinge"), [2.0, 0.2], [0.0, 3.0], record_switchings=True).switchings
    clipped = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    stop = integrate(clipped, [1.0, 0.2], [0.0, 4.0], record_switchings=True).switchings
    assert [s.kind for s in (*hinge, *stop)] == ["sliding-begin", "sliding-end", "bound", "release"]
    for begin, end in (hinge, stop):
        matrix = saltation(begin)
        np.testing.assert_allclose(matrix @ matrix, matrix, atol=1e-12)
        np.testing.assert_allclose(begin.normal @ matrix, 0.0, atol=1e-12)
        np.testing.assert_allclose(matrix @ begin.before, begin.after, atol=1e-12)
        np.testing.assert_array_equal(saltation(end), np.eye(2))


@pytest.mark.parametrize(
    ("settings", "y0", "time", "kinds"),
    [
        ({"loss": "wasserstein", "penalty": "wgan-gp"}, [1.0, 1.0], 10.0, ["crossing"] * 3),
        ({"loss": "wasserstein", "penalty": "wgan-gp"}, [1.0, 1.0], -0.9, []),
        ({"loss": "minimax", "penalty": "wgan-gp", "gamma": 0.3}, [2.0, 0.2], 7.0, ["crossing"]),
        ({"loss": "minimax", "penalty": "wgan-gp", "gamma": 0.3}, [1.5, -0.8], -4.0, ["crossing"]),
        ({"loss": "wasserstein", "clip": 0.5}, [1.0, 0.2], 1.5, ["bound"]),
        ({"loss": "wasserstein", "clip": 0.5}, [1.0, 0.2], 5.0, ["bound", "release"]),
        ({"loss": "hinge"}, [2.0, 0.2], 1.0, ["sliding-begin"]),
        ({"loss": "hinge", "bias": True}, [2.0, 0.2, 0.1], 3.0, ["sliding-begin", "sliding-end"]),
        ({"loss": "hinge", "bias": True, "clip": 0.6}, [2.0, 0.2, 0.1], 3.0, ["sliding-begin", "bound"]),
    ],
)
def test_the_matrix_across_switchings_is_the_derivative_of_the_flow_map(settings, y0, time, kinds):
    game = games.get("dirac-gan", **settings)
    got = transition(game, y0, time)
    assert [s.kind for s in got.switchings] == kinds
    # Differences with steps of 1e-4: truncation 1e-16 times a fifth derivative, ends exact to 1e-13, divided by 1e-4.
    np.testing.assert_allclose(got.matrix, difference(game, np.array(y0), time, 1e-4), atol=1e-8)


def test_without_the_jump_the_matrix_is_wrong():
    # Negative control: the product of the smooth pieces alone.
    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp")
    got = transition(game, [1.0, 1.0], 2.0)
    smooth = expm(2.0 * np.array([[0.0, 1.0], [-1.0, -1.0]]))
    assert len(got.switchings) == 1 and np.abs(got.matrix - smooth).max() > 0.1
    first = got.switchings[0]
    pieces = [expm(t * np.array([[0.0, 1.0], [-1.0, -1.0]])) for t in (first.time, 2.0 - first.time)]
    np.testing.assert_allclose(got.matrix, pieces[1] @ saltation(first) @ pieces[0], atol=1e-9)


def test_the_field_is_carried_across_switchings():
    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp")
    y0 = np.array([1.0, 1.0])
    got = transition(game, y0, 10.0)
    np.testing.assert_allclose(got.matrix @ game(y0), game(got.state), atol=1e-8)


def test_a_batch_of_orbits_that_switch_has_the_matrices_of_its_members():
    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp")
    starts = np.array([[[1.0, 1.0], [0.1, 0.2], [2.0, -0.5]]])
    together = transition(game, starts, 4.0, tangents=[[1.0], [0.5]])
    assert together.matrix.shape == (1, 3, 2, 1) and together.switchings.shape == (1, 3)
    for row in range(3):
        alone = transition(game, starts[0, row], 4.0)
        np.testing.assert_array_equal(together.state[0, row], alone.state)
        np.testing.assert_allclose(together.matrix[0, row], alone.matrix @ [[1.0], [0.5]], atol=1e-8)


def test_a_tangential_touch_has_no_derivative():
    # x' = 1, y' = 2 x above y = 0 and 2 x + 3 below: the parabola y = x^2 touches, and is not disturbed.
    game = games.define({"a": (["x"], "-x"), "b": (["y"], "-2*x*y + 3*relu(-y)")})
    touch = integrate(game, [-1.0, 1.0], [0.0, 3.0], record_switchings=True)
    assert abs(touch.final[1] - 4.0) < 1e-6
    bent = Switching(0.0, np.zeros(2), 0, np.array([1.0, 0.0]), np.array([1.0, 3.0]), "crossing", np.array([0.0, 1.0]),
                     "y = 0", Mode((1,), (0, 0)))  # fmt: skip
    with pytest.raises(InputError, match="tangentially"):
        saltation(bent)


def test_backward_beyond_a_bound_differences_survive_where_the_orbit_comes_to_rest():
    # Backward theta' = -psi, psi' = theta: on the circle of radius r beyond psi = 1/2 up to theta = 0, from where the
    # field points outward and psi stays: (theta, psi) = (-r (T - t1), r) with t1 = atan(theta0 / psi0).
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    theta, psi, end = 0.6, 0.3, 2.0
    r, t1 = np.hypot(theta, psi), np.arctan2(theta, psi)
    found = transition(game, [theta, psi], -end)
    assert [s.kind for s in found.switchings] == ["crossing", "halt"]
    exact = np.array([[psi - (end - t1) * theta, -theta - (end - t1) * psi], [theta, psi]]) / r
    # 1e-10 per step and entry in at most 50 steps.
    np.testing.assert_allclose(found.state, [-r * (end - t1), r], atol=5e-9)
    np.testing.assert_allclose(found.matrix, exact, atol=5e-9)
