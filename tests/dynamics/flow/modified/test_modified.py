"""Modified flows: order of the gap to the iterates, exact Jacobians, what they conserve, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dynamics import games, methods
from dynamics.compare.clock import clock_of
from dynamics.core.errors import InputError
from dynamics.flow import high_resolution_flow, integrate, modified_flow
from dynamics.games import NetworkGame

GAMES = {
    "dirac-gan": (games.get("dirac-gan"), [1.0, 0.6]),
    "non-saturating": (games.get("dirac-gan", loss="non-saturating"), [1.0, 0.6]),
    "gaussian-gan": (games.get("gaussian-gan"), [1.0, 0.5, 0.3]),
    "forsaken": (games.get("forsaken"), [0.5, 0.9]),
    "three players": (
        games.define(
            {
                "first": (("a",), "a*b + tanh(a*c)"),
                "second": (("b",), "b**2/4 - a*b*c + sin(b)"),
                "third": (("c",), "exp(c/2)*a - b*c"),
            }
        ),
        [0.6, -0.4, 0.5],
    ),
}
TWO = [name for name in GAMES if name != "three players"]


def made(name: str, h: float, ratio: float, **settings) -> methods.Method:
    return methods.get(name, lr={"generator": h, "discriminator": ratio * h}, **settings)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize(
    ("method", "settings"), [("simultaneous", {}), ("alternating", {}), ("alternating", {"d_steps": 2})]
)
@pytest.mark.parametrize("name", TWO)
def test_the_gap_at_fixed_time_has_the_stated_order(gaps, name, method, settings, ratio, order):
    game, y0 = GAMES[name]

    def make(h):
        chosen = made(method, h, ratio, **settings)
        return chosen, modified_flow(game, chosen, order)

    assert abs(gaps.order_of(game, make, y0, time=0.5) - order) < 0.1


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("alternating", {"d_steps": 2, "g_steps": 3, "first": "generator"}),
        ("extragradient", {"extrapolation": 0.7}),
        ("lookahead", {"k": 3, "alpha": 0.4}),
        ("proximal-point", {}),
        ("heun", {}),
    ],
)
def test_the_gap_of_other_methods_has_the_stated_order(gaps, method, settings, order):
    game, y0 = GAMES["non-saturating"]

    def make(h):
        chosen = made(method, h, 2.0, **settings)
        return chosen, modified_flow(game, chosen, order)

    assert abs(gaps.order_of(game, make, y0) - order) < 0.1


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("first", ["first", "third"])
def test_three_players_in_turn_have_the_stated_order(gaps, first, order):
    game, y0 = GAMES["three players"]

    def make(h):
        chosen = methods.get("alternating", lr={"first": h, "second": 0.7 * h, "third": 1.6 * h}, first=first)
        return chosen, modified_flow(game, chosen, order)

    assert abs(gaps.order_of(game, make, y0) - order) < 0.1


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_what_large_rates_deviate_from_the_order_halves_with_the_rates(name, order):
    # The gap is c h^n (1 + d h + ...), so that log2 of its ratio at h and h/2 is n + d h / (2 log 2) + O(h^2): fitted
    # from h = 0.04 to 0.0025, rates 1 : 2.5 on the forsaken game give orders of 1.6 to 2.2, and that is d.
    game, y0, time = games.get("forsaken"), [0.5, 0.5], 0.4
    rates, sizes = 0.04 * 0.5 ** np.arange(8), []
    for h in rates:
        chosen = made(name, h, 2.5)
        count = round(time / h)
        iterates = methods.iterate(game, chosen, y0, count, compiled=True, every=count)
        followed = integrate(modified_flow(game, chosen, order), y0, [0.0, time], rtol=3e-14, atol=1e-15)
        sizes.append(np.linalg.norm(iterates.final - followed.final))
    # The smallest gap, 1e-10, is known to the rounding of 1,280 iterations, some 1e-14: orders to 1e-4.
    beyond = np.log2(np.array(sizes[:-1]) / sizes[1:]) - order
    assert abs(beyond[-1]) < 0.01
    np.testing.assert_allclose(beyond[-3:] / beyond[-4:-1], 0.5, atol=0.15)


def test_a_wrong_sign_of_the_correction_loses_the_second_order(gaps):
    game, y0 = GAMES["dirac-gan"]

    def make(h):
        chosen = made("alternating", h, 1.0)
        flow = modified_flow(game, chosen, 2)
        flow.series = replace(flow.series, second=-flow.series.second)
        return chosen, flow

    assert abs(gaps.order_of(game, make, y0) - 1.0) < 0.1


@pytest.mark.parametrize(
    # Coefficients of v_p'v_q by Rosca et al. 2021, theorems 3.1 and 3.2, for rates (g, d), discriminator first.
    ("method", "published"),
    [
        ("simultaneous", lambda g, d: [[-g * g / 2, -g * g / 2], [-d * d / 2, -d * d / 2]]),
        ("alternating", lambda g, d: [[-g * g / 2, -g * g / 2 * (1 - 2 * d / g)], [-d * d / 2, -d * d / 2]]),
    ],
)
@pytest.mark.parametrize(("ratio", "order"), [(1.0, 2.0), (2.5, 1.0)])
def test_the_published_drift_is_ours_for_equal_rates_and_of_first_order_for_others(
    gaps, method, published, ratio, order
):
    game, y0 = GAMES["non-saturating"]

    def make(h):
        chosen = made(method, h, ratio)
        flow = modified_flow(game, chosen, 2)
        theirs = np.array(published(h, ratio * h)) / h
        if ratio == 1.0:
            np.testing.assert_allclose(theirs, flow.series.second, rtol=1e-14)
        flow.series = replace(flow.series, second=theirs)
        return chosen, flow

    assert abs(gaps.order_of(game, make, y0) - order) < 0.1


@pytest.mark.parametrize(("first", "sign"), [("discriminator", 1), ("generator", -1)])
def test_the_second_order_field_of_alternating_descent_conserves_the_skewed_energy(first, sign):
    # The logarithm of the symplectic map is the first correction up to a common factor, so both conserve the same.
    a, game = 0.7, games.get("bilinear")
    flow = modified_flow(game, methods.get("alternating", lr=a, first=first), 2)
    states = np.random.default_rng(0).normal(size=(50, 2))
    x, y = states.T
    gradient = np.stack([2 * x + sign * a * y, 2 * y + sign * a * x], axis=-1)
    # Two products of numbers of order ten: a few of their roundings.
    assert np.abs((gradient * flow(states)).sum(axis=-1)).max() < 1e-13
    plain = modified_flow(game, methods.get("alternating", lr=a, first=first), 1)
    assert np.abs((gradient * plain(states)).sum(axis=-1)).max() > 0.1


def test_the_modified_circle_of_simultaneous_descent_spirals_out_at_half_the_rate():
    flow = modified_flow(games.get("bilinear", sigma=2.0), "simultaneous", lr=0.1)
    # -h/2 (i sigma)^2: growth sigma^2 h / 2 = 0.2.
    np.testing.assert_allclose(np.linalg.eigvals(flow.jacobian([0.0, 0.0])).real, 0.2, rtol=1e-14)


@pytest.mark.parametrize("method", ["simultaneous", "alternating"])
def test_order_one_is_the_flow_of_the_clock(method):
    game, y0 = GAMES["gaussian-gan"]
    chosen = made(method, 0.2, 3.0, **({"d_steps": 2} if method == "alternating" else {}))
    flow, clock = modified_flow(game, chosen, 1), clock_of(chosen, game)
    assert flow.step == clock.lr
    np.testing.assert_allclose(flow(y0), clock.flow_of(game)(y0), rtol=1e-14)


def test_time_scales_of_the_game_count_as_rates():
    game, y0 = GAMES["dirac-gan"]
    scaled = modified_flow(game.with_timescales({"discriminator": 2.5}), made("alternating", 0.1, 1.0), 3)
    rated = modified_flow(game, made("alternating", 0.1, 2.5), 3)
    np.testing.assert_allclose(scaled(y0), rated(y0), rtol=1e-14)
    np.testing.assert_allclose(scaled.jacobian(y0), rated.jacobian(y0), rtol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", GAMES)
def test_the_jacobian_is_exact_on_batches_of_numpy_and_torch(name, order):
    game, y0 = GAMES[name]
    rates = {player: 0.1 * (1 + i) for i, player in enumerate(game.players)}
    flow = modified_flow(game, "alternating", order, lr=rates)
    states = np.array([y0, np.flip(y0)])
    step = 1e-4
    shifts = step * np.eye(game.dim)
    # Fourth-order differences: step^4 times fifth derivatives below 1e3, and rounding 1e-15 / step times ten.
    numeric = sum(
        weight * (flow(states[:, None] + k * shifts) - flow(states[:, None] - k * shifts)) / (12 * step)
        for k, weight in ((1, 8), (2, -1))
    )
    jacobian = flow.jacobian(states)
    np.testing.assert_allclose(jacobian, np.swapaxes(numeric, -1, -2), rtol=0, atol=1e-9)
    tensor = torch.tensor(states)
    # The same straight-line code in two libraries, summed in another order.
    np.testing.assert_allclose(flow(tensor).numpy(), flow(states), rtol=0, atol=1e-13)
    np.testing.assert_allclose(flow.jacobian(tensor).numpy(), jacobian, rtol=0, atol=1e-13)
    u = np.array(y0)
    np.testing.assert_allclose(flow.jvp(states, u), jacobian @ u, rtol=0, atol=1e-13)
    np.testing.assert_allclose(flow.vjp(states, u), u @ jacobian, rtol=0, atol=1e-13)


def test_torch_solvers_take_modified_flows():
    game, y0 = GAMES["dirac-gan"]
    flow = modified_flow(game, "alternating", 3, lr=0.1)
    ours, theirs = (
        integrate(flow, y0, [0.0, 3.0], s, rtol=1e-10, atol=1e-12) for s in ("scipy:DOP853", "torchdiffeq:dopri8")
    )
    # Thirty or so steps, each within 2e-10.
    np.testing.assert_allclose(theirs.final, ours.final, rtol=0, atol=1e-8)


class Point(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.theta.expand(len(z), 1)


def dirac_network(**settings) -> NetworkGame:
    discriminator = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    return NetworkGame(Point(), discriminator, real=np.zeros((1, 1)), latents=np.zeros((1, 1)), **settings)


@pytest.mark.parametrize("name", ["simultaneous", "alternating"])
def test_a_network_game_has_the_modified_flow_of_its_symbolic_twin(name):
    method = made(name, 0.1, 2.5)
    network, twin = (modified_flow(game, method, 2) for game in (dirac_network(), games.get("dirac-gan")))
    states, u = np.random.default_rng(3).uniform(-2, 2, size=(5, 2)), np.array([0.3, -0.8])
    # A dozen operations on numbers below ten.
    np.testing.assert_allclose(network(states), twin(states), rtol=0, atol=1e-13)
    np.testing.assert_allclose(network.jacobian(states), twin.jacobian(states), rtol=0, atol=1e-13)
    np.testing.assert_allclose(network.jvp(states, u), twin.jvp(states, u), rtol=0, atol=1e-13)
    np.testing.assert_allclose(network.vjp(states[0], u), twin.vjp(states[0], u), rtol=0, atol=1e-13)
    np.testing.assert_allclose(network(torch.tensor(states)).numpy(), twin(states), rtol=0, atol=1e-13)


@pytest.mark.slow
def test_iterates_of_a_network_game_follow_its_modified_flow_to_second_order(gaps):
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    discriminator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    numbers = np.random.default_rng(1)
    game = NetworkGame(generator, discriminator, real=numbers.normal(size=(7, 3)), latents=numbers.normal(size=(5, 2)))

    def order(k: int) -> float:
        def make(h):
            chosen = made("alternating", h, 2.0, d_steps=2)
            return chosen, modified_flow(game, chosen, k)

        # Gaps of 1e-5 and more.
        return gaps.order_of(game, make, game.start, counts=np.array([6, 12, 24, 48]), rtol=1e-7)

    assert abs(order(1) - 1.0) < 0.1
    assert abs(order(2) - 2.0) < 0.1


def test_equilibria_of_the_game_are_equilibria_of_its_modified_flow():
    flow = modified_flow(games.get("gaussian-gan"), "alternating", 3, lr=0.3, d_steps=2)
    # Bounded by the rounding of quadrature sums of order one.
    assert np.abs(flow([0.0, 0.0, 0.0])).max() < 1e-15


def test_a_modified_flow_describes_itself():
    flow = modified_flow(games.get("dirac-gan"), "alternating", 3, lr=0.3)
    described = flow.describe()
    assert described["kind"] == "ModifiedFlow" and described["order"] == 3 and described["step"] == 0.3
    assert described["method"]["method"] == "alternating" and described["game"]["name"] == "dirac-gan"
    assert flow.names == ("theta", "psi") and flow.switches == ()
    assert repr(flow) == "<ModifiedFlow (theta, psi): dirac-gan, modified flow of alternating, rate 0.3, order 3>"
    form = high_resolution_flow(games.get("double-well"), "simultaneous", lr=0.3)
    assert form.name == "double-well, high-resolution flow of simultaneous, rate 0.3, second order"


@pytest.mark.parametrize(
    ("game", "method", "given", "words"),
    [
        ("dirac-gan", "adam", {"lr": 0.1}, ["adam", "remembers", "simultaneous, alternating, extragradient"]),
        ("dirac-gan", "consensus", {"lr": 0.1}, ["consensus", "more than add up", "use one of simultaneous"]),
        ("dirac-gan", "lookahead", {"lr": 0.1, "base": "heavy-ball"}, ["lookahead", "remembers"]),
        ("dirac-gan", "simultaneous", {}, ["learning rate", "give lr"]),
        ("dirac-gan", "simultaneous", {"lr": 0.1, "schedule": "cosine"}, ["schedule", "leave the schedule out"]),
        ("dirac-gan", "simultaneous", {"lr": 0.1, "order": 4}, ["order=4", "give 1"]),
        ("dirac-gan", "simultaneous", {"lr": {"generator": 0.1}}, ["lacks the player 'discriminator'"]),
        ("dirac-gan", "simultanous", {"lr": 0.1}, ["did you mean 'simultaneous'"]),
    ],
)
def test_what_has_no_modified_equation_is_refused_in_a_sentence(game, method, given, words):
    with pytest.raises(InputError) as error:
        modified_flow(games.get(game), method, **given)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "hinge"}, ["not smooth", "iterate the method"]),
        ({"penalty": "wgan-gp", "loss": "wasserstein"}, ["not smooth", "1 switching surface)"]),
        ({"loss": "wasserstein", "clip": 0.5}, ["clipped", "leave the clip out"]),
    ],
)
def test_games_with_kinks_and_clips_are_refused(settings, words):
    with pytest.raises(InputError) as error:
        modified_flow(games.get("dirac-gan", **settings), "simultaneous", lr=0.1)
    for word in words:
        assert word in str(error.value)


def test_network_games_are_refused_the_second_correction_and_the_clip():
    with pytest.raises(InputError, match="order=2 or less"):
        modified_flow(dirac_network(), "simultaneous", 3, lr=0.1)
    with pytest.raises(InputError, match="clipped"):
        modified_flow(dirac_network(clip=0.5), "simultaneous", lr=0.1)


def test_settings_beside_a_made_method_are_refused():
    method = methods.get("simultaneous", lr=0.1)
    with pytest.raises(InputError, match="lr has no effect"):
        modified_flow(games.get("dirac-gan"), method, lr=0.2)


def test_the_correction_of_one_player_descends_the_implicit_regularisation():
    # Barrett and Dherin 2021: the loss L + h/4 |grad L|^2; double-well L = x^4/4 - x^2/2 has the slope x^3 - x.
    game, h, x = games.define({"p": (["x"], "x**4/4 - x**2/2")}), 0.1, np.linspace(-1.5, 1.5, 7)
    slope, bend = x**3 - x, 3 * x**2 - 1
    # Exact but for the rounding of a few operations on numbers below ten.
    np.testing.assert_allclose(
        modified_flow(game, "simultaneous", lr=h)(x[:, None])[:, 0], -slope - h / 2 * bend * slope, atol=1e-14
    )
