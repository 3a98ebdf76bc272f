"""Exits of Brownian motion: times, places and shares against their exact laws, also between the steps.

All runs of this file but one are the same kernel: drift, matrix of the noise and the levels are its arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from dynamics import games
from dynamics.core.status import Status
from dynamics.ensemble import simulate

#: A Kolmogorov-Smirnov distance above it has the probability 1e-6 (asymptotically 2 exp(-2 n d^2)).
_FAR = np.sqrt(np.log(2e6) / 2)


def far(found: np.ndarray, law: Any) -> bool:
    """Return whether numbers do not follow a law, with a false alarm of 1e-6."""
    return bool(stats.kstest(found, law).statistic > _FAR / np.sqrt(len(found)))


def first_passage(t: np.ndarray, level: float, drift: float, s: float) -> np.ndarray:
    """Return ``P(tau <= t)`` of ``drift t + s W`` and a level above its start.

    Borodin and Salminen 2002, part II, formula 2.0.2.
    """
    t = np.maximum(t, 1e-300)
    root = s * np.sqrt(t)
    late = np.exp(2 * drift * level / s**2) * special.ndtr((-drift * t - level) / root)
    return special.ndtr((drift * t - level) / root) + late


def survival(t: float) -> float:
    """Return the probability that W stays in (-1, 1) up to a time: the theta series."""
    k = np.arange(50)
    return float(4 / np.pi * ((-1.0) ** k / (2 * k + 1) * np.exp(-((2 * k + 1) ** 2) * np.pi**2 * t / 8)).sum())


@pytest.fixture(scope="module")
def interval(brownian):
    """Exits from (-1, 1) in steps of 0.04: the standard deviation of a step is a fifth of the way."""
    return brownian(paths=200_000, dt=0.04, time=10.0, high=1.0, low=-1.0)


def test_the_mean_time_out_of_an_interval(interval):
    # E tau = 1/s^2; P(tau > 10) = 6e-6 shortens the mean by less than 1e-4 of it. Four standard errors: 6e-5.
    event = interval.events[0]
    assert event.stop and event.count > 199_900
    assert abs(event.mean - 1.0) < 4 * event.stderr + 1e-4
    # Var tau = 2/3: the standard error is what it should be, to four of its own (kurtosis of about 9).
    assert abs(event.stderr / np.sqrt(2 / 3 / 2e5) - 1) < 4 * np.sqrt(8 / 4 / 2e5)
    # Negative control: noise 1 % weaker makes 2.03 % later exits, 11 standard errors.
    assert abs(event.mean - 1.0203) > 8 * event.stderr


@pytest.mark.parametrize("t", [0.1, 0.25, 0.99, 1.0, 2.02, 4.0])
def test_survival_at_times_on_and_between_steps(interval, t):
    # Six times, four standard errors: false alarm 4e-4.
    share = (~(interval.event_times[:, 0] <= t)).mean()
    assert abs(share - survival(t)) < 4 * np.sqrt(survival(t) * (1 - survival(t)) / 2e5)


def test_moments_are_those_of_the_paths_that_are_still_there(interval):
    assert interval.count[0] == 200_000 and interval.count[-1] == interval.counts["finished"]
    assert interval.status is Status.FINISHED and interval.counts["event"] == interval.events[0].count


def test_both_ends_are_met_equally_often(interval):
    ended = interval.status_codes == 3
    x = interval.final[ended, 0]
    # On the surface to rounding: one step of Newton's method on a linear condition.
    np.testing.assert_allclose(np.abs(x), 1.0, rtol=0, atol=1e-14)
    assert abs((x > 0).mean() - 0.5) < 4 * 0.5 / np.sqrt(ended.sum())


def test_without_bridges_exits_are_late_by_the_overshoot(brownian):
    # Negative control: the barrier seems 0.5826 s sqrt(h) further away (Broadie, Glasserman and Kou 1997), here
    # E tau = (1 + 0.5826 * 0.2)^2 = 1.247, up to terms of order h.
    late = brownian(paths=100_000, dt=0.04, time=12.0, high=1.0, low=-1.0, bridge=False)
    event = late.events[0]
    assert event.mean - 1.0 > 50 * event.stderr
    assert abs(event.mean - (1 + 0.5826 * 0.2) ** 2) < 0.02
    np.testing.assert_allclose(late.event_times[:, 0] / 0.04, np.round(late.event_times[:, 0] / 0.04), atol=1e-9)
    assert any("after each step only" in note for note in late.notes)


@pytest.mark.parametrize(("drift", "s", "dt"), [(0.0, 1.0, 1.0), (0.8, 0.7, 0.25), (-0.3, 1.0, 0.1)])
def test_first_passage_times_follow_their_law_also_within_steps(brownian, drift, s, dt):
    # Steps as long as the time to the level: the drift is constant, so that bridges are exact for any step.
    found = brownian(paths=100_000, dt=dt, time=5.0, s=s, mu=-drift, high=1.0)
    event, whole = found.events[0], first_passage(np.array(5.0), 1.0, drift, s)
    assert abs(event.count / 1e5 - whole) < 4 * np.sqrt(whole * (1 - whole) / 1e5)
    met = found.event_times[:, 0][np.isfinite(found.event_times[:, 0])]
    assert not far(met, lambda t: first_passage(t, 1.0, drift, s) / whole)
    # Negative control: a level 2 % further away.
    assert far(met, lambda t: first_passage(t, 1.02, drift, s) / first_passage(np.array(5.0), 1.02, drift, s))
    # The histogram of times counts the same ones.
    np.testing.assert_array_equal(np.histogram(met, event.edges())[0], event.times)
    assert event.open_paths == 100_000 - event.count
    assert f"{event.open_paths:,} of 100,000 paths had not met" in found.notes[0]


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(
    "matrix", [None, [[0.8, 0.3], [0.2, -0.5]], [[0.5, 1e-9], [0.9, 0.2]]], ids=["isotropic", "correlated", "slanted"]
)
def test_places_on_a_half_plane_are_conditionally_normal(brownian, matrix, dt):
    # Given tau, y - nu' tau - C_yx/C_xx (x - mu' tau - 0) is normal of variance (C_yy - C_xy^2/C_xx) tau: independent
    # of the whole path of x. Isotropic noise: y is normal of variance tau.
    drift = np.array([0.4, -0.7])
    found = brownian(paths=50_000, dt=dt, time=4.0, high=1.0, matrix=matrix, mu=-drift[0], nu=-drift[1])
    c = np.eye(2) if matrix is None else np.array(matrix) @ np.array(matrix).T
    met = found.status_codes == 3
    tau, place = found.event_times[met, 0], found.final[met]
    np.testing.assert_allclose(place[:, 0], 1.0, rtol=0, atol=1e-13)
    rest = place[:, 1] - drift[1] * tau - c[1, 0] / c[0, 0] * (1.0 - drift[0] * tau)
    z = rest / np.sqrt((c[1, 1] - c[0, 1] ** 2 / c[0, 0]) * tau)
    assert met.sum() > 20_000 and not far(z, "norm")
    # Negative control: a spread a tenth too large, 0.024 off where 0.013 (with 42,000) is far.
    assert far(1.1 * z, "norm")
    np.testing.assert_allclose(found.events[0].place, place.mean(axis=0), rtol=1e-12)


def test_a_watched_condition_stops_nothing(brownian):
    found = brownian(paths=20_000, dt=0.1, time=2.0, middle=0.5)
    watched = found.events[1]
    assert not watched.stop and found.counts == {"finished": 20_000}
    assert found.count.tolist() == [20_000, 20_000]
    share, low, high = watched.share(0.9999)
    assert low < first_passage(np.array(2.0), 0.5, 0.0, 1.0) < high
    assert share == watched.count / 20_000
    assert found.notes[0].startswith('No path met "x > high or x < low": 20,000 were still inside at time 2')


def test_a_watched_condition_on_the_way_is_met_before_the_one_that_stops(brownian):
    # Steps short against the distance of the levels.
    found = brownian(paths=20_000, dt=0.005, time=3.0, middle=0.5, high=1.0)
    first, last = found.event_times[:, 1], found.event_times[:, 0]
    both = np.isfinite(last)
    assert both.sum() > 10_000
    assert (first[both] < last[both]).all()
    # What lies between is a first passage of 1/2 on its own (strong Markov), begun before time 3: no law of its own
    # without the censoring, but never negative and as wide as that.
    assert np.median(last[both] - first[both]) > 0.05


def test_a_condition_beyond_the_one_that_stops_is_never_met(brownian):
    # Steps short against the distance of the levels: bridges of two conditions in one step do not know of each other.
    found = brownian(paths=5000, dt=0.01, time=3.0, middle=1.5, high=1.0)
    assert found.events[1].count == 0
    stopped = found.counts["event"]
    assert (found.events[1].open_paths, found.events[1].elsewhere) == (5000 - stopped, stopped)
    share, low, high = found.events[1].share()
    assert share == low == 0.0 and high < 0.01
    assert 'No path met "x > middle"' in " ".join(found.notes)


def test_shares_of_two_targets_count_the_paths_that_ended_at_the_other():
    # x > 2 before x < -1 from 0: probability 1/3 (optional stopping). Few paths, readable loop, two stop conditions.
    game = games.get("bilinear", sigma=0.0)
    run = {"paths": 1500, "dt": 0.2, "time": 30.0, "start": [0.0, 0.0], "records": 2, "compiled": False}
    found = simulate(game, {"x": 1.0}, until=["x > 2", "x < -1"], seed=8, **run)
    shares = [event.share(0.9999) for event in found.events]
    for (share, low, high), truth in zip(shares, (1 / 3, 2 / 3), strict=True):
        # P(tau > 30) = 5e-14 of the paths are open.
        assert low < truth < high and high - low < 0.12 and 0 < share < 1
    assert sum(event.count for event in found.events) == 1500


def test_paths_that_start_in_the_target_end_at_time_0_where_they_are(brownian):
    starts = np.zeros((1000, 2))
    starts[::4] = 1.5, 2.0
    starts[1, 0] = 1.0  # on the surface
    found = brownian(paths=1000, start=starts, dt=0.1, time=1.0, high=1.0, middle=0.9)
    inside = np.zeros(1000, dtype=bool)
    inside[::4] = inside[1] = True
    np.testing.assert_array_equal(found.event_times[:, 0] == 0, inside)
    np.testing.assert_array_equal(found.final[inside], starts[inside])
    np.testing.assert_array_equal(found.event_times[inside, 1], 0.0)
    assert (found.status_codes[inside] == 3).all()
    # They are in no moment, not even the one at the start.
    assert found.count[0] == 1000 - inside.sum()
    assert found.mean[0].tolist() == [0.0, 0.0]


def test_a_path_that_is_beyond_every_bound_has_diverged_wherever_its_target_lies():
    # x = -10 jumps to +10^3 and on to infinity: no target is met by a number that overflows.
    game = games.get("double-well")
    run = {"paths": 8, "dt": 4.0, "time": 80.0, "start": [1e60], "records": 2, "compiled": False}
    found = simulate(game, 0.1, until="x < -1e200", watch="x > 1e170", **run)
    assert found.counts == {"finished": 0, "diverged": 8}
    assert found.events[0].count == found.events[1].count == 0
    assert np.isfinite(found.final).all()


def test_clipped_coordinates_never_leave_their_box():
    # psi rests on its bound 1 for long: a bridge would lead it beyond at every step with a chance of one half.
    game = games.get("dirac-gan", loss="wasserstein", clip=1.0)
    run = {"paths": 200, "dt": 0.1, "time": 5.0, "start": [-1.0, 0.9], "records": 2, "compiled": False}
    found = simulate(game, 0.3, until="psi > 1.05", watch="theta > 0", maxima="psi", **run)
    assert found.counts == {"finished": 200}
    assert found.largest["psi"].total().mean[0, 0] <= 1.0
    assert any("after each step only" in note for note in found.notes)
    # Conditions on the other coordinate keep their bridges.
    free = simulate(game, 0.3, watch="theta > 0", **run)
    times = free.event_times[np.isfinite(free.event_times)]
    assert free.events[0].count > 10 and np.abs(times / 0.1 - np.round(times / 0.1)).max() > 0.1
