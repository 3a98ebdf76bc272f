"""Random numbers inside generated kernels: the text that makes the numbers of :mod:`dynamics.core.random`.

Words, uniform, two-point and three-point numbers are those of the readable implementation bit for bit; normal numbers
pass through other code for ``log``, ``cos`` and ``sin`` and differ from it by a few units in the last place. Nothing
branches or calls a library, so that a loop over lanes (paths) is vectorised.
"""

from __future__ import annotations

import math

from dynamics.core.random import PARITY, ROTATIONS, ROUNDS, SIXTH, SPACING


def _word(value: int) -> str:
    # Typed: a Python integer would turn arithmetic of uint64 into float64.
    return f"np.uint64(0x{value:X})"


def _threefry() -> str:
    """Return the rounds of Threefry2x64 one after the other."""
    lines = [
        "@njit(**INNER)",
        "def threefry(c0, c1, k0, k1):",
        # Callers may hold signed integers, and int64 + uint64 is a float64.
        "c0, c1, k0, k1 = np.uint64(c0), np.uint64(c1), np.uint64(k0), np.uint64(k1)",
        f"k2 = k0 ^ k1 ^ {_word(PARITY)}",
        "x0, x1 = c0 + k0, c1 + k1",
    ]
    for number in range(ROUNDS):
        left = ROTATIONS[number % 8]
        lines += ["x0 = x0 + x1", f"x1 = ((x1 << {_word(left)}) | (x1 >> {_word(64 - left)})) ^ x0"]
        if number % 4 == 3:
            injection = number // 4 + 1
            first, second = f"k{injection % 3}", f"k{(injection + 1) % 3}"
            lines.append(f"x0, x1 = x0 + {first}, x1 + {second} + {_word(injection)}")
    lines.append("return x0, x1")
    return "\n".join([*lines[:2], *(f"    {line}" for line in lines[2:])])


# Behind the sign and exponent of 1.0, the upper 52 bits j of a word read 1 + j 2^-52. Taking 1 - 2^-53 away leaves
# (2 j + 1) 2^-53, whose numerator has 53 bits: the difference is a double, hence exact. No integer is converted, for
# which AVX2 has no instruction.
_UNIT = f"""@njit(**INNER)
def unit(word):
    return np.uint64((word >> {_word(12)}) | {_word(0x3FF0000000000000)}).view(np.float64) - {1.0 - SPACING / 2!r}"""

_NORMAL_PAIR = """@njit(**INNER)
def normal_pair(word0, word1):
    radius = math.sqrt(-2.0 * log_positive(unit(word0)))
    c, s = turn(unit(word1))
    return radius * c, radius * s"""

# The sign is the complement of the word's highest bit: words below 2^63 give -1, as the inverse distribution function.
_TWO_POINT = f"""@njit(**INNER)
def two_point(word):
    return np.uint64((~word & {_word(1 << 63)}) | {_word(0x3FF0000000000000)}).view(np.float64)"""

_THREE_POINT = f"""@njit(**INNER)
def three_point(word):
    low = -{math.sqrt(3.0)!r} if word < {_word(SIXTH)} else 0.0
    return {math.sqrt(3.0)!r} if word >= {_word(2**64 - SIXTH)} else low"""


def functions() -> str:
    """Return the text of the functions.

    =============================  =================================================================================
    ``threefry(c0, c1, k0, k1)``   two words, uint64, of the counter ``(c0, c1)`` and the key ``(k0, k1)``
    ``unit(word)``                 :func:`dynamics.core.random.to_uniform`
    ``normal_pair(word0, word1)``  two standard normal numbers, as :func:`dynamics.core.random.normals`
    ``two_point(word)``            -1 or 1, as :func:`dynamics.core.random.to_two_point`
    ``three_point(word)``          -sqrt(3), 0 or sqrt(3), as :func:`dynamics.core.random.to_three_point`
    =============================  =================================================================================

    Returns
    -------
    str
        Functions decorated with ``@njit(**INNER)``. They need ``np``, ``math``, and ``log_positive`` and ``turn`` of
        :func:`dynamics.games.codegen.elementary.functions`. The counter of block ``b`` of step ``k`` of a path is
        ``(path, k * BLOCKS + b)``, the key ``(seed, stream_word(stream, substream))``. Executed by Python, the sums of
        words wrap around under a warning of NumPy.
    """
    return "\n\n\n".join([_threefry(), _UNIT, _NORMAL_PAIR, _TWO_POINT, _THREE_POINT]) + "\n"
