"""The result: frozen, labelled, storable, and with what is needed to repeat it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from dynamics import games
from dynamics.core.status import Status
from dynamics.core.storage import read_dataset
from dynamics.flow import integrate


@pytest.mark.parametrize("shape", [(), (4,), (2, 2)])
def test_a_result_survives_the_round_trip_through_zarr(fields, tmp_path, shape):
    starts = np.random.default_rng(2).normal(size=(*shape, 2))
    result = integrate(fields.Plane(), starts, [0.0, 0.5, 2.0], events=lambda y: y[..., 0])
    dataset = read_dataset(result.save(tmp_path / "flow.zarr"))
    lead = ("path",) if shape else ()
    assert dataset["state"].dims == (*lead, "time", "coordinate")
    np.testing.assert_array_equal(dataset["state"].values, result.states.reshape(dataset["state"].shape))
    np.testing.assert_array_equal(dataset["end"].values, result.final.reshape(dataset["end"].shape))
    np.testing.assert_array_equal(dataset["event"].values, result.events.reshape(dataset["event"].shape))
    assert np.ravel(dataset["status"].values).tolist() == [status.value for status in np.ravel(result.statuses)]


def test_provenance_names_field_solver_and_tolerances():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    result = integrate(game, game.start, [0.0, 1.0], "scipy:RK45", rtol=1e-6)
    assert json.loads(json.dumps(result.provenance))["field"] == json.loads(json.dumps(game.describe()))
    assert result.provenance["solver"] == "scipy:RK45"
    assert (result.provenance["rtol"], result.provenance["atol"]) == (1e-6, 1e-10)
    assert result.statistics["evaluations"] > result.statistics["steps"] > 0
    assert result.statistics["seconds"] > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.status = Status.DIVERGED


@pytest.mark.parametrize("name", ["scipy:DOP853", "scipy:Radau", "scipy:LSODA", "torchdiffeq:dopri8"])
def test_the_minimax_dirac_gan_keeps_its_distance_and_a_penalty_takes_it_in(name):
    minimax = games.get("dirac-gan")
    result = integrate(minimax, [1.0, 1.0], np.linspace(0, 10, 21), name)
    # theta^2 + psi^2 is conserved; every step errs by at most 2 sqrt(2) rtol |y| in length, |y| = sqrt(2).
    assert np.abs(np.sum(result.states**2, -1) - 2.0).max() < 16 * 1e-8 * (result.statistics["steps"] + 10)
    damped = games.get("dirac-gan", penalty="r1", gamma=1.0)
    assert np.linalg.norm(integrate(damped, [1.0, 1.0], [0.0, 60.0], name).final) < 1e-4


def test_statuses_of_a_batch_are_summed_up_by_the_worst(fields):
    result = integrate(fields.square(), [[-1.0], [1.0]], [0.0, 2.0])
    assert result.status is Status.DIVERGED
    assert "1 of 2 starts, the first of them number 1" in result.message
    assert integrate(fields.square(), [-1.0], [0.0, 2.0]).message == Status.FINISHED.sentence
