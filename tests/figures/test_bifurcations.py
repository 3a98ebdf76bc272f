"""Bifurcation diagrams: what is drawn where, in which style, and named how."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.stability import continue_branches
from figures import bifurcations, compute_bifurcations, save, style
from figures.bifurcations import parameter_label


@pytest.fixture(scope="module")
def forsaken():
    return continue_branches(games.get("forsaken"), "shift", (0.3, 0.8), search_cycles=False)


def test_branches_are_cut_where_their_stability_changes(forsaken):
    diagram = compute_bifurcations(forsaken)
    assert [panel.label for panel in diagram.panels] == ["$x$", "$y$", r"$\mathrm{Re}\,\lambda$"]
    equilibrium = [stroke for stroke in diagram.panels[0].strokes if stroke.kind == "equilibrium"]
    assert [stroke.stability for stroke in equilibrium] == [1, -1]
    hopf = forsaken.events[0]
    # the pieces share the Hopf point
    assert equilibrium[0].x[-1] == equilibrium[1].x[0] == hopf.parameter
    assert equilibrium[0].y[-1] == equilibrium[1].y[0] == hopf.at["x"]


def test_cycles_are_drawn_by_the_lowest_and_the_highest_value(forsaken):
    branch = forsaken.branches[1]
    cycles = [stroke for stroke in compute_bifurcations(forsaken).panels[1].strokes if stroke.kind == "cycle"]
    assert len(cycles) == 2
    for stroke, side in zip(cycles, branch.ranges[:, 1].T, strict=True):
        np.testing.assert_array_equal(stroke.y, side)
        assert stroke.stability == -1
    # both begin at the Hopf point
    origin = pytest.approx(forsaken.events[0].at["y"], rel=1e-12)
    assert cycles[0].y[0] == origin and cycles[1].y[0] == origin


def test_cycles_of_maps_are_drawn_by_all_their_points():
    well = games.get("double-well")
    found = continue_branches(
        well, "lr", (0.8, 1.3), method=methods.get("simultaneous", lr=1.0), box={"x": (0.2, 2.0)}, max_period=8
    )
    panel = compute_bifurcations(found, spectrum=False).panels[0]
    final = sorted({round(float(stroke.y[-1]), 9) for stroke in panel.strokes if stroke.x[-1] == 1.3})
    # at lr = 1.3: the fixed point, and cycles of period 2, 4 and 8
    assert len(final) == 1 + 2 + 4 + 8
    for mark in panel.marks:
        assert len(mark.heights) in (1, 2, 4, 8)


def test_events_are_marked_where_they_happen_and_named_in_the_legend(forsaken):
    figure = bifurcations(forsaken)
    top = figure.axes[0]
    dots = [line for line in top.lines if line.get_marker() == "o"]
    assert len(dots) == 1
    assert dots[0].get_xdata()[0] == forsaken.events[0].parameter
    assert dots[0].get_ydata()[0] == forsaken.events[0].at["x"]
    assert dots[0].get_markerfacecolor() == style.VERMILLION
    texts = [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]
    assert texts[:3] == ["equilibrium, attracting", "equilibrium, repelling", "cycle, repelling"]
    assert any(text.startswith("Hopf point (subcritical)") and "0.4724" in text for text in texts)


def test_attracting_is_solid_and_repelling_dashed(forsaken):
    lines = [line for line in bifurcations(forsaken).axes[0].lines if line.get_marker() in ("", "None", None)]
    by_style = {line.get_linestyle() for line in lines}
    assert by_style == {"-", "--"}
    assert {line.get_color() for line in lines} == {style.BLACK, style.PURPLE}


def test_an_event_of_a_cycle_is_marked_at_both_of_its_extremes():
    found = continue_branches(games.get("almost-bilinear"), "eps", (-0.2, 0.2), search_cycles=False)
    panel = compute_bifurcations(found).panels[0]
    marks = [mark for mark in panel.marks if mark.kind == "branch-point"]
    for mark in marks:
        np.testing.assert_allclose(np.sort(mark.heights), [-np.sqrt(4 / 3), np.sqrt(4 / 3)], atol=1e-4)


def test_the_spectrum_shows_the_square_root_of_a_node_and_focus_change():
    found = continue_branches(games.get("dirac-gan", penalty="r1"), "gamma", (0.0, 3.0))
    panel = compute_bifurcations(found).panels[-1]
    assert panel.border == 0.0
    x = np.concatenate([stroke.x for stroke in panel.strokes])
    y = np.concatenate([stroke.y for stroke in panel.strokes])
    expected = np.real(-x + np.sqrt(x.astype(complex) ** 2 - 1)) / 2
    lower = np.real(-x - np.sqrt(x.astype(complex) ** 2 - 1)) / 2
    # defective at gamma = 1: known to the root of rounding there
    assert np.minimum(np.abs(y - expected), np.abs(y - lower)).max() < 1e-7
    # sampled next to it: the line leaves the vertical tangent within a hundredth
    assert (np.abs(x - 1) < 0.01).sum() > 6


def test_panels_are_those_of_the_coordinates_chosen(forsaken):
    assert len(bifurcations(forsaken, ["y"], spectrum=False).axes) == 1
    assert bifurcations(forsaken, ["y"]).axes[0].get_ylabel() == "$y$"
    with pytest.raises(InputError, match="Unknown coordinate 'z'"):
        bifurcations(forsaken, ["z"])
    with pytest.raises(InputError, match="each named once"):
        bifurcations(forsaken, ["x", "x"])


def test_captions_name_the_game_without_the_parameter_that_varies():
    found = continue_branches(games.get("dirac-gan", penalty="r1", gamma=0.7), "gamma", (0.5, 1.5), cycles=False)
    caption = compute_bifurcations(found).caption
    assert "penalty r1" in caption and "0.7" not in caption
    assert r"$\gamma$" in caption


def test_captions_of_maps_name_rates_and_settings_without_the_one_that_varies():
    method = methods.get("heavy-ball", lr={"generator": 0.1, "discriminator": 0.4}, beta=-0.3, order="alternating")
    bilinear = games.get("bilinear")
    over_sigma = compute_bifurcations(continue_branches(bilinear, "sigma", (0.5, 1.0), method=method)).caption
    for words in ("learning rate 0.1 of generator, 0.4 of discriminator", "order alternating", "\N{MINUS SIGN}0.3"):
        assert words in over_sigma
    over_rate = compute_bifurcations(continue_branches(bilinear, "lr:generator", (0.1, 0.2), method=method)).caption
    assert "(learning rate 0.4 of discriminator, order" in over_rate
    assert "learning rate of the generator\N{NO-BREAK SPACE}\N{ELEMENT OF}" in over_rate
    over_beta = compute_bifurcations(continue_branches(bilinear, "beta", (-0.5, 0.1), method=method)).caption
    assert "0.3" not in over_beta


def test_rounding_is_listed_as_zero_and_no_letter_stands_for_two_things():
    # the pair of simultaneous moves in turn crosses the unit circle where the damping mu does
    game = games.inline(
        minimax="mu*x**2/2 + x**4/4 + x*y - mu*y**2/2 - y**4/4",
        minimise=["x"],
        maximise=["y"],
        parameters={"mu": 0.1},
    )
    found = continue_branches(game, "mu", (-0.5, 0.5), method=methods.get("alternating", lr=0.3))
    diagram = compute_bifurcations(found)
    assert diagram.events[0][1].replace("\N{NO-BREAK SPACE}", " ").endswith(r"$\mu$ = 0")
    assert diagram.panels[-1].label == "|multiplier|"
    assert diagram.parameter == r"$\mu$"


def test_a_diagram_without_branches_is_drawn_empty(tmp_path):
    found = continue_branches(games.get("dirac-gan", loss="least-squares"), "timescale", (0.5, 2.0))
    assert "No branch was found" in compute_bifurcations(found).caption
    assert save(bifurcations(found), tmp_path / "empty.png").stat().st_size > 0


def test_equal_diagrams_give_equal_bytes(forsaken, tmp_path):
    files = [save(bifurcations(forsaken), tmp_path / name) for name in ("a.svg", "b.svg")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("name", "label"),
    [("game:gamma", r"$\gamma$"), ("method:beta", r"$\beta$"), ("lr", "learning rate"), ("eps", r"$\epsilon$")],
)
def test_the_horizontal_axis_carries_the_symbol_of_the_parameter(name, label):
    assert parameter_label(name) == label


def test_no_label_is_cut_off_at_the_edge_of_the_file(tmp_path):
    method = methods.get("alternating", lr=1.0)
    figure = bifurcations(continue_branches(games.get("bilinear"), "lr", (0.1, 3.0), method=method))
    edges = []
    figure.canvas.mpl_connect(
        "draw_event", lambda _: edges.append(min(axes.yaxis.label.get_window_extent().x0 for axes in figure.axes))
    )
    save(figure, tmp_path / "branches.png")
    assert edges[-1] >= 0
