"""Means and covariances on the dyadic tree of path numbers: the same bits, whoever computed which part.

Floating-point sums depend on their order. Here the order is fixed by the numbers of the paths: path i is a leaf, and
the node of level l and index k combines the leaves ``k 2^l`` to ``(k + 1) 2^l - 1``, always from its two halves. A
range of paths is a few complete nodes, its *frontier*; ranges computed by other threads, in other chunks or by other
processes are joined by combining siblings, which gives the very numbers of one run over all.

A node holds the count n, the mean m and the sums of products of deviations M; two are combined by (Chan, Golub and
LeVeque 1983, equation 2.1)::

    n = n1 + n2,   d = m2 - m1,   m = m1 + d n2 / n,   M = M1 + M2 + d d^T n1 n2 / n

which is stable whatever the mean. A path that is gone at a record is a leaf with n = 0, m = 0: the formulas then give
the other half, without a branch. Nodes are rows
``(n, m_1..m_k, M_11, M_12, .., M_kk)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_SETTINGS: Any = {"cache": True, "nogil": True, "error_model": "numpy"}

#: Above the root of every tree: path numbers have 64 bits.
TOP = 64


@njit(**_SETTINGS)
def combine(first, second, size, out):
    """Write the combination of two rows, each of ``size`` means, to ``out`` (which may be ``first``)."""
    n1, n2 = first[0], second[0]
    share = n2 / max(n1 + n2, 1.0)
    weight = n1 * share
    place = 1 + size
    for i in range(size):
        di = second[1 + i] - first[1 + i]
        for j in range(i, size):
            dj = second[1 + j] - first[1 + j]
            out[place] = first[place] + second[place] + di * dj * weight
            place += 1
    for i in range(size):
        out[1 + i] = first[1 + i] + (second[1 + i] - first[1 + i]) * share
    out[0] = n1 + n2


@njit(**_SETTINGS)
def combine_all(first, second, size, out):
    """Combine rows of shape (records, row length) record by record."""
    for r in range(first.shape[0]):
        combine(first[r], second[r], size, out[r])


@njit(**_SETTINGS)
def reduce(z, present, size, width, levels, out):
    """Write the node of ``width`` leaves, a power of two, of which those that are present count.

    Parameters
    ----------
    z : ndarray, shape (size, most leaves)
        Values; those of leaves that are not present are set to 0.
    present : ndarray, shape (most leaves,)
        1.0 or 0.0.
    levels : ndarray, shape (2, row length, most leaves / 2)
        Scratch: rows as columns, so that the pairs of a level are combined side by side.
    out : ndarray, shape (row length,)
    """
    for i in range(size):
        for k in range(width):
            z[i, k] = z[i, k] if present[k] > 0.0 else 0.0
    if width == 1:
        out[:] = 0.0
        out[0] = present[0]
        for i in range(size):
            out[1 + i] = z[i, 0]
        return
    pairs, now = width // 2, levels[0]
    # From leaves, which have no deviations.
    for k in range(pairs):
        now[0, k] = present[2 * k] + present[2 * k + 1]
    place = 1 + size
    for i in range(size):
        for j in range(i, size):
            for k in range(pairs):
                weight = present[2 * k] * (present[2 * k + 1] / max(now[0, k], 1.0))
                now[place, k] = (z[i, 2 * k + 1] - z[i, 2 * k]) * (z[j, 2 * k + 1] - z[j, 2 * k]) * weight
            place += 1
    for i in range(size):
        for k in range(pairs):
            share = present[2 * k + 1] / max(now[0, k], 1.0)
            now[1 + i, k] = z[i, 2 * k] + (z[i, 2 * k + 1] - z[i, 2 * k]) * share
    turn = 1
    while pairs > 1:
        pairs //= 2
        following = levels[turn]
        for k in range(pairs):
            following[0, k] = now[0, 2 * k] + now[0, 2 * k + 1]
        place = 1 + size
        for i in range(size):
            for j in range(i, size):
                for k in range(pairs):
                    di = now[1 + i, 2 * k + 1] - now[1 + i, 2 * k]
                    dj = now[1 + j, 2 * k + 1] - now[1 + j, 2 * k]
                    weight = now[0, 2 * k] * (now[0, 2 * k + 1] / max(following[0, k], 1.0))
                    following[place, k] = now[place, 2 * k] + now[place, 2 * k + 1] + di * dj * weight
                place += 1
        for i in range(size):
            for k in range(pairs):
                share = now[0, 2 * k + 1] / max(following[0, k], 1.0)
                following[1 + i, k] = now[1 + i, 2 * k] + (now[1 + i, 2 * k + 1] - now[1 + i, 2 * k]) * share
        now, turn = following, 1 - turn
    for i in range(out.shape[0]):
        out[i] = now[i, 0]


@njit(**_SETTINGS)
def push(nodes, addresses, count, node, level, index, size, limit=TOP):
    """Append a node to a frontier, in the order of the paths, and combine siblings; return the new count.

    Parameters
    ----------
    nodes : ndarray, shape (capacity, records, row length)
    addresses : ndarray of int64, shape (capacity, 2)
        Level and index of each.
    limit : int
        Nodes of this level stay apart.
    """
    nodes[count] = node
    addresses[count, 0], addresses[count, 1] = level, index
    count += 1
    while count > 1:
        left, right = addresses[count - 2], addresses[count - 1]
        if left[0] >= limit or left[0] != right[0] or left[1] % 2 == 1 or right[1] != left[1] + 1:
            break
        combine_all(nodes[count - 2], nodes[count - 1], size, nodes[count - 2])
        addresses[count - 2, 0], addresses[count - 2, 1] = left[0] + 1, left[1] // 2
        count -= 1
    return count


@njit(**_SETTINGS)
def join(rows, ids, blocks, size, nodes, addresses, limit):
    """Combine the nodes of blocks that follow each other; return the number of nodes.

    Parameters
    ----------
    rows : ndarray, shape (blocks, records, row length)
        The node of each block.
    ids : ndarray of uint64, shape (paths,)
    blocks : ndarray of int64, shape (blocks, 2)
        First row and number of rows, a power of two, of each block.
    nodes, addresses, limit
        As in :func:`push`.
    """
    held = 0
    for b in range(blocks.shape[0]):
        level = 0
        while (blocks[b, 1] >> level) > 1:
            level += 1
        held = push(nodes, addresses, held, rows[b], level, np.int64(ids[blocks[b, 0]]) >> level, size, limit)
    return held


@njit(**_SETTINGS)
def reduce_rows(values, counted, skip, first, blocks, nodes, addresses, limit=TOP):
    """Combine one value of each path that counts; return the number of nodes.

    Parameters
    ----------
    values : ndarray, shape (paths, size)
    counted : ndarray of bool, shape (paths,)
    skip : ndarray of bool, shape (paths,)
        True in the rows of blocks that are left out.
    first : int
        Number of the first path.
    blocks : ndarray of int64, shape (blocks, 2)
        First row and number of rows, a power of two, of each block.
    nodes, addresses, limit
        As in :func:`push`, with one record.
    """
    size, most = values.shape[1], 1
    for b in range(blocks.shape[0]):
        most = max(most, blocks[b, 1])
    z, present = np.empty((size, most)), np.empty(most)
    levels, node = np.empty((2, nodes.shape[2], max(most // 2, 1))), np.empty((1, nodes.shape[2]))
    held = 0
    for b in range(blocks.shape[0]):
        offset, width = blocks[b, 0], blocks[b, 1]
        if skip[offset]:
            continue
        for k in range(width):
            present[k] = 1.0 if counted[offset + k] else 0.0
            for i in range(size):
                z[i, k] = values[offset + k, i]
        reduce(z, present, size, width, levels, node[0])
        level = 0
        while (width >> level) > 1:
            level += 1
        held = push(nodes, addresses, held, node, level, (first + offset) >> level, size, limit)
    return held


def row_length(size: int) -> int:
    """Return the length of a row with ``size`` means."""
    return 1 + size + size * (size + 1) // 2


def cover(first: int, behind: int, most: int) -> np.ndarray:
    """Return the dyadic pieces of a range of paths, at most ``most`` (a power of two) wide, rows (first, width)."""
    pieces = []
    while first < behind:
        width = min(first & -first or most, most)
        while width > behind - first:
            width //= 2
        pieces.append((first, width))
        first += width
    return np.array(pieces, dtype=np.int64).reshape(-1, 2)
