"""Statistics read from nodes: standard errors that cover, and leaving out a part."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dynamics.core.errors import InputError
from dynamics.ensemble.frontier import BATCHES, FEWEST, Frontier, Summary, batch_level
from dynamics.ensemble.tree import row_length


def rows(values: np.ndarray) -> np.ndarray:
    """Return one row of statistics for each of many samples, shape (samples, count, size)."""
    upper = np.triu_indices(values.shape[2])
    d = values - values.mean(axis=1, keepdims=True)
    sums = np.einsum("sni,snj->sij", d, d)[:, upper[0], upper[1]]
    count = np.full((len(values), 1), float(values.shape[1]))
    return np.concatenate([count, values.mean(axis=1), sums], axis=1)


def frontier(values: np.ndarray, batches: int = 64) -> Frontier:
    """Return the frontier of many runs at once, each a record: (runs, paths, size) in batches of equal width."""
    runs, paths, size = values.shape
    parts = values.reshape(runs, batches, paths // batches, size)
    return Frontier(size, runs, {(5, b): rows(parts[:, b]) for b in range(batches)})


def coverage(values: np.ndarray, truth: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """Return the share of runs whose covariances lie within two standard errors of the truth, (size, size)."""
    found = frontier(values)
    return (np.abs(found.total().covariance - truth) <= 2 * factor * found.covariance_error()).mean(axis=0)


def test_standard_errors_of_covariances_cover_the_truth():
    # 1,000 runs of 2,048 paths: z normal, z^2 - 1 far from it, and a sum of both.
    z = np.random.default_rng(5).normal(size=(1000, 2048, 2))
    values = np.stack([z[..., 0], z[..., 1] ** 2 - 1, z[..., 0] + 0.5 * z[..., 1]], axis=-1)
    truth = np.array([[1.0, 0.0, 1.0], [0.0, 2.0, 0.0], [1.0, 0.0, 1.25]])
    share = coverage(values, truth)
    # Two standard errors of a t law of 63 degrees of freedom hold 95.0 %. The share of 1,000 runs has the standard
    # error 0.7 %; 4.5 of them for six entries are 3.1 %: false alarm below 1e-4. The kurtosis of batch variances of
    # z^2 - 1 makes their jackknife vary more, which costs up to 1.5 % of coverage more (Efron and Tibshirani 1993).
    assert (share > 0.950 - 0.031 - 0.015).all() and (share < 0.950 + 0.031).all()
    # The errors themselves: their mean square is that of the deviations, to 5 sqrt(2/1000) and the kurtosis above.
    found = frontier(values)
    ratio = (found.covariance_error() ** 2).mean(axis=0) / ((found.total().covariance - truth) ** 2).mean(axis=0)
    assert np.abs(ratio - 1).max() < 5 * np.sqrt(2 / 1000) + 0.05
    # Negative control: errors a fifth too small miss the truth too often (two times 0.8 hold 88.6 %).
    assert (coverage(values, truth, 0.8) < 0.950 - 0.031).all()


def test_the_normal_formula_fails_where_the_jackknife_does_not():
    # Negative control: the variance of z^2 - 1 has the standard error sqrt(56/N), not sqrt(2 * 2^2/N).
    z = np.random.default_rng(6).normal(size=(500, 2048, 1)) ** 2 - 1
    found = frontier(z)
    off = np.abs(found.total().covariance[:, 0, 0] - 2)
    normal = found.total().covariance[:, 0, 0] * np.sqrt(2 / 2048)
    assert (off <= 2 * normal).mean() < 0.65
    assert (off <= 2 * found.covariance_error()[:, 0, 0]).mean() > 0.90


def test_batches_of_different_widths_are_weighted():
    # One batch of 1,024 paths, thirty of 32 and 64 of one path: variance of normal numbers, sqrt(2/N).
    generator = np.random.default_rng(7)
    ratios = []
    for _ in range(200):
        nodes = {(10, 0): rows(generator.normal(size=(1, 1024, 1)))}
        nodes |= {(5, 64 + b): rows(generator.normal(size=(1, 32, 1))) for b in range(30)}
        nodes |= {(0, 2**14 + b): rows(generator.normal(size=(1, 1, 1))) for b in range(64)}
        ratios.append(Frontier(1, 1, nodes).covariance_error()[0, 0, 0] ** 2 / (2 / 2048))
    # A jackknife that ignores widths is off by far more than the spread of 200 estimates (about 5 %).
    assert abs(np.mean(ratios) - 1) < 0.25


def test_batches_without_paths_are_no_batches():
    full = frontier(np.random.default_rng(8).normal(size=(1, 2048, 2)))
    empty = np.zeros((1, row_length(2)))
    padded = Frontier(2, 1, {**full.nodes, **{(5, 1000 + b): empty for b in range(300)}})
    np.testing.assert_allclose(padded.covariance_error(), full.covariance_error(), rtol=1e-12)


def test_fewer_than_eight_batches_tell_no_error():
    few = Frontier(1, 1, {(0, b): rows(np.random.default_rng(b).normal(size=(1, 9, 1))) for b in range(7)})
    assert np.isnan(few.covariance_error()).all()
    assert np.isfinite(few.total().covariance).all()


def test_leaving_out_a_part_inverts_the_combination():
    values = 100 + np.random.default_rng(9).normal(size=(1, 640, 2)) @ np.array([[1.0, 0.3], [0.0, 2.0]])
    whole = frontier(values)
    total = whole.total()
    for b, part in enumerate(whole.batches()):
        rest = np.delete(values.reshape(1, 64, 10, 2), b, axis=1).reshape(1, 630, 2)
        left = total.without(part)
        # The mean of the rest differs from that of all by d n2/n1; each number rounds in units of 100 or 640.
        np.testing.assert_allclose(left.rows, rows(rest), rtol=0, atol=64 * 2.0**-53 * 640 * 4)
    nothing = total.without(total)
    assert nothing.count[0] == 0 and np.isnan(nothing.mean).all()
    same = total.without(Summary(2, np.zeros((1, row_length(2)))))
    np.testing.assert_array_equal(same.rows, total.rows)


def test_overlapping_parts_are_refused():
    one = Frontier(1, 1, {(3, 1): np.ones((1, 3))})
    for address in ((3, 1), (0, 8), (0, 15), (4, 0), (7, 0)):
        with pytest.raises(InputError, match="Both results contain path"):
            one.merged(Frontier(1, 1, {address: np.ones((1, 3))}), 10)
    for address in ((3, 0), (0, 7), (0, 16), (4, 1)):
        assert one.merged(Frontier(1, 1, {address: np.ones((1, 3))}), 0).total().count[0] == 2


def test_as_many_batches_remain_as_promised_and_parts_are_combined_no_further_than_the_whole():
    levels = [batch_level(n) for n in range(20_000)]
    assert all(a <= b for a, b in itertools.pairwise(levels))
    for n in (2048, 5000, 19_999, 10**6, 10**8):
        assert BATCHES <= n / 2 ** batch_level(n) < 2 * BATCHES
    # Few paths keep at least eight, and wide ones where they can.
    for n in (8, 100, 256, 1000, 2047):
        assert n / 2 ** batch_level(n) >= FEWEST
