"""Random numbers: known answers, addresses, then statistics.

Every statistical test looks at fixed seeds, hence it is repeatable; the false-alarm probability stated is the one for
a fresh seed. ``ALARM`` is that of a single test; this file has fewer than 100, so that fewer than one change of the
generator in 10,000 would fail by chance.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dynamics.core import random
from dynamics.core.errors import InputError
from dynamics.core.random import Stream, integers, normals, permutation, threefry2x64, uniforms, words

ALARM = 1e-6
#: |z| beyond which a standard normal statistic is an alarm.
LIMIT = stats.norm.isf(ALARM / 2)
FULL = 2**64 - 1

# Random123, tests/kat_vectors: threefry2x64, 20 rounds.
KNOWN = [
    ((0, 0), (0, 0), (0xC2B6E3A8C2C69865, 0x6F81ED42F350084D)),
    ((FULL, FULL), (FULL, FULL), (0xE02CB7C4D95D277A, 0xD06633D0893B8B68)),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344),
        (0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x263C7D30BB0F0AF1, 0x56BE8361D3311526),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_threefry_gives_the_published_answers(counter, key, answer) -> None:
    assert tuple(int(word) for word in threefry2x64(counter, key)) == answer


def test_the_published_answers_come_out_of_one_vectorised_call() -> None:
    counters, keys, answers = (np.array(column, dtype=np.uint64) for column in zip(*KNOWN, strict=True))
    np.testing.assert_array_equal(np.stack(threefry2x64(tuple(counters.T), tuple(keys.T)), axis=-1), answers)


word = st.integers(0, FULL)


@given(word, st.integers(0, 2**40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 7))
def test_numbers_do_not_depend_on_shape_or_chunking(seed: int, first: int, paths: int, steps: int, size: int) -> None:
    path, step = first + np.arange(paths), first + np.arange(steps)
    whole = normals(seed, path[:, None], step, Stream.BROWNIAN, 7)
    assert whole.shape == (paths, steps, 7)
    for i in range(paths):
        for k in range(steps):
            single = normals(seed, int(path[i]), int(step[k]), Stream.BROWNIAN, size)
            np.testing.assert_array_equal(single, whole[i, k, :size])


def test_addresses_that_differ_in_one_part_give_different_words() -> None:
    seeds, paths, steps, streams, substreams = range(3), range(3), range(3), Stream, range(3)
    seen = {
        int(value)
        for seed in seeds
        for stream in streams
        for substream in substreams
        for value in words(seed, np.array(paths)[:, None], np.array(steps), stream, 4, substream).ravel()
    }
    assert len(seen) == 3 * 3 * 3 * len(Stream) * 3 * 4


def test_neighbouring_steps_do_not_share_blocks() -> None:
    last = words(1, 0, 0, Stream.BROWNIAN, 2 * random.BLOCKS)
    assert len(np.unique(np.concatenate([last, words(1, 0, 1, Stream.BROWNIAN, 4)]))) == 2 * random.BLOCKS + 4


def test_uniform_numbers_of_extreme_words_stay_inside_the_open_interval() -> None:
    low, high = random.to_uniform(np.array([0, FULL], dtype=np.uint64))
    assert low == 2.0**-53
    assert high == 1 - 2.0**-53


@pytest.mark.parametrize(
    "call",
    [
        lambda: words(-1, 0, 0, 0),
        lambda: words(2**64, 0, 0, 0),
        lambda: words(1.0, 0, 0, 0),
        lambda: words(True, 0, 0, 0),
        lambda: words(0, -1, 0, 0),
        lambda: words(0, 0.5, 0, 0),
        lambda: words(0, 0, 2**48, 0),
        lambda: words(0, 0, 0, 2**32),
        lambda: words(0, 0, 0, 0, 2**17 + 1),
        lambda: words(0, 0, 0, 0, -1),
        lambda: integers(0, 0, 0, 0, 0),
        lambda: integers(2**32 + 1, 0, 0, 0, 0),
        lambda: permutation(-1, 0, 0, 0),
    ],
)
def test_addresses_out_of_range_are_refused(call) -> None:
    with pytest.raises(InputError):
        call()


def test_the_readable_generator_does_not_import_numba() -> None:
    program = "import sys, dynamics.core.random; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize("count", [0, 1, 2, 10, 1797, 2**17 + 3])
def test_a_permutation_holds_every_number_once(count: int) -> None:
    np.testing.assert_array_equal(np.sort(permutation(count, 3, 0, 1)), np.arange(count))


def test_permutations_of_three_are_equally_likely() -> None:
    # chi-square with 5 degrees of freedom over 6,000 permutations
    codes = [int(permutation(3, 0, 0, step) @ [9, 3, 1]) for step in range(6000)]
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > ALARM


def test_integers_are_equally_likely_and_below_the_limit() -> None:
    drawn = integers(7, 5, np.arange(70_000), 0, Stream.BOOTSTRAP).ravel()
    assert stats.chisquare(np.bincount(drawn, minlength=7)).pvalue > ALARM
    assert drawn.min() == 0
    assert drawn.max() == 6


SIZE = 2**18
AXES = {
    "paths": lambda seed: (seed, np.arange(SIZE), 0, Stream.BROWNIAN, 1, 0),
    "steps": lambda seed: (seed, 0, np.arange(SIZE), Stream.BROWNIAN, 1, 0),
    "draws": lambda seed: (seed, np.arange(2), 0, Stream.BROWNIAN, SIZE // 2, 0),
}


def uniformity(sample: np.ndarray) -> float:
    """Return the p-value of equal counts in 256 cells."""
    return float(stats.chisquare(np.bincount((sample * 256).astype(int), minlength=256)).pvalue)


def normality(sample: np.ndarray) -> float:
    """Return the largest |z| of the mean, the variance and the fourth moment of a standard normal sample.

    Their variances are 1/N, 2/N and 96/N.
    """
    n = sample.size
    return max(
        abs(sample.mean()) * np.sqrt(n),
        abs((sample**2).mean() - 1) * np.sqrt(n / 2),
        abs((sample**4).mean() - 3) * np.sqrt(n / 96),
    )


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_numbers_are_uniform_and_normal_along_every_axis(axis: str, seed: int) -> None:
    assert uniformity(uniforms(*AXES[axis](seed)).ravel()) > ALARM
    sample = normals(*AXES[axis](seed)).ravel()
    assert normality(sample) < LIMIT
    assert stats.kstest(sample, "norm").pvalue > ALARM


def test_a_one_percent_wrong_sigma_and_a_bent_uniform_are_caught() -> None:
    # Negative control. The variance of 1.01 sigma is off by 2.0 %, its standard error is sqrt(2/N) = 0.28 %: z = 7.3.
    sample = normals(*AXES["paths"](0)).ravel()
    assert normality(1.01 * sample) > LIMIT
    # u^(1.05) has the density f = a u^(a - 1) with a = 1/1.05. The chi-square statistic grows by N (E f - 1) = 656,
    # its standard deviation is sqrt(2 255) = 23: z = 29.
    assert uniformity(uniforms(*AXES["paths"](0)).ravel() ** 1.05) < ALARM


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return z of the correlation of two standard normal samples (its variance is 1/N)."""
    return float(abs((first * second).mean()) * np.sqrt(first.size))


def test_neighbouring_addresses_are_uncorrelated() -> None:
    base = normals(0, np.arange(SIZE), 5, Stream.BROWNIAN, 2)
    assert correlation(base[:, 0], base[:, 1]) < LIMIT
    for other in (
        normals(1, np.arange(SIZE), 5, Stream.BROWNIAN),
        normals(0, np.arange(SIZE) + 1, 5, Stream.BROWNIAN),
        normals(0, np.arange(SIZE), 6, Stream.BROWNIAN),
        normals(0, np.arange(SIZE), 5, Stream.INITIAL),
        normals(0, np.arange(SIZE), 5, Stream.BROWNIAN, 1, 1),
    ):
        assert correlation(base[:, 0], other[:, 0]) < LIMIT
        assert correlation(base[:, 0] ** 2 - 1, (other[:, 0] ** 2 - 1) / 2) < LIMIT


def test_a_correlation_of_one_in_fifty_is_caught() -> None:
    # Negative control: z = 0.02 sqrt(2^18) = 10.2.
    base = normals(0, np.arange(SIZE), 5, Stream.BROWNIAN, 2)
    assert correlation(base[:, 0], 0.02 * base[:, 0] + np.sqrt(1 - 0.02**2) * base[:, 1]) > LIMIT


def test_flipping_one_bit_of_the_address_flips_half_of_the_bits() -> None:
    # 2,000 addresses times 128 bits: the mean share has the standard error 0.5 / sqrt(256,000) = 0.001.
    keys = np.arange(2000, dtype=np.uint64)
    plain = np.stack(threefry2x64((keys, 0), (7, 0)))
    for position in (0, 17, 63):
        flipped = np.stack(threefry2x64((keys ^ np.uint64(2**position), 0), (7, 0)))
        share = np.bitwise_count(plain ^ flipped).sum() / (128 * 2000)
        assert abs(share - 0.5) < LIMIT * 0.001
