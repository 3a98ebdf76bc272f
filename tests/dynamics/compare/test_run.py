from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dynamics import methods
from dynamics.compare import compare_run
from dynamics.compare.reproduction import reproduce
from dynamics.compare.run import _shrinking, principal_plane
from dynamics.core.errors import InputError
from dynamics.core.storage import read_dataset
from dynamics.games.network import NetworkGame
from dynamics.gan import Recorder, load_run, train

#: Real digits, 40 of them; T = 1.2 with rates that are small against the inverse of the field's Lipschitz constant.
SMALL = {"samples": 40, "hidden": 4, "latent": 2, "steps": 60, "stride": 20, "lr": 0.02}


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "alternating"},
        {"method": "simultaneous"},
        {"method": "alternating", "d_steps": 2, "lr": {"generator": 0.02, "discriminator": 0.01}},
    ],
)
def test_descent_stays_at_first_order_from_the_gradient_flow(tmp_path, changes) -> None:
    train("digits-mlp", {**SMALL, **changes}, tmp_path / "run")
    comparison = compare_run(tmp_path / "run")
    (order,) = comparison.orders.values()
    assert order == pytest.approx(1, abs=0.1) and comparison.standard_errors[comparison.method] < 0.05
    assert comparison.distances.shape == (4, 4) and (comparison.distances[:, 0] == 0).all()
    assert comparison.reproduced == 0 and comparison.distances[0, -1] < 0.1 * comparison.travelled[-1]
    np.testing.assert_array_equal(comparison.recorded, comparison.distances[0])


def test_two_discriminator_steps_follow_another_flow_than_one(tmp_path) -> None:
    """Negative control: against the flow without time scales the distance does not vanish with the rate."""
    import dynamics.compare.run as module
    from dynamics.compare.clock import Clock

    train("digits-mlp", {**SMALL, "d_steps": 2}, tmp_path / "run")
    right = compare_run(tmp_path / "run")
    original = module.clock_of
    try:
        module.clock_of = lambda method, game: Clock(method.lr, {})
        wrong = compare_run(tmp_path / "run")
    finally:
        module.clock_of = original
    assert right.orders["alternating"] == pytest.approx(1, abs=0.1) and wrong.orders["alternating"] < 0.3


@pytest.mark.parametrize(("changes", "words"), [({"dtype": "float32"}, "float32"), ({"batch": 10}, "mini-batch")])
def test_rough_runs_are_trained_again_exactly_and_it_is_said(tmp_path, changes, words) -> None:
    train("digits-mlp", {**SMALL, **changes}, tmp_path / "run")
    comparison = compare_run(tmp_path / "run")
    assert words in comparison.compared and "float64" in comparison.compared
    assert comparison.orders["alternating"] == pytest.approx(1, abs=0.1)
    assert comparison.reproduced == 0 and not np.array_equal(comparison.recorded, comparison.distances[0])
    assert comparison.apart == {"float32": "float32", "mini-batch": "mini-batch 10"}[words]


def test_results_are_json_and_zarr(tmp_path) -> None:
    train("digits-mlp", SMALL, tmp_path / "run")
    comparison = compare_run(tmp_path / "run", refinements=(1, 2))
    answer = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert list(answer["distances"]) == ["0.02", "0.01"] and answer["orders"].keys() == {"alternating"}
    assert answer["standard_errors"]["alternating"] is None and len(answer["times"]) == 4
    stored = read_dataset(comparison.save(tmp_path / "comparison.zarr"))
    np.testing.assert_array_equal(stored["distance"], comparison.distances)
    assert stored.attrs["orders"] == dict(comparison.orders)


def users_game() -> tuple[nn.Module, nn.Module, NetworkGame]:
    torch.manual_seed(1)
    generator, discriminator = (nn.Linear(1, 1, dtype=torch.float64) for _ in range(2))
    data = {"real": [[1.0], [2.0], [4.0]], "latents": [[-1.0], [0.5]]}
    return generator, discriminator, NetworkGame(generator, discriminator, loss="least-squares", **data)


def users_run(path: Path, lr: float) -> NetworkGame:
    generator, discriminator, game = users_game()
    modules = {"generator": generator, "discriminator": discriminator}
    with Recorder(path, **modules) as recorder:
        for _ in range(20):
            flat = recorder.layout.flatten(modules)
            recorder.layout.load(modules, flat + lr * game(flat))
            recorder.record()
    return game


def test_a_users_own_run_is_compared_where_the_objective_is_given(tmp_path) -> None:
    game = users_run(tmp_path / "run", lr=0.02)
    comparison = compare_run(tmp_path / "run", game=game, lr=0.02, method="simultaneous")
    assert comparison.orders["simultaneous"] == pytest.approx(1, abs=0.1) and comparison.reproduced < 1e-15
    assert not comparison.failed and comparison.apart == ""


def adam_run(path: Path) -> NetworkGame:
    generator, discriminator, game = users_game()
    modules = {"generator": generator, "discriminator": discriminator}
    flat = torch.cat([p.reshape(-1) for m in modules.values() for p in m.parameters()]).detach().requires_grad_()
    optimiser = torch.optim.Adam([flat], lr=0.02)
    with Recorder(path, **modules) as recorder:
        for _ in range(10):
            flat.grad = -game(flat.detach())
            optimiser.step()
            recorder.record(parameters=flat.detach())
    return game


def test_a_loop_of_another_method_gets_no_order(tmp_path) -> None:
    game = adam_run(tmp_path / "run")
    comparison = compare_run(tmp_path / "run", game=game, lr=0.02)
    assert comparison.failed and np.isnan(comparison.orders["alternating"])
    # Adam's first step is lr in each of the four coordinates; rounding in float64 is 1e-13 at most.
    assert comparison.reproduced > 1e-3 and comparison.within < 1e-12
    assert "not alternating descent at lr 0.02" in comparison.compared and "off by" in comparison.compared
    assert comparison.apart == "not reproduced"
    # The first rate is then the method itself, not what was recorded.
    assert comparison.distances[0, -1] != comparison.recorded[-1]
    assert np.log2(comparison.distances[0, -1] / comparison.distances[1, -1]) == pytest.approx(1, abs=0.2)
    json.dumps(comparison.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("lr", "method"), [(0.021, "simultaneous"), (0.02, "alternating")])
def test_another_rate_or_method_than_was_used_is_noticed(tmp_path, lr, method) -> None:
    game = users_run(tmp_path / "run", lr=0.02)
    assert compare_run(tmp_path / "run", game=game, lr=lr, method=method).failed


@pytest.mark.parametrize("changes", [{}, {"stride": 60}])
def test_a_float32_run_at_the_wrong_rate_is_noticed_and_one_at_the_right_rate_is_not(tmp_path, changes) -> None:
    run = train("digits-mlp", {**SMALL, "dtype": "float32", **changes}, tmp_path / "run")
    steps, states = run.recorded_steps, run.parameters
    # The same arithmetic with the samples in another order rounds differently, as a loop of one's own does.
    game = run.game()
    source = game.source
    other = game._changed(real=source.real.flip(0), latents=source.latents.flip(0))
    right = reproduce(other, run.method(), steps, states)
    assert not right.failed and right.error > 0
    assert reproduce(other, run.method().with_lr(0.0202), steps, states).failed


def test_mini_batches_of_a_users_own_loop_cannot_be_checked(tmp_path) -> None:
    game = users_run(tmp_path / "run", lr=0.02)._changed(batch=2)
    comparison = compare_run(tmp_path / "run", game=game, lr=0.02, method="simultaneous")
    assert np.isnan(comparison.reproduced) and not comparison.failed
    assert "nothing shows" in comparison.compared and comparison.apart == "mini-batch 2"


def small_networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(2)
    shape = {"dtype": torch.float64}
    return (
        nn.Sequential(nn.Linear(1, 3, **shape), nn.Tanh(), nn.Linear(3, 1, bias=False, **shape)),
        nn.Sequential(nn.Linear(1, 3, **shape), nn.Softplus(), nn.Linear(3, 1, **shape)),
    )


def test_a_run_recorded_with_its_objective_is_compared_without_the_program(tmp_path) -> None:
    generator, discriminator = small_networks()
    settings = {"loss": "least-squares", "b": 0.5, "penalty": "r1", "gamma": 0.2, "timescales": {"discriminator": 2.0}}
    data = {"real": [[1.0], [2.0], [4.0]], "latents": [[-1.0], [0.5]], "real_weights": [1, 2, 1]}
    game = NetworkGame(generator, discriminator, **data, **settings)
    modules = {"generator": generator, "discriminator": discriminator}
    rates = {"generator": 0.02, "discriminator": 0.01}
    method = methods.get("alternating", lr=rates, d_steps=2)
    with Recorder(tmp_path / "run", **modules, game=game, method=method) as recorder:
        state = method.init(recorder.layout.flatten(modules))
        for _ in range(20):
            state, _ = method.step(state, game)
            recorder.layout.load(modules, state.y)
            recorder.record()
    run = load_run(tmp_path / "run")
    stored = run.game()
    np.testing.assert_array_equal(stored(game.start), game(game.start))
    np.testing.assert_array_equal(stored.start, game.start)
    assert stored.describe() == game.describe() and run.method() == method
    comparison = compare_run(tmp_path / "run")
    assert comparison.reproduced == 0 and comparison.orders["alternating"] == pytest.approx(1, abs=0.1)


def test_an_objective_that_cannot_be_stored_is_refused_with_the_python_to_use(tmp_path) -> None:
    generator, discriminator, game = users_game()
    with pytest.raises(InputError, match=r"holds a Linear.*from dynamics.compare import.*lr=0.02, method='simult"):
        Recorder(tmp_path / "run", generator, discriminator, game=game, lr=0.02, method="simultaneous")
    with pytest.raises(InputError, match="give lr with game"):
        Recorder(tmp_path / "run", generator, discriminator, game=game)
    with pytest.raises(InputError, match="give lr too"):
        Recorder(tmp_path / "run", generator, discriminator, method="alternating")
    with pytest.raises(InputError, match="do not fit"):
        Recorder(tmp_path / "run", *small_networks(), game=game, lr=0.02)
    assert not (tmp_path / "run").exists()


def test_the_rate_is_taken_from_the_record_where_only_the_game_is_missing(tmp_path) -> None:
    generator, discriminator, game = users_game()
    with Recorder(tmp_path / "run", generator, discriminator, lr=0.02, method="simultaneous") as recorder:
        state = torch.from_numpy(game.start)
        for _ in range(3):
            state = state + 0.02 * game(state)
            recorder.record(parameters=state)
    with pytest.raises(InputError, match=r"import compare_run.*game=game, lr=0.02, method='simultaneous'"):
        compare_run(tmp_path / "run")
    assert compare_run(tmp_path / "run", (1, 2), game=game).method == "simultaneous"
    with pytest.raises(InputError, match="recorded as simultaneous"):
        compare_run(tmp_path / "run", game=game, method="alternating")


def test_what_cannot_be_compared_is_refused_with_a_sentence(tmp_path) -> None:
    game = users_run(tmp_path / "run", lr=0.02)
    with pytest.raises(InputError, match="game="):
        compare_run(tmp_path / "run")
    with pytest.raises(InputError, match="give lr"):
        compare_run(tmp_path / "run", game=game)
    with pytest.raises(InputError, match="two different refinements"):
        compare_run(tmp_path / "run", (2, 2), game=game, lr=0.02)
    other = NetworkGame(nn.Linear(1, 1), nn.Linear(1, 1, bias=False), real=[[0.0]], latents=[[0.0]])
    with pytest.raises(InputError, match="do not fit"):
        compare_run(tmp_path / "run", game=other, lr=0.02)
    with pytest.raises(InputError, match="solver"):
        compare_run(tmp_path / "run", game=game, lr=0.02, solver="torchdiffeq:dopri")
    train("digits-mlp", {**SMALL, "steps": 2, "stride": 1}, tmp_path / "own")
    with pytest.raises(InputError, match="leave game, lr and method out"):
        compare_run(tmp_path / "own", lr=0.1)
    train("digits-mlp", {**SMALL, "steps": 2, "stride": 5}, tmp_path / "short")
    with pytest.raises(InputError, match="at least two"):
        compare_run(tmp_path / "short")


def test_the_example_of_a_plain_loop_runs(tmp_path) -> None:
    file = Path(__file__).parents[3] / "examples" / "plain_loop.py"
    spec = importlib.util.spec_from_file_location("plain_loop", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = torch.get_default_dtype()
    try:
        assert module.main(str(tmp_path / "run"), steps=60) == pytest.approx(1, abs=0.1)
    finally:
        torch.set_default_dtype(before)
    run = load_run(tmp_path / "run")
    assert len(run.parameters) == 7 and np.isfinite(run.dataset["loss"].values[1:]).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["alternating", "simultaneous"])
def test_the_digits_preset_follows_its_flow_at_first_order(tmp_path, method) -> None:
    train("digits-mlp", {"method": method}, tmp_path / "run")
    comparison = compare_run(tmp_path / "run")
    assert comparison.orders[method] == pytest.approx(1, abs=0.1) and comparison.standard_errors[method] < 0.02


def test_the_principal_plane_of_a_flat_path_holds_all_of_it() -> None:
    angle = np.linspace(0, 3, 40)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 2)))[0].T
    flow = np.stack([3 * np.cos(angle), np.sin(angle)], axis=1) @ directions + 5.0
    plane, explained = principal_plane(flow, flow)
    # Distances within the plane are those in the full space, and nothing is left outside.
    np.testing.assert_allclose(explained.sum(), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(plane[0] - plane[0, :1], axis=1), np.linalg.norm(flow - flow[0], axis=1))
    np.testing.assert_array_equal(plane[0], plane[1])


@pytest.mark.parametrize(
    ("ends", "way", "small"),
    [([0.4, 0.2, 0.1], 5.0, True), ([242.0, 290.0, 1301.0], 25.0, False), ([8.0, 4.0, 2.0], 5.0, False)],
)
def test_an_order_needs_distances_that_shrink_below_the_way_of_the_flow(ends, way, small) -> None:
    assert _shrinking(np.array(ends), way) is small
