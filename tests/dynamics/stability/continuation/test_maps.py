"""Fixed points and cycles of training algorithms: every event against its closed form."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.stability import continue_branches


def only(found, kind):
    (event,) = [event for event in found.events if event.kind == kind]
    return event


def test_gradient_descent_doubles_its_period_at_two_over_the_curvature():
    # x^2 has the curvature L = 2; the map is linear, so nothing is born but a line of cycles
    found = continue_branches(
        games.inline("x**2", ["x"], [], {}), "lr", (0.1, 2.0), method=methods.get("simultaneous", lr=0.1)
    )
    event = only(found, "period-doubling")
    assert abs(event.parameter - 1) < 1e-14
    assert event.detail["type"] == "degenerate"
    assert "continuum of cycles of period 2" in found.notes[0]
    # attracting below, repelling above
    (branch,) = found.branches
    np.testing.assert_array_equal(branch.stability, np.sign(np.round(1 - branch.parameter, 9)))


def test_the_period_doublings_of_the_double_well():
    found = continue_branches(
        games.get("double-well"),
        "lr",
        (0.1, 1.35),
        method=methods.get("simultaneous", lr=0.1),
        box={"x": (0.1, 2.0)},
        max_period=8,
    )
    fixed, double, quadruple, octuple = found.branches
    assert [b.kind for b in found.branches] == ["fixed-point", "cycle", "cycle", "cycle"]
    first = fixed.events[0]
    # f(x) = x + h (x - x^3) at x = 1, h = 1: f'' = f''' = -6, so c = (f''/2)^2 - 1 = 8
    assert abs(first.parameter - 1) < 1e-14
    assert first.detail["c"] == pytest.approx(8, rel=1e-8)
    assert first.detail["type"] == "supercritical"
    # the cycle has x y = 1/h, (x + y)^2 = 1 + 3/h and the multiplier 9 - 2 (1 + h)^2
    h = double.parameter
    np.testing.assert_allclose(double.ranges[:, 0].prod(axis=1), 1 / h, rtol=1e-12)
    np.testing.assert_allclose(double.ranges[:, 0].sum(axis=1), np.sqrt(1 + 3 / h), rtol=1e-12)
    np.testing.assert_allclose(double.eigenvalues[:, 0].real, 9 - 2 * (1 + h) ** 2, rtol=0, atol=1e-10)
    assert abs(double.events[0].parameter - (np.sqrt(5) - 1)) < 1e-13
    assert [set(b.period) for b in (double, quadruple, octuple)] == [{2.0}, {4.0}, {8.0}]
    # Feigenbaum: the doublings come closer by a factor near 4.669
    places = [b.events[0].parameter for b in found.branches]
    gaps = np.diff(places)
    assert 4.4 < gaps[1] / gaps[2] < 4.8
    assert all(branch.ended[0] == "event: period-doubling" for branch in found.branches[1:])


def test_the_window_of_period_three_is_found_by_a_search():
    # steps of rate one are x -> r x (1 - x): period three is born in a fold at r = 1 + sqrt(8), and nowhere else
    game = games.define({"player": (["x"], "-((r - 1)*x**2/2 - r*x**3/3)")}, {"r": 3.8}, box={"x": (-0.2, 1.2)})
    method = methods.get("simultaneous", lr=1.0)
    found = continue_branches(game, "r", (3.8, 3.9), method=method, max_period=3, search_cycles=True)
    (three,) = [branch for branch in found.branches if branch.period is not None and branch.period[0] == 3]
    assert three.ended == ("range", "range")
    fold, doubling = three.events
    assert fold.kind == "fold" and abs(fold.parameter - (1 + np.sqrt(8))) < 1e-12
    # the multiplier of the attracting half falls from 1 to -1
    assert doubling.kind == "period-doubling" and doubling.parameter == pytest.approx(3.841499, abs=1e-6)
    born = continue_branches(game, "r", (3.8, 3.9), method=method, max_period=3)
    # at r = 3.8 the fixed point has doubled long ago: nothing in the range leads to a cycle
    assert [branch.period for branch in born.branches if branch.period is not None and branch.period[0] != 2] == []
    assert any(branch.period is None for branch in born.branches)


def test_simultaneous_descent_loses_the_r1_dirac_gan_on_the_unit_circle():
    gamma = 0.3
    game = games.get("dirac-gan", penalty="r1", gamma=gamma)
    found = continue_branches(game, "lr", (0.1, 2.0), method=methods.get("simultaneous", lr=0.1))
    event = only(found, "neimark-sacker")
    # lr = -2 Re(lambda) / |lambda|^2 with Re = -gamma / 2 and |lambda|^2 = 1/4
    assert abs(event.parameter - 4 * gamma) < 1e-13
    multiplier = 1 + event.parameter * (-gamma / 2 + 0.5j * np.sqrt(1 - gamma**2))
    assert event.detail["angle"] == pytest.approx(np.angle(multiplier), rel=1e-12)


def test_alternating_descent_loses_it_by_a_period_doubling():
    # trace 2 - gamma h - h^2/4, determinant 1 - gamma h: det(M + 1) = 0 at h = 4 (sqrt(1 + gamma^2) - gamma)
    gamma = 0.3
    game = games.get("dirac-gan", penalty="r1", gamma=gamma)
    found = continue_branches(game, "lr", (0.1, 3.5), method=methods.get("alternating", lr=0.1), cycles=False)
    (event,) = found.events
    assert event.kind == "period-doubling"
    assert abs(event.parameter - 4 * (np.sqrt(1 + gamma**2) - gamma)) < 1e-13


def test_a_parameter_of_the_game_is_continued_for_a_map_too():
    # at lr = 1 the map of the R1 Dirac-GAN leaves the unit circle at gamma = 1/4, below
    game = games.get("dirac-gan", penalty="r1")
    found = continue_branches(game, "gamma", (0.05, 1.0), method=methods.get("simultaneous", lr=1.0))
    event = only(found, "neimark-sacker")
    assert abs(event.parameter - 0.25) < 1e-13


def test_optimistic_descent_with_its_memory_on_the_bilinear_game():
    found = continue_branches(games.get("bilinear"), "lr", (0.1, 1.0), method=methods.get("optimistic", lr=0.1))
    # the known limit 1/sqrt(3) of optimistic descent on xy
    assert abs(only(found, "neimark-sacker").parameter - 1 / np.sqrt(3)) < 1e-13
    assert found.branches[0].eigenvalues.shape[1] == 4


def test_a_setting_of_a_method_is_a_parameter():
    method = methods.get("heavy-ball", lr=0.1, order="alternating")
    found = continue_branches(games.get("bilinear"), "beta", (-0.9, 0.5), method=method)
    # negative momentum contracts, positive does not (Gidel et al. 2019)
    assert abs(only(found, "neimark-sacker").parameter) < 1e-12


def rotating(flow, angle: float, a: float, b: float = 0.3):
    """Return a game whose simultaneous descent at rate 1 is ``w <- e^{i angle} (1 + mu + (a + ib) |w|^2) w``."""
    c, s = float(np.cos(angle)), float(np.sin(angle))
    square = "(x**2 + y**2)"
    first, second = (
        f"((1 + mu + {a!r}*{square})*x - {b!r}*{square}*y)",
        f"((1 + mu + {a!r}*{square})*y + {b!r}*{square}*x)",
    )
    return flow({"x": f"{c!r}*{first} - {s!r}*{second} - x", "y": f"{s!r}*{first} + {c!r}*{second} - y"}, {"mu": 0.0})


@pytest.mark.parametrize("a", [-0.5, 0.5])
def test_the_neimark_sacker_coefficient_of_a_normal_form(flow, a):
    game = rotating(flow, 1.0, a)
    found = continue_branches(game, "mu", (-0.2, 0.2), method=methods.get("simultaneous", lr=1.0))
    event = only(found, "neimark-sacker")
    assert abs(event.parameter) < 1e-13
    # w = sqrt(2) z for |q| = 1: d = 2 a; the noise of second and third differences is below 1e-8
    assert event.detail["d"] == pytest.approx(2 * a, abs=1e-7)
    assert event.detail["type"] == ("supercritical" if a < 0 else "subcritical")


@pytest.mark.parametrize(("angle", "resonance"), [(2 * np.pi / 3, 3), (np.pi / 2, 4), (2.0, None)])
def test_strong_resonances_are_named(flow, angle, resonance):
    game = rotating(flow, angle, -0.5)
    found = continue_branches(game, "mu", (-0.2, 0.2), method=methods.get("simultaneous", lr=1.0))
    event = only(found, "neimark-sacker")
    assert event.detail.get("resonance") == resonance
    assert (event.detail["type"] == "resonant") == (resonance is not None)


def test_multipliers_that_stay_on_the_circle_are_a_centre():
    found = continue_branches(games.get("bilinear"), "lr", (0.1, 1.9), method=methods.get("alternating", lr=0.1))
    (event,) = found.events
    assert event.kind == "center"
    assert event.detail["along"] == [0.1, 1.9]


def test_fixed_points_that_a_method_adds_have_branches_too():
    method = methods.get("consensus", lr=0.1)
    game = games.get("dirac-gan")
    found = continue_branches(game, "method:gamma", (2.0, 10.0), method=method, box={"theta": (-3, 3), "psi": (-3, 3)})
    assert len(found.branches) == 3
    for branch in found.branches:
        for gamma, point in zip(branch.parameter[::10], branch.points[::10], strict=True):
            fixed = methods.get("consensus", lr=0.1, gamma=gamma)
            after, _ = fixed.step(fixed.init(point), game)
            np.testing.assert_allclose(after.y, point, atol=1e-12)
    away = [branch for branch in found.branches if np.abs(branch.points).max() > 0.1]
    assert len(away) == 2
