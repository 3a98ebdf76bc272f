"""Training algorithms with noisy gradients against loops written by hand with the same random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core import random
from dynamics.core.errors import InputError
from dynamics.core.random import Stream
from dynamics.ensemble import SDE, Coloured, Isotropic, Matrix, StateDependent, simulate
from dynamics.ensemble.schemes import get
from dynamics.ensemble.schemes.noisy_map import NoisyMap

GAME = games.get("dirac-gan", penalty="r1", gamma=0.5)
IDS = np.arange(50, dtype=np.uint64)
DT, STEPS, S, SEED = 0.1, 12, 0.3, 3
START = np.array([1.0, 0.5])


def run(method: Any, noise: Any = S, **further: Any) -> np.ndarray:
    settings = {"paths": len(IDS), "dt": DT, "time": DT * STEPS, "seed": SEED, "start": START, "compiled": False}
    return simulate(GAME, noise, scheme=method, **settings, **further).final


def samples(step: int, count: int) -> np.ndarray:
    """Return the noise of the samples of a step: ``s xi / sqrt(h)``, shape (samples, paths, 2)."""
    xi = random.normals(SEED, IDS, step, Stream.BROWNIAN, 2 * count)
    return S * np.moveaxis(xi.reshape(len(IDS), count, 2), 1, 0) / np.sqrt(DT)


def same(found: np.ndarray, told: np.ndarray) -> None:
    # A dozen steps of some thirty operations on numbers of order one.
    np.testing.assert_allclose(found, told, rtol=0, atol=STEPS * 30 * 2.0**-52 * 4)


def test_simultaneous_descent_is_euler_maruyama_with_the_same_random_numbers():
    same(run(methods.get("simultaneous", lr=DT)), run("euler-maruyama"))


@pytest.mark.parametrize(
    ("lr", "rates"), [(0.04, [0.04, 0.04]), ({"generator": 0.04, "discriminator": DT}, [0.04, DT])]
)
def test_rates_other_than_the_step_are_the_players_own(lr, rates):
    # y_i + lr_i (v_i + B xi / sqrt h)
    y = np.tile(START, (len(IDS), 1))
    for k in range(STEPS):
        y = y + np.array(rates) * (GAME(y) + samples(k, 1)[0])
    same(run(methods.get("simultaneous", lr=lr)), y)


def test_alternating_descent_draws_a_sample_for_each_player():
    y = np.tile(START, (len(IDS), 1))
    for k in range(STEPS):
        noise = samples(k, 2)
        y[:, 1:] += 0.1 * (GAME.component("discriminator", y) + noise[0][:, 1:])
        y[:, :1] += 0.1 * (GAME.component("generator", y) + noise[1][:, :1])
    same(run(methods.get("alternating", lr=0.1)), y)


@pytest.mark.parametrize("sample", ["same", "fresh"])
def test_extragradient_sees_the_same_or_a_fresh_sample(sample):
    y = np.tile(START, (len(IDS), 1))
    for k in range(STEPS):
        noise = samples(k, 1 if sample == "same" else 2)
        trial = y + 0.1 * (GAME(y) + noise[0])
        y = y + 0.1 * (GAME(trial) + noise[-1])
    same(run(methods.get("extragradient", lr=0.1, sample=sample)), y)


def test_optimistic_descent_remembers_the_noisy_field():
    y = np.tile(START, (len(IDS), 1))
    # The field before the first iteration is that at the start, without noise.
    past = GAME(y)
    for k in range(STEPS):
        present = GAME(y) + samples(k, 1)[0]
        y, past = y + 0.1 * (2 * present - past), present
    same(run(methods.get("optimistic", lr=0.1)), y)


def test_adam_takes_moments_of_the_noisy_field():
    y = np.tile(START, (len(IDS), 1))
    mean, square = np.zeros_like(y), np.zeros_like(y)
    adam = methods.get("adam", lr=0.1)
    for k in range(STEPS):
        v = GAME(y) + samples(k, 1)[0]
        mean = adam.beta1 * mean + (1 - adam.beta1) * v
        square = adam.beta2 * square + (1 - adam.beta2) * v**2
        corrected = square / (1 - adam.beta2 ** (k + 1))
        y = y + 0.1 * mean / (1 - adam.beta1 ** (k + 1)) / (np.sqrt(corrected) + adam.eps)
    same(run(adam), y)


def test_consensus_takes_products_with_jacobians_without_noise():
    y = np.tile(START, (len(IDS), 1))
    consensus = methods.get("consensus", lr=0.1)
    for k in range(STEPS):
        v = GAME(y) + samples(k, 1)[0]
        gradient = np.einsum("nij,ni->nj", GAME.jacobian(y), v)
        y = y + 0.1 * (v - consensus.gamma * gradient)
    same(run(consensus), y)


def test_schedules_of_rates_and_of_noise_are_both_taken():
    y = np.tile(START, (len(IDS), 1))
    method = methods.get("simultaneous", lr=0.1, schedule="cosine:iterations=20")
    noise = Isotropic(S, schedule="exponential:half_life=0.4")
    for k in range(STEPS):
        y = y + 0.1 * method.schedule(k) * (GAME(y) + noise.factor(k * DT) * samples(k, 1)[0])
    # The schedule of the noise is taken a billionth of a step inside the step.
    np.testing.assert_allclose(run(method, noise), y, rtol=0, atol=1e-8)


def test_clipped_coordinates_are_clipped_by_the_algorithm():
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    settings = {"paths": 50, "dt": 0.1, "time": 2.0, "start": [1.0, 0.4], "compiled": False}
    found = simulate(game, 1.0, scheme=methods.get("alternating", lr=0.1), **settings)
    assert np.abs(found.final[:, 1]).max() == 0.5 and np.abs(found.final[:, 0]).max() > 0.5


def test_noise_that_depends_on_the_state_is_that_where_the_gradient_is_taken():
    noise = StateDependent([["0.3*psi"], ["0.2"]])
    y = np.tile(START, (len(IDS), 1))
    for k in range(STEPS):
        xi = random.normals(SEED, IDS, k, Stream.BROWNIAN, 1) / np.sqrt(DT)

        def noisy(at: np.ndarray, xi: np.ndarray = xi) -> np.ndarray:
            return GAME(at) + np.concatenate([0.3 * at[:, 1:], np.full((len(at), 1), 0.2)], axis=1) * xi

        trial = y + 0.1 * noisy(y)
        y = y + 0.1 * noisy(trial)
    same(run(methods.get("extragradient", lr=0.1), noise), y)


def test_weak_order_is_one_where_the_algorithm_follows_the_flow():
    sde = SDE(GAME, Isotropic(0.1))
    assert get("simultaneous", lr=0.1).orders(sde) == (None, 1.0)
    # Momentum 0.9 moves ten times as far as the rate says.
    assert get("heavy-ball", lr=0.1, beta=0.9).orders(sde) == (None, None)
    assert get("adam", lr=0.1).orders(sde) == (None, None)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (Coloured(Isotropic(0.1), tau=1.0), "white noise"),
        (StateDependent([["psi"], ["theta"]], interpretation="stratonovich"), "Ito noise"),
    ],
)
def test_noise_that_has_no_discrete_map_is_refused(noise, message):
    with pytest.raises(InputError, match=message):
        run(methods.get("simultaneous", lr=0.1), noise)


def test_increments_of_samples_do_not_compose():
    with pytest.raises(InputError, match="do not compose"):
        run(methods.get("simultaneous", lr=0.1), brownian_dt=DT / 2)


def test_settings_name_the_method():
    told = NoisyMap(methods.get("adam", lr=0.1)).settings()
    assert told["scheme"] == "noisy-map" and told["method"] == "adam" and told["lr"] == 0.1


def test_conditions_of_discrete_maps_are_looked_at_after_each_iteration_without_a_word_on_bridges():
    settings = {"paths": 50, "dt": 0.1, "time": 2.0, "start": START, "compiled": False}
    found = simulate(
        GAME, Matrix(np.eye(2)), scheme=methods.get("simultaneous", lr=0.1), until="theta > 1.3", **settings
    )
    times = found.event_times[np.isfinite(found.event_times)]
    assert len(times) > 10
    np.testing.assert_allclose(times / 0.1, np.round(times / 0.1), atol=1e-9)
    assert not any("after each step only" in note for note in found.notes)
    weak = simulate(GAME, 0.5, scheme="weak-order-2", until="theta > 1.3", **settings)
    assert any("after each step only" in note for note in weak.notes)
