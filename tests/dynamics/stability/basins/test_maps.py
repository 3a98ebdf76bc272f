"""Basins of training algorithms: exact shares, attractors that are verified, and what is none."""

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.methods import iterate
from dynamics.stability.basins import DIVERGED, LEAVING, UNDECIDED, find_basins

DESCENT = methods.get("simultaneous", lr=0.1)


def test_descent_of_the_double_well_halves_the_line_at_its_maximum():
    basins = find_basins(games.get("double-well"), cells=101, method=DESCENT, iterations=300)
    assert [a.label for a in basins.attractors] == ["equilibrium x=-1", "equilibrium x=1"]
    # 50 cells on each side of the maximum, and one around it whose start may fall on either side.
    assert (basins.labels[:50] == 0).all() and (basins.labels[51:] == 1).all()
    assert basins.fractions["equilibrium x=-1"] == pytest.approx(0.5, abs=0.51 / 101)


def test_the_share_of_an_asymmetric_interval_is_its_length_within_three_standard_errors():
    # The barrier of (x + 1)(x - 0.25)(x - 1) descent lies at 0.25: the left basin has the share 2.25/4 of [-2, 2].
    game = games.define({"player": (["x"], "x**4/4 - x**3/12 - x**2/2 + x/4")}, box={"x": (-2, 2)}, start={"x": 0.5})
    basins = find_basins(game, cells=4096, method=DESCENT, iterations=400, seed=3)
    left = basins.attractors[0].label
    assert basins.attractors[0].points[0, 0] == pytest.approx(-1.0)
    # One boundary cell: the share is exact to one cell, and a wrong barrier by 1 % of the box would be seen.
    assert basins.fractions[left] == pytest.approx(0.5625, abs=1.01 / 4096)
    assert basins.fractions[left] != pytest.approx(0.5725, abs=1.01 / 4096)


def test_standard_errors_cover_the_spread_over_seeds():
    game, method = games.get("forsaken"), methods.get("extragradient", lr=0.1)
    found = [find_basins(game, cells=24, method=method, iterations=400, seed=seed) for seed in range(12)]
    shares = np.array([basins.fractions["diverged"] for basins in found])
    errors = np.array([basins.standard_errors["diverged"] for basins in found])
    # Twelve seeds give the spread to 1/sqrt(22) = 21 %; collapsed strata overestimate: bounds at three such errors
    # below and generous above. The binomial error of unstratified starts would be larger still.
    assert 0.37 * shares.std(ddof=1) < errors.mean() < np.sqrt(shares.mean() * (1 - shares.mean())) / 24


def test_a_closed_curve_of_the_map_attracts_as_one_set():
    game = games.get("dirac-gan", loss="non-saturating")
    basins = find_basins(game, cells=16, method=DESCENT, iterations=4000)
    (curve,) = basins.attractors
    assert curve.kind == "cycle" and (basins.labels == 0).all()
    # claim O3: r^2 ~ 2 h, with corrections of relative order h
    radius = np.linalg.norm(curve.points, axis=1)
    np.testing.assert_allclose(radius**2, 0.2, rtol=0.1)


def test_a_period_two_orbit_of_large_steps_is_found():
    # x - lr x (x^2 - 1) swaps x and -x where lr (x^2 - 1) = 2; at lr = 1.1 the wells have lost stability (lr > 1).
    basins = find_basins(games.get("double-well"), cells=32, method=methods.get("simultaneous", lr=1.1))
    assert {a.kind for a in basins.attractors} == {"periodic"} and all(len(a.points) == 2 for a in basins.attractors)
    for attractor in basins.attractors:
        swapped = attractor.points - 1.1 * attractor.points * (attractor.points**2 - 1)
        np.testing.assert_allclose(swapped[::-1], attractor.points, atol=1e-8)


def test_a_conservative_map_has_no_attractor_and_says_undecided():
    basins = find_basins(games.get("bilinear"), cells=8, method=methods.get("alternating", lr=0.3), iterations=200)
    assert basins.attractors == () and (basins.labels == UNDECIDED).all()


def test_simultaneous_descent_of_the_bilinear_game_diverges_from_everywhere():
    # The radius grows by sqrt(1.25) a step: 100 times the box takes some 50 steps from anywhere but its centre.
    basins = find_basins(games.get("bilinear"), cells=8, method=methods.get("simultaneous", lr=0.5), iterations=400)
    assert (basins.labels == DIVERGED).all() and basins.fractions["diverged"] == 1.0


def test_fixed_points_that_a_method_adds_are_called_so():
    game = games.define({"player": (["x"], "x**3/3 + x")}, box={"x": (-2, 2)})
    basins = find_basins(game, cells=16, method=methods.get("hamiltonian", lr=0.05))
    # v = -(x^2 + 1) has no zero, |v|^2/2 its minimum at 0
    assert [a.label for a in basins.attractors] == ["fixed point of the method x=0"]
    assert (basins.labels == 0).all()


def test_the_same_seed_gives_the_same_labels_and_another_one_others():
    game, method = games.get("forsaken"), methods.get("extragradient", lr=0.1)
    first, again, other = (find_basins(game, cells=24, method=method, iterations=300, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.labels != other.labels).any()


def test_a_dataset_carries_labels_axes_and_their_meaning():
    basins = find_basins(games.get("forsaken"), cells=(6, 4), method=methods.get("extragradient", lr=0.1))
    data = basins.to_dataset()
    assert data["label"].dims == ("y", "x") and data["label"].shape == (4, 6)
    assert data.attrs["labels"]["-1"] == "diverged"


@pytest.mark.parametrize("cells", [8, 16, 24])
def test_the_closed_curve_of_a_method_with_memory_is_found(cells):
    game, adam = games.get("forsaken"), methods.get("adam", lr=0.01)
    basins = find_basins(game, cells=cells, method=adam)
    (attractor,) = basins.attractors
    assert attractor.kind == "cycle" and basins.fractions[attractor.label] == 1.0
    late = iterate(game, adam, [0.1, 0.1], 60_000, compiled=True).states[-20_000:]
    # both are samples of one curve, whose extrema are parabolas: far closer than a step of at most 0.03
    for name, low, high in zip(game.names, late.min(axis=0), late.max(axis=0), strict=True):
        np.testing.assert_allclose(attractor.range[name], (low, high), atol=1e-3)


def test_starts_that_run_off_slowly_are_still_moving_away():
    # consensus descends |v|^2 / 2 too, which fades far out on the minimax Dirac-GAN: r grows like a power of the time
    game = games.get("dirac-gan")
    consensus = methods.get("consensus", lr=0.1)
    basins = find_basins(game, cells=12, method=consensus)
    assert basins.fractions["undecided"] == 0.0
    share = basins.fractions["still moving away"]
    assert share + basins.fractions["equilibrium theta=0, psi=0"] == pytest.approx(1.0)
    away = np.argwhere(basins.labels == LEAVING)
    assert len(away) and share == len(away) / 144
    row, column = away[0]
    start = [basins.axes["theta"][column], basins.axes["psi"][row]]
    radii = np.linalg.norm(iterate(game, consensus, start, 32_000, every=8000, compiled=True).states, axis=-1)
    assert (np.diff(radii) > 0).all() and radii[-1] > 2 * np.linalg.norm([3, 3])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"cells": 1}, "number of cells"),
        ({"cells": (4, 4, 4)}, "3 numbers of cells"),
        ({"plane": ("x", "z")}, "Unknown coordinate 'z'"),
        ({"plane": ("x", "x")}, "different"),
        ({"at": {"x": 1.0}}, "axis of the picture"),
        ({"iterations": 10, "method": None}, "no effect on the flow"),
        ({"time": 10.0}, "no effect on the method"),
        ({"box": {"x": (1.0, -1.0)}}, "x"),
        ({"bound": -1.0}, "bound"),
    ],
)
def test_bad_input_is_one_sentence(arguments, match):
    with pytest.raises(InputError, match=match):
        find_basins(games.get("forsaken"), **{"cells": 4, "method": DESCENT, **arguments})


def test_a_name_is_no_method():
    with pytest.raises(InputError, match=r"methods\.get\(name"):
        find_basins(games.get("forsaken"), cells=4, method="simultaneous")


def test_a_method_that_does_not_apply_says_so():
    with pytest.raises(InputError, match="two players"):
        find_basins(games.get("double-well"), cells=4, method=methods.get("competitive", lr=0.1))


def test_methods_with_memory_are_seen_to_move_away_where_nothing_attracts():
    # log(1 + x^2) falls without bound, and ever more slowly: x x' is 1 in the end
    game = games.define({"player": (["x"], "-log(1 + x**2)/2")}, box={"x": (-1, 1)})
    for name in ("simultaneous", "heavy-ball"):
        basins = find_basins(game, cells=8, method=methods.get(name, lr=0.1), bound=1e6)
        assert basins.fractions["still moving away"] == 1.0
