"""Catalogue games against their equations: fields by central differences, spectra by hand."""

import json

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError

LOSSES = ("minimax", "non-saturating", "wasserstein", "least-squares", "hinge")
PENALTIES = ("none", "r1", "r2", "wgan-gp", "roth")


def central_difference(game, player, state, h=1e-4):
    """Gradient of a player's loss in its own coordinates, by a fourth-order difference of the losses."""
    part = range(game.dim)[game.players[player]]
    slopes = []
    for i in part:
        shift = np.zeros(game.dim)
        shift[i] = h
        at = {k: float(game.losses(state + k * shift)[player]) for k in (-2, -1, 1, 2)}
        slopes.append((8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * h))
    return np.array(slopes)


def assert_field_descends_the_losses(game, states, metric=None):
    for state in states:
        field = game(state)
        for player, part in game.players.items():
            expected = -central_difference(game, player, state)
            if metric is not None:
                expected = metric(state)[part] * expected
            # Fourth-order differences with h = 1e-4: truncation 1e-16, rounding eps |L| / h = 1e-11 for |L| < 10.
            scale = max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(field[part], expected, rtol=0, atol=1e-6 * scale / 10)
            np.testing.assert_array_equal(game.component(player, state), field[part])


@pytest.mark.filterwarnings("ignore:The setting")
@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_dirac_gan_descends_its_stated_losses(loss, penalty, noise):
    game = games.get("dirac-gan", loss=loss, penalty=penalty, gamma=0.6, instance_noise=noise, bias=True)
    # Away from the kinks of |psi| and of the hinge.
    states = [s for s in np.random.default_rng(1).uniform(-3, 3, (20, 3)) if away_from_kinks(game, s)]
    assert len(states) >= 10
    assert_field_descends_the_losses(game, states)


def away_from_kinks(game, state):
    return all(abs(float(switch(state))) > 0.01 for switch in game.switches)


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_gaussian_gan_descends_its_stated_losses(loss, scale):
    game = games.get("gaussian-gan", loss=loss, scale=scale, theta0=0.5, eps=0.8, penalty="r1", gamma=0.4)
    assert_field_descends_the_losses(game, np.abs(np.random.default_rng(2).uniform(-2, 2, (8, game.dim))) + 0.1)


@pytest.mark.parametrize(
    "name", [n for n in games.names() if n not in ("dirac-gan", "gaussian-gan", "matching-pennies")]
)
def test_analytic_games_descend_their_losses(name):
    game = games.get(name)
    assert_field_descends_the_losses(game, np.random.default_rng(3).uniform(-1.5, 1.5, (6, game.dim)))


def test_the_replicator_is_a_gradient_in_its_metric():
    game = games.get("matching-pennies")
    assert_field_descends_the_losses(
        game, np.random.default_rng(4).uniform(0.05, 0.95, (6, 2)), metric=lambda s: s * (1 - s)
    )


@pytest.mark.filterwarnings("ignore:The setting")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 0.5j),
        ({"loss": "non-saturating"}, 0.5j),
        ({"loss": "wasserstein"}, 1j),
        ({"penalty": "r1", "gamma": 0.3}, -0.15 + 0.5j * np.sqrt(1 - 0.09)),
        ({"penalty": "r2", "gamma": 0.3}, -0.15 + 0.5j * np.sqrt(1 - 0.09)),
        ({"penalty": "roth", "gamma": 0.6}, -0.15 + 0.5j * np.sqrt(1 - 0.09)),
        ({"instance_noise": 0.7}, -(0.7**2) / 4 + 1j * np.sqrt(0.25 - 0.7**4 / 16)),
    ],
)
def test_dirac_gan_spectra(options, expected):
    eigenvalues = np.linalg.eigvals(games.get("dirac-gan", **options).jacobian([0.0, 0.0]))
    # Entries of order one with errors of a few ulp.
    np.testing.assert_allclose(eigenvalues[np.argmax(eigenvalues.imag)], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("labels", [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0), (0.0, 1.0, 0.5), (0.0, 1.0, 0.25)])
def test_least_squares_spectrum_with_bias_follows_from_the_labels(labels):
    a, b, c = labels
    game = games.get("dirac-gan", loss="least-squares", bias=True, a=a, b=b, c=c)
    eigenvalues = np.linalg.eigvals(game.jacobian([0.0, 0.0, (a + b) / 2]))
    product = ((a + b) / 2 - c) * (b - a) / 2
    # The pair solves lambda^2 = product; a square root of a rounding error of 1e-16 is 1e-8.
    pair = sorted(eigenvalues, key=lambda v: abs(v**2 - product))[:2]
    np.testing.assert_allclose(np.square(pair), product, atol=1e-14)
    assert min(abs(eigenvalues + 2)) < 1e-14


@pytest.mark.parametrize("omega", [0.0, 1.0, 3.0])
def test_rotated_saddle_has_eigenvalues_of_size_root_one_plus_omega_squared(omega):
    eigenvalues = np.linalg.eigvals(games.get("rotated-saddle", omega=omega).jacobian([0.0, 0.0]))
    np.testing.assert_allclose(np.sort(eigenvalues.real), np.array([-1, 1]) * np.hypot(1, omega), rtol=1e-14)


@pytest.mark.parametrize("name", ["rotated-double-well", "rotated-saddle"])
def test_rotation_keeps_the_gibbs_density_stationary(name):
    # div(v e^{-2V/s^2}) with the gradient part alone balances diffusion; the rotation R grad V must add nothing:
    # it is orthogonal to grad V and divergence-free.
    still, turning = games.get(name, omega=0.0), games.get(name, omega=2.0)
    states = np.random.default_rng(5).uniform(-2, 2, (50, 2))
    gradient, rotation = still(states), turning(states) - still(states)
    np.testing.assert_allclose((gradient * rotation).sum(axis=-1), 0, atol=1e-13)
    divergence = np.trace(turning.jacobian(states) - still.jacobian(states), axis1=-2, axis2=-1)
    np.testing.assert_allclose(divergence, 0, atol=1e-14)


@pytest.mark.parametrize(("tau", "stable"), [(1.9, False), (2.1, True)])
def test_fiez_ratliff_attracts_beyond_time_scale_two(tau, stable):
    game = games.get("fiez-ratliff").with_timescales({"discriminator": tau})
    assert (np.linalg.eigvals(game.jacobian(np.zeros(4))).real.max() < 0) == stable


def test_zero_sum_games_are_recognised():
    for name in ("bilinear", "dirac-gan", "forsaken", "almost-bilinear", "fiez-ratliff", "matching-pennies", "lq-wgan"):
        assert games.get(name).zero_sum
    assert not games.get("dirac-gan", loss="non-saturating").zero_sum
    assert not games.get("dirac-gan", penalty="r1").zero_sum


def test_a_clipped_field_stops_at_its_bound_and_the_projection_clips_only_its_player():
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    assert game([-1.0, 0.5]).tolist() == [0.5, 0.0]
    assert game([1.0, 0.5]).tolist() == [0.5, -1.0]
    assert game.project(np.array([7.0, 0.9])).tolist() == [7.0, 0.5]
    assert game.project(np.array([7.0, 0.9]), "generator").tolist() == [7.0, 0.9]
    assert game.bounds == {"psi": (-0.5, 0.5)}


def test_descriptions_build_the_same_game_again():
    for name, options in (("dirac-gan", {"penalty": "r1", "gamma": 0.3}), ("bilinear", {"matrix": [[1.0, 2.0]]})):
        game = games.get(name, **options).with_timescales({"discriminator": 3.0})
        again = games.load(json.loads(json.dumps(game.describe())))
        states = np.random.default_rng(6).normal(size=(5, game.dim))
        np.testing.assert_array_equal(again(states), game(states))


@pytest.mark.parametrize("name", games.names())
def test_every_game_documents_itself(name):
    assert len(games.summary(name)) > 20
    game = games.get(name)
    shown = game.show()
    assert set(shown) == {"losses", "field", "jacobian", "parameters"}
    assert len(shown["jacobian"]) == game.dim
    assert all(isinstance(text, str) and text for text in shown["field"].values())
    assert "\\" in str(game.show(latex=True)) or name == "bilinear"


@pytest.mark.parametrize(
    ("name", "options", "hint"),
    [
        ("dirac", {}, "did you mean 'dirac-gan'"),
        ("dirac-gan", {"los": "hinge"}, "did you mean 'loss'"),
        ("dirac-gan", {"loss": "hing"}, "did you mean 'hinge'"),
        ("dirac-gan", {"penalty": "R1"}, "did you mean 'r1'"),
        ("dirac-gan", {"gamma": -1}, "gamma"),
        ("dirac-gan", {"gamma": float("nan")}, "gamma"),
        ("dirac-gan", {"gamma": "much"}, "gamma"),
        ("dirac-gan", {"clip": 0}, "clip"),
        ("gaussian-gan", {"eps": 0}, "eps"),
        ("bilinear", {"matrix": [[1.0], [1.0, 2.0]]}, "matrix"),
        ("quadratic", {"generator_cross": [[1.0, 2.0]]}, "generator_cross"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(name, options, hint):
    with pytest.raises(InputError) as caught:
        games.get(name, **options)
    assert hint in str(caught.value) and "\n" not in str(caught.value)


def test_a_setting_without_effect_is_noted():
    with pytest.warns(UserWarning, match="gamma has no effect"):
        games.get("dirac-gan", gamma=0.3)
