"""Random numbers inside kernels: known answers, bits of the readable implementation, vectors."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics.core import random
from dynamics.core.random import (
    BLOCKS,
    SIXTH,
    Stream,
    normals,
    stream_word,
    three_points,
    threefry2x64,
    two_points,
    uniforms,
    words,
)

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


def unsigned(values) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def test_threefry_gives_the_published_answers(compiled) -> None:
    got = compiled.threefry(unsigned([(*counter, *key) for counter, key, _ in KNOWN]))
    np.testing.assert_array_equal(got, unsigned([answer for *_, answer in KNOWN]))


word = st.integers(0, FULL)


@given(word, word, word, word)
def test_threefry_equals_the_readable_one(compiled, c0: int, c1: int, k0: int, k1: int) -> None:
    readable = np.stack(threefry2x64((c0, c1), (k0, k1)))
    np.testing.assert_array_equal(compiled.threefry(unsigned([(c0, c1, k0, k1)]))[0], readable)


def test_signed_counters_are_taken_for_words(compiled) -> None:
    # int64 + uint64 would be float64.
    given = np.array([[3, 5, 7, 11]])
    np.testing.assert_array_equal(compiled.threefry(given), compiled.threefry(unsigned(given)))


EXTREMES = unsigned([0, 1, 4095, 4096, 2**63 - 1, 2**63, SIXTH - 1, SIXTH, 2**64 - SIXTH - 1, 2**64 - SIXTH, FULL])

#: Functions of one word, readable and as text.
OF_A_WORD = {"unit": random.to_uniform, "two_point": random.to_two_point, "three_point": random.to_three_point}


@pytest.mark.parametrize("name", OF_A_WORD)
def test_numbers_of_extreme_and_random_words_are_the_readable_ones(name, compiled) -> None:
    drawn = np.concatenate([EXTREMES, words(3, np.arange(5000), 1, Stream.NOISE)[:, 0]])
    np.testing.assert_array_equal(getattr(compiled, name)(drawn), OF_A_WORD[name](drawn))


addresses = st.tuples(
    word, word, st.integers(0, 2**48 - 1), st.sampled_from(Stream), st.integers(0, 2**32 - 1), st.integers(0, 40)
)


@given(addresses)
def test_draws_of_an_address_equal_the_readable_ones(compiled, address: tuple[int, int, int, Stream, int, int]) -> None:
    seed, path, step, stream, substream, block = address
    first = 2 * block
    readable = seed, path, step, stream, first + 2, substream
    pair = compiled.threefry(unsigned([(path, step * BLOCKS + block, seed, int(stream_word(stream, substream)))]))
    np.testing.assert_array_equal(pair[0], words(*readable)[first:])
    np.testing.assert_array_equal(compiled.unit(pair[0]), uniforms(*readable)[first:])
    np.testing.assert_array_equal(compiled.two_point(pair[0]), two_points(*readable)[first:])
    np.testing.assert_array_equal(compiled.three_point(pair[0]), three_points(*readable)[first:])
    # The readable angle 2 pi v is off by up to 7e-16 (rounding of 2 pi and of the product), its cosine and the two
    # products by 3 units of 1.1e-16; ours by less than half of that. Both are multiplied by radii up to 8.57.
    np.testing.assert_allclose(compiled.normal_pair(pair)[0], normals(*readable)[first:], rtol=0, atol=1.5e-14)


def test_normal_numbers_are_within_three_units_of_their_radius(compiled) -> None:
    # Relative to the radius: its logarithm 0.8 2^-53 of two halved by the root, which rounds by 2^-53; the circle
    # 0.7 2^-52 absolutely; the product 2^-53. Together 1.9 2^-52.
    pairs = words(1, np.arange(3000), 0, Stream.BROWNIAN, 2)
    pairs = np.concatenate([pairs, unsigned([(a, b) for a in EXTREMES for b in EXTREMES])])
    with mpmath.workdps(40):
        for (u, v), got in zip(random.to_uniform(pairs).tolist(), compiled.normal_pair(pairs).tolist(), strict=True):
            radius = mpmath.sqrt(-2 * mpmath.log(u))
            exact = radius * mpmath.cospi(2 * mpmath.mpf(v)), radius * mpmath.sinpi(2 * mpmath.mpf(v))
            assert max(abs(e - g) for e, g in zip(exact, got, strict=True)) <= 1.9 * 2.0**-52 * radius


def test_thresholds_of_three_points_are_sixths_to_one_part_in_two_to_the_65() -> None:
    assert abs(6 * SIXTH - 2**64) < 3
    np.testing.assert_array_equal(
        random.to_three_point(unsigned([0, SIXTH - 1, SIXTH, 2**64 - SIXTH - 1, 2**64 - SIXTH, FULL])),
        math.sqrt(3) * np.array([-1, -1, 0, 0, 1, 1]),
    )


def test_the_text_run_by_python_gives_the_same_bits(compiled, interpreted) -> None:
    addresses = unsigned([(path, 2**20 + path, 5, 1) for path in range(40)])
    with np.errstate(all="ignore"):
        pairs = [interpreted.threefry(*address) for address in addresses]
        expected = {
            "normal_pair": [interpreted.normal_pair(*pair) for pair in pairs],
            **{name: [getattr(interpreted, name)(pair[0]) for pair in pairs] for name in OF_A_WORD},
        }
    got = compiled.threefry(addresses)
    np.testing.assert_array_equal(got, unsigned(pairs))
    np.testing.assert_array_equal(compiled.normal_pair(got), expected["normal_pair"])
    for name in OF_A_WORD:
        np.testing.assert_array_equal(getattr(compiled, name)(got[:, 0].copy()), expected[name])


def test_bits_depend_neither_on_the_lane_nor_on_the_number_of_lanes(compiled) -> None:
    pairs = words(1, np.arange(640), 0, Stream.BROWNIAN, 2)
    whole = compiled.normal_pair(pairs)
    for count in (1, 13, 64):
        pieces = [compiled.normal_pair(pairs[i : i + count]) for i in range(0, len(pairs), count)]
        np.testing.assert_array_equal(np.concatenate(pieces), whole)


STEP = "a, b = threefry(i, 65536, x[0], x[1])\n        "


@pytest.mark.parametrize(
    ("line", "vector"),
    [
        ("out[i] = unit(a)", r"xor <\d+ x i64>"),
        ("out[i] = two_point(a)", r"xor <\d+ x i64>"),
        ("out[i] = three_point(b)", r"xor <\d+ x i64>"),
        ("out[i] = sum(normal_pair(a, b))", r"<\d+ x double> @llvm\.fma\."),
    ],
)
def test_loops_over_paths_become_vector_instructions(line, vector, vectorised) -> None:
    assert vectorised(f"{STEP}{line}", np.ones(64, dtype=np.uint64), np.empty(64), vector)


def test_a_loop_through_the_library_does_not(vectorised) -> None:
    # Negative control: no vector library has a gamma function.
    line = f"{STEP}out[i] = math.lgamma(unit(a))"
    assert not vectorised(line, np.ones(64, dtype=np.uint64), np.empty(64), r"xor <\d+ x i64>")
