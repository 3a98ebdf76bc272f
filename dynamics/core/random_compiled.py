"""Numba twins of :mod:`dynamics.core.random`: one number at a time, for loops over paths and steps.

Importing this module imports Numba; import it inside the functions that compile. The words are those of the readable
implementation bit for bit. Uniform numbers are, too; normal numbers pass through the platform's ``log``, ``cos`` and
``sin``, which may differ from NumPy's in the last bit.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from dynamics.core.random import BLOCKS, PARITY, ROTATIONS, SPACING

#: Any integer that Numba takes, handled as uint64.
Word = Any

# Typed constants: a Python integer would turn uint64 arithmetic into float64.
_R0, _R1, _R2, _R3, _R4, _R5, _R6, _R7 = (np.uint64(turn) for turn in ROTATIONS)
_PARITY = np.uint64(PARITY)
_BLOCKS = np.uint64(BLOCKS)
_64, _12 = np.uint64(64), np.uint64(12)


@numba.njit(inline="always")
def _mix(x0, x1, turn):
    x0 = x0 + x1
    return x0, ((x1 << turn) | (x1 >> (_64 - turn))) ^ x0


@numba.njit(cache=True)
def threefry(c0: Word, c1: Word, k0: Word, k1: Word) -> tuple[Word, Word]:
    """Return the two words of Threefry2x64-20 for counter ``(c0, c1)`` and key ``(k0, k1)``, all uint64."""
    # Callers may hold signed integers, and int64 + uint64 is a float64.
    c0, c1, k0, k1 = np.uint64(c0), np.uint64(c1), np.uint64(k0), np.uint64(k1)
    k2 = k0 ^ k1 ^ _PARITY
    x0, x1 = c0 + k0, c1 + k1
    x0, x1 = _mix(x0, x1, _R0)
    x0, x1 = _mix(x0, x1, _R1)
    x0, x1 = _mix(x0, x1, _R2)
    x0, x1 = _mix(x0, x1, _R3)
    x0, x1 = x0 + k1, x1 + k2 + np.uint64(1)
    x0, x1 = _mix(x0, x1, _R4)
    x0, x1 = _mix(x0, x1, _R5)
    x0, x1 = _mix(x0, x1, _R6)
    x0, x1 = _mix(x0, x1, _R7)
    x0, x1 = x0 + k2, x1 + k0 + np.uint64(2)
    x0, x1 = _mix(x0, x1, _R0)
    x0, x1 = _mix(x0, x1, _R1)
    x0, x1 = _mix(x0, x1, _R2)
    x0, x1 = _mix(x0, x1, _R3)
    x0, x1 = x0 + k0, x1 + k1 + np.uint64(3)
    x0, x1 = _mix(x0, x1, _R4)
    x0, x1 = _mix(x0, x1, _R5)
    x0, x1 = _mix(x0, x1, _R6)
    x0, x1 = _mix(x0, x1, _R7)
    x0, x1 = x0 + k1, x1 + k2 + np.uint64(4)
    x0, x1 = _mix(x0, x1, _R0)
    x0, x1 = _mix(x0, x1, _R1)
    x0, x1 = _mix(x0, x1, _R2)
    x0, x1 = _mix(x0, x1, _R3)
    return x0 + k2, x1 + k0 + np.uint64(5)


@numba.njit(cache=True)
def word_pair(seed: Word, path: Word, step: Word, stream: Word, block: Word) -> tuple[Word, Word]:
    """Return draws ``2 block`` and ``2 block + 1`` of :func:`dynamics.core.random.words`.

    Parameters
    ----------
    seed, path, step, block : int or uint64
        As in the readable implementation; ranges are not checked. Numba takes Python's integers for int64: pass
        ``numpy.uint64(seed)`` where a value may exceed 2^63 - 1.
    stream : uint64
        :func:`dynamics.core.random.stream_word` of stream and substream.
    """
    return threefry(np.uint64(path), np.uint64(step) * _BLOCKS + np.uint64(block), np.uint64(seed), np.uint64(stream))


@numba.njit(cache=True)
def uniform_pair(seed: Word, path: Word, step: Word, stream: Word, block: Word) -> tuple[float, float]:
    """Return draws ``2 block`` and ``2 block + 1`` of :func:`dynamics.core.random.uniforms`."""
    first, second = word_pair(seed, path, step, stream, block)
    return (np.float64(first >> _12) + 0.5) * SPACING, (np.float64(second >> _12) + 0.5) * SPACING


@numba.njit(cache=True)
def normal_pair(seed: Word, path: Word, step: Word, stream: Word, block: Word) -> tuple[float, float]:
    """Return draws ``2 block`` and ``2 block + 1`` of :func:`dynamics.core.random.normals`."""
    first, second = uniform_pair(seed, path, step, stream, block)
    radius = math.sqrt(-2.0 * math.log(first))
    angle = 2.0 * math.pi * second
    return radius * math.cos(angle), radius * math.sin(angle)
