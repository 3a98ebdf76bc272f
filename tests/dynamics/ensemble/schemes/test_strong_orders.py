"""Strong orders: errors of single paths, whose increments are composed of the same fine ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Diagonal, Isotropic, Noise, StateDependent, simulate
from dynamics.ensemble.increments import Gaussian, GaussianIntegral
from dynamics.ensemble.schemes import get
from dynamics.games.build import inline

#: Length of the runs and of the finest increments, numbers of steps, and paths.
TIME, FINE = 1.0, 2**9
COUNTS = (8, 16, 32, 64, 128)
PATHS, SEED = 500, 4
#: ``x' = -x/2`` and the same in two coordinates.
LINE = inline("x**2/4", ["x"], [], start={"x": 1.0})
PLANE = inline("x**2/4 + y**2/4", ["x", "y"], [], start={"x": 1.0, "y": 1.0})


def final(game: Any, noise: Noise, scheme: str, count: int, fine: int = FINE, **further: Any) -> np.ndarray:
    run = {"paths": PATHS, "dt": TIME / count, "time": TIME, "seed": SEED, "records": 2, "compiled": False, **further}
    return simulate(game, noise, scheme=scheme, brownian_dt=TIME / fine, **run).final


def slope(counts: tuple[int, ...], errors: list[np.ndarray]) -> float:
    """Return the fitted order of the root mean squares of errors, shape (paths, dim), at numbers of steps.

    Five hundred paths know each root mean square to a few percent, and errors at neighbouring step sizes vary together:
    the slope over a factor of 16 is good to 0.05.
    """
    sizes = [np.sqrt((error**2).sum(axis=1).mean()) for error in errors]
    return float(np.polyfit(np.log([TIME / n for n in counts]), np.log(sizes), 1)[0])


def brownian(components: int) -> np.ndarray:
    """Return W(TIME) of every path, from the fine increments that the schemes are given."""
    return Gaussian(components).sample(SEED, np.arange(PATHS, dtype=np.uint64), 0, TIME, FINE)


def order(game: Any, noise: Noise, scheme: str, truth: np.ndarray) -> float:
    """Return the strong order against a closed solution."""
    return slope(COUNTS, [final(game, noise, scheme, n) - truth for n in COUNTS])


@pytest.mark.parametrize(("scheme", "expected"), [("euler-maruyama", 0.5), ("tamed-euler", 0.5), ("milstein", 1.0)])
def test_orders_on_geometric_brownian_motion(scheme, expected):
    # dX = -X/2 dt + 0.8 X dW has the solution exp((-1/2 - 0.8^2/2) t + 0.8 W).
    noise = Diagonal({"x": "0.8*x"})
    truth = np.exp((-0.5 - 0.32) * TIME + 0.8 * brownian(1))
    assert get(scheme).orders(SDE(LINE, noise))[0] == expected
    assert abs(order(LINE, noise, scheme, truth) - expected) < 0.1


def test_stratonovich_noise_keeps_the_order_of_milstein():
    # The correction cancels the 0.8^2/2: exp(-t/2 + 0.8 W).
    noise = Diagonal({"x": "0.8*x"}, interpretation="stratonovich")
    truth = np.exp(-0.5 * TIME + 0.8 * brownian(1))
    assert abs(order(LINE, noise, "milstein", truth) - 1.0) < 0.1


COMMUTING = StateDependent([["0.6*x", "0.3*x"], ["0.2*y", "-0.5*y"]])


def exact_of_commuting() -> np.ndarray:
    # Diagonal matrices: each coordinate is a geometric motion driven by both components.
    w, b = brownian(2), np.array([[0.6, 0.3], [0.2, -0.5]])
    return np.exp((-0.5 - (b**2).sum(axis=1) / 2) * TIME + w @ b.T)


@pytest.mark.parametrize(("scheme", "expected"), [("euler-maruyama", 0.5), ("milstein", 1.0)])
def test_two_components_that_commute(scheme, expected):
    assert SDE(PLANE, COMMUTING).commutative
    assert abs(order(PLANE, COMMUTING, scheme, exact_of_commuting()) - expected) < 0.1


def test_milstein_without_the_mixed_products_loses_its_order(monkeypatch):
    # Negative control: L^j b_k with j != k is needed.
    from dynamics.ensemble.readable import ArrayEquation

    before = ArrayEquation.level
    monkeypatch.setattr(
        ArrayEquation, "level", lambda self, y, j, k, stage=0.0: before(self, y, j, k, stage) * float(j == k)
    )
    assert order(PLANE, COMMUTING, "milstein", exact_of_commuting()) < 0.75


@pytest.mark.parametrize(
    "matrix", [[["y", "0"], ["0", "x"]], [["0.3*y", "0.1"], ["0.2", "0.1*x"]], [["x", "0.1"], ["0", "0"]]]
)
def test_noise_that_does_not_commute_is_refused(matrix):
    noise = StateDependent(matrix)
    assert not SDE(PLANE, noise).commutative
    with pytest.raises(InputError, match=r"commutative noise.*euler-maruyama or weak-order-2"):
        simulate(PLANE, noise, scheme="milstein", paths=1, dt=0.1, time=1.0)


@pytest.mark.parametrize(
    "matrix", [[["x"], ["0.2*y*x"]], [["sqrt(x)", "0"], ["0", "sqrt(y)"]], [["sqrt(x)*0.1", "sqrt(x)"], ["0", "0"]]]
)
def test_noise_that_commutes_on_its_domain_is_taken(matrix):
    # The default box holds negative x, where the root is no number and says nothing.
    assert SDE(PLANE, StateDependent(matrix)).commutative


#: Nonlinear drift, additive noise that fades or (half-lives of a billion) does not, and numbers of steps: the second
#: ones show order 1.5 without the next.
WELL = games.get("double-well")
ADDITIVE = {
    name: Isotropic(0.6, schedule=f"exponential:half_life={x}") for name, x in (("still", 1e9), ("fading", 0.5))
}
MANY = (64, 128, 256, 512, 1024)


def order_of_differences(noise: str, scheme: str, counts: tuple[int, ...], **further: Any) -> float:
    """Return the strong order from differences to a run with half the steps, on the same Brownian paths.

    They shrink as the errors do: ``X_h - X_(h/2) = (1 - 2^-p) C h^p`` to leading order.
    """

    def run(count: int, fine: int) -> np.ndarray:
        return final(WELL, ADDITIVE[noise], scheme, count, fine, **further)

    return slope(counts, [run(n, 2 * n) - run(2 * n, 2 * n) for n in counts])


@pytest.mark.parametrize("noise", ADDITIVE)
@pytest.mark.parametrize("scheme", ["euler-maruyama", "milstein", "tamed-euler"])
def test_order_one_with_additive_noise(scheme, noise):
    assert get(scheme).orders(SDE(WELL, ADDITIVE[noise]))[0] == 1.0
    assert abs(order_of_differences(noise, scheme, COUNTS) - 1.0) < 0.1


@pytest.mark.parametrize("noise", ADDITIVE)
def test_order_one_and_a_half_with_additive_noise(noise):
    # Compiled, with 4,000 paths: the slope is good to 0.03.
    assert get("stochastic-runge-kutta").orders(SDE(WELL, ADDITIVE[noise]))[0] == 1.5
    found = order_of_differences(noise, "stochastic-runge-kutta", MANY, paths=4000, compiled=True)
    assert abs(found - 1.5) < 0.1


def test_the_finest_steps_are_the_limit():
    # Euler-Maruyama against order 1.5 at the finest step: both converge to the same paths.
    truth = final(WELL, ADDITIVE["still"], "stochastic-runge-kutta", FINE)
    errors = [final(WELL, ADDITIVE["still"], "euler-maruyama", n) - truth for n in COUNTS]
    assert abs(slope(COUNTS, errors) - 1.0) < 0.1


def test_order_one_and_a_half_needs_the_integrals(monkeypatch):
    # Negative control: dZ of another path (its mean given dW is h dW/2).
    before = GaussianIntegral.split

    def shuffled(self: GaussianIntegral, rows: Any) -> Any:
        draws = before(self, rows)
        return type(draws)(draws.dW, draws.dZ[::-1])

    monkeypatch.setattr(GaussianIntegral, "split", shuffled)
    assert order_of_differences("still", "stochastic-runge-kutta", COUNTS) < 1.2


def test_a_schedule_taken_at_the_beginning_of_steps_loses_order_one_and_a_half(monkeypatch):
    # Negative control: B(t) in place of B(t + h) and of their difference.
    from dynamics.ensemble.readable import ArrayEquation

    before = ArrayEquation.noise
    monkeypatch.setattr(ArrayEquation, "noise", lambda self, y, xi, stage=0.0: before(self, y, xi, 0.0))
    assert order_of_differences("fading", "stochastic-runge-kutta", MANY[:3]) < 1.2
