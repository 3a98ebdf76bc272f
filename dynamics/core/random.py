"""Counter-based random numbers: the same address gives the same bits, whatever the shape, chunking or thread count.

The generator is Threefry2x64 with twenty rounds: a bijection of 128-bit counters chosen by a 128-bit key. Nothing is
carried from draw to draw, so that any number can be computed at any time by anyone.

Layout of the address::

    key     = (seed, stream + 2^32 * substream)    who draws, and for what
    counter = (path, step * 2^16 + block)          which member of an ensemble, when, and which pair of words

Each block yields two 64-bit words; draw ``i`` of a step is word ``i % 2`` of block ``i // 2``. There are 2^16 blocks,
hence 131,072 draws, to a step and 2^48 steps; a vector longer than that takes its further draws from other paths.
Inside generated kernels, the text of :mod:`dynamics.games.codegen.draws` makes the same numbers.

Sources
-------
Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", section 3.3; rotation constants
and known answers from the Random123 library.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_count

Words = NDArray[np.uint64]

#: Rotations of the rounds, repeated every eight.
ROTATIONS = (16, 42, 12, 31, 16, 32, 24, 21)
#: Parity of the key schedule (the constant of Skein's Threefish).
PARITY = 0x1BD11BDAA9FC1A22
ROUNDS = 20
#: Blocks of two words that one step owns.
BLOCKS = 2**16
#: Spacing of the uniform numbers: they are the odd multiples of half of it.
SPACING = 2.0**-52
#: One sixth of all words, rounded: those below it have a probability that is off by less than 2^-65.
SIXTH = (2**64 + 3) // 6


class Stream(IntEnum):
    """What random numbers are used for; streams of one seed are independent of each other."""

    INITIAL = 0
    BROWNIAN = 1
    MINIBATCH = 2
    BOOTSTRAP = 3
    LATENT = 4
    PARAMETERS = 5
    #: Uniform numbers that decide whether a Brownian bridge crossed between two steps.
    BRIDGE = 6
    #: Noise of the gradients of discrete maps.
    NOISE = 7


def threefry2x64(counter: tuple[ArrayLike, ArrayLike], key: tuple[ArrayLike, ArrayLike]) -> tuple[Words, Words]:
    """Return the two words that twenty rounds of Threefry2x64 make of a counter under a key.

    Parameters
    ----------
    counter, key : pair of array_like of uint64
        Broadcast against each other.

    Returns
    -------
    pair of ndarray of uint64
        Of the broadcast shape.
    """
    # At least one dimension: NumPy warns of the intended wrap-around for scalars only.
    shape = np.broadcast_shapes(*(np.shape(word) for word in (*counter, *key)))
    x0, x1, k0, k1 = (np.atleast_1d(np.asarray(word, dtype=np.uint64)) for word in (*counter, *key))
    schedule = (k0, k1, k0 ^ k1 ^ np.uint64(PARITY))
    x0, x1 = x0 + schedule[0], x1 + schedule[1]
    for number in range(ROUNDS):
        turn = np.uint64(ROTATIONS[number % 8])
        x0 = x0 + x1
        x1 = (x1 << turn) | (x1 >> (np.uint64(64) - turn))
        x1 = x1 ^ x0
        if number % 4 == 3:
            injection = number // 4 + 1
            x0 = x0 + schedule[injection % 3]
            x1 = x1 + schedule[(injection + 1) % 3] + np.uint64(injection)
    return np.broadcast_to(x0, shape or (1,)).reshape(shape), np.broadcast_to(x1, shape or (1,)).reshape(shape)


def words(
    seed: int, path: ArrayLike, step: ArrayLike, stream: Stream | int, size: int = 1, substream: int = 0
) -> Words:
    """Return 64-bit words.

    Parameters
    ----------
    seed : int
        0 to 2^64 - 1.
    path : array_like of int
        Member of the ensemble, 0 to 2^64 - 1; broadcast against ``step``.
    step : array_like of int
        Time step, iteration or sample, 0 to 2^48 - 1.
    stream : Stream
        What the numbers are for.
    size : int
        Draws for each address, at most 131,072.
    substream : int
        Separates several uses of one stream, such as a model's layers; 0 to 2^32 - 1.

    Returns
    -------
    ndarray of uint64, shape (..., size)
        ``...`` is the broadcast shape of ``path`` and ``step``. A shorter ``size`` gives the first of the same draws.

    Raises
    ------
    InputError
        For addresses out of range.
    """
    size = check_count("size", size, least=0)
    if size > 2 * BLOCKS:
        raise InputError(
            f"size must be at most {2 * BLOCKS}, got {size}: take further draws from other paths or steps."
        )
    key = (np.uint64(_address("seed", seed, 64)), stream_word(stream, substream))
    paths, steps = _addresses("path", path, 64), _addresses("step", step, 48)
    blocks = np.arange((size + 1) // 2, dtype=np.uint64)
    counter = (paths[..., None], steps[..., None] * np.uint64(BLOCKS) + blocks)
    pair = np.stack(threefry2x64(counter, key), axis=-1)
    return pair.reshape(*pair.shape[:-2], 2 * len(blocks))[..., :size]


def uniforms(
    seed: int, path: ArrayLike, step: ArrayLike, stream: Stream | int, size: int = 1, substream: int = 0
) -> NDArray[np.float64]:
    """Return numbers uniform on the open interval (0, 1), shape (..., size); arguments as in :func:`words`.

    ``u = (w // 2^12 + 1/2) 2^-52``: every value has a float64, neither 0 nor 1 occurs, and ``u`` and ``1 - u`` are
    equally likely.
    """
    return to_uniform(words(seed, path, step, stream, size, substream))


def normals(
    seed: int, path: ArrayLike, step: ArrayLike, stream: Stream | int, size: int = 1, substream: int = 0
) -> NDArray[np.float64]:
    """Return standard normal numbers, shape (..., size); arguments as in :func:`words`.

    Box and Muller (1958): the two uniform numbers ``u, v`` of a block become ``sqrt(-2 log u) cos(2 pi v)`` and
    ``sqrt(-2 log u) sin(2 pi v)``. The largest magnitude is ``sqrt(106 log 2) = 8.57``.
    """
    even = check_count("size", size, least=0)
    pairs = uniforms(seed, path, step, stream, even + even % 2, substream)
    radius = np.sqrt(-2.0 * np.log(pairs[..., 0::2]))
    angle = 2.0 * np.pi * pairs[..., 1::2]
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return both.reshape(pairs.shape)[..., :even]


def two_points(
    seed: int, path: ArrayLike, step: ArrayLike, stream: Stream | int, size: int = 1, substream: int = 0
) -> NDArray[np.float64]:
    """Return -1 or 1 with equal probabilities, shape (..., size); arguments as in :func:`words`.

    Moments up to the third are those of a standard normal number, which weak order one asks for (Kloeden and Platen
    1992, section 14.1).
    """
    return to_two_point(words(seed, path, step, stream, size, substream))


def three_points(
    seed: int, path: ArrayLike, step: ArrayLike, stream: Stream | int, size: int = 1, substream: int = 0
) -> NDArray[np.float64]:
    """Return -sqrt(3), 0 or sqrt(3) with probabilities 1/6, 2/3, 1/6; shape (..., size), arguments as in :func:`words`.

    Moments up to the fifth are those of a standard normal number, which weak order two asks for (Kloeden and Platen
    1992, section 14.2). Probabilities are off by less than 2^-64: 2^64 is no multiple of six.
    """
    return to_three_point(words(seed, path, step, stream, size, substream))


def integers(
    high: int,
    seed: int,
    path: ArrayLike,
    step: ArrayLike,
    stream: Stream | int,
    size: int = 1,
    substream: int = 0,
) -> NDArray[np.int64]:
    """Return whole numbers from 0 to ``high - 1``, shape (..., size); further arguments as in :func:`words`.

    The upper half of ``w high / 2^32`` with the 32 upper bits ``w`` of a word (Lemire 2019, without rejection): no
    value's probability is off by more than ``high / 2^32`` of itself. ``high`` is at most 2^32.
    """
    limit = check_count("high", high)
    if limit > 2**32:
        raise InputError(f"high must be at most 2^32, got {limit}: draw words and reduce them yourself.")
    upper = words(seed, path, step, stream, size, substream) >> np.uint64(32)
    return ((upper * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def permutation(
    count: int, seed: int, path: int, step: int, stream: Stream | int = Stream.MINIBATCH, substream: int = 0
) -> NDArray[np.int64]:
    """Return the numbers 0 to ``count - 1`` in random order, for mini-batches without replacement.

    The numbers are sorted by random 64-bit words (ties, of probability below ``count^2 / 2^65``, keep their order).
    Beyond 131,072 numbers, the words of the following substreams are taken.
    """
    count = check_count("count", count, least=0)
    per = 2 * BLOCKS
    pieces = [
        words(seed, path, step, stream, min(per, count - first), substream + first // per)
        for first in range(0, count, per)
    ]
    order = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.uint64)
    return np.argsort(order, kind="stable").astype(np.int64)


def to_uniform(word: Words) -> NDArray[np.float64]:
    """Return the number in (0, 1) that a 64-bit word stands for."""
    return ((word >> np.uint64(12)).astype(np.float64) + 0.5) * SPACING


def to_two_point(word: Words) -> NDArray[np.float64]:
    """Return -1 for the lower half of the 64-bit words, 1 for the upper."""
    return np.where(word < np.uint64(2**63), -1.0, 1.0)


def to_three_point(word: Words) -> NDArray[np.float64]:
    """Return -sqrt(3) for the lowest sixth of the 64-bit words, sqrt(3) for the highest, 0 for those between."""
    upper = np.where(word >= np.uint64(2**64 - SIXTH), np.sqrt(3.0), 0.0)
    return np.where(word < np.uint64(SIXTH), -np.sqrt(3.0), upper)


def stream_word(stream: Stream | int, substream: int = 0) -> np.uint64:
    """Return the second word of the key, for kernels that make their own numbers."""
    return np.uint64(_address("stream", stream, 32) + (_address("substream", substream, 32) << 32))


def _address(name: str, value: Any, bits: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise InputError(f"{name} must be a whole number from 0 to 2^{bits} - 1, got {value!r}.")
    if not 0 <= int(value) < 2**bits:
        raise InputError(f"{name} must lie from 0 to 2^{bits} - 1, got {value}.")
    return int(value)


def _addresses(name: str, value: ArrayLike, bits: int) -> Words:
    if isinstance(value, int):
        return np.array(_address(name, value, bits), dtype=np.uint64)
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name} must be whole numbers from 0 to 2^{bits} - 1, got {array.dtype}.")
    if array.size and (int(array.min()) < 0 or int(array.max()) >= 2**bits):
        raise InputError(f"{name} must lie from 0 to 2^{bits} - 1, got {array.min()} to {array.max()}.")
    return array.astype(np.uint64)
