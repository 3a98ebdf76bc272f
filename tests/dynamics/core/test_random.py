"""Random numbers: known answers, addresses, whole numbers and permutations.

Statistics of the numbers themselves are in ``test_random_statistics``. The two statistical tests here look at fixed
seeds, hence they are repeatable; each would fail for one fresh seed in a million.
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
from dynamics.core.random import Stream, integers, normals, permutation, threefry2x64, words

#: False-alarm probability of a statistical test.
ALARM = 1e-6
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
