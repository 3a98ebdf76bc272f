"""A range of paths as the few nodes of the dyadic tree that make it up, and the statistics read from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError

#: Nodes of the tree that serve as batches for standard errors: at most twice as many are kept apart.
BATCHES = 64
#: Fewest batches from which a standard error is told.
FEWEST = 8

Nodes = Mapping[tuple[int, int], NDArray[np.float64]]


@dataclass(frozen=True)
class Frontier:
    """Statistics of ``size`` quantities at several records, over some paths.

    Attributes
    ----------
    size, records : int
        Number of quantities and of records.
    nodes : mapping of (level, index) to ndarray, shape (records, row length)
        See :mod:`dynamics.ensemble.tree`. Siblings are kept apart up to the level of the batches.
    """

    size: int
    records: int = 1
    nodes: Nodes = field(default_factory=dict)

    def extended(self, nodes: Iterable[tuple[tuple[int, int], NDArray[np.float64]]], batches: int) -> Frontier:
        """Return the frontier with further nodes, combined up to level ``batches``."""
        found: dict[tuple[int, int], NDArray[np.float64]] = {}
        for (level, index), node in (*self.nodes.items(), *nodes):
            _add(found, self.size, level, index, node, batches)
        return Frontier(self.size, self.records, found)

    def merged(self, other: Frontier, batches: int) -> Frontier:
        """Return the frontier of both; their paths must differ."""
        for level, index in other.nodes:
            low, high = index << level, (index + 1) << level
            for mine, place in self.nodes:
                if low < (place + 1) << mine and place << mine < high:
                    raise InputError(
                        f"Both results contain path {max(low, place << mine)}: merge runs over disjoint ranges."
                    )
        return self.extended(other.nodes.items(), batches)

    def total(self) -> Summary:
        """Return the statistics over all paths, by the tree and thus the same for every partition."""
        from dynamics.ensemble.tree import combine_all, row_length

        level = {key: node for key, node in self.nodes.items()}
        if not level:
            return Summary(self.size, np.zeros((self.records, row_length(self.size))))
        while len(level) > 1:
            # Lift the lowest nodes: to their parent with their sibling where it is there, as they are where not.
            lowest = min(k for k, _ in level)
            for _, index in sorted(key for key in level if key[0] == lowest):
                if (lowest, index) not in level:
                    continue
                node, sibling = level.pop((lowest, index)), level.pop((lowest, index ^ 1), None)
                if sibling is not None:
                    left, right = (node, sibling) if index % 2 == 0 else (sibling, node)
                    node = np.empty_like(left)
                    combine_all(left, right, self.size, node)
                level[lowest + 1, index // 2] = node
        return Summary(self.size, next(iter(level.values())))

    def batches(self) -> list[Summary]:
        """Return the statistics of each node."""
        return [Summary(self.size, self.nodes[key]) for key in sorted(self.nodes, key=lambda k: k[1] << k[0])]

    def covariance_error(self) -> NDArray[np.float64]:
        """Return standard errors of the covariances by the jackknife over the nodes, shape (records, size, size).

        Leaving out one node after the other needs no assumption on the law of the paths; with 64 to 128 nodes the error
        is itself uncertain by about a tenth. NaN with fewer than 8 nodes, that is, paths. Source: Efron and Stein 1981.
        """
        total, parts = self.total(), self.batches()
        shape = total.covariance.shape
        if len(parts) < FEWEST:
            return np.full(shape, np.nan)
        estimates = np.array([total.without(part).covariance for part in parts])
        weights = np.array([part.count for part in parts]) / np.maximum(total.count, 1)
        # Weighted jackknife (Busing, Meijer and van der Leeden 1999): batches may differ in size.
        with np.errstate(all="ignore"):
            h = 1.0 / weights[..., None, None]
            pseudo = h * total.covariance - (h - 1.0) * estimates
            pseudo = np.where(weights[..., None, None] > 0, pseudo, total.covariance)
            centre = len(parts) * total.covariance - ((1.0 - weights[..., None, None]) * estimates).sum(axis=0)
            spread = np.where(weights[..., None, None] > 0, (pseudo - centre) ** 2 / (h - 1.0), 0.0)
            # Batches of which no path is left are none.
            left = (weights > 0).sum(axis=0)[:, None, None]
            return np.where(left < FEWEST, np.nan, np.sqrt(spread.sum(axis=0) / left))


@dataclass(frozen=True)
class Summary:
    """Counts, means and covariances at the records.

    Attributes
    ----------
    size : int
        Number of quantities.
    rows : ndarray, shape (records, row length)
    """

    size: int
    rows: NDArray[np.float64]

    @property
    def count(self) -> NDArray[np.int64]:
        """Number of paths that are there at each record."""
        return self.rows[:, 0].astype(np.int64)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Means, shape (records, size); NaN where no path is there."""
        return np.where(self.rows[:, :1] > 0, self.rows[:, 1 : 1 + self.size], np.nan)

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Sums of products of deviations, shape (records, size, size)."""
        upper = np.triu_indices(self.size)
        full = np.empty((len(self.rows), self.size, self.size))
        full[:, upper[0], upper[1]] = self.rows[:, 1 + self.size :]
        full[:, upper[1], upper[0]] = self.rows[:, 1 + self.size :]
        return full

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Unbiased covariances, shape (records, size, size); NaN where fewer than two paths are there."""
        count = self.rows[:, 0][:, None, None]
        return np.where(count > 1, self.deviations / np.maximum(count - 1, 1), np.nan)

    @property
    def mean_error(self) -> NDArray[np.float64]:
        """Standard errors of the means, shape (records, size)."""
        variance = np.einsum("rii->ri", self.covariance)
        return np.sqrt(variance / np.maximum(self.rows[:, :1], 1))

    def without(self, part: Summary) -> Summary:
        """Return the statistics without those of a part, by the combination solved for one of its halves."""
        n, n2 = self.rows[:, :1], part.rows[:, :1]
        n1 = n - n2
        with np.errstate(all="ignore"):
            mean = self.rows[:, 1 : 1 + self.size]
            other = part.rows[:, 1 : 1 + self.size]
            first = np.where(n1 > 0, mean - (other - mean) * n2 / n1, 0.0)
            d = other - first
            i, j = np.triu_indices(self.size)
            left = self.rows[:, 1 + self.size :] - part.rows[:, 1 + self.size :] - d[:, i] * d[:, j] * n1 * n2 / n
        return Summary(self.size, np.concatenate([n1, first, np.where(n1 > 1, left, 0.0)], axis=1))


def batch_level(paths: int) -> int:
    """Return the level up to which nodes are combined: :data:`BATCHES` to twice as many remain.

    Of fewer than 2,048 paths fewer remain, at least :data:`FEWEST`: batches narrower than the lanes cost time.
    """
    many = (max(paths, 1) // BATCHES).bit_length() - 1
    few = (max(paths, 1) // FEWEST).bit_length() - 1
    return max(0, many, min(5, few))


def _add(
    found: dict[tuple[int, int], NDArray[np.float64]],
    size: int,
    level: int,
    index: int,
    node: NDArray[np.float64],
    limit: int,
) -> None:
    from dynamics.ensemble.tree import combine_all

    while level < limit and (level, index ^ 1) in found:
        sibling = found.pop((level, index ^ 1))
        left, right = (node, sibling) if index % 2 == 0 else (sibling, node)
        node = np.empty_like(left)
        combine_all(left, right, size, node)
        level, index = level + 1, index // 2
    found[level, index] = node
