from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dynamics.compare import compare_run
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


@pytest.mark.parametrize(("changes", "words"), [({"dtype": "float32"}, "float32"), ({"batch": 10}, "mini-batches")])
def test_rough_runs_are_trained_again_exactly_and_it_is_said(tmp_path, changes, words) -> None:
    train("digits-mlp", {**SMALL, **changes}, tmp_path / "run")
    comparison = compare_run(tmp_path / "run")
    assert words in comparison.compared and "float64" in comparison.compared
    assert comparison.orders["alternating"] == pytest.approx(1, abs=0.1)
    assert comparison.reproduced > 0 and not np.array_equal(comparison.recorded, comparison.distances[0])


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
    # Negative control: another method than the one that was used is noticed.
    assert compare_run(tmp_path / "run", game=game, lr=0.02, method="alternating").reproduced > 1e-4


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
    with pytest.raises(InputError, match="leave game and lr out"):
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
