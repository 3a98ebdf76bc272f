"""Noise models: what B is, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import (
    SDE,
    Coloured,
    Diagonal,
    GradientNoise,
    Isotropic,
    Matrix,
    PerCoordinate,
    StateDependent,
    simulate,
)
from dynamics.ensemble.noise import read_noise
from dynamics.ensemble.recursion import scheme_moments
from dynamics.ensemble.schemes import get
from dynamics.games.build import inline

GAME = games.get("bilinear")
Y = np.array([2.0, -0.5])
SIGMA = np.array([[2.0, 0.6], [0.6, 0.5]])


def product(noise: object) -> np.ndarray:
    b = SDE(GAME, noise).diffusion_at(Y)
    return b @ b.T


@pytest.mark.parametrize(
    ("noise", "truth", "components"),
    [
        (Isotropic(0.3), 0.09 * np.eye(2), 2),
        (Isotropic(0.0), np.zeros((2, 2)), 0),
        (PerCoordinate({"y": 0.2}), np.diag([0.0, 0.04]), 1),
        (PerCoordinate({"x": 0.1, "y": 0.0}), np.diag([0.01, 0.0]), 1),
        (Matrix([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]), np.array([[5.0, 6.0], [6.0, 9.0]]), 2),
        (Matrix([[0.0], [0.0]]), np.zeros((2, 2)), 0),
        (Diagonal({"x": "0.1*x", "y": "sigma*y"}), np.diag([0.04, 0.25]), 2),
        (Diagonal({"y": 0.5}), np.diag([0.0, 0.25]), 1),
        (StateDependent([["0.1*y"], ["-0.1*x"]]), np.array([[0.0025, 0.01], [0.01, 0.04]]), 1),
        (GradientNoise(SIGMA, lr=0.04), 0.04 * SIGMA, 2),
        (GradientNoise([[1.0, 1.0], [1.0, 1.0]], lr=0.04), 0.04 * np.ones((2, 2)), 1),
        (GradientNoise(np.diag([1.0, 0.0]), lr=0.25), np.diag([0.25, 0.0]), 1),
    ],
)
def test_the_covariance_per_unit_time_is_b_b_transposed(noise, truth, components):
    sde = SDE(GAME, noise)
    assert sde.noise_dim == components
    np.testing.assert_allclose(product(noise), truth, rtol=0, atol=1e-15)


def test_noise_is_read_from_numbers_and_mappings():
    assert read_noise(0.3) == Isotropic(0.3)
    assert read_noise({"x": 0.1}) == PerCoordinate({"x": 0.1})
    model = Matrix(np.eye(2))
    assert read_noise(model) is model


def test_a_step_of_noisy_descent_has_the_covariance_of_the_equation_over_the_time_lr():
    # y + lr (v + e) with cov e = Sigma against B = sqrt(lr) Sigma^(1/2) over a step lr.
    lr = 0.05
    told = scheme_moments(SDE(GAME, GradientNoise(SIGMA, lr=lr)), get("simultaneous", lr=lr), lr, 1, Y)
    np.testing.assert_allclose(told.covariance[-1], lr**2 * SIGMA, rtol=0, atol=1e-15)


STRATONOVICH = {"interpretation": "stratonovich"}


@pytest.mark.parametrize(
    ("noise", "correction"),
    [
        # 1/2 b b' with b = 0.4 x; b = (0.1 y, -0.2 x): 1/2 (db/dy) b = (0.1 b_2, -0.2 b_1)/2.
        (Diagonal({"x": "0.4*x"}, **STRATONOVICH), [0.08 * 2.0, 0.0]),
        (StateDependent([["0.1*y"], ["-0.2*x"]], **STRATONOVICH), [-0.02 / 2 * 2.0, -0.02 / 2 * -0.5]),
        (StateDependent([["sin(x)", "x*y"], ["0", "0.3"]], **STRATONOVICH), None),
        (Diagonal({"x": "0.4*x"}), [0.0, 0.0]),
        (StateDependent([["0.3"], ["0.4"]], **STRATONOVICH), [0.0, 0.0]),
    ],
)
def test_stratonovich_noise_corrects_the_drift(noise, correction):
    sde = SDE(GAME, noise)
    if correction is None:
        # sin x cos x / 2 of the first column; (y b_1 + x b_2)/2 = (x y^2 + 0.3 x)/2 of the second.
        correction = [np.sin(2.0) * np.cos(2.0) / 2 + (2.0 * 0.25 + 0.3 * 2.0) / 2, 0.0]
    np.testing.assert_allclose(sde.drift_at(Y) - GAME(Y), correction, rtol=0, atol=1e-15)


def test_the_correction_follows_the_square_of_the_schedule():
    sde = SDE(GAME, Diagonal({"x": "0.4*x"}, interpretation="stratonovich", schedule="exponential:half_life=1"))
    for t in (0.0, 1.0, 2.5):
        np.testing.assert_allclose(sde.drift_at(Y, t)[0] - GAME(Y)[0], 0.16 * 4.0**-t, rtol=1e-14)


@pytest.mark.parametrize(("interpretation", "rate"), [("ito", 0.2), ("stratonovich", 0.2 + 0.4**2 / 2)])
def test_means_of_geometric_noise(interpretation, rate):
    # E X = e^(mu t) (Ito) and e^((mu + s^2/2) t) (Stratonovich). Euler-Maruyama's mean grows by 1 + rate h exactly.
    game = inline("-mu*x**2/2", ["x"], [], {"mu": 0.2}, start={"x": 1.0})
    sde = SDE(game, Diagonal({"x": "0.4*x"}, interpretation=interpretation))
    told = scheme_moments(sde, get("euler-maruyama"), 0.01, 100, [1.0])
    np.testing.assert_allclose(told.mean[-1, 0], (1 + 0.01 * rate) ** 100, rtol=1e-12)
    errors = [
        abs(scheme_moments(sde, get("weak-order-2"), 1 / n, n, [1.0]).mean[-1, 0] - np.exp(rate)) for n in (20, 40)
    ]
    assert errors[1] < 1e-5 and 3.8 < errors[0] / errors[1] < 4.2
    run = {"paths": 20_000, "dt": 0.02, "time": 1.0, "records": 2, "scheme": "milstein", "compiled": False}
    found = simulate(game, sde.noise, **run)
    # Four standard errors (6e-5) and the bias of the scheme. Negative control: the other reading is ten away.
    other = {0.2: 0.28}.get(rate, 0.2)
    assert abs(found.mean[-1, 0] - np.exp(rate)) < 4 * found.mean_error[-1, 0] + 0.01 * rate**2
    assert abs(found.mean[-1, 0] - np.exp(other)) > 10 * found.mean_error[-1, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Isotropic(-0.1), "strength must not be negative, got -0.1"),
        (lambda: Isotropic(np.nan), "strength must be finite"),
        (lambda: Isotropic("x"), "strength must be a number"),
        (lambda: PerCoordinate({}), "names no coordinate"),
        (lambda: PerCoordinate({"x": -1.0}), "strength of 'x' must not be negative"),
        (lambda: PerCoordinate({"x": None}), "strength of 'x' must be a number"),
        (lambda: SDE(GAME, PerCoordinate({"z": 1.0})), "Unknown coordinate of the noise 'z'"),
        (lambda: Matrix([[1.0, np.inf], [0.0, 1.0]]), "noise matrix must be finite, got inf in row 1, column 2"),
        (lambda: Matrix([1.0, 2.0]), r"must be a matrix, got an array of shape \(2,\)"),
        (lambda: Matrix([[], []]), "must be a matrix"),
        (lambda: Matrix([[1.0], [1.0, 2.0]]), "matrix of numbers"),
        (lambda: Matrix("B"), "must be a matrix"),
        (lambda: SDE(GAME, Matrix(np.eye(3))), r"noise matrix has 3 rows, expected 2: one for each .* \(x, y\)"),
        (lambda: SDE(GAME, Matrix([[1.0, 2.0]])), "noise matrix has 1 row, expected 2"),
        (lambda: Diagonal({}), "names no coordinate"),
        (lambda: SDE(GAME, Diagonal({"z": "1"})), "Unknown coordinate of the noise 'z'"),
        (lambda: SDE(GAME, Diagonal({"x": "z"})), "Unknown name in the expression 'z'"),
        (lambda: SDE(GAME, Diagonal({"x": "x.real"})), "not part of the formula language"),
        (lambda: Diagonal({"x": "x"}, interpretation="backward"), "'backward', expected ito or stratonovich"),
        (lambda: StateDependent("x"), "list of rows of formulas"),
        (lambda: StateDependent([["x"], "y"]), "list of rows of formulas"),
        (lambda: StateDependent([["x", "y"], ["x"]]), r"\[2, 1\] entries: give as many each"),
        (lambda: StateDependent([]), "entries"),
        (lambda: SDE(GAME, StateDependent([["x"]])), "has 1 row, expected 2"),
        (lambda: SDE(GAME, StateDependent([["__import__('os')"], ["1"]])), "Unknown function '__import__'"),
        (lambda: GradientNoise([[1.0, 0.0]], lr=0.1), "1 rows and 2 columns, expected a square matrix"),
        (lambda: GradientNoise(np.eye(2), lr=0.0), "learning rate of the gradient noise must be positive"),
        (lambda: SDE(GAME, GradientNoise(np.eye(3), lr=0.1)), "gradient covariance has 3 rows, expected 2"),
        (lambda: GradientNoise([[1.0, 0.5], [0.4, 1.0]], lr=0.1), r"entry \(1, 2\) is 0.5 and entry \(2, 1\) is 0.4"),
        (lambda: GradientNoise([[1.0, 2.0], [2.0, 1.0]], lr=0.1), "positive semi-definite: it has the eigenvalue -1;"),
        (lambda: GradientNoise(np.diag([1.0, -0.25]), lr=0.1), "it has the eigenvalue -0.25;"),
        (lambda: GradientNoise([[-2.0]], lr=0.1), "it has the eigenvalue -2;"),
        (lambda: Coloured(0.1, tau=1.0), "needs a white noise as its base"),
        (lambda: Coloured(Coloured(Isotropic(0.1), tau=1.0), tau=1.0), "needs a white noise as its base"),
        (lambda: Coloured(Isotropic(0.1), tau=0.0), "correlation time of coloured noise must be positive"),
        (lambda: Coloured(Isotropic(0.1), tau=1.0, schedule="cosine"), "takes the schedule of its base"),
        (lambda: SDE(GAME, Coloured(Diagonal({"x": "x"}), tau=1.0)), "must not depend on the state"),
        (
            lambda: SDE(inline("x*noise_x", ["x"], ["noise_x"]), Coloured(Isotropic(0.1), tau=1.0)),
            "needs the name 'noise_x' for a coordinate: rename",
        ),
        (
            lambda: SDE(inline("x*y*noise_x", ["x"], ["y"], {"noise_x": 1.0}), Coloured(Isotropic(0.1), tau=1.0)),
            "needs the name 'noise_x'",
        ),
    ],
)  # fmt: skip
def test_what_is_no_noise_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_rounding_does_not_make_a_covariance_indefinite():
    root = np.array([[1.0], [1 / 3]])
    covariance = root @ root.T
    covariance[0, 1] *= 1 + 1e-15
    np.testing.assert_allclose(product(GradientNoise(covariance, lr=1.0)), covariance, rtol=1e-14)


def test_models_are_described_and_varied():
    told = Coloured(GradientNoise(SIGMA, lr=0.1, schedule="cosine:length=3"), tau=0.5).settings()
    assert told["noise"] == "coloured" and told["tau"] == 0.5
    assert told["base"]["covariance"] == SIGMA.tolist() and told["base"]["schedule"] == "cosine:length=3.0,final=0.0"
    faded = Isotropic(0.3).with_schedule("exponential:half_life=2")
    assert faded.factor(2.0) == 0.5 and Isotropic(0.3).factor(2.0) == 1.0
    slow = replace(Coloured(faded, tau=0.5), tau=2.0)
    assert slow.tau == 2.0 and slow.factor(2.0) == 0.5 and slow.base is faded
    still = Coloured(faded, tau=0.5).with_schedule(None)
    assert still.factor(2.0) == 1.0 and still.tau == 0.5


def test_another_strength_is_another_number_and_no_other_code():
    one, other = SDE(GAME, Isotropic(0.1)), SDE(GAME, Isotropic(0.7))
    assert one.diffusion == other.diffusion
    assert list(one.values) == list(other.values) and list(one.values.values()) != list(other.values.values())
