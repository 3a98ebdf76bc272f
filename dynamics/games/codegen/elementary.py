"""Elementary functions as source text without branches or calls, for loops over lanes.

The innermost loop of a generated kernel fills the registers of the processor only if nothing in it branches or calls a
library. :func:`functions` returns the text of what is asked for, in terms of additions, multiplications, divisions,
comparisons, selections, bit operations and ``fma``. Every multiplication that meets an addition is an explicit ``fma``:
nothing is left for a compiler to contract, so that the bits are the same on every processor, in every lane and on a
graphics card.

=============  ==================================================================  ======================
function       range                                                               error, units in the
                                                                                   last place
=============  ==================================================================  ======================
exp            all; subnormal below -708.4, 0 below -745.2, inf above 709.78       1.0
log            all; subnormal numbers, log(0) = -inf, log(negative) = NaN          0.8
log_positive   positive, finite, not subnormal                                     0.8
sin, cos       up to 2^48 = 2.8e14; beyond, see below                              1.5
turn           cos 2 pi v and sin 2 pi v, v from 0 to 1                            0.7 2^-52, absolute
tanh           all                                                                 2.0
sigmoid        all                                                                 2.0
softplus       all                                                                 1.8
=============  ==================================================================  ======================

The errors are the largest found in ten million arguments each, rounded up. Those of sin and cos grow to 1e-14
(absolute) at 2^51, where neighbouring arguments are 0.5 apart; beyond it the values lie between -1 and 1 and mean
nothing. NaN gives NaN, and sine and cosine of infinity are NaN. ``sin(-0.0)`` is 0.0.

The text needs these names: ``njit`` and ``INNER`` (the compiler's settings), ``np``, ``math``, and the fused
multiply-add. On the processor, ``from dynamics.games.codegen.fused import fma``. For a graphics card, ``njit`` is
``cuda.jit``, ``INNER`` holds ``device=True`` and the fused operation is called ``cuda.fma``. Bit-casts are
``np.float64(x).view(np.int64)`` and back, which Numba compiles for every target alike (``overload_method`` of the
types themselves, numba/cpython/numbers.py) and which Python executes, too, as Numba's simulator does. The simulator's
``cuda.fma`` rounds twice: there, reductions of large arguments of sin and cos lose ``|x| 2^-53``.

Sources
-------
Cody and Waite (1980), "Software manual for the elementary functions", chapters 5 to 8; Tang (1990), "Table-driven
implementation of the logarithm function in IEEE floating-point arithmetic"; the reduction of the logarithm and the
order of its sums are those of FDLIBM's ``e_log.c`` (Sun Microsystems, 1993).
"""

from __future__ import annotations

from collections.abc import Sequence

#: Interpolates ``(e^r - 1 - r) / r^2`` at the eleven Chebyshev points of ``|r| <= log(2)/2``: 1e-18 of ``e^r - 1``.
EXP = (
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326141,
    0.0013888888888883752,
    0.00019841269874800493,
    2.4801587325533363e-05,
    2.7557255425746435e-06,
    2.7557273661348637e-07,
    2.510520637395701e-08,
    2.0914679376583935e-09,
)
#: Interpolates ``(2 artanh(s) - 2 s) / s^3`` in ``z = s^2`` at the eight Chebyshev points of 0 to 1/25: 1e-18 of 2 s.
LOG = (
    0.6666666666666666,
    0.400000000000078,
    0.2857142856733919,
    0.22222223037807243,
    0.18181738454723026,
    0.15388834677801916,
    0.1321036048513262,
    0.13604015707124079,
)
#: Interpolates ``(sin(r) - r) / r^3`` in ``z = r^2`` at the six Chebyshev points of 0 to (pi/4)^2: 2e-17 of sin(r).
SIN = (
    -0.16666666666666666,
    0.008333333333330948,
    -0.00019841269836758574,
    2.755731610255244e-06,
    -2.5051131845003624e-08,
    1.5918129294866608e-10,
)
#: Interpolates ``(cos(r) - 1) / r^2`` in ``z = r^2`` at the seven Chebyshev points of 0 to (pi/4)^2: 1e-18 of cos(r).
COS = (
    -0.5,
    0.04166666666666664,
    -0.0013888888888880775,
    2.480158729369346e-05,
    -2.7557315566341895e-07,
    2.0875886738047052e-09,
    -1.1367998654022494e-11,
)


def _horner(coefficients: Sequence[float], x: str) -> str:
    """Return a polynomial, given from its constant on, as nested fused operations."""
    text = repr(coefficients[-1])
    for c in coefficients[-2::-1]:
        text = f"fma({text}, {x}, {c!r})"
    return text


def _halves(coefficients: Sequence[float], x: str, square: str) -> str:
    """Return a polynomial whose even and odd powers the processor adds up at the same time, but for the constant.

    The constant comes last, so that the roundings of the rest weigh as little as in Horner's scheme.
    """
    constant, *rest = coefficients
    even, odd = _horner(rest[0::2], square), _horner(rest[1::2], square)
    return f"fma(fma({odd}, {x}, {even}), {x}, {constant!r})"


# Adding 1.5 2^52 rounds to the nearest whole number, which then stands in the lowest bits: 0x4338000000000000 + n.
# log(2) has 33 bits in its first part, so that its product with an exponent is exact.
_TEXTS = {
    # e^x = 2^m (1 + q)
    "exp_parts": f"""
def exp_parts(x):
    k = fma(x, 1.4426950408889634, 6755399441055744.0)
    n = k - 6755399441055744.0
    r = fma(n, -1.9082149292705877e-10, fma(n, -0.6931471803691238, x))
    rr = r * r
    q = fma(rr, {_halves(EXP, "r", "rr")}, r)
    return q, np.float64(k).view(np.int64) - 0x4338000000000000
""",
    # Two factors make up 2^m, so that the result may be subnormal. The last product is a fused operation, or a
    # compiler could contract it with an addition of the caller.
    "exp": """
def exp(x):
    x = -746.0 if x < -746.0 else x
    x = 710.0 if x > 710.0 else x
    q, m = exp_parts(x)
    h = m >> 1
    p = (1.0 + q) * np.int64((h + 1023) << 52).view(np.float64)
    return fma(p, np.int64((m - h + 1023) << 52).view(np.float64), 0.0)
""",
    # x = (1 + f) 2^n with 1 + f between sqrt(1/2) and sqrt(2), whose bits are 0x3FE6A09E667F3BCD...
    "log_parts": """
def log_parts(x):
    b = np.float64(x).view(np.int64) - 0x3FE6A09E667F3BCD
    m = np.int64((b & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD).view(np.float64)
    n = np.int64((b >> 52) + 0x4338000000000000).view(np.float64) - 6755399441055744.0
    return m - 1.0, n
""",
    # log((1 + f) 2^n), f from sqrt(1/2) - 1 to 1/2: with s = f / (2 + f), log(1 + f) = 2 artanh(s)
    # = f - f^2/2 + s (f^2/2 + z R(z)); the rounded f^2/2 cancels to first order.
    "log_sum": f"""
def log_sum(f, n):
    s = f / (2.0 + f)
    z = s * s
    zz = z * z
    h = 0.5 * f
    low = fma(s, fma(z, {_halves(LOG, "z", "zz")}, h * f), n * 1.9082149292705877e-10)
    return fma(n, 0.6931471803691238, f - fma(h, f, -low))
""",
    "log_positive": """
def log_positive(x):
    f, n = log_parts(x)
    return log_sum(f, n)
""",
    # Subnormal numbers are taken 2^54 times as large.
    "log": """
def log(x):
    tiny = x < 2.2250738585072014e-308
    f, n = log_parts(x * 18014398509481984.0 if tiny else x)
    value = log_sum(f, n - 54.0 if tiny else n)
    value = x if x == math.inf else value
    value = value if x > 0.0 else math.nan
    return -math.inf if x == 0.0 else value
""",
    "sine": f"""
def sine(r):
    z = r * r
    return fma(r * z, {_horner(SIN, "z")}, r)
""",
    "cosine": f"""
def cosine(r):
    z = r * r
    return fma(z, {_horner(COS, "z")}, 1.0)
""",
    "negated": """
def negated(x, two):
    return np.int64(np.float64(x).view(np.int64) ^ (two << 62)).view(np.float64)
""",
    # x = n pi/2 + r. pi/2 has 53 bits in each of three parts: the first fused operation is exact, since its result is a
    # multiple of 2^-53 below 1, and the second has the only rounding of weight. The bounds take effect where n
    # is wrong.
    "quarters": """
def quarters(x):
    k = fma(x, 0.6366197723675814, 6755399441055744.0)
    n = k - 6755399441055744.0
    r = fma(n, -6.123233995736766e-17, fma(n, -1.5707963267948966, x))
    r = fma(n, 1.4973849048591698e-33, r)
    r = -1.0 if r < -1.0 else r
    r = 1.0 if r > 1.0 else r
    return r, np.float64(k).view(np.int64)
""",
    "sin": """
def sin(x):
    r, i = quarters(x)
    s, c = sine(r), cosine(r)
    return negated(c if (i & 1) != 0 else s, i & 2)
""",
    "cos": """
def cos(x):
    r, i = quarters(x)
    s, c = sine(r), cosine(r)
    return negated(s if (i & 1) != 0 else c, (i + 1) & 2)
""",
    # The reduction is exact in turns; the product with 2 pi comes last.
    "turn": """
def turn(v):
    k = fma(v, 4.0, 6755399441055744.0)
    r = 6.283185307179586 * fma(k - 6755399441055744.0, -0.25, v)
    i = np.float64(k).view(np.int64)
    odd = (i & 1) != 0
    s, c = sine(r), cosine(r)
    return negated(s if odd else c, (i + 1) & 2), negated(c if odd else s, i & 2)
""",
    # With t = e^(2|x|) - 1, tanh|x| = t / (t + 2); it is 1 to the last bit from 19.1 on. What t + 2 loses (Knuth 1998,
    # "Seminumerical algorithms", section 4.2.2) and the remainder of the division correct the quotient.
    "tanh": """
def tanh(x):
    y = 2.0 * abs(x)
    y = 44.0 if y > 44.0 else y
    q, m = exp_parts(y)
    scale = np.int64((m + 1023) << 52).view(np.float64)
    t = fma(scale, q, scale - 1.0)
    d = 2.0 + t
    part = d - 2.0
    lost = (2.0 - (d - part)) + (t - part)
    inverse = 1.0 / d
    ratio = t * inverse
    ratio = fma(fma(-ratio, lost, fma(-ratio, d, t)), inverse, ratio)
    return negated(ratio, (np.float64(x).view(np.int64) >> 63) & 2)
""",
    # What 1 + e loses is exactly e - (d - 1), since e is at most 1. The quotient takes it into account as if d were 1,
    # which it is where the loss matters most.
    "sigmoid": """
def sigmoid(x):
    e = exp(-abs(x))
    d = 1.0 + e
    ratio = (e if x < 0.0 else 1.0) / d
    return fma(-ratio, e - (d - 1.0), ratio)
""",
    # max(x, 0) + log(1 + t) with t = e^(-|x|). From t = 1/2 on, 1 + t = 2 (1 + f) with f = (t - 1)/2, exactly.
    "softplus": """
def softplus(x):
    t = exp(-abs(x))
    large = t >= 0.5
    half = fma(0.5, t, -0.5)
    return log_sum(half if large else t, 1.0 if large else 0.0) + (x if x > 0.0 else 0.0)
""",
}

_NEEDS = {
    "exp": ("exp_parts",),
    "log_positive": ("log_parts", "log_sum"),
    "log": ("log_parts", "log_sum"),
    "sin": ("quarters", "sine", "cosine", "negated"),
    "cos": ("quarters", "sine", "cosine", "negated"),
    "turn": ("sine", "cosine", "negated"),
    "tanh": ("exp_parts", "negated"),
    "sigmoid": ("exp_parts", "exp"),
    "softplus": ("exp_parts", "exp", "log_sum"),
}

#: What may be asked for.
NAMES = tuple(_NEEDS)


def functions(*names: str, fused: str = "fma") -> str:
    """Return the text of functions and of what they need, each once.

    Parameters
    ----------
    names : str
        Of :data:`NAMES`; all of them by default.
    fused : str
        The name under which the text calls the fused multiply-add, such as "cuda.fma".

    Returns
    -------
    str
        Functions decorated with ``@njit(**INNER)``, two blank lines between them.
    """
    wanted = {need for name in names or NAMES for need in (*_NEEDS[name], name)}
    texts = [f"@njit(**INNER)\n{text.strip()}" for name, text in _TEXTS.items() if name in wanted]
    return "\n\n\n".join(texts).replace("fma(", f"{fused}(") + "\n"
