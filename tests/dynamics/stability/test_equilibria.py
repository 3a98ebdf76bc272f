"""Zeros of fields whose sets of equilibria are known."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.stability import find_equilibria


def _one_player(loss: str, coordinates: list[str]) -> games.SymbolicGame:
    return games.define(players={"player": (coordinates, loss)})


def test_all_nine_critical_points_of_a_double_double_well_are_found() -> None:
    found = find_equilibria(_one_player("x**4/4 - x**2/2 + y**4/4 - y**2/2", ["x", "y"]))
    expected = [(x, y) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)]
    # simple zeros of polynomials of size one: a few units of rounding
    np.testing.assert_allclose([zero.at for zero in found.zeros], expected, atol=1e-14)
    assert found.searched.converged + found.searched.left_box + found.searched.stalled == found.searched.starts


def test_a_box_without_equilibria_is_an_answer() -> None:
    found = find_equilibria(_one_player("x + y", ["x", "y"]))
    assert found.zeros == ()
    assert found.searched.converged == 0


def test_equilibria_outside_the_box_are_not_reported() -> None:
    found = find_equilibria(games.get("double-well"), box={"x": (0.5, 2.0)})
    np.testing.assert_allclose([zero.at for zero in found.zeros], [[1.0]], atol=1e-14)


def test_an_equilibrium_on_the_edge_of_the_box_belongs_to_it() -> None:
    found = find_equilibria(games.get("double-well"), box={"x": (0.0, 1.0)})
    np.testing.assert_allclose([zero.at[0] for zero in found.zeros], [0.0, 1.0], atol=1e-14)


def test_close_zeros_are_kept_apart() -> None:
    # x (x - 1e-4): slopes of 1e-4 at both zeros, whose rounding blur is 1e-12
    found = find_equilibria(_one_player("x**3/3 - 1e-4*x**2/2", ["x"]), box={"x": (-1.0, 1.0)})
    np.testing.assert_allclose([zero.at[0] for zero in found.zeros], [0.0, 1e-4], atol=1e-11)


@pytest.mark.parametrize("power", [4, 6])
def test_isolated_degenerate_zeros_are_found_and_merged(power: int) -> None:
    found = find_equilibria(_one_player(f"(x - 0.25)**{power} + (y + 0.5)**{power}", ["x", "y"]))
    assert len(found.zeros) == 1
    zero = found.zeros[0]
    assert zero.degenerate
    assert zero.directions.shape == (0, 2)
    # the error states how far the field is zero to rounding; the point lies within it
    assert np.abs(zero.at - [0.25, -0.5]).max() <= max(zero.error, 1e-12)


def test_the_line_of_equilibria_of_the_unbiased_least_squares_game_is_one_continuum() -> None:
    found = find_equilibria(games.get("dirac-gan", loss="least-squares"))
    assert len(found.zeros) == 1
    assert found.zeros[0].at[1] == 0.0
    np.testing.assert_allclose(found.zeros[0].directions, [[1.0, 0.0]], atol=1e-12)


def test_a_circle_of_equilibria_is_one_continuum_and_its_centre_a_point() -> None:
    found = find_equilibria(_one_player("(x**2 + y**2 - 1)**2/4", ["x", "y"]))
    assert len(found.zeros) == 2
    point = next(zero for zero in found.zeros if not len(zero.directions))
    curve = next(zero for zero in found.zeros if len(zero.directions))
    np.testing.assert_allclose(point.at, 0.0, atol=1e-14)
    assert abs(np.linalg.norm(curve.at) - 1) < 1e-13
    # the tangent of a circle is orthogonal to its radius
    assert abs(curve.directions[0] @ curve.at) < 1e-7


def test_a_plane_of_equilibria_has_two_null_directions() -> None:
    found = find_equilibria(_one_player("(x + y + z)**2/2", ["x", "y", "z"]))
    assert len(found.zeros) == 1
    directions = found.zeros[0].directions
    assert directions.shape == (2, 3)
    np.testing.assert_allclose(directions @ np.ones(3), 0.0, atol=1e-12)


def test_a_point_and_a_line_that_do_not_meet_are_reported_separately() -> None:
    # v = -(x^2 (x-1) ...): x = 0 twofold line excluded by y, see the gradient of x^2 y^2 / 2 shifted along x
    found = find_equilibria(_one_player("x**2*(x - 1)**2*(1 + y**2)", ["x", "y"]), box={"x": (-2, 2), "y": (-2, 2)})
    lines = sorted(zero.at[0] for zero in found.zeros if len(zero.directions))
    np.testing.assert_allclose(lines, [0.0, 1.0], atol=1e-12)
    points = [zero.at for zero in found.zeros if not len(zero.directions)]
    np.testing.assert_allclose(points, [[0.5, 0.0]], atol=1e-13)


def test_the_kink_of_wgan_gp_is_an_equilibrium_without_linearisation() -> None:
    found = find_equilibria(games.get("dirac-gan", penalty="wgan-gp"))
    assert len(found.zeros) == 1
    np.testing.assert_array_equal(found.zeros[0].at, [0.0, 0.0])
    assert "not smooth" in found.zeros[0].surface


def test_the_search_is_deterministic_and_insensitive_to_the_seed() -> None:
    game = games.get("forsaken")
    first, again, other = (find_equilibria(game, seed=seed) for seed in (0, 0, 7))
    assert first.searched == again.searched
    np.testing.assert_array_equal(first.zeros[0].at, again.zeros[0].at)
    np.testing.assert_allclose(first.zeros[0].at, other.zeros[0].at, atol=1e-14)


def test_bad_boxes_are_refused() -> None:
    game = games.get("double-well")
    with pytest.raises(InputError, match="reversed"):
        find_equilibria(game, box={"x": (1.0, -1.0)})
    with pytest.raises(InputError, match="Unknown coordinate"):
        find_equilibria(game, box={"z": (0.0, 1.0)})
