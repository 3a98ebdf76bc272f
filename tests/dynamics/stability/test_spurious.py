"""Fixed points that algorithms add, against closed forms, and the proof that they are fixed points."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.stability import Spurious, analyse, spurious_fixed_points
from dynamics.stability.roots import bracketed_root

#: The positive solution of u sigmoid(u) = 1/2.
U = bracketed_root(lambda u: u / (1 + np.exp(-u)) - 0.5, 0.5, 1.0)


def points(found: tuple[Spurious, ...]) -> np.ndarray:
    return np.array([list(point.at.values()) for point in found])


def consensus_points(gamma: float) -> np.ndarray:
    """Return the two points of the minimax Dirac-GAN, theta first."""
    slope = gamma / (1 + np.exp(U))
    ratio = (1 + np.sqrt(1 + slope**2)) / slope
    point = np.array([np.sqrt(U / ratio), -np.sqrt(U * ratio)])
    return np.array([-point, point])


@pytest.mark.parametrize("gamma", [0.6, 1.0, 3.0, 100.0])
def test_consensus_adds_two_points_to_the_minimax_dirac_gan(gamma: float) -> None:
    game = games.get("dirac-gan")
    method = methods.get("consensus", lr=0.1, gamma=gamma)
    found = spurious_fixed_points(game, method)
    # simple zeros of a field of order one, polished to rounding
    np.testing.assert_allclose(points(found), consensus_points(gamma), atol=1e-12)
    for point in found:
        y = np.array(list(point.at.values()))
        after, _ = method.step(method.init(y), game)
        np.testing.assert_allclose(after.y, y, atol=1e-14)
        np.testing.assert_allclose(point.field, np.linalg.norm(game(y)), rtol=1e-14)
        assert point.field > 0.1
        # each is a saddle of the modified direction: the method leaves it along a line
        assert (point.attracts, point.critical_lr) == (False, 0.0)


def test_weak_consensus_has_its_points_outside_the_box() -> None:
    # psi = 3 at gamma = B (1 + e^u) with q = 9/u and B = 2 q / (q^2 - 1)
    ratio = 9 / U
    threshold = 2 * ratio / (ratio**2 - 1) * (1 + np.exp(U))
    game = games.get("dirac-gan")
    for gamma, count in ((threshold * 0.99, 0), (threshold * 1.01, 2)):
        assert len(spurious_fixed_points(game, methods.get("consensus", lr=0.1, gamma=gamma))) == count


def test_hamiltonian_descent_rests_where_consensus_does_at_large_weights() -> None:
    found = spurious_fixed_points(games.get("dirac-gan"), methods.get("hamiltonian", lr=0.1))
    expected = np.sqrt(U) * np.array([[-1, 1], [1, -1]])
    np.testing.assert_allclose(points(found), expected, atol=1e-12)
    np.testing.assert_allclose(consensus_points(1e9), expected, atol=1e-8)


def test_hamiltonian_descent_rests_at_inflections_of_one_player() -> None:
    # v = x - x^3 is not zero where its slope 1 - 3 x^2 is
    found = spurious_fixed_points(games.get("double-well"), methods.get("hamiltonian", lr=0.1))
    np.testing.assert_allclose(points(found)[:, 0], [-1 / np.sqrt(3), 1 / np.sqrt(3)], atol=1e-14)


@pytest.mark.parametrize("name", ["dirac-gan", "forsaken", "matching-pennies", "rotated-double-well"])
@pytest.mark.parametrize("align", [False, True])
def test_symplectic_adjustment_adds_nothing(name: str, align: bool) -> None:
    method = methods.get("symplectic-adjustment", lr=1.0, gamma=1.7, align=align)
    assert not method.adds_fixed_points
    assert spurious_fixed_points(games.get(name), method) == ()


def test_a_spurious_point_may_attract() -> None:
    game = games.get("forsaken")
    method = methods.get("consensus", lr=0.01)
    found = spurious_fixed_points(game, method)
    attracting = [point for point in found if point.attracts]
    assert 0 < len(attracting) < len(found)
    for point in attracting:
        assert point.critical_lr is not None
        assert point.critical_lr > 0.01
        y = np.array(list(point.at.values()))
        path = methods.iterate(game, method, y + 1e-3, 4000, every=4000)
        # multipliers below one: what started a thousandth away has come closer by far
        assert np.abs(path.final - y).max() < 1e-6


def test_methods_that_look_ahead_add_points_at_a_finite_rate_only() -> None:
    # extragradient rests where y + lr v(y) is an equilibrium: x + lr (x - x^3) = 0 at x^2 = 1 + 1/lr, and = +-1
    game, lr = games.get("double-well"), 0.6
    found = spurious_fixed_points(game, methods.get("extragradient", lr=lr), box={"x": (-3, 3)})
    # lr x^3 - (1 + lr) x +- 1 without the root at +-1: lr x^2 +- lr x - 1 = 0
    inner = (-lr + np.array([1, -1]) * np.sqrt(lr**2 + 4 * lr)) / (2 * lr)
    expected = np.sort([np.sqrt(1 + 1 / lr), -np.sqrt(1 + 1 / lr), *inner, *-inner])
    np.testing.assert_allclose(points(found)[:, 0], expected, atol=1e-12)
    for point in found:
        # the multiplier is 1 + lr v'(z) (1 + lr v'(x)) with z = x + lr v(x)
        x = point.at["x"]
        z = x + lr * (x - x**3)
        mu = 1 + lr * (1 - 3 * z**2) * (1 + lr * (1 - 3 * x**2))
        assert point.attracts is (abs(mu) < 1)
    assert spurious_fixed_points(game, methods.get("extragradient", lr=0.05)) == ()


def test_a_continuum_of_spurious_points_is_reported_once() -> None:
    # v = (2 a w / 3, (1 - a^2) / 3): the gradient of its square vanishes on the line a = 0
    game = games.get("lq-wgan")
    found = spurious_fixed_points(game, methods.get("hamiltonian", lr=0.1))
    assert sum(point.continuum for point in found) == 1
    assert all(abs(point.at["a"]) < 1e-6 for point in found)


def test_kinks_are_not_taken_for_points_of_rest() -> None:
    game = games.get("dirac-gan", loss="hinge")
    for name in ("consensus", "symplectic-adjustment", "hamiltonian"):
        assert spurious_fixed_points(game, methods.get(name, lr=1.0)) == ()


@pytest.mark.parametrize(("name", "settings"), [("consensus", {"gamma": 10.0}), ("hamiltonian", {})])
def test_the_tails_of_a_sigmoid_are_no_points_of_rest(name: str, settings: dict) -> None:
    # v = sigmoid(theta psi) (psi, -theta) falls to 1e-43 in this box, and its slopes with it
    method = methods.get(name, lr=0.1, **settings)
    found = spurious_fixed_points(games.get("dirac-gan"), method, box={"theta": (-10, 10), "psi": (-10, 10)})
    np.testing.assert_allclose(np.abs(points(found)), np.abs(consensus_points(settings.get("gamma", 1e9))), atol=1e-8)
    assert not any(point.continuum for point in found)


def test_two_rates_decide_whether_a_point_attracts() -> None:
    # rates per player scale the rows of the slope: its determinant, negative at a saddle, keeps its sign
    game = games.get("dirac-gan")
    method = methods.get("consensus", lr={"generator": 0.1, "discriminator": 0.4})
    found = spurious_fixed_points(game, method)
    np.testing.assert_allclose(points(found), consensus_points(1.0), atol=1e-12)
    assert [point.attracts for point in found] == [False, False]


def test_a_method_with_memory_is_refused() -> None:
    with pytest.raises(InputError, match="has memory"):
        spurious_fixed_points(games.get("dirac-gan"), methods.get("heavy-ball", lr=0.1))


def test_the_report_lists_them_with_their_methods() -> None:
    report = analyse(games.get("dirac-gan"))
    assert set(report.spurious) == {"consensus", "hamiltonian"}
    rows = {row["method"]: row for row in report.to_dict()["equilibria"][0]["methods"]}
    assert [point["at"] for point in rows["consensus"]["spurious"]] == [
        dict(p.at) for p in report.spurious["consensus"]
    ]
    assert rows["simultaneous"]["spurious"] == []
