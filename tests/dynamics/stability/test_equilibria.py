"""Zeros of fields whose sets of equilibria are known."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol
from dynamics.games.symbolic import SymbolicGame
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


def _box(game: games.SymbolicGame, half: float) -> dict[str, tuple[float, float]]:
    return {name: (-half, half) for name in game.names}


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
def test_saturated_regions_of_a_wide_box_are_not_equilibria(loss: str) -> None:
    # beyond theta psi = 745 the field underflows to zero with all its derivatives, but only the origin is a zero
    game = games.get("dirac-gan", loss=loss)
    found = find_equilibria(game, box=_box(game, 100.0))
    assert len(found.zeros) == 1
    np.testing.assert_array_equal(found.zeros[0].at, [0.0, 0.0])
    assert not len(found.zeros[0].directions)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gauss-Hermite")
def test_representatives_lie_in_the_box() -> None:
    game = games.get("gaussian-gan")
    found = find_equilibria(game, box=_box(game, 100.0))
    assert all(np.abs(zero.at).max() <= 100 for zero in found.zeros)
    assert not any(len(zero.directions) for zero in found.zeros)


def test_an_equilibrium_is_found_where_the_field_is_far_smaller_than_elsewhere_in_the_box() -> None:
    # |v| is 1e75 at the far corners and of order one next to the zero
    game = games.define(
        players={"generator": (["x"], "exp(5*(x - 2.9)**2)"), "discriminator": (["y"], "exp(5*(y + 2.9)**2)")}
    )
    found = find_equilibria(game)
    # slopes 10 and values rounded like 10 * 2.9 eps
    np.testing.assert_allclose([zero.at for zero in found.zeros], [[2.9, -2.9]], atol=1e-14)
    assert not found.zeros[0].degenerate


def test_a_narrow_well_on_a_plane_that_fades_away_is_found_and_is_all() -> None:
    found = find_equilibria(_one_player("-exp(-10*((x - 2.2)**2 + (y - 1.9)**2))", ["x", "y"]))
    np.testing.assert_allclose([zero.at for zero in found.zeros], [[2.2, 1.9]], atol=1e-14)
    assert not len(found.zeros[0].directions)


@pytest.mark.parametrize("half", [1e3, 1e5])
def test_zeros_of_order_one_are_found_in_wide_boxes(half: float) -> None:
    game = games.get("double-well")
    found = find_equilibria(game, box={"x": (-half, half)})
    # refined in the state itself: the resolution of the box (1e5 eps) does not enter
    np.testing.assert_allclose([zero.at[0] for zero in found.zeros], [-1.0, 0.0, 1.0], atol=1e-14)
    assert all(zero.error < 1e-14 for zero in found.zeros)


def test_a_regular_zero_under_a_steep_wall_is_not_degenerate() -> None:
    found = find_equilibria(_one_player("x**2/2 + x**12/12", ["x"]), box={"x": (-100.0, 100.0)})
    assert [zero.at[0] for zero in found.zeros] == [0.0]
    assert not found.zeros[0].degenerate


def test_a_zero_of_order_nineteen_is_one_isolated_point() -> None:
    found = find_equilibria(_one_player("x**20", ["x"]), box={"x": (-3.0, 3.0)})
    assert len(found.zeros) == 1
    assert found.zeros[0].degenerate
    assert not len(found.zeros[0].directions)
    assert abs(found.zeros[0].at[0]) <= found.zeros[0].error < 1e-6


def test_a_circle_that_is_small_in_its_box_is_still_one_continuum() -> None:
    found = find_equilibria(_one_player("(x**2 + y**2 - 1)**2/4", ["x", "y"]), box={"x": (-1e4, 1e4), "y": (-1e4, 1e4)})
    assert len(found.zeros) == 2
    assert sorted(len(zero.directions) for zero in found.zeros) == [0, 1]


def test_a_half_line_where_the_field_is_exactly_zero_is_a_continuum() -> None:
    found = find_equilibria(_one_player("relu(x)**2/2", ["x"]))
    lines = [zero for zero in found.zeros if len(zero.directions)]
    assert len(lines) == 1
    assert (lines[0].members <= 0).all()


def test_batches_are_added_until_nothing_new_is_found() -> None:
    # v = (sin 5x, sin 5y): zeros at multiples of pi / 5, nine per side within [-3, 3]
    found = find_equilibria(_one_player("cos(5*x)/5 + cos(5*y)/5", ["x", "y"]))
    expected = np.pi / 5 * np.array([(i, j) for i in range(-4, 5) for j in range(-4, 5)])
    # slope 5, arguments up to 13 rounded to half an ulp each
    np.testing.assert_allclose([zero.at for zero in found.zeros], expected, atol=1e-14)
    assert found.searched.exhausted
    assert found.searched.hits >= 1
    assert found.searched.to_dict()["exhausted"] is True


def test_all_critical_points_of_a_fivefold_double_well_are_found() -> None:
    names = [f"x{i}" for i in range(5)]
    found = find_equilibria(_one_player("+".join(f"{x}**4/4 - {x}**2/2" for x in names), names))
    assert len(found.zeros) == 3**5
    # each coordinate is a simple zero of x - x^3
    values = np.array([zero.at for zero in found.zeros])
    assert np.abs(values - np.round(values)).max() < 1e-14


def test_a_search_that_meets_its_cap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from dynamics.stability import equilibria

    monkeypatch.setattr(equilibria, "MAX_STARTS", 30)
    found = find_equilibria(_one_player("cos(5*x)/5 + cos(5*y)/5", ["x", "y"]), starts=10)
    assert not found.searched.exhausted
    assert found.searched.hits == 1


@pytest.mark.parametrize("loss", ["x**4 - x**3 + 0.375*x**2 - 0.0625*x", "x**4 - 1.2*x**3 + 0.54*x**2 - 0.108*x"])
def test_a_threefold_zero_written_with_cancelling_terms_is_one_point(loss: str) -> None:
    # v = -4 (x - a)^3 rounds to zero over (eps)^(1/3) = 1e-5 around a, with non-zero slopes there
    found = find_equilibria(_one_player(loss, ["x"]))
    assert len(found.zeros) == 1
    assert found.zeros[0].degenerate
    assert not len(found.zeros[0].directions)
    assert abs(found.zeros[0].at[0] - (0.25 if "375" in loss else 0.3)) <= found.zeros[0].error < 1e-3


@pytest.mark.parametrize("loss", ["abs(x)/2", "relu(x) - x/2", "relu(-x) + x/2", "leaky_relu(x, 0.5) - 0.75*x"])
def test_a_kink_with_fields_of_opposite_sign_is_an_equilibrium_however_it_is_written(loss: str) -> None:
    found = find_equilibria(_one_player(loss, ["x"]))
    assert len(found.zeros) == 1
    np.testing.assert_allclose(found.zeros[0].at, [0.0], atol=1e-13)
    assert "not smooth" in found.zeros[0].surface


@pytest.mark.parametrize("loss", ["relu(x) + x/2", "relu(x - 1) - 2*x"])
def test_a_kink_that_the_flow_crosses_is_no_equilibrium(loss: str) -> None:
    assert find_equilibria(_one_player(loss, ["x"])).zeros == ()


def test_a_kink_off_zero_is_located_by_its_switch() -> None:
    found = find_equilibria(_one_player("relu(x - 1) - x/2", ["x"]))
    # the switch is known to the resolution of the box, 6 eps, and a few Newton steps
    np.testing.assert_allclose([zero.at for zero in found.zeros], [[1.0]], atol=1e-13)
    assert "convex hull" in found.zeros[0].surface


def test_kinks_that_meet_are_one_equilibrium() -> None:
    # one-sided fields (+-1/2, 0.3 or -0.7): zero lies inside their rectangle, and in no hull of one kink alone
    found = find_equilibria(_one_player("relu(x) - x/2 + relu(y) - 0.3*y", ["x", "y"]))
    np.testing.assert_allclose([zero.at for zero in found.zeros], [[0.0, 0.0]], atol=1e-13)
    assert "1 and 2" in found.zeros[0].surface


def test_an_equilibrium_may_slide_to_its_place_along_a_kink() -> None:
    # on x = 0 the fields are (+-1/2 - y, 0.3 - y): zero lies in their hull where y = 0.3
    found = find_equilibria(_one_player("relu(x) - x/2 + (y - 0.3)**2/2 + x*y", ["x", "y"]))
    kinks = [zero.at for zero in found.zeros if zero.surface]
    np.testing.assert_allclose(kinks, [[0.0, 0.3]], atol=1e-12)


def clipped(losses: dict[str, str], bounds: dict[str, float]) -> SymbolicGame:
    """Return a game of one player per coordinate, some of them clipped to ``[-bound, bound]``."""
    table = {name: symbol(name) for name in losses}
    players = tuple(Player(f"player_{n}", (n,), sp.sympify(loss, locals=table)) for n, loss in losses.items())
    return SymbolicGame(
        Definition("clipped", players, bounds={n: (-sp.Float(b), sp.Float(b)) for n, b in bounds.items()})
    )


@pytest.mark.parametrize("box", [(-3.0, 3.0), (-1.0, 1.0), (0.3, 5.0)])
def test_states_beyond_a_clipping_bound_are_no_equilibria(box) -> None:
    # descent of (x - 2)^2 / 2 ends on the bound 1; beyond it, where nothing ever is, the field was zeroed too
    (zero,) = find_equilibria(clipped({"x": "(x - 2)**2/2"}, {"x": 1.0}), {"x": box}).zeros
    assert zero.at == pytest.approx([1.0], abs=1e-15) and "clipping bound x = 1" in zero.surface


def test_an_equilibrium_on_a_clipping_bound_of_another_coordinate() -> None:
    # x' = 2 - x - y, y' = x - y: the zero (1, 1) lies beyond y <= 1/2, where x = 3/2 and y' points outward
    game = clipped({"x": "(x - 2)**2/2 + x*y", "y": "y**2/2 - x*y"}, {"y": 0.5})
    (zero,) = find_equilibria(game, {"x": (-3.0, 3.0), "y": (-3.0, 3.0)}).zeros
    assert zero.at == pytest.approx([1.5, 0.5], abs=1e-14) and "clipping bound y = 0.5" in zero.surface


def test_a_box_beyond_the_clipping_bounds_is_refused() -> None:
    with pytest.raises(InputError, match="outside its clipping bounds"):
        find_equilibria(clipped({"x": "x**2/2"}, {"x": 1.0}), {"x": (1.5, 2.0)})
