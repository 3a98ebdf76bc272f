"""The Jacobian of a map: forward mode through its stages against finite differences and closed forms."""

import numpy as np
import pytest

from dynamics import games, methods

METHODS = [
    methods.get("simultaneous", lr=0.3),
    methods.get("alternating", lr=0.3),
    methods.get("alternating", lr={"generator": 0.1, "discriminator": 0.4}, d_steps=2, g_steps=3, first="generator"),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: str(m.settings()))
@pytest.mark.parametrize(
    "game",
    [
        games.get("dirac-gan", penalty="r1", gamma=0.5),
        games.get("forsaken"),
        games.get("fiez-ratliff").with_timescales({"discriminator": 3.0}),
        games.get("gaussian-gan", scale=True),
    ],
    ids=lambda g: g.name,
)
def test_map_jacobian_agrees_with_finite_differences_anywhere(game, method):
    y, h = 0.3 + 0.5 * np.random.default_rng(11).random(game.dim), 1e-5

    def image(point):
        return method.step(method.init(point), game)[0].y

    numerical = np.stack([(image(y + h * e) - image(y - h * e)) / (2 * h) for e in np.eye(game.dim)], axis=-1)
    # Truncation h^2 times third derivatives of order 10, rounding eps / h = 2e-11.
    np.testing.assert_allclose(methods.map_jacobian(method, game, y), numerical, atol=1e-8)


def test_multipliers_of_simultaneous_descent_are_one_plus_rate_times_eigenvalue():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    jacobian = methods.map_jacobian(methods.get("simultaneous", lr=0.7), game, [0.0, 0.0])
    np.testing.assert_allclose(jacobian, np.eye(2) + 0.7 * game.jacobian([0.0, 0.0]), rtol=1e-15)


def test_alternating_descent_on_the_bilinear_game_has_determinant_one():
    jacobian = methods.map_jacobian(methods.get("alternating", lr=0.9), games.get("bilinear"), [0.0, 0.0])
    np.testing.assert_allclose(jacobian, [[1 - 0.81, -0.9], [0.9, 1.0]], rtol=1e-15)


def test_complex_rates_continue_the_map_analytically():
    game, rate = games.get("bilinear"), 0.3 + 0.4j
    method = methods.get("alternating", lr=1.0).with_lr(rate)
    jacobian = methods.map_jacobian(method, game, [0.0, 0.0])
    np.testing.assert_allclose(jacobian, [[1 - rate**2, -rate], [rate, 1.0]], rtol=1e-15)


def test_a_clipped_coordinate_depends_on_nothing():
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    jacobian = methods.map_jacobian(methods.get("simultaneous", lr=1.0), game, [-2.0, 0.4])
    assert jacobian[1].tolist() == [0.0, 0.0]
