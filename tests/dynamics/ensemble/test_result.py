"""What an ensemble gives back, and how it is stored and merged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError, NumericalError
from dynamics.core.status import Status
from dynamics.core.storage import read_dataset
from dynamics.ensemble import Histogram, merge, simulate


def test_a_dataset_holds_everything_and_comes_back_from_disk(watched, tmp_path):
    found = watched()
    stored = read_dataset(found.save(tmp_path / "run.zarr"))
    np.testing.assert_array_equal(stored["time"], found.times)
    assert stored["quantity"].values.tolist() == ["theta", "psi", "exp(theta)"]
    np.testing.assert_array_equal(stored["mean"], found.mean)
    np.testing.assert_array_equal(stored["mean_error"], found.mean_error)
    np.testing.assert_array_equal(stored["covariance"], found.covariance)
    np.testing.assert_array_equal(stored["covariance_error"], found.covariance_error)
    np.testing.assert_array_equal(stored["count"], found.count)
    np.testing.assert_array_equal(stored["final"], found.final)
    np.testing.assert_array_equal(stored["status"], found.status_codes)
    np.testing.assert_array_equal(stored["event_time"], found.event_times)
    assert stored["event"].values.tolist() == ["theta > 1.2", "psi < 0"]
    assert stored["event_count"].values.tolist() == [event.count for event in found.events]
    assert stored["event_elsewhere"].values.tolist() == [event.elsewhere for event in found.events]
    np.testing.assert_array_equal(stored["event_histogram"], [event.times for event in found.events])
    assert stored["maximum"].values.tolist() == ["theta", "psi**2"]
    np.testing.assert_array_equal(stored["histogram_0"], found.histograms[0].counts)
    np.testing.assert_array_equal(stored["moment_0"], [0.0, 1.0, 2.0])
    np.testing.assert_allclose(stored["cell_0_theta"], np.linspace(-0.75, 1.75, 6))
    told = stored.attrs
    assert told["status"] == "finished" and told["status_codes"]["3"] == "event"
    assert told["provenance"]["seed"] == 5 and told["provenance"]["until"] == ["theta > 1.2"]
    assert told["provenance"]["maxima"] == ["theta", "psi**2"] and told["provenance"]["observe"] == ["exp(theta)"]
    assert told["provenance"]["noise"] == {"noise": "isotropic", "schedule": None, "strength": 0.3}
    assert told["provenance"]["scheme"]["scheme"] == "euler-maruyama"
    assert told["notes"] == list(found.notes) and "numba" in told["versions"]


def test_what_was_not_kept_is_not_stored(watched):
    found = watched(keep=False)
    assert found.final is None and found.event_times is None
    stored = found.to_dataset()
    assert "final" not in stored and "event_time" not in stored and stored["event_count"].sum() > 0
    np.testing.assert_array_equal(found.summary.rows, watched().summary.rows)


def test_statuses_counts_and_steps_are_told(watched):
    found = watched()
    assert set(found.statuses) == {Status.FINISHED, Status.EVENT}
    assert found.counts == {
        "finished": int((found.status_codes == 0).sum()),
        "event": int((found.status_codes == 3).sum()),
    }
    ended = found.event_times[:, 0]
    steps = np.where(np.isfinite(ended), np.ceil(ended / 0.1), 20).sum()
    assert found.statistics["path_steps"] == steps
    assert repr(found) == "<Ensemble (theta, psi) 600 paths, time 2: finished>"
    assert found.index("exp(theta)") == 2
    with pytest.raises(InputError, match="Unknown quantity 'thta': did you mean 'theta'"):
        found.index("thta")


def test_moments_are_those_of_the_kept_states(watched):
    # Without a stop condition the last record is that of the last states.
    found = watched(until=(), histograms=(), compiled=False)
    np.testing.assert_allclose(found.mean[-1, :2], found.final.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.covariance[-1, :2, :2], np.cov(found.final.T), rtol=1e-12)
    np.testing.assert_allclose(found.mean[-1, 2], np.exp(found.final[:, 0]).mean(), rtol=1e-13)
    np.testing.assert_allclose(found.mean_error[-1, 0], found.final[:, 0].std(ddof=1) / np.sqrt(600), rtol=1e-12)
    places = found.events[0]
    met = np.isfinite(found.event_times[:, 0])
    assert places.count == met.sum() and not places.stop
    np.testing.assert_allclose(places.mean, found.event_times[met, 0].mean(), rtol=1e-13)
    np.testing.assert_allclose(places.stderr, found.event_times[met, 0].std(ddof=1) / np.sqrt(met.sum()), rtol=1e-12)


def test_only_neighbours_with_the_same_settings_merge(watched):
    one = watched(paths=100)
    for other, message in [
        (watched(paths=100, first=101), "no neighbours: merge runs whose ranges join"),
        (watched(paths=100, first=50), "no neighbours"),
        (watched(paths=100), "no neighbours"),
        (watched(paths=100, first=100, seed=6), "differ in seed"),
        (watched(paths=100, first=100, noise=0.2), "differ in noise"),
        (watched(paths=100, first=100, dt=0.05), "differ in"),
        (watched(paths=100, first=100, records=3), "recorded different things"),
        (watched(paths=100, first=100, histograms=()), "recorded different things"),
        (
            watched(paths=100, first=100, histograms=[Histogram({"psi": (0, 1, 3)}, times=(0.0, 1.0, 2.0))]),
            "different grids or times",
        ),
    ]:
        with pytest.raises(InputError, match=message):
            merge([one, other])
    with pytest.raises(InputError, match="at least one"):
        merge([])
    assert merge([one]) is one
    assert one.merged(watched(paths=20, first=100)).paths == 120


def test_merging_keeps_single_states_only_where_both_did(watched):
    both = merge([watched(paths=100), watched(paths=100, first=100, keep=False)])
    assert both.final is None and both.event_times is None and both.paths == 200
    assert both.statistics["path_steps"] == watched(paths=200).statistics["path_steps"]


def test_throw_raises_for_paths_that_diverged_with_the_result_inside():
    run = {"paths": 10, "dt": 0.5, "time": 5.0, "start": [10.0], "compiled": False}
    quiet = simulate(games.get("double-well"), 0.1, **run)
    assert quiet.status is Status.DIVERGED
    with pytest.raises(NumericalError, match="10 of 10 paths diverged") as caught:
        simulate(games.get("double-well"), 0.1, throw=True, **run)
    np.testing.assert_array_equal(caught.value.result.final, quiet.final)
    # Exits are what was asked for.
    fine = simulate(games.get("double-well"), 0.1, until="x > -9", throw=True, **run)
    assert fine.status is Status.EVENT and fine.status.ok


def test_the_worst_path_names_the_status():
    from dynamics.ensemble.result import worst

    order = [Status.EVENT, Status.FINISHED, Status.DIVERGED, Status.NON_FINITE, Status.INTERRUPTED]
    codes = np.array([3, 0, 1, 2, 4], dtype=np.int8)
    assert [worst(codes[: n + 1]) for n in range(5)] == order
    assert worst(np.zeros(0, dtype=np.int8)) is Status.FINISHED


def test_the_games_own_nan_is_told_from_overflow():
    # sqrt of a negative number at a moderate state, against infinity minus infinity.
    from dynamics.games.build import inline

    rooted = inline("-2*x**(3/2)/3 + 4*x", ["x"], [], start={"x": 0.5})
    run = {"paths": 5, "dt": 0.5, "time": 5.0, "records": 2, "compiled": False}
    assert simulate(rooted, 0.0, **run).status is Status.NON_FINITE
    both = simulate(games.get("double-well"), 0.0, start=[1e80], **run)
    assert both.status is Status.DIVERGED and "5 of 5 paths diverged" in both.notes[0]


def test_events_without_paths_have_no_numbers(watched):
    event = watched(paths=1, until="theta > 1.2", start=[-3.0, 1.0]).events[0]
    assert event.count == 0 and np.isnan(event.mean) and np.isnan(event.stderr) and np.isnan(event.place).all()
    assert event.share() == (0.0, 0.0, pytest.approx(0.7935, abs=1e-3))
    assert replace(event, open_paths=0).share()[0] is np.nan or np.isnan(replace(event, open_paths=0).share()[0])


def test_kernels_count_ends_in_the_order_of_the_codes():
    from dynamics.core.status import Status
    from dynamics.ensemble.kernel import DIVERGED, FINISHED, MISSING, STOPPED, UNFINISHED
    from dynamics.ensemble.result import CODES

    told = [CODES[code] for code in (FINISHED, DIVERGED, MISSING, STOPPED, UNFINISHED)]
    assert told == [Status.FINISHED, Status.DIVERGED, Status.NON_FINITE, Status.EVENT, Status.INTERRUPTED]
