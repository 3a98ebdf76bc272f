"""Whole portraits: layers, planes, captions, legends and bytes."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from figures import portrait, save, style
from figures.phase.compose import LAYERS, Portrait, compute_portrait, portraits
from figures.phase.line import LinePortrait
from figures.phase.plane import default_axes, make_plane
from figures.phase.tracing import STEP


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


def test_the_legend_names_settings_that_are_not_the_usual_ones():
    chosen = [methods.get("heavy-ball", lr=0.3, beta=-0.5, order="alternating"), "alternating"]
    found = compute_portrait(games.get("bilinear"), methods=chosen, iterations=5)
    labels = [path.label.replace("\N{NO-BREAK SPACE}", " ") for path in found.paths]
    assert labels == ["heavy-ball, rate 0.3, order alternating, $\\beta$ = \N{MINUS SIGN}0.5", "alternating, rate 0.2"]
