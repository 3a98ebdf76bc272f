from __future__ import annotations

import numpy as np
import pytest

from dynamics import methods
from dynamics.core.errors import InputError
from dynamics.core.status import Status
from dynamics.core.storage import read_dataset
from dynamics.gan import load_run, train
from dynamics.gan.configuration import configure
from dynamics.gan.data import load_data
from dynamics.gan.metrics import sample_metrics
from dynamics.gan.objective import build_game, fixed_latents

#: A real run on real digits that takes a fraction of a second.
SMALL = {"samples": 40, "hidden": 4, "latent": 2, "steps": 12, "stride": 3}


def test_the_digits_are_real_and_scaled_to_the_unit_cube() -> None:
    digits = load_data("digits")
    assert digits.shape == (1797, 64) and digits.min() == -1 and digits.max() == 1
    # The first image is a zero whose first row is 0 0 5 13 9 1 0 0 of 16.
    np.testing.assert_array_equal(digits[0, :8], np.array([0, 0, 5, 13, 9, 1, 0, 0]) / 8 - 1)
    with pytest.raises(InputError, match="digits"):
        load_data("digit")


@pytest.mark.parametrize("method", ["alternating", "simultaneous"])
def test_training_is_the_method_on_the_game(tmp_path, method) -> None:
    run = train("digits-mlp", {**SMALL, "method": method}, tmp_path / "run")
    game = run.game()
    expected = methods.iterate(game, methods.get(method, lr=0.02), game.start, 12, every=3)
    # The same operations on torch and on NumPy states.
    np.testing.assert_allclose(run.parameters, expected.states, rtol=0, atol=1e-14)
    assert run.recorded_steps.tolist() == [0, 3, 6, 9, 12] and run.status is Status.FINISHED


def test_recorded_losses_and_gradient_norms_are_those_of_the_recorded_state(tmp_path) -> None:
    run = train("digits-mlp", {**SMALL, "penalty": "r1", "gamma": 0.5}, tmp_path / "run")
    game = run.game()
    for row, state in enumerate(run.parameters):
        for i, player in enumerate(("generator", "discriminator")):
            assert run.dataset["loss"].values[row, i] == pytest.approx(game.losses(state)[player], rel=1e-12)
            norm = np.linalg.norm(game.component(player, state))
            assert run.dataset["gradient_norm"].values[row, i] == pytest.approx(norm, rel=1e-12)
    assert run.metrics["losses"]["generator"] == pytest.approx(game.losses(run.parameters[-1])["generator"], rel=1e-12)


@pytest.mark.parametrize("changes", [{}, {"batch": 8}, {"batch": 8, "fresh_latents": True, "dtype": "float32"}])
def test_the_same_settings_give_the_same_bits(tmp_path, changes) -> None:
    first, second = (train("digits-mlp", {**SMALL, **changes}, tmp_path / name) for name in ("a", "b"))
    np.testing.assert_array_equal(first.parameters, second.parameters)
    other = train("digits-mlp", {**SMALL, **changes, "seed": 1}, tmp_path / "c")
    assert not np.array_equal(first.parameters, other.parameters)
    assert first.parameters.dtype == changes.get("dtype", "float64")


def test_the_fixed_latents_are_normal_and_nested() -> None:
    latents = fixed_latents(1797, 16, 0).numpy()
    np.testing.assert_array_equal(latents[:5], fixed_latents(5, 16, 0).numpy())
    # 28,752 numbers: five standard errors of mean and variance; the draws are fixed.
    assert abs(latents.mean()) < 5 / np.sqrt(latents.size) and abs(latents.var() - 1) < 5 * np.sqrt(2 / latents.size)


def test_a_diverging_run_stops_with_player_and_step_and_keeps_its_records(tmp_path) -> None:
    settings = {**SMALL, "loss": "wasserstein", "lr": 10.0, "loss_bound": 100.0, "stride": 1, "steps": 400}
    run = train("digits-mlp", settings, tmp_path / "run")
    assert run.status is Status.DIVERGED and f"at step {run.steps}" in run.reason
    assert any(f"loss of the {player} reached" in run.reason for player in ("generator", "discriminator"))
    assert 1 < len(run.parameters) == run.steps + 1 < 400 and np.isfinite(run.parameters).all()
    losses = np.abs(run.dataset["loss"].values).max(axis=1)
    assert losses[-1] > 100 and (losses[:-1] <= 100).all()


def test_a_run_that_becomes_nan_names_the_player_and_keeps_the_last_finite_state(tmp_path) -> None:
    settings = {**SMALL, "loss": "least-squares", "lr": 1e200, "loss_bound": 1e308, "stride": 1, "steps": 50}
    run = train("digits-mlp", settings, tmp_path / "run")
    # The discriminator's first step makes scores of 1e200; their squares overflow in the generator's gradient.
    assert run.status is Status.NON_FINITE and "generator became NaN or infinite at step 1" in run.reason
    np.testing.assert_array_equal(run.parameters, run.game().start[None])


def test_an_interrupted_run_is_valid(tmp_path, monkeypatch) -> None:
    import dynamics.methods.alternating as module

    original, count = module.Alternating.step, iter(range(100))

    def step(self, state, game):
        if next(count) == 7:
            raise KeyboardInterrupt
        return original(self, state, game)

    monkeypatch.setattr(module.Alternating, "step", step)
    run = train("digits-mlp", SMALL, tmp_path / "run")
    assert run.status is Status.INTERRUPTED and run.recorded_steps.tolist() == [0, 3, 6] and "step 7" in run.reason
    assert read_dataset(tmp_path / "run").attrs["status"] == "interrupted"


def test_an_existing_folder_is_refused_and_left_alone(tmp_path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").write_text("x")
    with pytest.raises(InputError, match="exists already"):
        train("digits-mlp", SMALL, tmp_path / "run")
    assert (tmp_path / "run" / "mine").read_text() == "x"


def test_a_run_is_rebuilt_from_its_record_alone(tmp_path) -> None:
    trained = train("digits-mlp", {**SMALL, "d_steps": 2}, tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert run.config == trained.config and run.method() == methods.get("alternating", lr=0.02, d_steps=2)
    np.testing.assert_array_equal(run.game().start, run.parameters[0])
    assert run.to_dict()["metrics"]["end"].keys() == {"frechet", "spread"}


def test_a_perfect_sampler_has_distance_zero_and_spread_one() -> None:
    game = build_game(configure("digits-mlp", SMALL))
    game.generate = lambda y: game.source.real
    metrics = sample_metrics(game, None)
    # Squared round-off of 64 pixels of order 1, through square roots of covariance eigenvalues.
    assert metrics["frechet"] == pytest.approx(0, abs=1e-10) and metrics["spread"] == pytest.approx(1)


def test_the_progress_bar_goes_to_stderr_only_when_asked(tmp_path, capsys) -> None:
    train("digits-mlp", SMALL, tmp_path / "quiet")
    assert capsys.readouterr() == ("", "")
    train("digits-mlp", SMALL, tmp_path / "loud", progress=True)
    assert capsys.readouterr().out == ""
