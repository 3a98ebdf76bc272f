"""The symbolic game: derivatives, time scales, switches and the generated modules behind them."""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError


def numerical_jacobian(function, state, h=1e-5):
    columns = [(function(state + h * e) - function(state - h * e)) / (2 * h) for e in np.eye(len(state))]
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("name", games.names())
def test_derivative_tensors_are_derivatives_of_each_other(name):
    game = games.get(name)
    if len(game.players) > 1:
        game = game.with_timescales({"discriminator": 2.5})
    state = 0.3 + 0.4 * np.random.default_rng(8).random(game.dim)
    previous = game
    for order in (1, 2, 3):
        tensor = game.derivative(state, order)
        # Central differences: truncation h^2 = 1e-10 times a fifth derivative of order 100, rounding 1e-11.
        np.testing.assert_allclose(tensor, numerical_jacobian(previous, state), rtol=1e-6, atol=1e-6)
        previous = partial(game.derivative, order=order)
    np.testing.assert_array_equal(game.jacobian(state), game.derivative(state, 1))


def test_loss_derivatives_are_unscaled_and_consistent():
    game = games.get("dirac-gan", penalty="r1", gamma=0.4).with_timescales({"discriminator": 7.0})
    state = np.array([0.6, -1.1])
    for player, part in game.players.items():
        gradient, hessian = partial(game.loss_gradient, player), partial(game.loss_hessian, player)
        np.testing.assert_array_equal(game.gradient(player, player, state), gradient(state)[part])
        # Central differences with h = 1e-5: truncation 1e-10, rounding 1e-11.
        np.testing.assert_allclose(hessian(state), numerical_jacobian(gradient, state), atol=1e-9)
        np.testing.assert_allclose(game.loss_third(player, state), numerical_jacobian(hessian, state), atol=1e-9)
    np.testing.assert_allclose(
        game(state)[1], -7 * game.gradient("discriminator", "discriminator", state)[0], rtol=1e-15
    )


def test_products_with_the_jacobian():
    game = games.get("fiez-ratliff")
    rng = np.random.default_rng(9)
    y, u = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    np.testing.assert_allclose(game.jvp(y, u), np.einsum("nij,nj->ni", game.jacobian(y), u), rtol=1e-13)
    np.testing.assert_allclose(game.vjp(y, u), np.einsum("nji,nj->ni", game.jacobian(y), u), rtol=1e-13)


def test_affine_fields_are_recognised():
    assert games.get("bilinear").affine and games.get("quadratic").affine and games.get("fiez-ratliff").affine
    assert not games.get("dirac-gan").affine and not games.get("dirac-gan", loss="wasserstein", clip=1.0).affine


def test_switches_are_the_kinks_of_the_field():
    assert games.get("dirac-gan").switches == ()
    (switch,) = games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp").switches
    np.testing.assert_array_equal(np.abs(switch(np.array([[1.0, 2.0], [1.0, 0.0]]))), [2.0, 0.0])
    hinge = games.get("dirac-gan", loss="hinge", bias=True)
    assert len(hinge.switches) == 2


@pytest.mark.parametrize("tau", [0.0, -1.0, float("inf")])
def test_time_scales_must_be_positive(tau):
    with pytest.raises(InputError):
        games.get("bilinear").with_timescales({"discriminator": tau})


def test_unknown_players_and_parameters_are_named():
    with pytest.raises(InputError, match="did you mean 'discriminator'"):
        games.get("bilinear").with_timescales({"discriminater": 2.0})
    with pytest.raises(InputError, match="did you mean 'gamma'"):
        games.get("dirac-gan", penalty="r1").with_parameters(gama=2.0)


def test_numba_and_numpy_agree_through_the_public_functions():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    out = np.empty(4)
    game.compiled("jacobian")(game.start, *game.arguments, out)
    np.testing.assert_allclose(out.reshape(2, 2), game.jacobian(game.start), rtol=1e-15)


def test_a_tampered_module_in_the_cache_is_not_executed(tmp_path):
    script = "from dynamics import games; print(games.get('bilinear')([1.0, 2.0]).tolist())"
    environment = {**os.environ, "GANDYN_CACHE": str(tmp_path)}

    def run():
        return subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )

    assert run().stdout.strip() == "[-2.0, 1.0]"
    (module,) = tmp_path.glob("gandyn_numpy_field_*.py")
    module.write_text("raise SystemExit('executed')")
    assert run().stdout.strip() == "[-2.0, 1.0]"
    assert "executed" not in module.read_text()


def test_a_cache_folder_that_cannot_be_written_is_replaced(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    script = "from dynamics import games; print(games.get('bilinear')([1.0, 2.0]).tolist())"
    environment = {**os.environ, "GANDYN_CACHE": str(blocked)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[-2.0, 1.0]"


@pytest.mark.parametrize("state", [[1.0], [1.0, 2.0, 3.0], 1.0])
def test_a_state_of_the_wrong_dimension_is_refused(state):
    with pytest.raises(InputError, match="2 coordinates"):
        games.get("dirac-gan")(np.array(state))


def test_network_games_are_found_beside_the_others():
    assert games.NetworkGame.__name__ == "NetworkGame"
    with pytest.raises(AttributeError):
        _ = games.Networkgame
