"""Largest values along paths, those between the steps included."""

from __future__ import annotations

import numpy as np
from scipy import stats

from dynamics import games
from dynamics.ensemble import simulate


def test_the_mean_largest_value_of_brownian_motion(brownian):
    # max W has the law of |W|: mean s sqrt(2 T / pi), variance s^2 T (1 - 2/pi). Coarse steps are exact.
    for s, dt in ((1.0, 2.0), (0.7, 0.25)):
        top = brownian(paths=100_000, dt=dt, time=2.0, s=s).largest["x"].total()
        error = s * np.sqrt(2.0 * (1 - 2 / np.pi) / 1e5)
        assert abs(top.mean[0, 0] - s * np.sqrt(4 / np.pi)) < 4 * error
        assert abs(top.mean_error[0, 0] / error - 1) < 0.02
        # Negative control: s 1 % larger is 5 standard errors or more away.
        assert abs(top.mean[0, 0] - 1.01 * s * np.sqrt(4 / np.pi)) > 1.0 * error
        assert abs(top.covariance[0, 0, 0] / (s * s * 2.0 * (1 - 2 / np.pi)) - 1) < 4 * np.sqrt(4 / 1e5)


def test_values_at_the_steps_alone_miss_the_top():
    # Readable, without bridges: lower by 0.5826 s sqrt(h) (Broadie, Glasserman and Kou 1997), here 0.1165.
    game = games.get("bilinear", sigma=0.0)
    run = {"paths": 50_000, "dt": 0.04, "time": 2.0, "start": [0.0, 0.0], "records": 2, "compiled": False}
    top = simulate(game, {"x": 1.0}, maxima="x", bridge=False, **run).largest["x"].total()
    lacking = np.sqrt(4 / np.pi) - top.mean[0, 0]
    assert abs(lacking - 0.5826 * 0.2) < 4 * top.mean_error[0, 0] + 0.005
    assert lacking > 20 * top.mean_error[0, 0]


def test_the_law_of_the_largest_value_is_that_of_the_reflection_principle():
    game = games.get("bilinear", sigma=0.0)
    # Each path a run of its own: the law of its largest value, not only its mean.
    run = {"dt": 1.0, "time": 3.0, "start": [0.0, 0.0], "records": 2, "compiled": False}
    tops = [
        simulate(game, {"x": 1.0}, maxima="x", paths=1, first=k, **run).largest["x"].total().mean[0, 0]
        for k in range(200)
    ]
    # Kolmogorov-Smirnov: false alarm 1e-5.
    assert stats.kstest(np.array(tops) / np.sqrt(3.0), stats.halfnorm().cdf).pvalue > 1e-5
    assert stats.kstest(1.5 * np.array(tops) / np.sqrt(3.0), stats.halfnorm().cdf).pvalue < 1e-3


def test_without_noise_it_is_the_largest_value_at_the_steps():
    # On the bilinear game Euler's method turns and grows: x is largest where it was largest.
    run = {"paths": 2, "dt": 0.1, "time": 6.0, "start": [1.0, 0.5], "records": 61, "compiled": False}
    found = simulate(games.get("bilinear"), 0.0, maxima=["x", "-y"], **run)
    # The bridge's formula rounds a few times.
    for quantity, values in (("x", found.mean[:, 0]), ("-y", -found.mean[:, 1])):
        np.testing.assert_allclose(found.largest[quantity].total().mean[0, 0], values.max(), rtol=4 * 2.0**-52)


def test_a_path_that_ends_at_a_level_has_it_as_its_largest_value(brownian):
    found = brownian(paths=2000, dt=0.01, time=20.0, high=0.5)
    ended = found.status_codes == 3
    total = found.largest["x"].total()
    # Those that ended have 0.5; of the others none is beyond by more than a bridge that was not looked at twice.
    assert total.count[0] == 2000 and ended.mean() > 0.85
    assert abs(total.mean[0, 0] - 0.5 * ended.mean()) < 0.5 * (~ended).mean()
