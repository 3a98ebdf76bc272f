import numpy as np
import pytest

from dynamics import games, methods
from dynamics.flow import modified_flow
from dynamics.stability.basins import find_basins
from figures.basins import basin_picture, compute_basins


@pytest.fixture(scope="module")
def forsaken():
    return find_basins(games.get("forsaken"), cells=(12, 8), method=methods.get("extragradient", lr=0.1))


def test_every_label_that_occurs_has_a_colour_and_its_share(forsaken):
    picture = compute_basins(forsaken)
    assert picture.places.shape == (8, 12) and picture.places.max() < len(picture.colours) == len(picture.texts)
    assert len(set(picture.colours)) == len(picture.colours)
    # percentages in the legend add up to the whole box, to their printed digits
    shares = [float(text.rsplit(": ", 1)[1].split(" ")[0]) for text in picture.texts]
    assert sum(shares) == pytest.approx(100, abs=1)
    for place, text in enumerate(picture.texts):
        inside = (picture.places == place).mean()
        assert 100 * inside == pytest.approx(float(text.rsplit(": ", 1)[1].split(" ")[0]), abs=1)


def test_a_field_without_a_game_has_a_picture_too():
    basins = find_basins(modified_flow(games.get("dirac-gan", penalty="r1"), "alternating", lr=0.1), cells=4)
    assert compute_basins(basins).caption.startswith(
        "dirac-gan, modified flow of alternating, rate 0.1, order 2: basins"
    )


def test_cells_cover_the_box_and_attractors_are_marked(forsaken):
    picture = compute_basins(forsaken)
    assert (picture.edges[0][0], picture.edges[0][-1]) == pytest.approx(games.get("forsaken").box["x"])
    figure = basin_picture(forsaken)
    (axes,) = figure.axes
    assert len(axes.lines) == len(forsaken.attractors)
    assert axes.get_xlim() == pytest.approx((picture.edges[0][0], picture.edges[0][-1]))


def test_the_legend_is_in_the_symbols_of_the_game(forsaken):
    texts = compute_basins(forsaken).texts
    assert any("equilibrium $x$\xa0=\xa00.078" in text for text in texts)
    assert any("$x$\xa0∈\xa0[\N{MINUS SIGN}1." in text for text in texts)
    assert not any("=-" in text or "x=" in text for text in texts)


def test_a_line_of_starts_is_a_strip():
    basins = find_basins(games.get("double-well"), cells=10, method=methods.get("simultaneous", lr=0.1))
    figure = basin_picture(basins)
    assert figure.axes[0].get_yticks().size == 0
    np.testing.assert_array_equal(compute_basins(basins).places[0] == 0, basins.labels == 0)
