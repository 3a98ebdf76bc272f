"""Phase portraits: exact orbits, nullclines, manifolds and marks of fields whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dynamics import games
from dynamics.games.field import Field
from figures import portrait
from figures.phase.compose import Portrait, compute_portrait
from figures.phase.equilibria import compute_marks, compute_separatrices, make_mark
from figures.phase.nullclines import compute_nullclines
from figures.phase.orbits import arrowheads, compute_orbits
from figures.phase.plane import make_plane
from figures.phase.slices import EvenSpeed, Slice
from figures.phase.tracing import STEP, make_tracer
from figures.phase.vectors import compute_vectors


class Made(Field):
    """A field of two coordinates made of a function and the derivatives by hand, where a game's would be in the way."""

    names = ("x", "y")

    def __init__(self, function, slope=None):
        self.function, self.slope = function, slope
        self.players = {"generator": slice(0, 1), "discriminator": slice(1, 2)}
        self.box = {"x": (-2.0, 2.0), "y": (-2.0, 2.0)}
        self.start = np.array([1.0, 1.0])

    def __call__(self, y, t=0.0, draw=None):
        return np.stack(np.broadcast_arrays(*self.function(y[..., 0], y[..., 1])), axis=-1)

    def jacobian(self, y, t=0.0, draw=None):
        if self.slope is not None:
            return np.array(self.slope(y[..., 0], y[..., 1]))
        # The fields made here are at most quadratic: differences are exact to rounding away from jumps.
        ahead, behind = (self(y[..., None, :] + way * 1e-6 * np.eye(2)) for way in (1.0, -1.0))
        return np.swapaxes(ahead - behind, -1, -2) / 2e-6


def tracer_of(game, **options):
    plane = make_plane(game, **options)
    return make_tracer(game, plane, plane.box)


@pytest.fixture(scope="module")
def bilinear_orbits():
    return compute_orbits(tracer_of(games.get("bilinear")))


def test_orbits_of_the_bilinear_game_are_circles(bilinear_orbits):
    # rtol 1e-6 over an arc of at most pi box sides of 6: far below 1e-4 of the radius.
    for orbit in bilinear_orbits:
        radius = np.hypot(*orbit.points.T)
        assert np.ptp(radius) < 1e-4 * radius.max()


def test_circles_inside_the_box_are_closed_and_end_where_they_began(bilinear_orbits):
    for orbit in bilinear_orbits:
        if np.hypot(*orbit.points[0]) < 2.9:
            assert orbit.closed
            np.testing.assert_array_equal(orbit.points[0], orbit.points[-1])
            assert orbit.length == pytest.approx(2 * np.pi * np.hypot(*orbit.points[0]) / 6, rel=1e-2)


def test_orbits_run_in_the_direction_of_time(bilinear_orbits):
    game = games.get("bilinear")
    for orbit in bilinear_orbits:
        steps = np.diff(orbit.points, axis=0)[2:-2]
        assert (np.sum(steps * game(orbit.points[2:-3]), axis=-1) > 0).all()


def test_orbits_fill_the_box_evenly_and_keep_apart(bilinear_orbits):
    from scipy.spatial import KDTree

    tree = KDTree(np.concatenate([orbit.points for orbit in bilinear_orbits]))
    probe = make_plane(games.get("bilinear")).grid(30).reshape(-1, 2)
    # Nothing is farther from an orbit than about two spacings of 0.075 x 6 (corners hold only short arcs).
    assert tree.query(probe)[0].max() < 2 * 0.075 * 6
    for i, first in enumerate(bilinear_orbits):
        rest = np.concatenate([orbit.points for orbit in bilinear_orbits[:i] + bilinear_orbits[i + 1 :]])
        # Trimmed at 0.4 spacings; the next stored point may be half a step nearer.
        assert KDTree(rest).query(first.points)[0].min() > 6 * (0.4 * 0.075 - 2 * STEP)


def test_a_slow_spiral_is_not_called_closed_and_does_not_fill_a_ring_with_ink():
    # dr/dt = -0.003 r at angular speed 1: a turn shrinks r = 1 by 2 %, half a hundredth of the box.
    spiral = Made(lambda x, y: (-y - 0.003 * x, x - 0.003 * y))
    orbits = compute_orbits(tracer_of(spiral))
    assert not any(orbit.closed for orbit in orbits)
    # The longest turn drawn is the circle in the box, pi sides; a ring of ink would hold many turns.
    assert max(orbit.length for orbit in orbits) < 1.1 * np.pi
    assert max(orbit.length for orbit in orbits) > 2.0


def test_given_seeds_are_all_drawn_and_lie_on_their_orbits():
    seeds = np.array([[0.5, 0.0], [0.6, 0.0]])
    orbits = compute_orbits(tracer_of(games.get("bilinear")), seeds=seeds)
    assert len(orbits) == 2
    for seed, orbit in zip(seeds, orbits, strict=True):
        assert np.hypot(*(orbit.points - seed).T).min() < 1e-12


def test_blow_up_in_finite_time_is_drawn_to_the_frame():
    explosion = Made(lambda x, y: (x**2 + 1, 0 * y))
    orbit = compute_orbits(tracer_of(explosion), seeds=np.array([[0.0, 0.5]]))[0]
    assert orbit.points[0, 0] <= -2 + 1e-6
    assert orbit.points[-1, 0] >= 2 - 1e-6
    np.testing.assert_allclose(orbit.points[:, 1], 0.5)


def test_orbits_that_slide_along_a_jump_stay_on_it():
    # y falls to the line y = 0 from both sides in finite time, then slides along it to the right.
    slide = Made(lambda x, y: (1 + 0 * x, -2 * np.sign(y)))
    orbit = compute_orbits(tracer_of(slide), seeds=np.array([[-1.5, 1.0]]))[0]
    late = orbit.points[orbit.points[:, 0] > -0.9]
    assert late[-1, 0] >= 2 - 1e-6
    # Within one fixed step of the surface: 0.005 box sides of 4.
    assert np.abs(late[:, 1]).max() <= 4 * STEP


def test_orbits_slide_along_a_declared_jump_without_chatter():
    # psi' jumps on psi theta = -1 where the hinge stops: orbits that reach it with |theta| > |psi| slide to (-1, 1).
    game = games.get("dirac-gan", loss="hinge")
    orbit = compute_orbits(tracer_of(game), seeds=np.array([[-2.5, 0.0]]))[0]
    near = (np.abs(np.prod(orbit.points, axis=-1) + 1) < 0.1) & (orbit.points[:, 1] > 0)
    first = int(np.argmax(near))
    late = orbit.points[first : first + int(np.argmin(near[first:]))]
    # Sliding begins where the circle of radius 2.5 meets the hyperbola and moves towards (-1, 1).
    assert late[0, 0] == pytest.approx(-np.sqrt((6.25 + np.sqrt(6.25**2 - 4)) / 2), abs=0.05)
    assert late[-1, 0] > -1.05
    assert (np.diff(late[:, 0]) > 0).all() and (np.diff(late[2:, 1]) > 0).all()


def test_no_orbit_runs_along_a_line_that_the_flow_leaves_on_both_sides():
    # psi' = -theta + sign(psi) - psi: away from psi = 0 on both sides while |theta| < 1, where theta' = psi = 0.
    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp")
    found = compute_portrait(game, layers=["orbits", "switches"])
    assert isinstance(found, Portrait)
    (line,) = found.switches
    np.testing.assert_allclose(line[:, 1], 0, atol=1e-9)
    for orbit in found.orbits:
        low = (np.abs(orbit.points[:, 1]) < 0.02) & (np.abs(orbit.points[:, 0]) < 0.95)
        # Orbits leave the line upright: 0.02 / (6 * STEP) is less than one stored point beside the first.
        assert np.count_nonzero(low) <= 3


def test_fields_that_switch_show_their_switching_line():
    figure = portrait(games.get("dirac-gan", loss="hinge"), layers=["switches"])
    (lines,) = figure.axes[0].collections
    assert lines.get_label() == "switching line"
    for segment in lines.get_segments():
        np.testing.assert_allclose(segment[:, 0] * segment[:, 1], -1, atol=1e-9)
    assert not portrait(games.get("dirac-gan"), layers=["switches"]).axes[0].collections


@pytest.mark.parametrize("half", [10.0, 20.0])
def test_orbits_of_the_dirac_gan_are_circles_however_small_the_field_is(half):
    # Speed ranges over 170 orders of magnitude; d(theta^2 + psi^2)/dt = 0.
    game = games.get("dirac-gan")
    found = compute_orbits(tracer_of(game, box={"theta": (-half, half), "psi": (-half, half)}))
    assert sum(orbit.closed for orbit in found) >= 4
    for orbit in found:
        radius = np.hypot(*orbit.points.T)
        assert np.ptp(radius) < 1e-3 * radius.max()
    together = np.concatenate([orbit.points for orbit in found])
    quadrants = [np.count_nonzero((a * together > 0).all(axis=-1)) for a in ([1, 1], [-1, 1], [-1, -1], [1, -1])]
    assert min(quadrants) > 0.8 * max(quadrants)


def test_even_speed_has_the_same_orbits_and_the_right_jacobian():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    even = EvenSpeed(game, np.array([0.2, 0.5]), floor=0.1, sign=-1.0)
    y = np.array([[0.7, -0.4], [1.2, 0.3]])
    cross = even(y)[:, 0] * game(y)[:, 1] - even(y)[:, 1] * game(y)[:, 0]
    np.testing.assert_allclose(cross, 0, atol=1e-15)
    h = 1e-5
    shifts = h * np.eye(2)
    numeric = np.stack([(even(y + e) - even(y - e)) / (2 * h) for e in shifts], axis=-1)
    # Central differences: h^2 and round-off / h, both near 1e-10.
    np.testing.assert_allclose(even.jacobian(y), numeric, atol=1e-8)


def test_nullclines_are_the_zeros_of_their_component_in_player_order():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    found = compute_nullclines(game, make_plane(game))
    assert [(item.name, item.player) for item in found] == [("theta", "generator"), ("psi", "discriminator")]
    for index, item in enumerate(found):
        assert item.lines
        velocity = game(np.concatenate(item.lines))[:, index]
        # Linear interpolation on cells of 0.03: error 0.03^2 / 8 times second derivatives of order one.
        assert np.abs(velocity).max() < 1e-3
    np.testing.assert_allclose(np.concatenate(found[0].lines)[:, 1], 0, atol=1e-6)


@pytest.mark.parametrize("half", [10.0, 20.0, 60.0])
def test_nullclines_of_the_dirac_gan_are_the_whole_axes_however_small_the_field_is(half):
    # v = (psi s, -theta s) with s = sigmoid(psi theta), which is 1e-174 at psi theta = -400 and 0 below -745.
    game = games.get("dirac-gan")
    plane = make_plane(game, box={"theta": (-half, half), "psi": (-half, half)})
    for across, item in zip((1, 0), compute_nullclines(game, plane), strict=True):
        (line,) = item.lines
        np.testing.assert_allclose(line[:, across], 0, atol=1e-9 * half)
        assert sorted([line[0, 1 - across], line[-1, 1 - across]]) == [-half, half]


def test_zeros_without_a_change_of_sign_are_drawn_in_full():
    # psi' = -theta^2 psi vanishes on both axes, theta' = psi (1 - psi theta) on one and on a hyperbola.
    game = games.get("dirac-gan", loss="least-squares")
    first, second = compute_nullclines(game, make_plane(game))
    double = [line for line in second.lines if np.abs(line[:, 0]).max() < 1e-9]
    assert len(double) == 1 and sorted([double[0][0, 1], double[0][-1, 1]]) == [-3, 3]
    simple = [line for line in second.lines if np.abs(line[:, 1]).max() < 1e-9]
    assert len(simple) == 1 and len(second.lines) == 2
    for line in first.lines:
        np.testing.assert_allclose(line[:, 1] * (1 - line[:, 0] * line[:, 1]), 0, atol=1e-9)


def test_a_region_where_a_component_is_zero_has_no_border_drawn():
    # psi' = -theta step(1 + psi theta): zero beyond the hyperbola, which is a jump.
    game = games.get("dirac-gan", loss="hinge")
    (line,) = compute_nullclines(game, make_plane(game))[1].lines
    np.testing.assert_allclose(line[:, 0], 0, atol=1e-9)


def test_a_jump_through_zero_is_no_nullcline():
    jump = Made(lambda x, y: (-y, x - 3 * np.sign(y)))
    found = compute_nullclines(jump, make_plane(jump))
    assert found[1].lines == ()
    crossing = Made(lambda x, y: (-y, x - np.sign(y)))
    points = np.concatenate(compute_nullclines(crossing, make_plane(crossing))[1].lines)
    # x = sign(y): only the two half lines, no piece of y = 0 (up to the cell next to the jump).
    np.testing.assert_allclose(np.abs(points[:, 0]), 1, atol=0.02)


def test_a_component_that_vanishes_everywhere_has_no_nullcline():
    still = Made(lambda x, y: (0 * x, -y))
    assert compute_nullclines(still, make_plane(still))[0].lines == ()


def test_separatrices_of_a_linear_saddle_are_its_eigenvectors():
    saddle = Made(lambda x, y: (y, x), lambda x, y: [[0.0, 1.0], [1.0, 0.0]])
    tracer = tracer_of(saddle)
    values, vectors = np.linalg.eigh(np.array([[0.0, 1.0], [1.0, 0.0]]))
    item = SimpleNamespace(
        at=np.zeros(2), eigenvalues=values, eigenvectors=vectors, verdict="saddle", flow="saddle", continuum=None
    )
    mark = make_mark(item, saddle, tracer.plane, tracer.plane.box)
    assert sorted(direction.eigenvalue for direction in mark.directions) == pytest.approx([-1, 1])
    branches = compute_separatrices(tracer, (mark,))
    assert [branch.stable for branch in branches] == [True, True, False, False]
    for branch in branches:
        side = -1 if branch.stable else 1
        np.testing.assert_allclose(branch.points[:, 1], side * branch.points[:, 0], atol=1e-6)
        assert np.abs(branch.points).max() >= 2 - 1e-6


def test_separatrices_of_the_strict_saddle_lie_on_the_axes_and_reach_the_minima():
    game = games.get("strict-saddle")
    tracer = tracer_of(game)
    marks = compute_marks(game, tracer.plane, tracer.plane.box)
    branches = compute_separatrices(tracer, marks)
    for branch in branches:
        across = branch.points[:, 1 if branch.stable else 0]
        np.testing.assert_allclose(across, 0, atol=1e-9)
    ends = sorted(branch.points[-1, 1] for branch in branches if not branch.stable)
    # Orbits slow down near the minimum: at the end of the arc they are there to a pixel.
    assert ends == pytest.approx([-1, 1], abs=0.01)


def test_marks_carry_verdict_and_real_eigendirections():
    game = games.get("rotated-double-well")
    plane = make_plane(game)
    marks = compute_marks(game, plane, plane.box)
    assert sorted(mark.verdict for mark in marks) == ["attracting", "attracting", "saddle"]
    saddle = next(mark for mark in marks if mark.verdict == "saddle")
    assert len(saddle.directions) == 2
    for direction in saddle.directions:
        residual = game.jacobian(saddle.at) @ direction.vector - direction.eigenvalue * direction.vector
        np.testing.assert_allclose(residual, 0, atol=1e-9)
    assert all(not mark.directions for mark in marks if mark.verdict == "attracting")


def test_vectors_are_the_field_in_the_plane():
    game = games.get("gaussian-gan")
    plane = make_plane(game, plane=("bias", "theta"), at={"weight": 0.3})
    found = compute_vectors(game, plane, cells=5)
    state = np.array([found.points[1, 3, 1], 0.3, found.points[1, 3, 0]])
    np.testing.assert_allclose(found.velocity[1, 3], game(state)[[2, 0]], atol=1e-15)


def test_slice_of_a_field_is_its_block():
    game = games.get("gaussian-gan")
    plane = make_plane(game, plane=("weight", "theta"), at={"bias": 0.2})
    part = Slice(game, plane)
    y = np.array([0.4, -0.3])
    full = np.array([-0.3, 0.4, 0.2])
    np.testing.assert_array_equal(part(y), game(full)[[1, 0]])
    np.testing.assert_array_equal(part.jacobian(y), game.jacobian(full)[np.ix_([1, 0], [1, 0])])


def test_arrowheads_lie_on_the_orbit_and_point_along_it(bilinear_orbits):
    plane = make_plane(games.get("bilinear"))
    orbit = max(bilinear_orbits, key=lambda item: item.length)
    places, ways = arrowheads(orbit, plane)
    assert len(places) == round(orbit.length / 0.6)
    assert (np.sum(ways * games.get("bilinear")(places), axis=-1) > 0).all()
