"""Region maps against closed forms, cell by cell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.polynomial import polynomial

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.core.storage import read_dataset
from dynamics.methods import map_jacobian
from dynamics.stability.regions import region_map

RATES = np.geomspace(0.02, 3.0, 23)


def eigenvalues(jacobian: np.ndarray) -> np.ndarray:
    return np.linalg.eigvals(np.array(jacobian))


def test_alternating_heavy_ball_over_rate_and_momentum() -> None:
    betas = np.linspace(-0.8, 0.8, 17)
    method = methods.get("heavy-ball", lr=1.0, order="alternating")
    found = region_map(games.get("bilinear"), method, ("lr", RATES), ("beta", betas))
    for i, beta in enumerate(betas):
        square = polynomial.polypow([beta, -(1 + beta), 1], 2)
        for j, a in enumerate(RATES):
            expected = np.abs(polynomial.polyroots(polynomial.polyadd(square, [0, 0, 0, a**2]))).max()
            # double multipliers at beta = 0 and a = 2 are known to the root of rounding only
            assert found.radius[i, j] == pytest.approx(expected, rel=3e-8)
    assert found.stable.any()
    assert not found.stable.all()
    assert (found.x_name, found.y_name, found.lost) == ("lr", "beta", 0.0)


def test_no_momentum_stabilises_simultaneous_steps() -> None:
    found = region_map(games.get("bilinear"), "heavy-ball", ("lr", RATES), ("beta", np.linspace(-0.95, 0.95, 39)))
    assert not found.stable.any()


def test_alternating_steps_are_marginal_below_a_hyperbola_of_the_two_rates() -> None:
    found = region_map(games.get("bilinear"), "alternating", ("lr:generator", RATES), ("lr:discriminator", RATES))
    product = RATES[:, None] * RATES
    np.testing.assert_array_equal(found.stable, product <= 4)
    # marginal is exactly one, whatever rounding says
    assert (found.radius[product <= 4] == 1.0).all()
    assert (found.radius[product > 4] > 1.0).all()


def test_rates_keep_their_ratio_along_one_axis_of_rates() -> None:
    method = methods.get("alternating", lr={"generator": 1.0, "discriminator": 0.25})
    found = region_map(games.get("bilinear"), method, ("lr", RATES), ("sigma", [0.5, 2.0]))
    np.testing.assert_array_equal(found.stable, (RATES * 0.5 * np.array([[0.5], [2.0]])) <= 2)


@pytest.mark.parametrize("order", [("lr", "gamma"), ("gamma", "lr")])
def test_penalty_and_rate_of_simultaneous_steps(order) -> None:
    gammas = np.linspace(0.0, 2.0, 9)
    axes = {"lr": RATES, "gamma": gammas}
    game = games.get("dirac-gan", penalty="r1")
    found = region_map(game, "simultaneous", *((name, axes[name]) for name in order))
    radius = found.radius if order[0] == "lr" else found.radius.T
    for i, gamma in enumerate(gammas):
        roots = eigenvalues([[0, 0.5], [-0.5, -gamma]])
        np.testing.assert_allclose(radius[i], np.abs(1 + RATES[:, None] * roots).max(axis=1), rtol=1e-7)


def test_instance_noise_acts_like_its_linearisation() -> None:
    # eigenvalues -s^2/4 +- sqrt(s^4/16 - 1/4) of the noise s on data and samples
    noises = np.array([0.05, 0.4, 0.9, 1.7])
    game = games.get("dirac-gan", instance_noise=0.3)
    found = region_map(game, "simultaneous", ("lr", RATES), ("instance_noise", noises))
    roots = -(noises**2) / 4 + np.sqrt((noises**4 / 16 - 1 / 4).astype(complex))
    expected = np.maximum(*(np.abs(1 + RATES * r[:, None]) for r in (roots, -(noises**2) / 2 - roots)))
    # quadrature is held to 1e-13 relative
    np.testing.assert_allclose(found.radius, expected, rtol=1e-10)


def test_time_scales_multiply_the_rows_of_a_player() -> None:
    taus = np.array([0.2, 1.0, 5.0])
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    for name in ("timescale", "timescale:discriminator"):
        found = region_map(game, "simultaneous", ("lr", RATES), (name, taus))
        for i, tau in enumerate(taus):
            roots = eigenvalues([[0, 0.5], [-0.5 * tau, -0.3 * tau]])
            np.testing.assert_allclose(found.radius[i], np.abs(1 + RATES[:, None] * roots).max(axis=1), rtol=1e-12)


def test_steps_that_are_counted_take_whole_numbers() -> None:
    alphas = np.array([0.1, 0.5, 0.9])
    method = methods.get("lookahead", lr=0.4)
    found = region_map(games.get("bilinear"), method, ("k", range(1, 8)), ("alpha", alphas))
    expected = np.abs(1 - alphas[:, None] + alphas[:, None] * (1 + 0.4j) ** np.arange(1, 8))
    np.testing.assert_allclose(found.radius, expected, rtol=1e-13)
    with pytest.raises(InputError, match=r"takes whole numbers, got 1\.5"):
        region_map(games.get("bilinear"), method, ("k", [1.0, 1.5]), ("alpha", alphas))


def test_every_cell_is_the_map_of_its_own_game_and_method() -> None:
    # two parameters of the game and none of the method, where nothing is known in closed form
    game = games.get("dirac-gan", penalty="r1", instance_noise=0.5, loss="non-saturating")
    for name in ("unrolled", "competitive", "consensus", "nesterov"):
        method = methods.get(name, lr=0.3)
        found = region_map(game, method, ("game:gamma", [0.1, 0.9]), ("instance_noise", [0.3, 1.2]))
        for i, noise in enumerate(found.y_values):
            for j, gamma in enumerate(found.x_values):
                one = game.with_parameters(gamma=gamma, instance_noise=noise)
                expected = np.abs(np.linalg.eigvals(map_jacobian(method, one, np.zeros(2)))).max()
                np.testing.assert_allclose(found.radius[i, j], expected, rtol=1e-10)


def test_a_moving_equilibrium_is_followed_and_lost_at_its_fold() -> None:
    # v = -(x^2 - mu): zeros at +-sqrt(mu), the multiplier of a step from the upper one is 1 - 2 lr sqrt(mu)
    game = games.inline(minimax="x**3/3 - mu*x", minimise=["x"], maximise=[], parameters={"mu": 1.0})
    mus = np.linspace(-0.5, 2.0, 26)
    found = region_map(game, "simultaneous", ("mu", mus), ("lr", RATES), at=[1.0])
    there = mus > 1e-12
    np.testing.assert_allclose(found.points[0, there, 0], np.sqrt(mus[there]), rtol=1e-10)
    assert np.isnan(found.radius[:, mus < -1e-12]).all()
    assert not found.stable[:, mus < -1e-12].any()
    expected = np.abs(1 - 2 * RATES[:, None] * np.sqrt(mus[there]))
    np.testing.assert_allclose(found.radius[:, there], expected, atol=1e-9)
    assert "lost" in found.evidence
    # the range may leave out the game's own value
    far = region_map(game, "simultaneous", ("mu", [3.0, 4.0]), ("lr", [0.1]), at=[1.0])
    np.testing.assert_allclose(far.points[0, :, 0], np.sqrt([3.0, 4.0]), rtol=1e-10)


def test_two_parameters_move_an_equilibrium_together() -> None:
    # the zero of -(x - p) and q - y
    game = games.inline(
        minimax="(x - p)**2/2 - (y - q*p)**2/2", minimise=["x"], maximise=["y"], parameters={"p": 0.3, "q": 0.2}
    )
    ps, qs = np.linspace(-1, 1, 5), np.linspace(-2, 2, 7)
    found = region_map(game, methods.get("simultaneous", lr=0.3), ("p", ps), ("q", qs))
    np.testing.assert_allclose(found.points[..., 0], np.broadcast_to(ps, (7, 5)), atol=1e-12)
    np.testing.assert_allclose(found.points[..., 1], qs[:, None] * ps, atol=1e-12)


def test_cells_in_which_the_method_rests_elsewhere_have_no_value() -> None:
    # unrolled steps of the non-saturating GAN rest at theta = theta0 only for theta0 = 0
    game = games.get("gaussian-gan", loss="non-saturating", theta0=0.0)
    found = region_map(game, "unrolled", ("theta0", [0.0, 0.5]), ("lr", [0.1]), at=[0.0, 0.0, 0.0])
    assert np.isfinite(found.radius[0, 0])
    assert np.isnan(found.radius[0, 1])
    assert "does not rest" in found.evidence


def test_a_map_is_stored_and_read_again(tmp_path) -> None:
    found = region_map(games.get("bilinear"), "extragradient", ("lr", RATES), ("sigma", [0.5, 1.0]))
    np.testing.assert_array_equal(found.stable, RATES * np.array([[0.5], [1.0]]) <= 1)
    stored = read_dataset(found.save(tmp_path / "map.zarr"))
    np.testing.assert_array_equal(stored["radius"].sel(sigma=1.0), found.radius[1])
    assert stored["equilibrium"].shape == (2, len(RATES), 2)
    answer = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert answer["x"]["name"] == "lr"
    assert answer["stable_share"] == found.share


@pytest.mark.parametrize(
    ("game", "method", "x", "y", "message"),
    [
        ("bilinear", "heavy-ball", "lr", "bta", "did you mean 'beta'"),
        ("bilinear", "heavy-ball", "lr", "lr", "two different parameters"),
        ("bilinear", "heavy-ball", "lr:generatr", "beta", "did you mean 'generator'"),
        ("bilinear", "heavy-ball", "sigma", "beta", "neither given nor an axis"),
        ("bilinear", "adam", "lr", "beta1", "no multipliers"),
        ("double-well", "competitive", "lr", "timescale", "two players"),
        ("forsaken", "heavy-ball", "lr", "order", "Unknown parameter 'order'"),
    ],
)
def test_bad_axes_are_refused_in_a_sentence(game, method, x, y, message) -> None:
    with pytest.raises(InputError, match=message):
        region_map(games.get(game), method, (x, [0.1, 0.2]), (y, [0.1, 0.2]))


def test_values_out_of_range_are_refused_by_the_methods_own_checks() -> None:
    game = games.get("bilinear")
    with pytest.raises(InputError, match=r"momentum beta is 1\.5"):
        region_map(game, "heavy-ball", ("lr", [0.1]), ("beta", [0.5, 1.5]))
    with pytest.raises(InputError, match="positive"):
        region_map(game, "heavy-ball", ("lr", [-0.1, 0.1]), ("beta", [0.5]))
    with pytest.raises(InputError, match="finite values"):
        region_map(game, "heavy-ball", ("lr", [np.nan]), ("beta", [0.5]))


def test_names_shared_by_game_and_method_need_a_word_before_them() -> None:
    game = games.get("dirac-gan", penalty="r1", gamma=0.5)
    with pytest.raises(InputError, match="method:gamma or game:gamma"):
        region_map(game, "consensus", ("lr", [0.1]), ("gamma", [0.1]))
    found = region_map(game, "consensus", ("game:gamma", [0.2, 0.5]), ("lr", [0.1]))
    other = region_map(game, "consensus", ("method:gamma", [0.2, 1.0]), ("lr", [0.1]))
    # they meet where both are at their own values
    assert found.radius[0, 1] == pytest.approx(other.radius[0, 1], rel=1e-13)


def test_the_equilibrium_is_to_be_named_where_there_are_several() -> None:
    game = games.get("rotated-double-well")
    with pytest.raises(InputError, match="has 3 equilibria"):
        region_map(game, "simultaneous", ("lr", [0.1]), ("timescale", [1.0]))
    with pytest.raises(InputError, match="no equilibrium at"):
        region_map(game, "simultaneous", ("lr", [0.1]), ("timescale", [1.0]), at=[0.5, 0.5])
    assert region_map(game, "simultaneous", ("lr", [0.1]), ("timescale", [1.0]), at=[1.0, 0.0]).stable.all()


def test_kinks_have_no_linearisation() -> None:
    game = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp")
    with pytest.raises(InputError, match="no linearisation"):
        region_map(game, "simultaneous", ("lr", [0.1]), ("gamma", [1.0]))


def test_a_map_prints_on_one_line():
    found = region_map(
        games.get("bilinear"), "extragradient", ("lr", np.geomspace(0.5, 2, 5)), ("sigma", [0.5, 1.0, 2.0])
    )
    assert repr(found) == (
        "<RegionMap of extragradient on bilinear: lr 0.5..2 (log) by sigma 0.5..2 (log), 5x3 cells, 60.0% stable>"
    )
