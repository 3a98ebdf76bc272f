"""Chosen paths are those of the ensemble, bit for bit, in memory and on disk."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynamics import ensemble, games
from dynamics.core.errors import InputError
from dynamics.core.status import Status
from dynamics.core.storage import read_dataset

#: The module, whose name in the package is taken by its function.
MODULE = importlib.import_module("dynamics.ensemble.trajectories")

GAME = games.get("dirac-gan", penalty="r1", gamma=0.5)
RUN: dict[str, Any] = {"dt": 0.1, "time": 3.0, "until": "theta > 1.2", "spread": 0.1}
CHOSEN = [0, 5, 299, 17]


def whole() -> ensemble.Ensemble:
    return ensemble.simulate(GAME, 0.2, paths=300, **RUN)


def test_chosen_paths_end_where_and_when_those_of_the_ensemble_do() -> None:
    run, chosen = whole(), ensemble.trajectories(GAME, 0.2, paths=CHOSEN, **RUN)
    assert run.final is not None and run.event_times is not None
    np.testing.assert_array_equal(chosen.final, run.final[CHOSEN])
    assert list(chosen.statuses) == list(run.statuses[CHOSEN])
    # Times are divided by dt and multiplied again: one rounding each.
    met = np.isfinite(run.event_times[CHOSEN, 0])
    np.testing.assert_allclose(chosen.reached[met], run.event_times[CHOSEN, 0][met], rtol=4e-16)


def test_records_are_every_so_many_steps_and_the_last_and_nan_after_the_end_of_a_path() -> None:
    chosen = ensemble.trajectories(GAME, 0.2, paths=CHOSEN, every=7, **RUN)
    np.testing.assert_allclose(chosen.times, [0, 0.7, 1.4, 2.1, 2.8, 3.0], rtol=1e-15)
    for path, ended in enumerate(chosen.reached):
        there = chosen.times <= ended if chosen.statuses[path] is Status.EVENT else np.ones(6, dtype=bool)
        np.testing.assert_array_equal(np.isfinite(chosen.states[path]).all(axis=1), there)


def test_means_of_the_paths_are_the_moments_of_the_ensemble() -> None:
    run = ensemble.simulate(GAME, 0.2, paths=300, dt=0.1, time=3.0)
    paths = ensemble.trajectories(GAME, 0.2, paths=300, dt=0.1, time=3.0)
    # Two orders of summation of 300 numbers of size 1: 300 eps each at most.
    np.testing.assert_allclose(paths.states.mean(axis=0), run.mean, rtol=0, atol=600 * np.finfo(float).eps)


@pytest.mark.parametrize("segment", [1, 40, 10**6])
def test_the_store_holds_the_same_states_however_they_were_cut(
    segment: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = ensemble.trajectories(GAME, 0.2, paths=CHOSEN, every=7, **RUN)
    monkeypatch.setattr(MODULE, "_SEGMENT", segment)
    streamed = ensemble.trajectories(GAME, 0.2, paths=CHOSEN, every=7, store=tmp_path / "paths.zarr", **RUN)
    stored = read_dataset(tmp_path / "paths.zarr")
    np.testing.assert_array_equal(np.swapaxes(stored.state.values, 0, 1), together.states)
    np.testing.assert_array_equal(stored.path.values, CHOSEN)
    np.testing.assert_array_equal(streamed.final, together.final)
    assert stored.attrs["statuses"] == [status.value for status in together.statuses]


def test_a_method_with_memory_goes_on_from_segment_to_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    from dynamics import methods

    scheme = methods.get("optimistic", lr=0.1)
    together = ensemble.trajectories(GAME, 0.2, paths=3, dt=0.1, time=2.0, scheme=scheme)
    monkeypatch.setattr(MODULE, "_SEGMENT", 12)
    cut = ensemble.trajectories(GAME, 0.2, paths=3, dt=0.1, time=2.0, scheme=scheme)
    np.testing.assert_array_equal(cut.states, together.states)


def test_an_interrupted_run_keeps_the_segments_that_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_SEGMENT", 1)

    def interrupt(done: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    path = tmp_path / "paths.zarr"
    found = ensemble.trajectories(GAME, 0.2, paths=2, dt=0.1, time=3.0, store=path, advance=interrupt)
    stored = read_dataset(path)
    assert found.status is Status.INTERRUPTED and stored.attrs["status"] == "interrupted"
    assert stored.sizes["time"] == 11
    np.testing.assert_array_equal(found.final, stored.state.values[-1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"paths": 0}, "number of paths"),
        ({"paths": []}, "whole numbers"),
        ({"paths": [1, 1]}, "twice"),
        ({"paths": [-1]}, "whole numbers"),
        ({"every": 0}, "stride"),
        ({"maxima": ["theta"]}, "belongs to simulate"),
        ({"start": [[0.0, 0.0]]}, "one state"),
    ],
)
def test_bad_input_is_one_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ensemble.trajectories(GAME, 0.2, **{"paths": 2, "dt": 0.1, "time": 1.0, **change})


def test_one_path_is_a_choice_too() -> None:
    one = ensemble.trajectories(GAME, 0.2, paths=1, dt=0.1, time=1.0)
    assert one.states.shape == (1, 11, 2)
    np.testing.assert_array_equal(one.states, ensemble.trajectories(GAME, 0.2, paths=2, dt=0.1, time=1.0).states[:1])
