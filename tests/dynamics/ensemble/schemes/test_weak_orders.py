"""Weak orders without sampling: the scheme's exact moments against those of the equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynamics import games
from dynamics.ensemble import SDE, Isotropic, LinearSDE, Matrix, Noise, StateDependent
from dynamics.ensemble.increments import Draws
from dynamics.ensemble.recursion import scheme_moments
from dynamics.ensemble.schemes import Scheme, get, weak_order_2

START = np.array([1.0, 0.5])
GAME = games.get("bilinear", sigma=1.3)
#: Five step sizes, and four smaller ones.
COUNTS, FINE = (32, 64, 128, 256, 512), (256, 512, 1024, 2048)
TIME = 2.0

CORRELATED = Matrix([[0.4, 0.1], [0.2, 0.3]])
FADING = Matrix([[0.4, 0.1], [0.2, 0.3]], schedule="exponential:half_life=1.5")
#: b_1 = (0.3 y, 0.2 x), b_2 = (0.4 x, -0.2 y): their matrices do not commute.
TURNED = (("0.3*y", "0.4*x"), ("0.2*x", "-0.2*y"))
#: Diagonal matrices commute.
STRETCHED = (("0.5*x", "0.3*x"), ("0.4*y", "-0.2*y"))


def moments_of_the_equation(sde: SDE) -> np.ndarray:
    """Return E z z^T, z = (y, 1), at TIME, from its ordinary differential equation to 1e-12.

    ``dY = (A Y + c) dt + g sum_j (B_j Y + b_j) dW_j`` has ``d E zz^T / dt = A E zz^T + E zz^T A^T + g^2 sum_j B_j E
    zz^T B_j^T``, all matrices extended to z.
    """
    n = sde.dim

    def extended(at: Any) -> np.ndarray:
        zero, units = at(np.zeros(n)), at(np.eye(n))
        matrix = np.zeros((n + 1, n + 1))
        matrix[:n, :n], matrix[:n, n] = (units - zero).T, zero
        return matrix

    columns = [extended(lambda y, j=j: sde.diffusion_at(y, g=1.0)[..., j]) for j in range(sde.noise_dim)]

    def slope(t: float, flat: np.ndarray) -> np.ndarray:
        s = flat.reshape(n + 1, n + 1)
        drift = extended(lambda y: sde.drift_at(y, t))
        noise = sum(b @ s @ b.T for b in columns)
        return (drift @ s + s @ drift.T + sde.noise.factor(t) ** 2 * noise).ravel()

    z = np.append(START, 1.0)
    solution = solve_ivp(slope, (0, TIME), np.outer(z, z).ravel(), "DOP853", rtol=1e-12, atol=1e-14)
    return solution.y[:, -1].reshape(n + 1, n + 1)


def order(scheme: Scheme, noise: Noise, counts: tuple[int, ...] = COUNTS) -> tuple[float, np.ndarray]:
    """Return the order at which the scheme's means and second moments converge, and their errors."""
    sde = SDE(GAME, noise)
    truth = moments_of_the_equation(sde)
    errors = []
    for count in counts:
        told = scheme_moments(sde, scheme, TIME / count, count, START)
        mean, second = told.mean[-1] - truth[:2, 2], told.second[-1] - truth[:2, :2]
        errors.append(np.sqrt((mean**2).sum() + (second**2).sum()))
    slope = np.polyfit(np.log([TIME / count for count in counts]), np.log(errors), 1)[0]
    return float(slope), np.array(errors)


@dataclass(frozen=True)
class Unsigned(weak_order_2.WeakOrder2):
    """Weak order 2 without the random signs V that stand in for the areas."""

    def step(self, y: Any, equation: Any, draws: Draws) -> Any:
        return super().step(y, equation, Draws(draws.dW, signs=0.0 * draws.signs))


CASES = [
    ("euler-maruyama", CORRELATED, 1.0),
    ("milstein", CORRELATED, 1.0),
    ("weak-order-2", CORRELATED, 2.0),
    ("stochastic-runge-kutta", CORRELATED, 2.0),
    ("euler-maruyama", FADING, 1.0),
    ("weak-order-2", FADING, 2.0),
    ("stochastic-runge-kutta", FADING, 2.0),
    ("euler-maruyama", StateDependent(TURNED), 1.0),
    ("weak-order-2", StateDependent(TURNED), 2.0),
    ("weak-order-2", StateDependent(TURNED, schedule="exponential:half_life=1.5"), 2.0),
    ("weak-order-2", StateDependent(TURNED, interpretation="stratonovich"), 2.0),
    (
        "weak-order-2",
        StateDependent(TURNED, interpretation="stratonovich", schedule="exponential:half_life=1.5"),
        2.0,
    ),
    ("milstein", StateDependent(STRETCHED), 1.0),
    ("milstein", StateDependent(STRETCHED, schedule="power:power=1"), 1.0),
    ("euler-maruyama", StateDependent(STRETCHED, interpretation="stratonovich"), 1.0),
]


@pytest.mark.parametrize(("name", "noise", "expected"), CASES)
def test_weak_orders_are_those_declared(name, noise, expected):
    scheme = get(name)
    found, errors = order(scheme, noise)
    assert scheme.orders(SDE(GAME, noise))[1] == expected
    assert abs(found - expected) < 0.05, errors


def test_increments_of_few_values_keep_the_weak_order():
    for kind in ("two-point", "three-point"):
        scheme = get("euler-maruyama", increments_of=kind)
        assert scheme.orders(SDE(GAME, CORRELATED)) == (None, 1.0)
        assert abs(order(scheme, StateDependent(TURNED))[0] - 1.0) < 0.05
    assert abs(order(get("weak-order-2", increments_of="gaussian"), CORRELATED)[0] - 2.0) < 0.05


def test_the_signs_of_pairs_are_needed():
    # Negative control: without them order 2 is lost, to 1 past step sizes where errors of both orders mix.
    assert order(Unsigned(), StateDependent(TURNED), FINE)[0] < 1.3


def test_the_signs_of_pairs_are_antisymmetric(monkeypatch):
    # Negative control: V_kj = V_jk correlates the two halves of a pair.
    before = weak_order_2._sign
    monkeypatch.setattr(weak_order_2, "_sign", lambda signs, k, j: before(signs, max(k, j), min(k, j)))
    assert order(get("weak-order-2"), StateDependent(TURNED), FINE)[0] < 1.3


def test_noise_half_a_percent_too_strong_has_no_order():
    # Negative control: the errors tend to a constant.
    sde, wrong = SDE(GAME, CORRELATED), SDE(GAME, Matrix(1.005 * np.asarray(CORRELATED.matrix)))
    truth = moments_of_the_equation(wrong)[:2, :2]
    errors = [
        np.abs(scheme_moments(sde, get("weak-order-2"), TIME / n, n, START).second[-1] - truth).max() for n in COUNTS
    ]
    assert abs(np.polyfit(np.log(COUNTS), np.log(errors), 1)[0]) < 0.05


def test_moments_of_linear_equations_are_those_of_their_differential_equation():
    for noise in (CORRELATED, FADING, Isotropic(0.3, schedule="cosine:length=1.5,final=0.2")):
        sde = SDE(GAME, noise)
        mean, covariance = (part[-1] for part in LinearSDE.of(sde).moments([TIME], START))
        truth = moments_of_the_equation(sde)
        # Ten times the tolerance of the integration, relative to moments of order one.
        np.testing.assert_allclose(mean, truth[:2, 2], rtol=0, atol=1e-11)
        np.testing.assert_allclose(covariance + np.outer(mean, mean), truth[:2, :2], rtol=0, atol=1e-11)
