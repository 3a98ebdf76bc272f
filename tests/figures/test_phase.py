"""Phase portraits: exact orbits, nullclines, manifolds and marks of fields whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.games.field import Field
from figures import portrait, save, style
from figures.phase.compose import LAYERS, Portrait, compute_portrait, portraits
from figures.phase.equilibria import compute_marks, compute_separatrices, make_mark
from figures.phase.line import LinePortrait
from figures.phase.nullclines import compute_nullclines
from figures.phase.orbits import arrowheads, compute_orbits
from figures.phase.plane import default_axes, make_plane
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


# ------------------------------------------------------------------------------------------------ whole portraits


@pytest.mark.parametrize("name", games.names())
def test_every_game_of_the_catalogue_has_a_portrait(name, tmp_path):
    game = games.get(name)
    figure = portrait(game, methods=["alternating"], iterations=10)
    axes = figure.axes[-1]
    if game.dim == 1:
        assert len(figure.axes) == 2
        return
    first, second = default_axes(game)
    assert axes.get_xlim() == pytest.approx(game.box[first])
    assert axes.get_ylim() == pytest.approx(game.box[second])
    assert save(figure, tmp_path / "a.png").stat().st_size < 200_000


def test_a_portrait_composes_all_layers_in_the_players_colours():
    from matplotlib.colors import to_hex

    figure = portrait(games.get("rotated-double-well"), layers=LAYERS, methods=["simultaneous"], iterations=5)
    (axes,) = figure.axes
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == "orbits of the flow"
    assert "stable manifold of a saddle" in labels
    assert "attracting equilibrium" in labels
    assert "simultaneous, rate 0.2" in labels
    assert labels[-1] == "start"
    colours = {item.get_label(): to_hex(item.get_colors()[0]) for item in axes.collections if "= 0" in item.get_label()}
    assert {key.split("(")[1]: value.upper() for key, value in colours.items()} == {
        "generator)": style.BLUE,
        "discriminator)": style.VERMILLION,
    }
    assert axes.get_aspect() == 1
    assert axes.get_xlabel() == "$x$"


def test_legends_and_captions_stay_inside_the_figure_and_next_to_the_axes():
    game = games.get("dirac-gan", loss="hinge")
    lr = {"generator": 0.1, "discriminator": 0.4}
    for figure in (
        portrait(game, methods=["alternating"], lr=lr, iterations=5, layers=["nullclines", "methods"]),
        portrait(games.get("lq-wgan"), layers=["nullclines"]),
        portrait(games.get("double-well"), methods=["simultaneous"], iterations=3),
    ):
        figure.draw_without_rendering()
        for artist in (figure.legends[0], figure._supxlabel, *figure.axes):
            box = artist.get_window_extent()
            # A pixel of rounding; the legend's own frame may touch the border.
            assert box.x0 >= -1 and box.y0 >= -1
            assert box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1
        used = sum(axes.get_window_extent().width * axes.get_window_extent().height for axes in figure.axes)
        assert used > 0.5 * figure.bbox.width * figure.bbox.height


def test_a_method_has_the_same_colour_in_every_picture():
    game = games.get("bilinear")

    def colours(*names):
        figure = portrait(game, methods=names, iterations=3, layers=["methods"])
        return {line.get_label(): line.get_color() for line in figure.axes[0].lines}

    first, second = colours("simultaneous", "alternating"), colours("alternating")
    assert (
        first["alternating, rate 0.2"] == second["alternating, rate 0.2"] == style.method_style("alternating")["color"]
    )
    assert first["simultaneous, rate 0.2"] == style.method_style("simultaneous")["color"]


def test_iterates_on_the_portrait_are_those_of_the_method():
    game = games.get("bilinear")
    found = compute_portrait(game, methods=["simultaneous"], lr=0.2, iterations=50, layers=["methods"])
    assert isinstance(found, Portrait)
    radius = np.hypot(*found.paths[0].states.T)
    np.testing.assert_allclose(radius, np.sqrt(2) * np.sqrt(1.04) ** np.arange(51), rtol=1e-12)
    assert "50 iterations" in found.caption
    assert found.orbits == () and found.marks == () and found.vectors is None


def test_only_the_layers_asked_for_are_drawn():
    figure = portrait(games.get("bilinear"), layers=["equilibria"])
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["neutral equilibrium"]
    assert not axes.collections


def test_captions_say_what_a_plane_shows():
    game = games.get("gaussian-gan")
    frozen = compute_portrait(game, plane=("theta", "weight"), at={"bias": 1.0}, layers=["equilibria"])
    assert "not orbits of the whole game" in frozen.caption
    assert "1 equilibrium outside this plane not drawn" in frozen.caption
    true = compute_portrait(game, plane=("theta", "weight"), layers=[], projected=True)
    assert "projected; they may cross" in true.caption


def test_by_default_a_plane_has_a_coordinate_per_player_and_passes_through_an_equilibrium():
    found = compute_portrait(games.get("fiez-ratliff"), layers=["equilibria"])
    assert isinstance(found, Portrait)
    assert found.plane.names == ("x1", "y1")
    # Linear field with a regular matrix: zero only at zero; the start is (1, 1, 1, 1).
    np.testing.assert_allclose(found.plane.point[[1, 3]], 0, atol=1e-9)
    assert [mark.inside for mark in found.marks] == [True]
    assert "as at an equilibrium" in found.caption
    given = compute_portrait(games.get("fiez-ratliff"), at={"x2": 0.5, "y2": 0.5}, layers=[])
    assert isinstance(given, Portrait)
    assert "as at an equilibrium" not in given.caption
    assert "1 equilibrium" not in given.caption


def test_three_players_are_shown_by_the_first_two_and_without_equilibria_at_the_start():
    game = games.define(
        players={"a": (["u"], "u*v"), "b": (["v"], "-u*v + v**2*w"), "c": (["w", "z"], "exp(w) + z**2")},
        parameters={},
    )
    found = compute_portrait(game, layers=["equilibria"])
    assert isinstance(found, Portrait)
    assert found.plane.names == ("u", "v")
    assert "as at the game's start" in found.caption
    np.testing.assert_array_equal(found.plane.point, game.start)


def test_an_invariant_plane_is_recognised():
    game = games.define(
        players={"generator": (["x"], "x*y + x*z**2"), "discriminator": (["y", "z"], "-x*y + z**2")}, parameters={}
    )
    assert make_plane(game, plane=("x", "y"), at={"z": 0.0}).invariant
    assert not make_plane(game, plane=("x", "y"), at={"z": 1.0}).invariant


def test_projected_orbits_are_those_of_the_whole_game():
    game = games.get("gaussian-gan")
    seeds = np.array([[1.0, 0.5]])
    found = compute_portrait(game, at={"bias": 0.0}, layers=["orbits"], seeds=seeds, projected=True)
    from dynamics.flow import integrate

    path = integrate(game, [1.0, 0.5, 0.0], np.linspace(0, 5, 101)).states[:, :2]
    from scipy.spatial import KDTree

    # Stored every 0.005 sides of 6: half a step is 0.015.
    assert KDTree(found.orbits[0].points).query(path)[0].max() < 0.02


def test_clipped_states_are_hatched_and_hold_no_orbits():
    figure = portrait(games.get("dirac-gan", loss="wasserstein", clip=1.0), layers=["orbits"])
    assert len(figure.axes[0].patches) == 2
    orbits = figure.axes[0].collections[0].get_segments()
    assert np.abs(np.concatenate(orbits)[:, 1]).max() <= 1 + 2 * 6 * STEP


def test_lines_of_equilibria_are_drawn_as_lines():
    figure = portrait(games.get("dirac-gan", loss="least-squares"), layers=["equilibria"])
    assert "line of equilibria" in [line.get_label() for line in figure.axes[0].lines]


def test_one_coordinate_gives_loss_field_and_flow_on_the_line():
    game = games.get("double-well")
    found = compute_portrait(game, methods=["simultaneous"], iterations=20)
    assert isinstance(found, LinePortrait)
    np.testing.assert_allclose(found.loss, found.x**4 / 4 - found.x**2 / 2, atol=1e-12)
    np.testing.assert_allclose(found.velocity, found.x - found.x**3, atol=1e-12)
    assert [(round(at, 9), verdict) for at, verdict in found.equilibria] == [
        (-1.0, "attracting"),
        (0.0, "repelling"),
        (1.0, "attracting"),
    ]
    for place, way in found.arrows:
        assert way == np.sign(place - place**3)


def test_portraits_stand_side_by_side_with_one_legend():
    found = [compute_portrait(games.get("bilinear", sigma=s), layers=["nullclines"]) for s in (1.0, 2.0)]
    figure = portraits(found, ["one", "two"])
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    assert len(figure.legends) == 1
    assert len(figure.legends[0].get_texts()) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ["orbit"]}, "Unknown layer 'orbit': did you mean 'orbits'"),
        ({"plane": ("theta", "phi")}, "Unknown coordinate 'phi'"),
        ({"plane": ("theta", "theta")}, "two different coordinates"),
        ({"at": {"theta": 1.0}}, "has no effect"),
        ({"box": {"theta": (1.0, -1.0)}}, "reversed"),
        ({"box": {"thta": (1.0, 2.0)}}, "did you mean 'theta'"),
        ({"methods": ["alternatng"]}, "did you mean 'alternating'"),
        ({"methods": ["alternating"], "lr": -1.0}, "must be positive"),
        ({"methods": ["alternating"], "start": [1.0, np.nan]}, "must be finite"),
        ({"methods": ["alternating"], "start": [1.0]}, "has 1 coordinates, expected 2"),
        ({"methods": ["alternating"], "layers": ["orbits"]}, "add the layer"),
        ({"projected": True}, "no effect"),
        ({"spacing": 0.0}, "spacing must be positive"),
        ({"seeds": np.zeros((2, 3))}, "seeds has 3 coordinates"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(options, message):
    with pytest.raises(InputError, match=message):
        portrait(games.get("dirac-gan"), **options)


def test_equal_portraits_give_equal_bytes(tmp_path):
    files = [
        save(portrait(games.get("rotated-saddle"), layers=LAYERS, methods=["alternating"]), tmp_path / name)
        for name in ("a.svg", "b.svg")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
