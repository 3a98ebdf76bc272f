"""Batches of paths, from which standard errors of covariances come: always there, whoever computed which part."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.ensemble import merge, simulate
from dynamics.ensemble.frontier import BATCHES, FEWEST

GAME = games.get("bilinear")
RUN = {"dt": 0.1, "time": 1.0, "start": [1.0, 0.0], "scheme": "exact", "records": 2, "seed": 5}


@pytest.mark.parametrize("paths", [256, 1000, 100_000])
def test_errors_of_covariances_are_those_of_a_normal_law(paths):
    found = simulate(GAME, 0.1, paths=paths, **RUN)
    batches = len(found.frontier.nodes)
    # Of fewer than 2,048 paths batches have 32, as lanes do.
    assert max(FEWEST, min(BATCHES, paths // 32)) <= batches <= 2 * BATCHES + 2 * 17
    s = found.covariance[-1]
    expected = np.sqrt((s**2 + np.outer(np.diag(s), np.diag(s))) / paths)
    # The jackknife squares deviations of batch variances, whose kurtosis is 3 + 12/k for k normal numbers: its own
    # relative error is sqrt((2 + 12/k) / m) / 2 with m batches. Five of them: false alarm below 1e-5.
    bound = 5 * np.sqrt((2 + 12 * batches / paths) / batches) / 2
    assert np.abs(found.covariance_error[-1] / expected - 1).max() < bound
    # The control: errors three times too large are caught.
    assert np.abs(3 * found.covariance_error[-1] / expected - 1).max() > bound


def test_errors_of_covariances_depend_on_no_partition():
    whole = simulate(GAME, 0.1, paths=3000, **RUN)
    for other in (
        simulate(GAME, 0.1, paths=3000, chunk=100, threads=2, **RUN),
        simulate(GAME, 0.1, paths=3000, chunk=4096, threads=1, **RUN),
        merge([simulate(GAME, 0.1, paths=n, first=k, **RUN) for k, n in ((0, 700), (700, 1), (701, 2299))]),
    ):
        np.testing.assert_array_equal(other.covariance_error, whole.covariance_error)
        np.testing.assert_array_equal(other.covariance, whole.covariance)


def test_the_readable_loop_keeps_the_same_batches():
    found = [simulate(GAME, 0.1, paths=300, compiled=compiled, **RUN) for compiled in (True, False)]
    assert set(found[0].frontier.nodes) == set(found[1].frontier.nodes)
    np.testing.assert_allclose(found[0].covariance_error, found[1].covariance_error, rtol=1e-9)
