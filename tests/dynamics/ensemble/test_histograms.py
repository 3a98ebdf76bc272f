"""Histograms and the quantiles read from them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import Histogram, simulate
from dynamics.ensemble.histograms import Counts

GAME = games.get("bilinear", sigma=0.0)
RUN = {"dt": 0.5, "time": 2.0, "start": [0.0, 0.0], "compiled": False}


def counts(values: np.ndarray, low: float, high: float, cells: int) -> Counts:
    inside, _ = np.histogram(values, np.linspace(low, high, cells + 1))
    histogram = Histogram({"x": (low, high, cells)}, times=(1.0,))
    return Counts(histogram, inside[None], np.array([len(values) - inside.sum()]))


def test_cells_hold_the_paths_that_are_in_them():
    grid = Histogram({"y": (-1.0, 2.0, 6), "x + y": (-2.0, 2.0, 5)}, times=(0.5, 2.0))
    one = Histogram({"x": (-1.0, 1.0, 4)})
    found = simulate(GAME, {"x": 1.0, "y": 0.5}, paths=2000, observe="x + y", histograms=[grid, one], **RUN)
    x, y = found.final.T
    truth, *_ = np.histogram2d(y, x + y, [np.linspace(-1, 2, 7), np.linspace(-2, 2, 6)])
    np.testing.assert_array_equal(found.histograms[0].counts[1], truth)
    np.testing.assert_array_equal(found.histograms[0].total, [2000, 2000])
    np.testing.assert_array_equal(found.histograms[1].counts[0], np.histogram(x, np.linspace(-1, 1, 5))[0])
    assert found.histograms[1].outside[0] == ((x < -1) | (x >= 1)).sum() > 0


def test_the_density_is_that_of_the_law():
    grid = Histogram({"x": (-6.0, 6.0, 24)})
    found = simulate(GAME, {"x": 1.0}, paths=20_000, histograms=[grid], **RUN)
    edges = grid.edges()[0]
    share = np.diff(stats.norm(scale=np.sqrt(2)).cdf(edges))
    density = found.histograms[0].density()[0]
    np.testing.assert_allclose(density.sum() * 0.5, 1.0, rtol=1e-3)
    # 24 cells, five standard errors: false alarm 2e-5.
    assert (np.abs(density * 0.5 - share) <= 5 * np.sqrt(share / 20_000) + 1e-12).all()


def test_intervals_of_quantiles_hold_the_quantile_as_often_as_they_say():
    # 1,000 samples of 200 normal numbers in cells of 0.02, intervals of 90 %: at least as often, being widened to
    # cells and to whole ranks, and not much more often. Binomial standard error 0.95 %, three of them: 0.3 %.
    generator, law = np.random.default_rng(0), stats.norm()
    for share in (0.1, 0.5, 0.9):
        hits = 0
        for _ in range(1000):
            (q,) = counts(generator.normal(size=200), -6, 6, 600).quantiles([share], confidence=0.9)
            hits += q.low <= law.ppf(share) <= q.high
        assert 0.90 - 0.029 < hits / 1000 < 0.96
    # Negative control: intervals a third too narrow hold it too seldom.
    narrow = 0
    for _ in range(1000):
        (q,) = counts(generator.normal(size=200), -6, 6, 600).quantiles([0.5], confidence=0.73)
        narrow += q.low <= 0 <= q.high
    assert narrow / 1000 < 0.90 - 0.029


def test_intervals_reach_to_the_ends_of_the_cells_of_the_order_statistics():
    # 100 paths, ten in each of ten cells: ranks 40 and 61 bound the median at 95 % (Conover 1999): the last of cell 3
    # and the first of cell 6.
    filled = Counts(Histogram({"x": (0.0, 10.0, 10)}, times=(1.0,)), np.full((1, 10), 10), np.array([0]))
    (q,) = filled.quantiles([0.5])
    low, high = (int(k) for k in stats.binom.ppf([0.025, 0.975], 100, 0.5))
    assert (low, high + 1) == (40, 61)
    assert (q.low, q.high) == (3.0, 7.0)
    assert q.value == 5.0 and q.share == 0.5


def test_quantiles_are_those_of_the_law_to_a_cell():
    values = np.random.default_rng(1).exponential(size=100_000)
    for q in counts(values, 0, 20, 2000).quantiles([0.01, 0.25, 0.5, 0.99]):
        assert abs(q.value - np.quantile(values, q.share)) < 0.01
        assert q.low <= q.value <= q.high


def test_quantiles_refuse_what_they_cannot_tell():
    filled = counts(np.array([0.5, 3.0]), 0, 1, 4)
    with pytest.raises(InputError, match="1 of 2 paths lie outside the cells: widen"):
        filled.quantiles([0.5])
    with pytest.raises(InputError, match="No path is left"):
        counts(np.zeros(0), 0, 1, 4).quantiles([0.5])
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(InputError, match="between 0 and 1"):
            counts(np.array([0.5]), 0, 1, 4).quantiles([share])
    two = Counts(Histogram({"x": (0, 1, 2), "y": (0, 1, 2)}, times=(1.0,)), np.zeros((1, 2, 2), int), np.zeros(1, int))
    with pytest.raises(InputError, match="one axis"):
        two.quantiles([0.5])


def test_histograms_of_different_grids_do_not_merge():
    one, other = counts(np.array([0.5]), 0, 1, 4), counts(np.array([0.5]), 0, 1, 5)
    np.testing.assert_array_equal(one.merged(one).counts, 2 * one.counts)
    with pytest.raises(InputError, match="different grids"):
        one.merged(other)


@pytest.mark.parametrize(
    ("histogram", "message"),
    [
        (Histogram({}), "1 to 3 axes, got 0"),
        (Histogram({name: (0, 1, 2) for name in ("x", "y", "x + y", "x*y")}), "1 to 3 axes, got 4"),
        (Histogram({"z": (0, 1, 2)}), "Unknown quantity of the histogram 'z'"),
        (Histogram({"x": (1, 0, 2)}), "reversed or empty"),
        (Histogram({"x": (1, 1, 2)}), "reversed or empty"),
        (Histogram({"x": (0, np.inf, 2)}), "must be finite"),
        (Histogram({"x": ("a", 1, 2)}), "must be a number"),
        (Histogram({"x": (0, 1, 0)}), "whole number of at least 1"),
        (Histogram({"x": (0, 1, 2.5)}), "whole number"),
        (Histogram({"x": (0, 1)}), r"expected \(low, high, cells\)"),
        (Histogram({"x": 3}), r"expected \(low, high, cells\)"),
        (Histogram({"x": "012"}), r"expected \(low, high, cells\)"),
        (Histogram(["x"]), "are a mapping"),
        (Histogram({"x": (0, 1, 2)}, times=(0.3,)), "no multiple of dt"),
        (Histogram({"x": (0, 1, 2)}, times=(2.5,)), "no multiple of dt"),
        (Histogram({"x": (0, 1, 2)}, times=(-0.5,)), "no multiple of dt"),
        (Histogram({"x": (0, 1, 2)}, times=(np.nan,)), "must be finite"),
        (Histogram({"x": (0, 1, 2)}, times=()), "has no time"),
    ],
)
def test_bad_histograms_are_refused(histogram, message):
    with pytest.raises(InputError, match=message):
        simulate(GAME, 0.1, paths=1, histograms=[histogram], **RUN)
