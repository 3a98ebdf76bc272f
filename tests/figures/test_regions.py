"""Pictures of region maps: what is drawn is what was computed, and the boundary runs where the radius is one."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import BoundaryNorm

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.stability.regions import region_map
from figures import region_picture
from figures.regions import ABOVE, BELOW, MARGIN, axis_label, compute_regions

RATES = np.geomspace(0.1, 10, 41)


@pytest.fixture(scope="module")
def alternating():
    return region_map(games.get("bilinear"), "alternating", ("lr:generator", RATES), ("lr:discriminator", RATES))


def black_lines(figure):
    contours = [c for c in figure.axes[0].collections if len(c.get_edgecolor()) and c.get_edgecolor()[0][:3].sum() == 0]
    return [path.vertices for c in contours for path in c.get_paths() if len(path.vertices)]


def test_the_line_runs_along_the_boundary_of_stability(alternating):
    lines = black_lines(region_picture(alternating))
    assert lines
    # marginal inside, so the line lies within one cell (a ratio of rates of 10^(2/40)) of the hyperbola of products 4
    for vertices in lines:
        np.testing.assert_allclose(np.log(vertices.prod(axis=1) / 4), 0, atol=np.log(10) / 20)


def test_radii_on_the_unit_circle_have_a_shade_of_their_own(alternating):
    axes = region_picture(alternating).axes[0]
    filled = axes.collections[0]
    assert isinstance(filled.norm, BoundaryNorm)
    colour = filled.cmap(filled.norm(1.0))
    assert min(colour[:3]) > 0.95
    for other in (1 - 1e-6, 1 + 1e-6, BELOW[-1], ABOVE[0]):
        assert filled.cmap(filled.norm(other)) != colour
    assert 1 - MARGIN < 1 < 1 + MARGIN


def test_shades_are_ordered_and_centred_at_one():
    assert list(BELOW) == sorted(BELOW)
    assert list(ABOVE) == sorted(ABOVE)
    assert len(BELOW) == len(ABOVE)
    assert BELOW[-1] < 1 < ABOVE[0]


def test_axes_carry_symbols_and_logarithms_where_values_are_spaced_so(alternating):
    axes = region_picture(alternating).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "learning rate of the generator"
    other = region_map(games.get("bilinear"), "heavy-ball", ("lr", RATES), ("beta", np.linspace(-0.5, 0.5, 11)))
    axes = region_picture(other).axes[0]
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_ylabel()) == ("log", "linear", r"$\beta$")
    assert axis_label("instance_noise") == r"instance noise $\sigma$"
    assert axis_label("timescale:generator") == r"time scale $\tau$ of the generator"
    assert axis_label("game:gamma") == r"$\gamma$ of the game"


def test_the_caption_names_what_no_axis_replaces():
    game = games.get("dirac-gan", penalty="r1", gamma=0.7)
    method = methods.get("heavy-ball", lr=0.25, beta=0.5, order="alternating")
    over_penalty = compute_regions(region_map(game, method, ("gamma", [0.1, 0.2]), ("timescale", [1.0, 2.0]))).caption
    assert "0.25" in over_penalty
    # a number stays on the line of its sign
    assert "\N{NO-BREAK SPACE}% stable" in over_penalty
    assert "order alternating" in over_penalty
    assert "0.7" not in over_penalty
    over_rates = compute_regions(region_map(game, method, ("lr", [0.1, 0.2]), ("beta", [0.1, 0.2]))).caption
    assert "0.7" in over_rates
    assert "0.25" not in over_rates
    assert "0.5" not in over_rates


def test_steps_that_are_counted_are_drawn_in_cells_with_their_outline():
    found = region_map(
        games.get("bilinear"), methods.get("lookahead", lr=0.3), ("k", range(1, 13)), ("alpha", np.linspace(0.1, 1, 10))
    )
    figure = region_picture(found)
    segments = np.concatenate([vertices for vertices in black_lines(figure)])
    # the outline follows edges of cells: half-integers of k
    changes = found.stable[:, 1:] != found.stable[:, :-1]
    assert set(np.unique(segments[:, 0] % 1)) <= {0.5}
    assert changes.any()


def test_missing_values_are_grey_and_said():
    game = games.inline(minimax="x**3/3 - mu*x", minimise=["x"], maximise=[], parameters={"mu": 1.0})
    found = region_map(game, "simultaneous", ("mu", np.linspace(-0.5, 2, 11)), ("lr", [0.1, 0.2]), at=[1.0])
    assert "Grey: no value" in compute_regions(found).caption
    region_picture(found)


def test_a_single_value_makes_no_picture():
    found = region_map(games.get("bilinear"), "simultaneous", ("lr", [0.1]), ("sigma", [1.0, 2.0]))
    with pytest.raises(InputError, match="at least two values of lr"):
        region_picture(found)
