"""Basins of flows: known boundaries, slow approaches that are no attractors, sets of equilibria."""

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.stability.basins import UNDECIDED, find_basins

SWAPPED = str.maketrans("xy", "yx")


def test_the_barrier_of_the_double_well_parts_its_flow():
    basins = find_basins(games.get("double-well"), cells=51)
    assert [a.kind for a in basins.attractors] == ["equilibrium", "equilibrium"]
    assert (basins.labels[:25] == 0).all() and (basins.labels[26:] == 1).all()


def test_the_unstable_cycle_of_the_forsaken_game_encloses_the_basin_of_its_point():
    game = games.get("forsaken")
    basins = find_basins(game, {"x": (-0.6, 0.6), "y": (-0.2, 1.0)}, cells=48)
    point, cycle = basins.attractors
    assert (point.kind, cycle.kind) == ("equilibrium", "cycle")
    # Backward in time the unstable cycle attracts: its area is the share, to the width of a cell along its length.
    from dynamics.flow import integrate

    orbit = integrate(game, [0.1, 0.45], np.linspace(0, -400, 4001)).states[-300:]
    inside = np.linalg.norm(orbit - point.points[0], axis=1)
    angle = np.unwrap(np.arctan2(*(orbit - point.points[0]).T[::-1]))
    order = np.argsort(np.mod(angle, 2 * np.pi))
    x, y = (orbit - point.points[0])[order].T
    area = 0.5 * abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 1.44
    assert inside.min() > 0.05
    share, error = basins.fractions[point.label], basins.standard_errors[point.label]
    # three standard errors, and the polygon's own error of (2 pi / 100)^2 / 6 of the area
    assert share == pytest.approx(area, abs=3 * error + 1e-3 * area)
    assert abs(share - 1.1 * area) > 3 * error + 1e-3 * area


def test_a_repelling_circle_bounds_the_basin_of_its_centre():
    # r' = r (r^2 - 1): inside the unit circle to its centre, outside to infinity in finite time
    growth = "x**4/4 + x**2*y**2/2 - x**2/2"
    game = games.define(
        {"a": (["x"], f"-({growth}) + x*y"), "b": (["y"], f"-({growth.translate(SWAPPED)}) - x*y")},
        box={"x": (-2, 2), "y": (-2, 2)},
    )
    basins = find_basins(game, cells=64)
    assert set(basins.fractions) == {"equilibrium x=0, y=0", "diverged", "undecided"}
    share, error = basins.fractions["equilibrium x=0, y=0"], basins.standard_errors["equilibrium x=0, y=0"]
    assert share == pytest.approx(np.pi / 16, abs=3 * error)
    # negative control: a radius that is 2 % off would be seen
    assert abs(share - 1.04 * np.pi / 16) > 3 * error
    assert basins.fractions["diverged"] == 1 - share


def test_a_slow_spiral_is_no_cycle_but_the_equilibrium_it_ends_in():
    # r^2 = 8 / t: at time 400 the orbit of the non-saturating Dirac-GAN still has the radius 0.14 and hardly moves in.
    basins = find_basins(games.get("dirac-gan", loss="non-saturating"), cells=8)
    assert [a.label for a in basins.attractors] == ["equilibrium theta=0, psi=0"]
    assert (basins.labels == 0).all()


def test_the_closed_orbits_of_a_centre_are_no_attractors():
    basins = find_basins(games.get("bilinear"), cells=4, time=20.0)
    assert basins.attractors == () and (basins.labels == UNDECIDED).all()


def test_a_line_of_equilibria_is_one_attractor():
    basins = find_basins(games.get("dirac-gan", loss="least-squares"), cells=8)
    assert [a.kind for a in basins.attractors] == ["continuum"] and (basins.labels == 0).all()


@pytest.mark.parametrize(("loss", "gamma", "at"), [("minimax", 1.0, 2), ("wasserstein", 3.0, 3)])
def test_orbits_that_come_to_rest_on_a_surface_have_its_points_as_attractors(loss, gamma, at):
    # zeros of the sides psi > 0 and psi < 0 at theta = +-2, and +-gamma: rest, where rounding would tell a cycle
    basins = find_basins(games.get("dirac-gan", loss=loss, penalty="wgan-gp", gamma=gamma), cells=32)
    shares = {a.label: basins.fractions[a.label] for a in basins.attractors}
    assert set(shares) == {f"rest at theta={at}, psi=0", f"rest at theta=-{at}, psi=0"}
    # the game is symmetric under (theta, psi) -> -(theta, psi): one half each
    for label, share in shares.items():
        assert share == pytest.approx(0.5, abs=4 * basins.standard_errors[label])
    # negative control: below gamma = 2 the Wasserstein game has its cycle
    (cycle,) = find_basins(games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", gamma=1.0), cells=8).attractors
    assert cycle.kind == "cycle"


def test_saddles_attract_nothing():
    basins = find_basins(games.get("strict-saddle"), cells=16)
    # the wells at y = +-1, not the saddle between them
    assert {tuple(np.round(a.points[0], 6)) for a in basins.attractors} == {(0.0, -1.0), (0.0, 1.0)}


def test_attractors_that_agree_to_the_digits_of_their_labels_keep_their_shares():
    game = games.define({"player": (["x"], "((x - 100)*(x - 100.2))**2")}, box={"x": (99.9, 100.3)})
    basins = find_basins(game, cells=64, time=1000.0)
    # the barrier lies in the middle of the box
    assert {label: share for label, share in basins.fractions.items() if share} == {
        "equilibrium x=100 (1)": 0.5,
        "equilibrium x=100 (2)": 0.5,
    }
    assert [a["label"] for a in basins.to_dict()["attractors"]] == ["equilibrium x=100 (1)", "equilibrium x=100 (2)"]


def test_other_coordinates_are_held_where_asked():
    game = games.define(
        {"a": (["x"], "x**4/4 - x**2/2"), "b": (["y"], "y**2/2 - y"), "c": (["u"], "(u - x)**2/2")},
        box={"x": (-2, 2), "y": (-2, 2), "u": (-2, 2)},
    )
    basins = find_basins(game, cells=9, plane=("u", "x"), at={"y": 0.5})
    assert basins.at == {"y": 0.5} and basins.labels.shape == (9, 9)
    # x alone decides: rows of one label
    assert (basins.labels[:4] == basins.labels[0, 0]).all() and (basins.labels[5:] == basins.labels[-1, 0]).all()


def test_settings_without_effect_are_refused():
    with pytest.raises(InputError, match="no effect on the flow"):
        find_basins(games.get("forsaken"), cells=4, iterations=5)
    with pytest.raises(InputError, match="no effect on the method"):
        find_basins(games.get("forsaken"), cells=4, method=methods.get("alternating", lr=0.1), time=5.0)


def test_basins_print_the_share_of_each_attractor():
    assert repr(find_basins(games.get("double-well"), cells=50)).splitlines() == [
        "<Basins of the flow on double-well, 50 cells",
        "  50.00% equilibrium x=-1",
        "  50.00% equilibrium x=1",
        "  0.00% diverged",
        "  0.00% undecided>",
    ]
