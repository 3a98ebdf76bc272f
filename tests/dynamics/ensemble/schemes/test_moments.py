"""Moments of ensembles on linear games against the exact recursion of the scheme."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import games
from dynamics.ensemble import SDE, Isotropic, LinearSDE, PerCoordinate, simulate
from dynamics.ensemble.recursion import scheme_moments
from dynamics.ensemble.schemes import get
from dynamics.games.symbolic import SymbolicGame

#: Every game of the catalogue whose field is affine, and settings that make one affine.
LINEAR: dict[str, SymbolicGame] = {
    "bilinear": games.get("bilinear", sigma=1.3),
    "bilinear matrix": games.get("bilinear", matrix=[[1.0, 0.5], [0.0, 0.8]]),
    "quadratic": games.get("quadratic"),
    "fiez-ratliff": games.get("fiez-ratliff"),
    "wasserstein dirac-gan": games.get("dirac-gan", loss="wasserstein"),
    "wasserstein dirac-gan, R1": games.get("dirac-gan", loss="wasserstein", penalty="r1", gamma=0.6),
}
STEPS, DT, SIGMA = 20, 0.05, 0.4


def deviations(game: SymbolicGame, paths: int, sigma: float, **further: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the differences of sampled means and covariances from the recursion at SIGMA, in standard errors.

    At half-time and at the end. The law of the scheme is normal, so that a covariance of N paths has the variance
    ``(C_ii C_jj + C_ij^2) / (N - 1)``.
    """
    run = {"paths": paths, "dt": DT, "time": STEPS * DT, "records": [STEPS * DT / 2], "seed": 2, **further}
    found = simulate(game, sigma, **run)
    told = scheme_moments(SDE(game, Isotropic(SIGMA)), get("euler-maruyama"), DT, STEPS, game.start)
    c = told.covariance[[STEPS // 2, STEPS]]
    diagonal = np.einsum("rii->ri", c)
    means = (found.mean - told.mean[[STEPS // 2, STEPS]]) / np.sqrt(diagonal / paths)
    errors = np.sqrt((c**2 + diagonal[:, :, None] * diagonal[:, None, :]) / (paths - 1))
    upper = np.triu_indices(game.dim)
    return means, ((found.covariance - c) / errors)[:, upper[0], upper[1]]


def test_the_linear_games_of_the_catalogue_are_all_here():
    known = {name for name in games.names() if games.get(name).affine}
    assert known <= {game.definition.description["name"] for game in LINEAR.values()}
    assert all(game.affine for game in LINEAR.values())


@pytest.mark.parametrize("name", LINEAR)
def test_euler_maruyama_has_the_moments_of_its_recursion(name):
    # Two moments in time, five entries in two dimensions and fourteen in four: about 100 comparisons over the games.
    # Four standard errors each: false alarm 6.3e-5 times 100 = 0.6 %, once, since the seed is fixed.
    means, covariances = deviations(LINEAR[name], 100_000, SIGMA, compiled=False)
    assert np.abs(means).max() < 4 and np.abs(covariances).max() < 4


@pytest.mark.parametrize(
    "name", [name if name == "bilinear" else pytest.param(name, marks=pytest.mark.slow) for name in LINEAR]
)
def test_a_million_compiled_paths_have_the_moments_and_catch_one_percent(name):
    # As above with sqrt(10) smaller errors: 5 entries at 2 times, false alarm 6e-4.
    game = LINEAR[name]
    means, covariances = deviations(game, 1_000_000, SIGMA)
    assert np.abs(means).max() < 4 and np.abs(covariances).max() < 4
    # Negative control: a sigma 1 % too large makes variances 2.01 % too large, 14 standard errors of 0.14 %. It is
    # missed with the probability that a normal number lies beyond 4: 6e-5.
    _, covariances = deviations(game, 1_000_000, 1.01 * SIGMA)
    assert np.abs(covariances).max() > 10


def test_on_the_bilinear_game_euler_maruyama_multiplies_the_square_by_1_plus_h2_and_the_exact_scheme_adds_2_s2_t():
    game, s, h, steps = games.get("bilinear"), 0.3, 0.1, 40
    sde = SDE(game, Isotropic(s))
    start = np.array([1.0, 0.5])
    square = start @ start
    for _ in range(steps):
        square = (1 + h * h) * square + 2 * s * s * h
    told = scheme_moments(sde, get("euler-maruyama"), h, steps, start)
    # Rounding: 40 steps of some ten operations.
    np.testing.assert_allclose(np.trace(told.second[-1]), square, rtol=400 * 2.0**-52)
    exact = start @ start + 2 * s * s * h * steps
    told = scheme_moments(sde, get("exact"), h, steps, start)
    np.testing.assert_allclose(np.trace(told.second[-1]), exact, rtol=400 * 2.0**-52)
    mean, covariance = (part[-1] for part in LinearSDE.of(sde).moments([h * steps], start))
    np.testing.assert_allclose(mean @ mean + np.trace(covariance), exact, rtol=400 * 2.0**-52)
    # The two are far from each other: (1 + h^2)^40 = 1.49.
    assert square / exact > 1.2


@pytest.mark.parametrize("scheme", ["euler-maruyama", "exact"])
def test_sampled_squares_on_the_bilinear_game(scheme):
    game, s, h, steps = games.get("bilinear"), 0.3, 0.1, 40
    run = {"paths": 50_000, "dt": h, "time": h * steps, "records": 2, "observe": "x**2 + y**2", "compiled": False}
    found = simulate(game, s, scheme=scheme, start=[1.0, 0.5], **run)
    square, exact = 1.25, 1.25 + 2 * s * s * h * steps
    for _ in range(steps):
        square = (1 + h * h) * square + 2 * s * s * h
    told, other = (square, exact) if scheme == "euler-maruyama" else (exact, square)
    # Four standard errors: false alarm 6e-5. Negative control: the other scheme's square is 20 of them away.
    assert abs(found.mean[-1, 2] - told) < 4 * found.mean_error[-1, 2]
    assert abs(found.mean[-1, 2] - other) > 20 * found.mean_error[-1, 2]


def test_a_spread_start_constant_drift_and_time_scales_enter_the_moments():
    game = games.get("quadratic").with_timescales({"discriminator": 2.5})
    sde = SDE(game, PerCoordinate({"y": 0.5}))
    told = scheme_moments(sde, get("euler-maruyama"), 0.1, 10, [1.0, -1.0], np.diag([0.04, 0.25]))
    run = {"paths": 100_000, "dt": 0.1, "time": 1.0, "records": 2, "compiled": False}
    found = simulate(game, {"y": 0.5}, start=[1.0, -1.0], spread={"x": 0.2, "y": 0.5}, **run)
    for record, step in ((0, 0), (1, 10)):
        c = told.covariance[step]
        error = np.sqrt((c**2 + np.outer(np.diag(c), np.diag(c))) / 1e5)
        # 2 + 3 entries at two times, four standard errors: false alarm 6e-4.
        assert (np.abs(found.mean[record] - told.mean[step]) <= 4 * np.sqrt(np.diag(c) / 1e5)).all()
        assert (np.abs(found.covariance[record] - c) <= 4 * error).all()
