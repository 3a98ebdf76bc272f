"""Panels of multipliers: the values of the maps, on the right side of the unit circle."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.stability import analyse
from figures import multipliers_picture
from figures.multipliers import compute_multipliers


def test_panels_hold_the_multipliers_at_the_rate_asked_for():
    picture = compute_multipliers(games.get("bilinear"), [0, 0], 0.4, ["simultaneous", "alternating", "proximal-point"])
    panels = {panel.method: panel for panel in picture.panels}
    np.testing.assert_allclose(np.sort_complex(panels["simultaneous"].values), [1 - 0.4j, 1 + 0.4j], rtol=1e-14)
    assert panels["simultaneous"].sides.tolist() == [1, 1]
    assert panels["alternating"].sides.tolist() == [0, 0]
    assert panels["proximal-point"].sides.tolist() == [-1, -1]
    for panel in picture.panels:
        # curves begin at one, where the rate is zero, to first order in the least rate, 0.4 (pi / 480)^2
        np.testing.assert_allclose(panel.curve[0], 1.0, atol=2e-5)
        np.testing.assert_allclose(np.sort_complex(panel.curve[-1]), np.sort_complex(panel.values), atol=1e-14)


def test_without_a_rate_every_method_is_shown_at_its_fastest():
    game = games.get("dirac-gan", penalty="r1", gamma=0.5)
    rows = analyse(game).equilibria[0].methods
    picture = compute_multipliers(game, [0, 0], rows=rows)
    best = {row.method: row for row in rows}
    for panel in picture.panels:
        if best[panel.method].optimal_lr:
            assert panel.lr == best[panel.method].optimal_lr
            assert panel.radius == pytest.approx(best[panel.method].optimal_radius, abs=1e-7)
    assert picture.without == ("optimistic-adam", "adam", "rmsprop", "averaging")
    assert all(name in picture.caption for name in picture.without)


def test_every_panel_shows_the_unit_circle_and_every_multiplier():
    figure = multipliers_picture(games.get("fiez-ratliff"), np.zeros(4), 1.2)
    panels = [axes for axes in figure.axes if axes.patches]
    assert len(panels) == 16
    for axes in panels:
        (circle,) = axes.patches
        assert (circle.center, circle.radius) == ((0, 0), 1.0)
        low, high = axes.get_xlim()
        assert low <= -1 < 1 <= high
        assert axes.get_aspect() == 1
        marks = np.concatenate([line.get_xydata() for line in axes.lines if line.get_marker() == "o"])
        assert (np.abs(marks) <= high).all()


def test_a_zero_radius_is_written_as_zero():
    figure = multipliers_picture(games.get("bilinear"), [0, 0], 1.0, ["hamiltonian"])
    assert figure.axes[0].get_title() == "hamiltonian\n$\\rho$ = 0 at rate 1"


def test_methods_without_multipliers_alone_are_refused():
    with pytest.raises(InputError, match="has multipliers here: adam"):
        multipliers_picture(games.get("bilinear"), [0, 0], 0.1, ["adam"])


def test_rates_per_player_keep_their_ratio():
    rates = {"generator": 0.1, "discriminator": 0.4}
    picture = compute_multipliers(games.get("bilinear"), [0, 0], rates, ["simultaneous"])
    # 1 +- i sqrt(0.1 * 0.4)
    np.testing.assert_allclose(np.sort(picture.panels[0].values.imag), [-0.2, 0.2], rtol=1e-14)
    assert "0.1 of the generator, 0.4 of the discriminator" in picture.caption
    assert picture.panels[0].rates == (0.1, 0.4)
    figure = multipliers_picture(games.get("bilinear"), [0, 0], rates, ["simultaneous"])
    assert figure.axes[0].get_title().endswith("at rates 0.1, 0.4")
