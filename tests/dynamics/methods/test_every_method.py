"""What holds for every method: the same map on NumPy, torch and in a kernel, and its exact Jacobian."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.methods.linearise import extended, linearised, unpacked

GAMES = {
    "r1": games.get("dirac-gan", penalty="r1", gamma=0.5),
    "scaled": games.get("fiez-ratliff").with_timescales({"discriminator": 3.0}),
    "clipped": games.get("dirac-gan", loss="wasserstein", clip=0.5),
    "replicator": games.get("matching-pennies"),
}
#: Roots of mean squares that stay away from zero, so that finite differences can follow them.
GENTLE = {"adam": {"beta2": 0.5, "eps": 0.1}, "rmsprop": {"alpha": 0.5, "eps": 0.1}}
GENTLE["optimistic-adam"] = GENTLE["adam"]
VARIANTS = {
    **{name: (name, GENTLE.get(name, {})) for name in methods.names()},
    "alternating heavy-ball": ("heavy-ball", {"order": "alternating", "beta": -0.4, "d_steps": 2}),
    "alternating nesterov": ("nesterov", {"order": "alternating", "beta": 0.4, "first": "generator"}),
    "alternating adam": ("adam", {"order": "alternating", "d_steps": 2, **GENTLE["adam"]}),
    "fresh extragradient": ("extragradient", {"sample": "fresh", "extrapolation": 1.5}),
    "aligned adjustment": ("symplectic-adjustment", {"align": True}),
    "lookahead of optimistic": ("lookahead", {"base": "optimistic", "k": 3}),
    "exponential average": ("averaging", {"kind": "ema", "base": "heavy-ball"}),
    "detached unrolled": ("unrolled", {"detached": True, "k": 3}),
    "two time scales": ("competitive", {"lr": {"first": 0.02, "second": 0.05}}),
}


def built(variant: str, game) -> methods.Method:
    name, settings = VARIANTS[variant]
    settings = {"lr": 0.02, **settings}
    if isinstance(settings["lr"], dict):
        settings["lr"] = dict(zip(game.players, settings["lr"].values(), strict=True))
    if "first" in settings and settings["first"] not in game.players:
        settings["first"] = list(game.players)[1]
    if "d_steps" in settings and "discriminator" not in game.players:
        del settings["d_steps"]
    return methods.get(name, **settings)


CASES = [
    pytest.param(variant, game, id=f"{variant}-{key}")
    for variant in VARIANTS
    for key, game in GAMES.items()
    if not built(variant, game).applies(game)
]


# Compilation takes a second or two a kernel: every method once, those that project or solve on a clipped game, too.
COMPILED = [
    pytest.param(variant, GAMES[key], id=f"{variant}-{key}")
    for variant in VARIANTS
    for key in ("r1", "clipped")
    if key == "r1" or variant in ("alternating heavy-ball", "extragradient", "proximal-point", "unrolled")
]


@pytest.mark.parametrize(("variant", "game"), COMPILED)
def test_a_kernel_runs_the_same_map(variant, game):
    method = built(variant, game)
    # more starts than a vector register takes
    starts = game.project(game.start * np.linspace(0.8, 1.0, 19)[:, None])
    plain = methods.iterate(game, method, starts, 12, compiled=False).states
    # Twelve steps of maps that stretch by less than two: the rounding of some ten operations each stays below 1e-12.
    kernel = methods.iterate(game, method, starts, 12, compiled=True).states
    np.testing.assert_allclose(kernel, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("variant", "game"), CASES)
def test_torch_runs_the_same_map_as_numpy(variant, game):
    method = built(variant, game)
    start = game.project(game.start)
    plain = methods.iterate(game, method, start, 12, compiled=False).states
    state = method.init(torch.tensor(start), game)
    for _ in range(12):
        state, _ = method.step(state, game)
    np.testing.assert_allclose(state.y.numpy(), plain[-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("variant", "game"), CASES)
def test_the_jacobian_is_the_derivative_of_the_map_anywhere(variant, game):
    method = built(variant, game)
    plain = method.init(game.project(game.start), game)
    # a few steps give every memory a value it can have
    for _ in range(3):
        plain, _ = method.step(plain, game)
    if "square" in plain.memory:
        # third derivatives of a root near its zero are out of reach of finite differences
        plain = replace(plain, memory={**plain.memory, "square": plain.memory["square"] + 0.1})
    vector = extended(plain).copy()
    # inside the bounds
    vector[: game.dim] *= 0.9
    state, h = unpacked(plain, vector), 1e-6

    def image(shift):
        return extended(method.step(unpacked(plain, vector + shift), game)[0])

    numerical = np.stack([(image(h * e) - image(-h * e)) / (2 * h) for e in np.eye(len(vector))], axis=-1)
    after, exact = linearised(method, game, state)
    # Truncation h^2 times third derivatives, rounding eps/h = 2e-10; both relative to the largest entry.
    np.testing.assert_allclose(exact, numerical, rtol=0, atol=1e-8 * max(1.0, float(np.abs(exact).max())))
    np.testing.assert_allclose(extended(after), image(np.zeros(len(vector))), rtol=0, atol=1e-14)


LINEAR = [v for v in VARIANTS if v != "two time scales" and not built(v, GAMES["r1"]).no_multipliers]


@pytest.mark.parametrize("variant", LINEAR)
def test_many_rates_at_once_give_the_jacobian_of_each(variant):
    game = GAMES["r1"]
    method = built(variant, game)
    rates = np.array([0.01, 0.02, 0.3])
    together = methods.map_jacobian(method.with_lr(rates[:, None]), game, np.zeros(2))
    for rate, matrix in zip(rates, together, strict=True):
        np.testing.assert_allclose(matrix, methods.map_jacobian(method.with_lr(rate), game, np.zeros(2)), atol=1e-14)


@pytest.mark.parametrize("variant", VARIANTS)
def test_cost_counts_every_evaluation_of_every_player(variant):
    game = GAMES["r1"]
    calls = {player: 0 for player in game.players}
    products = 0

    class Counting:
        players = game.players

        def __getattr__(self, name):
            return getattr(game, name)

        def component(self, player, y, t=0.0, draw=None):
            calls[player] += 1
            return game.component(player, y)

        def jvp(self, y, u, t=0.0, draw=None):
            nonlocal products
            products += 1
            return game.jvp(y, u)

        def vjp(self, y, u, t=0.0, draw=None):
            nonlocal products
            products += 1
            return game.vjp(y, u)

    method = built(variant, game)
    _, info = method.step(method.init(game.start, game), Counting())
    assert dict(info.evaluations) == calls
    # linear systems are solved with products of their own
    assert info.products == (0 if method.name in ("competitive", "proximal-point") else products)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_method_leaves_the_bounds_of_a_clipped_game(variant):
    free = games.get("dirac-gan", loss="wasserstein")
    starts = np.array([[3.0, 0.4], [-3.0, 0.4], [0.2, -0.5]])

    def largest(game):
        path = methods.iterate(game, built(variant, game).with_lr(0.3), starts, 40, compiled=False)
        return np.abs(path.states[..., 1]).max()

    assert largest(GAMES["clipped"]) <= 0.5
    # without the clip all do, but for descent on |v|^2 = theta^2 + psi^2
    assert (largest(free) > 0.55) == (variant != "hamiltonian")


@pytest.mark.parametrize(("sample", "second"), [("same", 0), ("fresh", 1)])
def test_extragradient_asks_for_the_sample_it_was_told_to(sample, second):
    game, draws = GAMES["r1"], []

    class Recording:
        players = game.players
        project = staticmethod(game.project)

        @staticmethod
        def component(player, y, t=0.0, draw=None):
            draws.append(draw)
            return game.component(player, y)

    method = methods.get("extragradient", lr=0.1, sample=sample)
    state = method.init(game.start)
    for _ in range(2):
        state, _ = method.step(state, Recording())
    assert draws == [(k, i) for k in (0, 1) for i in (0, 0, second, second)]


@pytest.mark.parametrize("name", ["competitive", "unrolled"])
def test_a_method_for_two_players_says_so_and_names_others(name):
    with pytest.raises(InputError, match=r"two players, double-well has 1: use .*extragradient"):
        methods.iterate(games.get("double-well"), methods.get(name, lr=0.1), [0.5], 1)


def test_every_summary_is_one_line_and_every_setting_has_a_default():
    for name in methods.names():
        assert 10 < len(methods.summary(name)) < 110
        assert set(methods.settings(name)) >= {"lr", "schedule"}
        assert all(value is not None for key, value in methods.settings(name).items() if key not in ("lr", "schedule"))


def test_a_game_without_second_derivatives_is_refused_in_a_sentence():
    from dynamics.games.field import Field

    with pytest.raises(InputError, match="no second derivatives"):
        Field.vjp_jacobian(GAMES["r1"], np.zeros(2), np.zeros(2))
