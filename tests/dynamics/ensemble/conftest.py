"""Runs that tests share: a kernel takes seconds to compile, and only its numbers change from test to test."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dynamics import games
from dynamics.ensemble import Ensemble, Histogram, Matrix, simulate
from dynamics.games.build import inline
from dynamics.games.symbolic import SymbolicGame

#: Everything that is measured at once.
WATCHED: dict[str, Any] = {
    "until": "theta > 1.2",
    "watch": ["psi < 0"],
    "maxima": ["theta", "psi**2"],
    "observe": ["exp(theta)"],
    "histograms": [Histogram({"theta": (-1.0, 2.0, 6), "psi": (-1.0, 2.0, 5)}, times=(0.0, 1.0, 2.0))],
}


@pytest.fixture(scope="session")
def dirac() -> SymbolicGame:
    """The R1 Dirac-GAN."""
    return games.get("dirac-gan", penalty="r1", gamma=0.5)


@pytest.fixture(scope="session")
def watched(dirac: SymbolicGame) -> Callable[..., Ensemble]:
    """Run the R1 Dirac-GAN with a stop condition, a watched one, maxima, a further quantity and histograms."""

    def run(**given: Any) -> Ensemble:
        settings = {"paths": 600, "dt": 0.1, "time": 2.0, "start": [1.0, 1.0], "seed": 5, **WATCHED, **given}
        return simulate(settings.pop("game", dirac), settings.pop("noise", 0.3), **settings)

    return run


@pytest.fixture(scope="session")
def brownian() -> Callable[..., Ensemble]:
    """Run Brownian motion in the plane, with drift (-mu, -nu) and target ``x > high or x < low``.

    B is an isotropic matrix turned by 1 radian, so that its law is that of ``s I`` while no entry vanishes and any
    other matrix is the same kernel with other numbers.
    """
    numbers = {"mu": 0.0, "nu": 0.0, "high": 1e9, "low": -1e9, "middle": 1e9}
    game = inline("mu*x + nu*y + 0*(high + low + middle)", ["x", "y"], [], numbers, start={"x": 0.0, "y": 0.0})
    turned = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])

    def run(*, matrix: Any = None, s: float = 1.0, **given: Any) -> Ensemble:
        own = {key: given.pop(key) for key in numbers if key in given}
        settings = {
            "until": "x > high or x < low",
            "watch": ["x > middle"],
            "maxima": ["x"],
            "records": 2,
            "seed": 11,
            **given,
        }
        noise = Matrix(s * turned if matrix is None else matrix)
        return simulate(game.with_parameters(**own), noise, **settings)

    return run


def same_bits(one: Ensemble, other: Ensemble) -> None:
    """Fail unless two ensembles agree in every bit of everything that is measured."""
    assert one.status is other.status and one.first == other.first and one.notes == other.notes
    np.testing.assert_array_equal(one.status_codes, other.status_codes)
    np.testing.assert_array_equal(one.final, other.final)
    np.testing.assert_array_equal(one.event_times, other.event_times)
    np.testing.assert_array_equal(one.summary.rows, other.summary.rows)
    np.testing.assert_array_equal(one.covariance_error, other.covariance_error)
    for a, b in zip(one.events, other.events, strict=True):
        np.testing.assert_array_equal(a.summary.rows, b.summary.rows)
        np.testing.assert_array_equal(a.times, b.times)
        assert (a.open_paths, a.elsewhere) == (b.open_paths, b.elsewhere)
    for name in one.largest:
        np.testing.assert_array_equal(one.largest[name].total().rows, other.largest[name].total().rows)
    for a, b in zip(one.histograms, other.histograms, strict=True):
        np.testing.assert_array_equal(a.counts, b.counts)
        np.testing.assert_array_equal(a.outside, b.outside)
    assert one.statistics["path_steps"] == other.statistics["path_steps"]


def consistent(result: Ensemble) -> None:
    """Fail unless everything in an ensemble, which may be interrupted, counts the same paths."""
    ended = {status: result.counts.get(status, 0) for status in ("finished", "event", "diverged", "non-finite")}
    done = result.status_codes != 4
    assert done.sum() == sum(ended.values())
    started_inside = 0
    if result.events:
        stops = [c for c, event in enumerate(result.events) if event.stop]
        started_inside = int((result.event_times[:, stops] == 0).any(axis=1).sum())
    assert result.count[0] == done.sum() - started_inside
    assert result.count[-1] == ended["finished"]
    np.testing.assert_array_equal(np.isfinite(result.final).all(axis=1), done)
    for c, event in enumerate(result.events):
        met = np.isfinite(result.event_times[:, c])
        assert not met[~done].any()
        assert event.count == met.sum() == event.times.sum()
        assert event.open_paths == ((result.status_codes == 0) & ~met).sum()
        assert event.elsewhere == ((result.status_codes == 3) & ~met).sum()
    assert sum(event.count for event in result.events if event.stop) >= ended["event"]
    for frontier in result.largest.values():
        assert frontier.total().count[0] == done.sum()
    for filled in result.histograms:
        times = [list(result.times).index(t) for t in filled.histogram.times]
        np.testing.assert_array_equal(filled.total, result.count[times])


@pytest.fixture(scope="session")
def check() -> SimpleNamespace:
    """Comparisons of ensembles."""
    return SimpleNamespace(same_bits=same_bits, consistent=consistent)
