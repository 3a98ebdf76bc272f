"""The exact scheme: its law at the ends of its steps is that of the equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.linalg import expm

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Coloured, Diagonal, Isotropic, LinearSDE, Matrix, StateDependent, simulate
from dynamics.ensemble.linear import noise_covariances, propagate, roots
from dynamics.ensemble.recursion import scheme_moments
from dynamics.ensemble.schemes import get

DAMPED = games.get("dirac-gan", loss="wasserstein", penalty="r1", gamma=0.6)
FULL = [[0.3, 0.1], [0.0, 0.2]]
SCHEDULES = [
    None,
    "exponential:half_life=0.7",
    "power:power=1,scale=0.3",
    "cosine:length=1.3,final=0.4",
    "piecewise:at=[0.35,0.6,1.9],factors=[0.2,2,0.5]",
]


def linear(schedule: str | None, game: Any = DAMPED) -> LinearSDE:
    return LinearSDE.of(SDE(game, Matrix(FULL, schedule=schedule)))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("h", [0.1, 1.0])
def test_covariances_of_a_step_are_the_integrals(schedule, h):
    # Jumps lie inside the steps, on their ends and beyond them.
    model = linear(schedule)
    starts = np.array([0.0, 0.3, 0.35, 1.5, 5.0])
    found = noise_covariances(model, h, starts)
    for t, covariance in zip(starts, found, strict=True):

        def rate(s: float, t: float = t) -> np.ndarray:
            g = 1.0 if model.strength is None else model.strength(s)
            carried = g * expm(model.drift * (t + h - s)) @ model.noise
            return carried @ carried.T

        cuts = [jump for jump in model.jumps if t < jump < t + h]
        truth, _ = quad_vec(rate, t, t + h, points=cuts or None, epsabs=1e-13, epsrel=1e-13)
        np.testing.assert_allclose(covariance, truth, rtol=0, atol=3e-12 * np.abs(truth).max())


def test_a_constant_drift_is_integrated():
    # quadratic has no constant part: shift it to a drift A (y - c).
    model = linear(None)
    shifted = LinearSDE(model.drift, np.array([0.3, -0.2]), model.noise)
    e, d = propagate(shifted, 0.8)
    truth, _ = quad_vec(lambda s: expm(shifted.drift * s) @ shifted.shift, 0, 0.8, epsabs=1e-14)
    np.testing.assert_allclose(d, truth, rtol=0, atol=1e-13)
    np.testing.assert_allclose(e, expm(0.8 * shifted.drift), rtol=0, atol=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 4, 20])
def test_the_law_at_the_end_does_not_depend_on_the_steps(schedule, steps):
    sde = SDE(DAMPED, Matrix(FULL, schedule=schedule))
    told = scheme_moments(sde, get("exact"), 2.0 / steps, steps, [1.0, 0.5])
    mean, covariance = (part[-1] for part in LinearSDE.of(sde).moments([2.0], [1.0, 0.5]))
    # Gauss-Hermite sums over two numbers and 20 steps of rounding; under a schedule sums agree to 1e-12.
    np.testing.assert_allclose(told.mean[-1], mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(told.covariance[-1], covariance, rtol=0, atol=3e-12)


def test_roots_are_roots_also_of_singular_matrices():
    for matrix in (np.eye(2), np.ones((2, 2)), np.zeros((2, 2)), np.diag([1.0, 1e-30])):
        root = roots(matrix)
        np.testing.assert_allclose(root @ root.T, matrix, rtol=0, atol=1e-15)


@pytest.mark.parametrize("noise", [Isotropic(0.0), Matrix([[0.3], [0.0]]), Coloured(Isotropic(0.2), tau=0.5)])
def test_noise_of_less_than_full_rank_and_coloured_noise(noise):
    sde = SDE(DAMPED, noise)
    start = np.zeros(sde.dim)
    start[:2] = 1.0, 0.5
    told = scheme_moments(sde, get("exact"), 0.5, 4, start)
    mean, covariance = (part[-1] for part in LinearSDE.of(sde).moments([2.0], start))
    np.testing.assert_allclose(told.mean[-1], mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(told.covariance[-1], covariance, rtol=0, atol=1e-13)


def test_one_long_step_samples_the_law():
    run = {"paths": 50_000, "dt": 3.0, "time": 3.0, "scheme": "exact", "start": [1.0, 0.5], "compiled": False}
    found = simulate(DAMPED, Matrix(FULL), **run)
    mean, covariance = (part[-1] for part in linear(None).moments([3.0], [1.0, 0.5]))
    errors = np.sqrt((covariance**2 + np.outer(np.diag(covariance), np.diag(covariance))) / 5e4)
    # 2 + 3 comparisons at four standard errors: false alarm 3e-4.
    assert (np.abs(found.mean[-1] - mean) < 4 * np.sqrt(np.diag(covariance) / 5e4)).all()
    assert (np.abs(found.covariance[-1] - covariance) < 4 * errors).all()


@pytest.mark.parametrize(
    ("game", "noise", "message"),
    [
        (games.get("dirac-gan"), 0.1, "linear in the state.*dirac-gan"),
        (games.get("dirac-gan", loss="wasserstein", clip=1.0), 0.1, "linear in the state"),
        (DAMPED, Diagonal({"theta": "0.1*theta"}), "additive noise, got commutative noise"),
        (DAMPED, StateDependent([["psi", "0"], ["0", "theta"]]), "additive noise, got noise that is not commutative"),
    ],
)
def test_what_is_not_linear_or_not_additive_is_refused(game, noise, message):
    with pytest.raises(InputError, match=message):
        simulate(game, noise, scheme="exact", paths=1, dt=0.1, time=1.0)


def test_additive_noise_may_be_read_either_way():
    both = [StateDependent([["0.1"], ["0.2"]], interpretation=how) for how in ("ito", "stratonovich")]
    run = {"scheme": "exact", "paths": 20, "dt": 0.5, "time": 1.0, "compiled": False}
    one, other = (simulate(DAMPED, noise, **run) for noise in both)
    np.testing.assert_array_equal(one.final, other.final)
