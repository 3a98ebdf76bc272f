"""Every catalogue game: one definition, the same numbers from NumPy, torch and Numba."""

import numpy as np
import pytest
import sympy as sp
import torch

from dynamics import games
from dynamics.games.codegen import load_module, lower, render
from dynamics.games.expectations import Expectation
from dynamics.games.primitives import absolute

LOSSES = ("minimax", "non-saturating", "wasserstein", "least-squares", "hinge")
PENALTIES = ("none", "r1", "r2", "wgan-gp", "roth")
CASES = [
    *[(name, {}) for name in games.names()],
    *[("dirac-gan", {"loss": loss, "penalty": penalty}) for loss in LOSSES for penalty in PENALTIES],
    *[("dirac-gan", {"loss": loss, "instance_noise": 0.7}) for loss in LOSSES],
    ("dirac-gan", {"penalty": "roth", "instance_noise": 0.7}),
    ("dirac-gan", {"loss": "least-squares", "bias": True}),
    *[("gaussian-gan", {"loss": loss, "scale": True}) for loss in LOSSES],
    ("bilinear", {"matrix": [[1.0, 2.0], [0.5, -1.0]]}),
]
IDS = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options in CASES]
KINDS = ("field", "derivative_1", "losses")


def build(case):
    name, options = case
    with np.errstate(all="ignore"):
        return games.get(name, **options)


def numba_values(game, kind, states):
    function = game.code.function(kind, "numba")
    out = np.empty((len(states), len(game.code.expressions(kind))))
    for state, row in zip(states, out, strict=True):
        function(state, *game.arguments, row)
    return out


def torch_values(game, kind, states):
    arguments = [torch.tensor(a) for a in game.arguments]
    return game.code.function(kind, "torch")(torch.tensor(states), *arguments).numpy()


def sizes_of_terms(game, kind, states):
    """Sum of the absolute values of the terms of each output, which rounding errors are relative to."""

    def magnitude(expression):
        terms = [term.replace(Expectation, lambda b: Expectation(absolute(b))) for term in sp.Add.make_args(expression)]
        return sp.Add(*(absolute(term) for term in terms))

    definition = game.definition
    program = lower(
        [magnitude(e) for e in game.code.expressions(kind)], definition.coordinate_symbols, definition.parameter_symbols
    )
    return load_module(render({"function": program}, "numpy"), "magnitudes").function(states, *game.arguments)


@pytest.mark.filterwarnings("ignore:The setting")
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_dialects_agree_to_round_off_on_a_thousand_random_states(case):
    game = build(case)
    states = np.random.default_rng(7).uniform(-3, 3, (1000, game.dim))
    if game.name == "gaussian-gan" and "scale" in game.names:
        states[:, 1] = np.abs(states[:, 1]) + 0.1
    for kind in KINDS:
        reference = game.code.function(kind, "numpy")(states, *game.arguments)
        size = np.maximum(sizes_of_terms(game, kind, states), 1e-290)
        for other in (torch_values(game, kind, states), numba_values(game, kind, states)):
            assert (np.abs(other - reference) / size).max() < 1e-13


@pytest.mark.filterwarnings("ignore:The setting")
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_everything_is_finite_a_thousand_units_out(case):
    game = build(case)
    corners = 1e3 * (2.0 * ((np.arange(2**game.dim)[:, None] >> np.arange(game.dim)) & 1) - 1)
    for kind in KINDS:
        for values in (
            game.code.function(kind, "numpy")(corners, *game.arguments),
            torch_values(game, kind, corners),
            numba_values(game, kind, corners),
        ):
            assert np.isfinite(values).all()


def test_torch_fields_are_differentiable_and_their_gradient_is_the_jacobian():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3, instance_noise=0.5)
    point = torch.tensor([0.4, -1.2], dtype=torch.float64)
    automatic = torch.autograd.functional.jacobian(game, point)
    # Same formula differentiated twice, by SymPy and by autograd: a few ulp per operation, summed over the nodes.
    np.testing.assert_allclose(automatic.numpy(), game.jacobian(point.numpy()), rtol=1e-12, atol=1e-13)


def test_names_of_users_never_reach_generated_code():
    game = games.define({"player": (["my_strange_coordinate"], "my_strange_coordinate**2")})
    for dialect in ("numpy", "torch", "numba"):
        assert "strange" not in render({"function": game.code.program("field")}, dialect)


def test_sweeping_a_parameter_generates_nothing_anew():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    game(game.start)
    other = game.with_parameters(gamma=2.0)
    assert other.code.function("field", "numpy") is game.code.function("field", "numpy")
    assert other([0.0, 1.0])[1] == -2.0


def test_the_parallel_numba_field_equals_the_single_one():
    game = games.get("forsaken")
    states = np.random.default_rng(0).uniform(-1, 1, (64, 2))
    module = load_module(render({"function": game.code.program("field")}, "numba"), "many")
    out = np.empty_like(states)
    module.function_many(states, *game.arguments, out)
    np.testing.assert_array_equal(out, numba_values(game, "field", states))
