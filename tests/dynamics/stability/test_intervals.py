"""All intervals of stable rates and the fastest rate, against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dynamics import games, methods
from dynamics.stability import analyse, spectral_radii
from dynamics.stability.expansion import Stack
from dynamics.stability.multipliers import MethodRow, method_row


def polynomial(coefficients: list[float], jacobian: NDArray) -> Stack:
    """Return ``sum_k c_k (lr J)^k`` over rates."""
    powers = [np.linalg.matrix_power(jacobian, k) for k in range(len(coefficients))]

    def stack(rates: NDArray) -> NDArray:
        terms = (c * rates[:, None, None] ** k * p for k, (c, p) in enumerate(zip(coefficients, powers, strict=True)))
        return np.asarray(sum(terms))

    return stack


def proximal(jacobian: NDArray) -> Stack:
    return lambda rates: np.linalg.inv(np.eye(len(jacobian)) - rates[:, None, None] * jacobian)


def rotation(real: float, imaginary: float) -> NDArray:
    return np.array([[real, -imaginary], [imaginary, real]])


def row(stack: Stack, jacobian: NDArray, lr: float | None = None) -> MethodRow:
    return method_row("test", stack, float(np.linalg.norm(jacobian, 2)), lr)


RK4 = [1, 1, 1 / 2, 1 / 6, 1 / 24]


@pytest.mark.parametrize("share", [0.1, 0.05, 0.12])
@pytest.mark.parametrize("curvature", [1.0, 7.5])
def test_extragradient_with_a_short_trial_step_restabilises_on_a_bowl(share: float, curvature: float) -> None:
    # mu = 1 - a + e a^2, a = lr h: below -1 between the roots of e a^2 - a + 2 = 0, at most 1 up to a = 1/e
    found = analyse(
        games.inline(minimax="h*x**2/2", minimise=["x"], maximise=[], parameters={"h": curvature}),
        methods=[methods.get("extragradient", lr=1.0, extrapolation=share)],
        lr=5 / curvature,
    ).equilibria[0].methods[0]  # fmt: skip
    root = np.sqrt(1 - 8 * share)
    expected = [[0.0, (1 - root) / (2 * share)], [(1 + root) / (2 * share), 1 / share]]
    # transversal crossings, refined to a few units of rounding of mu (which is of order one)
    np.testing.assert_allclose(found.intervals, np.array(expected) / curvature, rtol=1e-13)
    assert found.critical_lr == found.intervals[0][1]
    # at a = 5 between the intervals or in the first of them: |1 - 5 + 25 e| is 1.5, 2.75, 1
    assert found.stable is bool(any(low <= 5 / curvature <= high for low, high in found.intervals))


def test_runge_kutta_stabilises_a_slow_outward_spiral_at_large_rates_only() -> None:
    growth = 0.01
    jacobian = rotation(growth, 1.0)
    found = row(polynomial(RK4, jacobian), jacobian, lr=1.5)
    # |R(z)|^2 - 1 along z = lr lambda is a polynomial in lr; its positive roots end the intervals
    z = np.polynomial.Polynomial([0, growth + 1j])
    r = sum((c * z**k for k, c in enumerate(RK4)), start=np.polynomial.Polynomial([0]))
    square = np.polynomial.Polynomial((r * np.polynomial.Polynomial(r.coef.conj())).coef.real) - 1
    roots = square.roots()
    ends = np.sort(roots.real[(np.abs(roots.imag) < 1e-12) & (roots.real > 1e-9)])
    assert len(ends) == 2
    assert found.critical_lr == 0.0
    # roots of a polynomial of degree 8 are known to 1e-12 or so
    np.testing.assert_allclose(found.intervals, [ends], rtol=1e-11)
    assert found.stable is True


def test_a_window_narrower_than_the_scan_is_found() -> None:
    # the growth at which the window of the last test closes: max over lr of the dip of |R|; a little below it
    def least(growth: float) -> float:
        rates = np.linspace(1.0, 2.5, 3001)
        z = rates * (growth + 1j)
        return float(np.abs(sum(c * z**k for k, c in enumerate(RK4))).min())

    low, high = 0.01, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if least(middle) < 1 else (low, middle)
    for below, width in ((1e-4, 0.05), (1e-6, 0.005)):
        jacobian = rotation(low * (1 - below), 1.0)
        found = row(polynomial(RK4, jacobian), jacobian)
        ((a, b),) = found.intervals
        assert b is not None
        # the dip is a parabola of order one in the logarithm of the rate: the width is of the order of sqrt(below)
        assert 0 < b / a - 1 < width
        inside = np.linspace(a, b, 5)[1:-1]
        assert (np.abs(np.linalg.eigvals(polynomial(RK4, jacobian)(inside))) < 1).all()
    jacobian = rotation(low * (1 + 1e-6), 1.0)
    assert row(polynomial(RK4, jacobian), jacobian).intervals == ()


def test_the_implicit_step_stabilises_a_repelling_point_from_a_rate_on() -> None:
    # |1 - lr lambda| > 1 from lr = 2 Re(lambda) / |lambda|^2 on
    jacobian = rotation(0.3, 0.4)
    found = row(proximal(jacobian), jacobian, lr=3.0)
    ((low, high),) = found.intervals
    np.testing.assert_allclose(low, 2 * 0.3 / 0.25, rtol=1e-13)
    assert high is None
    assert (found.critical_lr, found.stable) == (0.0, True)
    assert found.optimal_lr is None  # the radius falls on like 1/lr


def test_the_fastest_rate_of_descent_on_a_bowl_balances_its_curvatures() -> None:
    jacobian = -np.diag([1.0, 5.0])
    found = row(polynomial([1, 1], jacobian), jacobian)
    # |1 - lr| = |1 - 5 lr| at lr = 2/6, where both are 4/6
    np.testing.assert_allclose([found.optimal_lr, found.optimal_radius], [1 / 3, 2 / 3], rtol=1e-14)
    assert len(found.intervals) == 1


def test_the_fastest_rate_of_consensus_on_the_bilinear_game() -> None:
    # |1 - a + i a|^2 = 1 - 2 a + 2 a^2 is least at a = 1/2, with the root of 1/2
    found = analyse(games.get("bilinear"), methods=["consensus"]).equilibria[0].methods[0]
    # a smooth minimum is resolved to the root of rounding, its value to rounding
    np.testing.assert_allclose(found.optimal_lr, 0.5, rtol=1e-6)
    np.testing.assert_allclose(found.optimal_radius, np.sqrt(0.5), rtol=1e-14)


def test_of_many_fastest_rates_the_lowest_is_given() -> None:
    # heavy-ball on a bowl: every multiplier has modulus sqrt(beta) while all discriminants are negative, from
    # lr = (1 - sqrt(beta))^2 / h_1 to (1 + sqrt(beta))^2 / h_2
    beta = 0.5
    game = games.inline(minimax="x**2/2 + z**2", minimise=["x", "z"], maximise=[])
    found = analyse(game, methods=[methods.get("heavy-ball", lr=1.0, beta=beta)]).equilibria[0].methods[0]
    # at the end of the plateau two multipliers meet: their rounding is the root of that of the matrix
    np.testing.assert_allclose(found.optimal_lr, (1 - np.sqrt(beta)) ** 2, rtol=1e-7)
    np.testing.assert_allclose(found.optimal_radius, np.sqrt(beta), rtol=1e-7)
    np.testing.assert_allclose(found.critical_lr, 2 * (1 + beta) / 2, rtol=1e-13)


def test_a_continuum_and_a_centre_of_marginal_steps_have_no_fastest_rate() -> None:
    jacobian = np.diag([-1.0, 0.0])
    found = row(polynomial([1, 1], jacobian), jacobian)
    assert (found.intervals, found.optimal_lr) == (((0.0, found.critical_lr),), None)
    np.testing.assert_allclose(found.critical_lr, 2.0, rtol=1e-14)
    bilinear = analyse(games.get("bilinear"), methods=["alternating", "heun"]).equilibria[0].methods
    assert [m.optimal_lr for m in bilinear] == [None, None]
    np.testing.assert_allclose(bilinear[0].intervals, [[0.0, 2.0]], rtol=1e-13)
    assert bilinear[1].intervals == ()


def test_an_exponential_average_adds_its_share_of_the_past_to_the_multipliers() -> None:
    # the exponential average of simultaneous steps on a bowl: multipliers 1 - lr and beta
    game = games.inline(minimax="x**2/2", minimise=["x"], maximise=[])
    method = methods.get("averaging", lr=0.5, kind="ema", beta=0.3)
    found = analyse(game, methods=[method], lr=0.5).equilibria[0].methods[0]
    np.testing.assert_allclose(found.spectral_radius, 0.5, rtol=1e-14)
    np.testing.assert_allclose(found.intervals, [[0.0, 2.0]], rtol=1e-13)
    np.testing.assert_allclose([found.optimal_lr, found.optimal_radius], [0.7, 0.3], rtol=1e-7)


@pytest.mark.parametrize("seed", range(30))
def test_intervals_agree_with_a_dense_scan_of_the_radius(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 5))
    jacobian = generator.standard_normal((n, n)) - generator.uniform(-0.5, 1.5) * np.eye(n)
    size = float(np.linalg.norm(jacobian, 2))
    coefficients = [1.0, 1.0, *generator.uniform(0.0, 0.3, int(generator.integers(0, 4)))]
    for stack in (polynomial(coefficients, jacobian), proximal(jacobian)):
        found = row(stack, jacobian)
        scan = np.geomspace(1e-2 / size, 1e3 / size, 20_000)
        radii = np.abs(np.linalg.eigvals(stack(scan))).max(axis=1)
        inside = np.zeros(len(scan), dtype=bool)
        for low, high in found.intervals:
            inside |= (scan >= low) & (scan <= (np.inf if high is None else high))
        # 1e-9 is far above rounding; next to a crossing the radius may be closer to one than that
        clear = np.abs(radii - 1) > 1e-9
        assert (inside == (radii <= 1))[clear].all()
        if found.optimal_lr is not None and found.optimal_lr > scan[0]:
            assert found.optimal_radius is not None
            assert found.optimal_radius <= radii.min() + 1e-12
            # next to its least value the radius of a scan is above it by at most the slope times a step of 6e-4
            assert found.optimal_radius > radii.min() - 0.05


@pytest.mark.parametrize("growth", [1e-2, 1e-3, 1e-5])
def test_an_interval_that_begins_at_a_small_rate_is_found_where_it_begins(growth: float) -> None:
    # mu = 1 + z + z^2, z = lr (g + i): |mu|^2 = 1 + 2 g lr - (1 - 3 g^2) lr^2 + 2 g (1 + g^2) lr^3 + (1 + g^2)^2 lr^4
    jacobian = rotation(growth, 1.0)
    found = row(polynomial([1, 1, 1], jacobian), jacobian)
    square = 1 + growth**2
    roots = np.roots([square**2, 2 * growth * square, -(1 - 3 * growth**2), 2 * growth])
    ends = np.sort(roots[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)].real)
    assert found.critical_lr == 0.0
    # at the first end, near 2 g, the radius moves by 2 g^2 times the share of the rate; it is marginal to 4 n eps |M|
    np.testing.assert_allclose(found.intervals, [ends], rtol=10 * np.finfo(float).eps / growth**2)
    assert len(found.intervals) == 1


@pytest.mark.parametrize("damping", [1e-2, 1e-3, 1e-4])
def test_the_fastest_rate_of_simultaneous_steps_is_found_however_small(damping: float) -> None:
    # |1 + lr (i - g)|^2 = 1 - 2 g lr + (1 + g^2) lr^2 is least at g / (1 + g^2)
    jacobian = rotation(-damping, 1.0)
    found = row(polynomial([1, 1], jacobian), jacobian)
    # the parabola is level to rounding over sqrt(eps), a share of sqrt(eps) / g of the rate
    np.testing.assert_allclose(found.optimal_lr, damping / (1 + damping**2), rtol=1e-7 / damping)
    np.testing.assert_allclose(found.optimal_radius, 1 / np.sqrt(1 + damping**2), rtol=1e-14)


@pytest.mark.parametrize("damping", [1e-2, 1e-3])
@pytest.mark.parametrize("beta", [0.9, 0.99])
def test_heavy_momentum_moves_the_first_crossing_to_small_rates(damping: float, beta: float) -> None:
    # The multiplier 1 + x obeys x (1 - beta + x) = lr lambda (1 + x). With s = lr lambda / (1 - beta) its logarithm is
    # s - s^2 (1 + beta) / (2 (1 - beta)) + O(s^3), whose real part is 0 again at 2 g (1 - beta)^2 / (1 + beta), and
    # least at half of that rate.
    jacobian = rotation(-damping, 1.0)

    def stack(rates: NDArray) -> NDArray:
        one = np.broadcast_to(np.eye(2), (len(rates), 2, 2))
        ahead = (1 + beta) * one + rates[:, None, None] * jacobian
        return np.concatenate([np.block([ahead, -beta * one]), np.block([one, 0 * one])], axis=-2)

    found = row(stack, jacobian)
    expected = 2 * damping * (1 - beta) ** 2 / (1 + beta)
    # the dip is 2.5e-9 deep at least, seen against a rounding of 1e-15 times a condition of a few hundred
    np.testing.assert_allclose(found.critical_lr, expected, rtol=1e-3)
    np.testing.assert_allclose(found.optimal_lr, expected / 2, rtol=1e-3)


def weakly_damped(generator: np.random.Generator) -> dict:
    """Return the players of a random linear game whose intervals and fastest rates lie at rates of all sizes."""
    a, b, c, d = generator.uniform([-0.2, -0.2, -0.2, 0.5], [0.6, 0.6, 0.6, 3.0]).tolist()
    return {
        "one": (["x", "z"], f"{a}*x**2/2 + {abs(b)}*z**2/2 + {d}*x*y + z*y/3"),
        "two": (["y"], f"{b}*y**2/2 - {d}*x*y + z*y/5 + w*y/4"),
        "three": (["w"], f"{c}*w**2/2 - w*y/2"),
    }


@pytest.mark.parametrize("seed", range(4))
def test_the_table_of_every_method_agrees_with_a_dense_scan(seed: int) -> None:
    generator = np.random.default_rng(100 + seed)
    players = weakly_damped(generator)
    if seed % 2:
        del players["three"]
        players["two"] = (["y"], players["two"][1].replace(" + w*y/4", ""))
    game = games.define(players)
    lr = {player: float(generator.choice([0.3, 1.0, 3.0])) for player in game.players}
    chosen = [methods.get(name, lr=lr) for name in methods.names()]
    chosen += [
        methods.get("heavy-ball", lr=lr, beta=-0.5, order="alternating"),
        methods.get("averaging", lr=lr, kind="ema"),
    ]
    chosen = [method for method in chosen if not method.no_multipliers and not method.applies(game)]
    (found,) = analyse(game, methods=chosen).equilibria
    size = float(np.linalg.norm(game.jacobian(found.at), 2))
    scan = np.geomspace(1e-4 / size, 1e3 / size, 6000)
    for method, line in zip(chosen, found.methods, strict=True):
        radii = spectral_radii(game, method, found.at, scan)
        inside = np.zeros(len(scan), dtype=bool)
        for low, high in line.intervals:
            inside |= (scan >= low) & (scan <= (np.inf if high is None else high))
        # next to a crossing, and where it is marginal, the radius is closer to one than rounding tells
        clear = np.abs(radii - 1) > 1e-9
        assert (inside == (radii <= 1))[clear].all(), method.name
        assert line.optimal_radius is None or line.optimal_radius <= radii.min() + 1e-9, method.name
        assert line.optimal_lr is None or line.optimal_radius > radii.min() - 0.05, method.name
