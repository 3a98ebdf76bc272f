"""A non-smooth field continued from one side of each of its switches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.games.sided import Continuation

GAMES = {
    "wgan-gp": lambda: games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", gamma=0.7, target=1.3),
    "hinge": lambda: games.get("dirac-gan", loss="hinge", bias=True),
    "noisy hinge": lambda: games.get("dirac-gan", loss="hinge", penalty="wgan-gp", instance_noise=0.4),
    "every kink": lambda: games.define(
        {
            "a": (["x"], "abs(x*y - 1)*x + elu(y + x) + clip(x**2, 0.2, k)*y"),
            "b": (["y"], "relu(1 - relu(x - y))*exp(y) + leaky_relu(sin(y), 0.1) + sign(x - 0.5)*y**2"),
        },
        {"k": 1.1},
    ).with_timescales({"b": 2.5}),
}


def numerical_jacobian(function, y, h=1e-5):
    columns = [(function(y + h * e) - function(y - h * e)) / (2 * h) for e in np.eye(y.shape[-1])]
    return np.stack(columns, axis=-1)


@pytest.fixture(params=list(GAMES))
def game(request):
    return GAMES[request.param]()


def samples(game, count=40):
    return np.random.default_rng(3).uniform(-2, 2, (count, game.dim))


def signs_at(game, y):
    return [1.0 if switch(y) > 0 else -1.0 for switch in game.switches]


def test_on_its_own_side_the_continuation_is_the_field(game):
    for y in samples(game):
        side = game.sided(signs_at(game, y))
        np.testing.assert_allclose(side(y), game(y), rtol=1e-14, atol=1e-14)
        np.testing.assert_allclose(side.jacobian(y), game.jacobian(y), rtol=1e-14, atol=1e-14)
        np.testing.assert_array_equal(np.sign(side.surfaces(y)), side.signs)


def test_beyond_the_surfaces_it_stays_smooth(game):
    # On a line that crosses everything, the Jacobian and the surfaces' derivatives are those of differences wherever
    # the state lies: truncation h^2 = 1e-10 times a third derivative of some hundred, rounding 1e-10.
    side = game.sided(signs_at(game, np.full(game.dim, 0.3)))
    line = np.linspace(-1.5, 1.5, 31)[:, None] * np.ones(game.dim) + 0.017
    np.testing.assert_allclose(side.jacobian(line), numerical_jacobian(side, line), atol=2e-7)
    np.testing.assert_allclose(side.derivative(line, 2), numerical_jacobian(side.jacobian, line), atol=2e-6)
    np.testing.assert_allclose(side.surface_gradients(line), numerical_jacobian(side.surfaces, line), atol=2e-8)
    np.testing.assert_allclose(side.surface_hessians(line), numerical_jacobian(side.surface_gradients, line), atol=2e-8)


def test_torch_and_compiled_code_agree_with_numpy(game):
    y = samples(game, 5)
    side = game.sided([-1.0] * len(game.switches))
    np.testing.assert_allclose(side(torch.tensor(y)).numpy(), side(y), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(side.jacobian(torch.tensor(y)).numpy(), side.jacobian(y), rtol=1e-12, atol=1e-12)


def test_compiled_code_takes_the_signs_behind_the_parameters():
    game = GAMES["every kink"]()
    signs = [1.0, -1.0] * (len(game.switches) // 2) + [1.0] * (len(game.switches) % 2)
    side, y, out = game.sided(signs), np.array([0.4, -0.9]), np.empty(2)
    p, z, w = game.arguments
    game.compiled("sided_field")(y, np.concatenate([p, signs]), z, w, out)
    np.testing.assert_allclose(out * [1.0, 2.5], side(y), rtol=1e-14)


def test_other_parameters_and_signs_share_the_code():
    game = GAMES["wgan-gp"]()
    game.sided([1.0])(game.start)
    modules = dict(game.code._modules)
    other = game.with_parameters(gamma=2.0)
    # psi' = -theta - gamma (|psi| - target) sign psi.
    np.testing.assert_allclose(other.sided([-1.0])(np.array([0.5, 0.2])), [0.2, -0.5 - 2 * (0.2 + 1.3)], rtol=1e-15)
    assert other.code._modules == modules


def test_a_parameter_alone_is_no_surface():
    game = games.define({"a": (["x"], "relu(k)*x + abs(x)")}, {"k": 0.0})
    assert [str(q) for q in game.code.expressions("switches")] == ["x"]
    assert game.sided([-1.0])(np.array([3.0])) == [1.0]


def test_bounds_do_not_act_on_a_branch():
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    y = np.array([-1.0, 0.5])
    assert game(y).tolist() == [0.5, 0.0] and game.sided([])(y).tolist() == [0.5, 1.0]
    assert dict(game.bounds) == {"psi": (-0.5, 0.5)} and dict(game.sided([]).bounds) == {}


@pytest.mark.parametrize("settings", [{}, {"penalty": "wgan-gp", "gamma": 0.8, "target": 1.2}])
def test_bounds_do_not_act_on_a_continuation(settings):
    # The field is affine on each side, so that its linear continuation is exact up to the rounding of differences of
    # states a few 1e-7 apart.
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5, **settings)
    signs = [1.0] * len(game.switches)
    side, rough = game.sided(signs), Continuation(game, signs)
    states = np.array([[-1.0, 0.5], [-1.0, 0.6], [1.0, 0.7], [1.0, 0.2], [0.3, -0.5]][: 5 - len(signs)])
    np.testing.assert_allclose(rough(states), side(states), atol=1e-12)
    np.testing.assert_allclose(rough.jacobian(states), side.jacobian(states), atol=1e-12)
    assert rough.surfaces(states).shape == (len(states), len(signs))
    assert rough.surface_gradients(states).shape == (len(states), len(signs), 2)
    assert rough.surface_hessians(states).shape == (len(states), len(signs), 2, 2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("name", "edge"), [("wgan-gp", [0.9, 0.0]), ("hinge", [0.8, -1.25, 0.0]), ("every kink", [1.25, 0.8])]
)
def test_a_field_without_branches_is_continued_to_second_order(name, edge, sign):
    # The edge lies on one surface: psi = 0, bias + psi theta + 1 = 0, x y = 1.
    game, edge = GAMES[name](), np.array(edge)
    values = np.array([switch(edge) for switch in game.switches])
    assert np.count_nonzero(values == 0) == 1
    side = game.sided(np.where(values == 0, sign, np.sign(values)))
    rough = Continuation(game, side.signs)
    normal = side.surface_gradients(edge)[values == 0][0]
    away = -sign * normal / np.linalg.norm(normal)
    errors = [np.abs(rough(edge + d * away) - side(edge + d * away)).max() for d in 0.1 * 0.5 ** np.arange(5)]
    # Falls by four with half the distance, up to higher orders; the first field is linear across its surface, and the
    # difference of two states 2e-7 apart in relative terms loses seven digits.
    if name == "wgan-gp":
        assert max(errors) < 1e-8
    else:
        assert (np.array(errors[:-1]) / errors[1:] > 3.5).all()
    np.testing.assert_allclose(rough.surface_gradients(edge), side.surface_gradients(edge), atol=1e-8)
    np.testing.assert_allclose(rough.surface_hessians(edge), side.surface_hessians(edge), atol=1e-5)
    # On the surface itself the margin of 1e-7 costs its square.
    np.testing.assert_allclose(rough(edge), side(edge), atol=1e-12)
    tensor = torch.tensor(edge + 0.05 * away)
    np.testing.assert_allclose(rough(tensor).numpy(), rough(tensor.numpy()), atol=1e-12)


def test_signs_are_checked():
    game = GAMES["wgan-gp"]()
    for signs in ([], [1.0, 1.0], [0.0], [np.nan]):
        with pytest.raises(InputError, match="signs must be 1 numbers"):
            game.sided(signs)
