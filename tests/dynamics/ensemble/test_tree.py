"""Means and covariances on the tree of path numbers against exact rational arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamics.ensemble.frontier import Frontier, Summary
from dynamics.ensemble.tree import cover, reduce_rows, row_length

_U = 2.0**-53


def nodes(values: np.ndarray, first: int = 0, most: int = 256, counted: np.ndarray | None = None) -> list:
    """Return the nodes of the paths from ``first`` on, computed in blocks of at most ``most``."""
    n, size = values.shape
    blocks = cover(first, first + n, most) - np.array([first, 0])
    kept, addresses = np.empty((256, 1, row_length(size))), np.empty((256, 2), dtype=np.int64)
    counted = np.ones(n, dtype=bool) if counted is None else counted
    held = reduce_rows(values.copy(), counted, np.zeros(n, dtype=bool), first, blocks, kept, addresses)
    return [((int(a), int(b)), kept[i].copy()) for i, (a, b) in enumerate(addresses[:held])]


def summary(values: np.ndarray, **given: object) -> Summary:
    return Frontier(values.shape[1]).extended(nodes(values, **given), 64).total()


def exact(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means and sums of products of deviations in rational arithmetic, rounded once."""
    n, size = values.shape
    columns = [[Fraction(float(x)) for x in column] for column in values.T]
    means = [sum(column) / n for column in columns]
    sums = [
        [sum((a - means[i]) * (b - means[j]) for a, b in zip(columns[i], columns[j], strict=True)) for j in range(size)]
        for i in range(size)
    ]
    return np.array([float(m) for m in means]), np.array([[float(s) for s in row] for row in sums])


def bounds(values: np.ndarray, deviations: np.ndarray) -> tuple[float, float]:
    """Return bounds of the rounding errors of means and of sums of products.

    Each of the L levels rounds a mean once or twice in units of the largest value: after L levels the error is at most
    ``2 (L + 1) u max|z|``, and that of a difference d of two means at most ``delta``, twice as much. A node adds
    ``w d d'`` with ``w = n1 n2 / n``, whose error is ``w (|d| + |d'|) delta + w delta^2``. With ``sum of w <= L N / 4``
    and ``sum of w d^2 <= M`` the inequality of Cauchy and Schwarz bounds the sum; rounding of products and sums adds
    ``(L + 5) u M``.
    """
    n = len(values)
    levels = int(np.ceil(np.log2(max(n, 2))))
    mean = 2 * (levels + 1) * _U * np.abs(values).max()
    delta, weights, most = 2 * mean, levels * n / 4, np.diag(deviations).max()
    return mean, 2 * delta * np.sqrt(weights * most) + weights * delta**2 + 2 * (levels + 5) * _U * most


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 257, 1000])
@pytest.mark.parametrize("centre", [0.0, 1e8])
def test_means_and_covariances_are_those_of_rational_arithmetic(count, centre):
    values = centre + np.random.default_rng(count).normal(size=(count, 2)) @ np.array([[1.0, 0.5], [0.0, 0.8]])
    found, (means, deviations) = summary(values), exact(values)
    of_mean, of_sums = bounds(values, deviations)
    assert found.count[0] == count
    assert np.abs(found.mean[0] - means).max() <= of_mean
    assert np.abs(found.deviations[0] - deviations).max() <= of_sums
    if count > 1:
        np.testing.assert_allclose(found.covariance[0], found.deviations[0] / (count - 1), rtol=1e-15)
        # At 1e8 the bound is still far below the covariance itself, so that the comparison says something.
        assert of_sums / (count - 1) < 1e-5


def test_sums_of_squares_fail_where_the_tree_does_not():
    # Negative control: E z^2 - (E z)^2 at mean 1e8 rounds in units of 1e16 u = 1.1.
    values = 1e8 + np.random.default_rng(1).normal(size=(257, 1))
    _, deviations = exact(values)
    naive = 257 * ((values**2).mean() - values.mean() ** 2)
    assert abs(naive - deviations[0, 0]) > 1e3 * bounds(values, deviations)[1]


@given(
    data=st.data(),
    count=st.integers(1, 300),
    first=st.sampled_from([0, 1, 63, 256, 2**40 + 5]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_any_partition_in_any_order_gives_the_same_bits(data, count, first, seed):
    generator = np.random.default_rng(seed)
    values = 1e3 + generator.normal(size=(count, 2))
    counted = generator.random(count) < 0.8
    whole = Frontier(2).extended(nodes(values, first, counted=counted), 3)
    edges = sorted({0, count, *data.draw(st.lists(st.integers(0, count), max_size=6))})
    parts = []
    for low, high in itertools.pairwise(edges):
        most = data.draw(st.sampled_from([1, 8, 256]))
        parts.append(Frontier(2).extended(nodes(values[low:high], first + low, most, counted[low:high]), 3))
    parts = data.draw(st.permutations(parts))
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.merged(part, 3)
    np.testing.assert_array_equal(joined.total().rows, whole.total().rows)
    # The blocks of the whole may lie above the level of the batches; where none does, the nodes are the same too.
    if all(level <= 3 for level, _ in whole.nodes):
        assert set(joined.nodes) == set(whole.nodes)


def test_paths_that_are_gone_count_nowhere():
    generator = np.random.default_rng(0)
    values, counted = generator.normal(size=(200, 3)), generator.random(200) < 0.3
    found = summary(np.where(counted[:, None], values, np.nan), counted=counted)
    means, deviations = exact(values[counted])
    assert found.count[0] == counted.sum()
    np.testing.assert_allclose(found.mean[0], means, rtol=0, atol=bounds(values, deviations)[0])
    np.testing.assert_allclose(found.deviations[0], deviations, rtol=0, atol=bounds(values, deviations)[1])
    nobody = summary(values, counted=np.zeros(200, dtype=bool))
    assert nobody.count[0] == 0 and np.isnan(nobody.mean).all() and np.isnan(nobody.covariance).all()


@pytest.mark.parametrize("most", [1, 2, 64, 256])
@pytest.mark.parametrize(("first", "behind"), [(0, 1), (0, 257), (5, 9), (255, 513), (2**61 - 3, 2**61 + 70)])
def test_a_range_is_covered_by_aligned_pieces_once(first, behind, most):
    pieces = cover(first, behind, most)
    assert pieces[0, 0] == first and pieces[:, 1].sum() == behind - first
    np.testing.assert_array_equal(pieces[1:, 0], pieces[:-1].sum(axis=1))
    assert all(w & (w - 1) == 0 and w <= most and f % w == 0 for f, w in pieces.tolist())
