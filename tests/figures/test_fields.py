"""Portraits of fields that are no games: modified and high-resolution flows, and fields with nothing but names."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.flow import high_resolution_flow, modified_flow
from dynamics.games.field import Field
from figures import portrait
from figures.phase.compose import Portrait, compute_portrait
from figures.phase.line import LinePortrait


class Spiral(Field):
    """``x' = -x - 2y, y' = 2x - y``."""

    names = ("x", "y")
    slope = np.array([[-1.0, -2.0], [2.0, -1.0]])

    def __call__(self, y, t=0.0, draw=None):
        return y @ self.slope.T

    def jacobian(self, y, t=0.0, draw=None):
        return np.broadcast_to(self.slope, (*y.shape, 2))


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_orbits_of_the_modified_flow_of_alternating_descent_keep_the_skewed_energy():
    # x^2 + y^2 -+ h x y is conserved by the map and by its modified flow of order 2: ellipses, not circles.
    h = 0.8
    field = modified_flow(games.get("bilinear"), "alternating", lr=h)
    found = compute_portrait(field, seeds=np.array([[1.0, 0.0], [0.0, 2.0]]))
    assert isinstance(found, Portrait) and len(found.orbits) == 2
    for orbit in found.orbits:
        assert orbit.closed
        x, y = orbit.points.T
        square, product = x**2 + y**2, x * y
        # Steps err by 1e-6 of a box side of six, some hundred of them.
        assert min(np.ptp(square + way * h * product) for way in (1, -1)) < 1e-3
        assert np.ptp(square) > 0.5


def test_a_modified_flow_is_drawn_as_what_it_is_in_the_players_colours():
    game = games.get("dirac-gan")
    field = modified_flow(game, "simultaneous", lr={"generator": 0.3, "discriminator": 0.4})
    found = compute_portrait(field)
    assert isinstance(found, Portrait)
    assert [(line.name, line.player) for line in found.nullclines] == [
        ("theta", "generator"),
        ("psi", "discriminator"),
    ]
    np.testing.assert_array_equal(found.plane.box, [game.box["theta"], game.box["psi"]])
    # Simultaneous steps spiral out of the centre.
    assert [mark.verdict for mark in found.marks] == ["repelling"]
    said = "dirac-gan (minimax), modified flow of simultaneous, rates generator 0.3, discriminator 0.4, order 2; "
    assert found.caption.startswith(said)


def test_a_high_resolution_flow_has_velocities_that_belong_to_nobody():
    game = games.get("double-well")
    figure = portrait(high_resolution_flow(game, "simultaneous", lr=0.3))
    (axes,) = figure.axes
    assert axes.get_xlim() == pytest.approx(game.box["x"]) and axes.get_ylim() == (-3.0, 3.0)
    lines = [line for line in legend(figure) if line.startswith((r"$\dot{x}$", r"$d\mathrm{x\ velocity}/dt$"))]
    assert len(lines) == 2 and not any("(" in line for line in lines)


def test_a_field_with_nothing_but_names_has_a_portrait():
    found = compute_portrait(Spiral(), {"x": (-1.0, 2.0)})
    assert isinstance(found, Portrait)
    np.testing.assert_array_equal(found.plane.box, [[-1.0, 2.0], [-3.0, 3.0]])
    assert [mark.verdict for mark in found.marks] == ["attracting"] and found.caption.startswith("Spiral; ")
    slopes = {line.name: line.lines[0] for line in found.nullclines}
    np.testing.assert_allclose(slopes["x"] @ [1.0, 2.0], 0.0, atol=1e-12)
    np.testing.assert_allclose(slopes["y"] @ [2.0, -1.0], 0.0, atol=1e-12)
    assert legend(portrait(Spiral()))[0] == "orbits of the flow"


def test_one_coordinate_without_losses_is_drawn_with_its_potential():
    # Simultaneous descent on x^4/4 - x^2/2: V = v - h/2 v' v with v = x - x^3, and v'v = (v^2/2)': the potential is
    # x^4/4 - x^2/2 + h v^2 / 4.
    h = 0.2
    found = compute_portrait(modified_flow(games.get("double-well"), "simultaneous", lr=h))
    assert isinstance(found, LinePortrait) and found.label == "potential of the field"
    x, v = found.x, found.x - found.x**3
    exact = x**4 / 4 - x**2 / 2 + h * v**2 / 4
    # Simpson's rule on steps of 0.01: h^4 / 180 times a fourth derivative below 100, over a length of four.
    np.testing.assert_allclose(found.loss - found.loss[200], exact - exact[200], atol=1e-6)
    assert sorted(word for _, word in found.equilibria) == ["attracting", "attracting", "repelling"]


def test_methods_do_not_run_on_a_field():
    with pytest.raises(InputError, match="need a game with players"):
        portrait(modified_flow(games.get("dirac-gan"), "alternating", lr=0.1), methods=["alternating"])
