"""Statistics of the random numbers: moments, tails, distributions, words, independence of every part of an address.

A check is a function that returns p-values, and it holds if none of them is below :data:`ALARM` divided by their number
(Bonferroni): for a fresh seed it fails with a probability of at most 1e-6. Seeds are fixed, hence the tests are
repeatable. Each check has a negative control, a sample that is a little wrong in the way the check is there for.

Means of N numbers are compared with a normal distribution. The worst is the mean of sixth powers of normal numbers,
whose skewness is 33 / sqrt(N) = 0.03 for N = 2^20: at five standard errors the true probability is 1.7 times the normal
one, which doubles at most the share of one p-value in six.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy import stats

from dynamics.core import random
from dynamics.core.random import BLOCKS, Stream, normals, three_points, threefry2x64, two_points, uniforms, words

ALARM = 1e-6
SIZE = 2**20


def holds(p_values: Mapping[str, float]) -> bool:
    """Return whether no p-value is an alarm at the overall probability :data:`ALARM`."""
    assert all(0 <= p <= 1 for p in p_values.values())
    return min(p_values.values()) > ALARM / len(p_values)


def two_sided(z: float) -> float:
    return float(2 * stats.norm.sf(abs(z)))


def both_tails(statistic: float, degrees: float) -> float:
    """Return the p-value of a chi-square statistic; counts that agree too well are as suspicious."""
    return float(min(1.0, 2 * min(stats.chi2.cdf(statistic, degrees), stats.chi2.sf(statistic, degrees))))


def chi_square(counts: np.ndarray, shares: np.ndarray | float) -> float:
    expected = counts.sum() * np.broadcast_to(shares, counts.shape)
    return both_tails(float(((counts - expected) ** 2 / expected).sum()), counts.size - 1)


# What the numbers are --------------------------------------------------------------------------------------------

#: Moments of orders 1 to 12, of uniform numbers about 1/2.
MOMENTS = {
    "uniforms": [0.0 if k % 2 else 1 / (2.0**k * (k + 1)) for k in range(1, 13)],
    "normals": [0.0 if k % 2 else float(math.prod(range(1, k, 2))) for k in range(1, 13)],
    "two_points": [float(k % 2 == 0) for k in range(1, 13)],
    "three_points": [0.0 if k % 2 else math.sqrt(3.0) ** k / 3 for k in range(1, 13)],
}
KINDS: dict[str, Callable[..., np.ndarray]] = {
    "uniforms": lambda *address: uniforms(*address) - 0.5,
    "normals": normals,
    "two_points": two_points,
    "three_points": three_points,
}


def moments(sample: np.ndarray, exact: list[float], orders: int = 6) -> dict[str, float]:
    """Compare the means of the first powers with their exact values, in units of their standard errors."""
    found = {}
    for k in range(1, orders + 1):
        error = math.sqrt(max(exact[2 * k - 1] - exact[k - 1] ** 2, 0.0) / sample.size)
        difference = float((sample**k).mean()) - exact[k - 1]
        # Even powers of two-point numbers are 1, whatever the draw.
        found[f"order {k}"] = two_sided(difference / error) if error > 0 else float(difference == 0)
    return found


def tails(sample: np.ndarray) -> dict[str, float]:
    """Compare the numbers of normal draws beyond 3, 4 and 5 sigma on either side with the binomial distribution."""
    return {
        f"{'beyond' if side > 0 else 'below -'} {sigmas}": float(
            stats.binomtest(int((side * sample > sigmas).sum()), sample.size, float(stats.norm.sf(sigmas))).pvalue
        )
        for sigmas in (3, 4, 5)
        for side in (1, -1)
    }


def distribution(sample: np.ndarray) -> dict[str, float]:
    """Kolmogorov and Smirnov's test of a normal sample."""
    return {"distance": float(stats.kstest(sample, "norm").pvalue)}


# Samples that run along one part of the address each.
AXES: dict[str, Callable[..., tuple]] = {
    "paths": lambda seed, size: (seed, np.arange(size), 3, Stream.BROWNIAN),
    "steps": lambda seed, size: (seed, 3, np.arange(size), Stream.BROWNIAN),
    "draws": lambda seed, size: (seed, np.arange(size // 64), 3, Stream.BRIDGE, 64),
    "both": lambda seed, size: (seed, np.arange(size // 1024)[:, None], np.arange(1024), Stream.NOISE),
}


def along(kind: str, axis: str, seed: int = 0, size: int = SIZE) -> np.ndarray:
    return KINDS[kind](*AXES[axis](seed, size)).ravel()


@pytest.fixture(scope="module")
def many_normals() -> np.ndarray:
    """Four million numbers: 2.4 of them are expected beyond five sigma."""
    return along("normals", "both", seed=7, size=2**22)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("kind", KINDS)
def test_moments_to_the_sixth_are_exact(kind: str, axis: str) -> None:
    assert holds(moments(along(kind, axis, seed=11), MOMENTS[kind]))


def test_moments_see_a_sigma_that_is_wrong_by_one_percent() -> None:
    # The second moment is off by 2.0 %, its standard error is sqrt(2/N) = 0.14 %: z = 14.
    assert not holds(moments(1.01 * along("normals", "paths", seed=11), MOMENTS["normals"]))


def test_moments_see_a_mean_of_one_hundredth() -> None:
    # z = 0.01 sqrt(N) = 10 for the mean of two-point and three-point numbers, whose variance is 1.
    for kind in ("two_points", "three_points"):
        assert not holds(moments(along(kind, "paths", seed=11) + 0.01, MOMENTS[kind]))


def test_moments_see_three_points_of_probability_a_fifth() -> None:
    # With 1/5 instead of 1/6 the variance is 1.2; Kloeden and Platen's 1/6 is what makes the fourth moment 3.
    u = along("uniforms", "paths", seed=11) + 0.5
    wrong = math.sqrt(3.0) * ((u > 0.8).astype(float) - (u < 0.2))
    assert not holds(moments(wrong, MOMENTS["three_points"]))


def test_tails_of_normal_numbers_have_their_weight_to_five_sigma(many_normals: np.ndarray) -> None:
    assert holds(tails(many_normals))


def test_tails_see_a_sigma_that_is_wrong_by_one_percent(many_normals: np.ndarray) -> None:
    # Beyond three sigma on one side 5,662 are expected, with standard deviation 75, and 6,239 found: z = 7.7.
    assert not holds(tails(1.01 * many_normals))


def test_tails_see_sums_of_four_uniform_numbers() -> None:
    # Their variance is 1/3. Beyond three sigma are (4 - 2 - sqrt(3))^4 / 24 = 0.0002 on a side instead of 0.00135.
    sums = uniforms(0, np.arange(2**18), 0, Stream.BROWNIAN, 4).sum(axis=-1) - 2
    assert not holds(tails(math.sqrt(3.0) * sums))


def test_normal_numbers_have_the_normal_distribution_function(many_normals: np.ndarray) -> None:
    assert holds(distribution(many_normals))


def test_the_distribution_function_of_a_sigma_wrong_by_one_percent_is_caught(many_normals: np.ndarray) -> None:
    # The functions are 0.01 phi(1) = 0.0024 apart: sqrt(N) times it is 5.0, whose probability is 2 exp(-50).
    assert not holds(distribution(1.01 * many_normals))


def test_two_and_three_points_take_their_values_as_often_as_they_should() -> None:
    for axis in AXES:
        values, counts = np.unique(along("two_points", axis), return_counts=True)
        np.testing.assert_array_equal(values, [-1, 1])
        assert holds({"counts": chi_square(counts, 1 / 2)})
        values, counts = np.unique(along("three_points", axis), return_counts=True)
        np.testing.assert_array_equal(values, [-math.sqrt(3), 0, math.sqrt(3)])
        assert holds({"counts": chi_square(counts, np.array([1, 4, 1]) / 6)})


# Words -----------------------------------------------------------------------------------------------------------


def cells(drawn: np.ndarray) -> dict[str, float]:
    """Count bytes, 16 bits at either end and five bits of neighbours: all values are equally likely."""
    found = {
        f"byte {i}": chi_square(np.bincount(byte, minlength=256), 1 / 256)
        for i, byte in enumerate(drawn.astype("<u8").view(np.uint8).reshape(-1, 8).T)
    }
    for shift in (0, 48):
        part = ((drawn >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
        found[f"16 bits from {shift}"] = chi_square(np.bincount(part, minlength=2**16), 2.0**-16)
    for shift in (0, 32, 59):
        part = ((drawn >> np.uint64(shift)) & np.uint64(31)).astype(np.int64)
        pairs = np.bincount(32 * part[0::2] + part[1::2], minlength=1024)
        found[f"neighbours' bits from {shift}"] = chi_square(pairs, 1 / 1024)
    return found


def repeats(drawn: np.ndarray) -> dict[str, float]:
    """Count how many upper halves of words occurred before, 128 +- 11 of 2^20: nearly a Poisson number."""
    expected = drawn.size**2 / 2.0**33
    found = drawn.size - len(np.unique(drawn >> np.uint64(32)))
    tail = min(stats.poisson.cdf(found, expected), stats.poisson.sf(found - 1, expected))
    return {"repeated halves": float(min(1.0, 2 * tail))}


def words_along(axis: str) -> np.ndarray:
    if axis == "seeds":
        return np.stack(threefry2x64((5, BLOCKS), (np.arange(SIZE // 2), 1)), axis=-1).ravel()
    if axis == "substreams":
        keys = np.arange(SIZE // 2, dtype=np.uint64) * np.uint64(2**32) + np.uint64(Stream.BROWNIAN)
        return np.stack(threefry2x64((5, BLOCKS), (3, keys)), axis=-1).ravel()
    return words(*AXES[axis](2, SIZE)).ravel()


WORD_AXES = [*AXES, "seeds", "substreams"]


@pytest.mark.parametrize("axis", WORD_AXES)
def test_words_are_equally_likely_and_repeat_as_often_as_they_should(axis: str) -> None:
    drawn = words_along(axis)
    assert holds({**cells(drawn), **repeats(drawn)})


def test_no_word_occurs_at_two_addresses() -> None:
    # Two of 2^21 words are equal with a probability of 2^41 / 2^64 = 1e-7.
    drawn = words(4, np.arange(2**11)[:, None], np.arange(2**8), Stream.NOISE, 4)
    assert len(np.unique(drawn)) == 2**21


@pytest.mark.parametrize("axis", ["paths", "steps", "seeds", "substreams"])
def test_two_rounds_instead_of_twenty_are_caught(axis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "ROUNDS", 2)
    drawn = words_along(axis)
    assert not holds(cells(drawn))
    assert not holds(repeats(drawn))


def test_a_hundredth_of_the_draws_repeated_is_caught() -> None:
    # A generator shared by several threads repeats draws: 10,486 upper halves more occur twice.
    drawn = words_along("paths")
    drawn[: SIZE // 100] = drawn[SIZE // 2 : SIZE // 2 + SIZE // 100]
    assert not holds(repeats(drawn))


def test_a_lowest_bit_that_alternates_is_caught() -> None:
    drawn = words_along("paths")
    drawn = (drawn & ~np.uint64(1)) | (np.arange(SIZE, dtype=np.uint64) & np.uint64(1))
    assert not holds(cells(drawn))


def flipped_bits() -> dict[str, float]:
    """Flip each bit of counter and key at 200 addresses: every bit of the words flips in half of the cases."""
    numbers = np.arange(200, dtype=np.uint64)
    plain = [numbers, np.uint64(3) + 0 * numbers, 7 + 0 * numbers, 1 + 0 * numbers]
    before = np.stack(threefry2x64((plain[0], plain[1]), (plain[2], plain[3])))
    found = {}
    for part in range(4):
        for position in range(64):
            changed = list(plain)
            changed[part] = plain[part] ^ np.uint64(1 << position)
            after = np.stack(threefry2x64((changed[0], changed[1]), (changed[2], changed[3])))
            share = np.bitwise_count(before ^ after).sum() / (128 * 200)
            found[f"part {part}, bit {position}"] = two_sided((share - 0.5) / (0.5 / math.sqrt(128 * 200)))
    return found


def test_flipping_any_bit_of_the_address_flips_half_of_the_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert holds(flipped_bits())
    monkeypatch.setattr(random, "ROUNDS", 2)
    assert not holds(flipped_bits())


# Independence ----------------------------------------------------------------------------------------------------


def correlations(first: np.ndarray, second: np.ndarray, name: str = "") -> dict[str, float]:
    """Correlate two normal samples, their squares, and one with the square of the other; all products vary by 1."""
    squares = [(sample**2 - 1) / math.sqrt(2.0) for sample in (first, second)]
    products = {
        "values": first * second,
        "squares": squares[0] * squares[1],
        "value and square": first * squares[1],
        "square and value": squares[0] * second,
    }
    return {f"{name}: {kind}": two_sided(float(p.mean()) * math.sqrt(p.size)) for kind, p in products.items()}


PATHS = np.arange(SIZE // 4)


def base(seed=0, path=PATHS, step=5, stream=Stream.BROWNIAN, substream=0, draw=0) -> np.ndarray:
    return normals(seed, path, step, stream, draw + 1, substream)[:, draw]


NEIGHBOURS = {
    "paths": {lag: {"path": PATHS + lag} for lag in (1, 2, 64, 2**32)},
    "steps": {step: {"step": step} for step in (4, 6, 5 + 2**16, 5 + 2**32)},
    "draws": {draw: {"draw": draw} for draw in (1, 2, 3, 8)},
    "streams": {stream: {"stream": stream} for stream in Stream if stream != Stream.BROWNIAN},
    "substreams": {substream: {"substream": substream} for substream in (1, 2, 2**31)},
    "seeds": {seed: {"seed": seed} for seed in (1, 2, 2**32, 2**63)},
}


@pytest.mark.parametrize("part", NEIGHBOURS)
def test_neighbouring_addresses_are_uncorrelated(part: str) -> None:
    plain = base()
    found: dict[str, float] = {}
    for name, change in NEIGHBOURS[part].items():
        found |= correlations(plain, base(**change), str(name))
    assert holds(found)


def test_correlations_of_one_in_fifty_are_caught() -> None:
    # z = 0.02 sqrt(2^18) = 10, of values and of squares.
    first, second = base(), base(draw=1)
    assert not holds(correlations(first, 0.02 * first + math.sqrt(1 - 0.02**2) * second))
    # The squares of one are larger where those of the other are: z = 0.060 E[(x^2 - 1; |x| > 1)] / 2 sqrt(2^18) = 7.5.
    louder = second * np.where(np.abs(first) > 1, 1.02, 0.99)
    found = correlations(first, louder / louder.std())
    assert found[": squares"] < ALARM < found[": values"]


def test_draws_shared_by_neighbouring_paths_are_caught() -> None:
    # Every fiftieth path takes the draw of the one before.
    shared = base()
    shared[1::50] = shared[0:-1:50]
    assert not holds(correlations(shared[:-1], shared[1:]))


#: Sums over sixteen addresses of each path, scaled to the variance 1.
WALKS = {
    "steps": lambda: sum(base(step=k) for k in range(16)) / 4,
    "draws": lambda: normals(0, PATHS, 5, Stream.BROWNIAN, 16).sum(axis=-1) / 4,
    "seeds": lambda: sum(base(seed=seed) for seed in range(16)) / 4,
    "substreams": lambda: sum(base(substream=substream) for substream in range(16)) / 4,
    "paths": lambda: base(path=np.arange(16 * PATHS.size)).reshape(-1, 16).sum(axis=-1) / 4,
}


@pytest.mark.parametrize("part", WALKS)
def test_sums_of_sixteen_draws_are_normal_with_variance_sixteen(part: str) -> None:
    sums = WALKS[part]()
    assert holds({**moments(sums, MOMENTS["normals"], orders=4), **distribution(sums)})


def test_one_step_of_sixteen_taken_twice_is_caught() -> None:
    # The variance becomes (14 + 4) / 16: z = 0.125 sqrt(N/2) = 45.
    wrong = sum(base(step=k) for k in (0, *range(15))) / 4
    assert not holds(moments(wrong, MOMENTS["normals"], orders=4))
