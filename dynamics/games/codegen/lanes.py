"""The dialect of loops over lanes: the functions of Numba's dialect without branches, so that the compiler vectorises.

A lane is one of several starts that go through the same operations side by side; the loop over the lanes is the
innermost one, and fills the registers of the processor only if nothing in it branches or calls a library.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dynamics.games.codegen.dialects import NUMBA, Dialect
from dynamics.games.codegen.program import Assign, GaussianSum
from dynamics.games.codegen.render import assignment

_INDENT = "    "


def _exponential() -> str:
    """Return an exponential as exact as the library's (two units in the last place).

    ``e^x = 2^n e^r`` with ``|r| <= log(2)/2`` and ``e^r = 1 + r + r^2 g(r)``; g is interpolated at Chebyshev points by
    a polynomial of degree 9, which leaves 2e-17 of ``e^r``. Two factors make up ``2^n``, so that the result may be
    subnormal.
    """
    half = np.log(2) / 2 * (1 + 1e-9)

    def remainder(x: np.ndarray) -> np.ndarray:
        total = np.zeros_like(x)
        for k in range(24, 1, -1):
            total = total * x / (k + 1) + 1.0
        return total / 2

    nodes = np.polynomial.Chebyshev.interpolate(lambda u: remainder(half * u), 9)
    series = nodes.convert(kind=np.polynomial.Polynomial).coef / half ** np.arange(10)
    horner = repr(float(series[-1]))
    for c in series[-2::-1]:
        horner = f"({horner} * r + {float(c)!r})"
    return f"""@njit(**INNER)
def exp(x):
    x = -746.0 if x < -746.0 else x
    x = 710.0 if x > 710.0 else x
    k = x * 1.4426950408889634 + 6755399441055744.0
    n = k - 6755399441055744.0
    r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    p = 1.0 + (r + r * r * {horner})
    m = np.float64(k).view(np.int64) - 0x4338000000000000
    h = m >> 1
    return p * np.int64((h + 1023) << 52).view(np.float64) * np.int64((m - h + 1023) << 52).view(np.float64)"""


_SIGMOID = """@njit(**INNER)
def sigmoid(x):
    e = exp(-abs(x))
    return (e if x < 0.0 else 1.0) / (1.0 + e)"""

#: Needs ``np``, and ``INNER`` (the compiler's settings) bound before its prelude.
VECTORISED = Dialect(
    "vectorised",
    {**NUMBA.operations, "exp": "exp({0})"},
    "\n\n\n".join([NUMBA.prelude.rstrip(), _exponential(), _SIGMOID]) + "\n",
)


def widest(statements: Iterable[Assign | GaussianSum]) -> int:
    """Return how many sums over quadrature nodes run together at most."""
    return max((len(found.terms) for found in statements if isinstance(found, GaussianSum)), default=0)


def lane_statement(statement: Assign | GaussianSum, nodes: str, weights: str, scratch: str) -> list[str]:
    """Return the lines of a statement within a loop over lanes.

    A sum over quadrature nodes is two loops, of which the compiler vectorises the first: the terms, and their addition.

    Parameters
    ----------
    statement : Assign or GaussianSum
    nodes, weights : str
        Expressions of the arrays of quadrature nodes and weights.
    scratch : str
        Template of the expression of an array that takes the terms of sum ``{i}``, of ``count`` nodes.
    """
    if isinstance(statement, Assign):
        return [assignment(statement, VECTORISED)]
    pairs = list(zip(statement.targets, statement.terms, strict=True))
    node = statement.node
    return [
        f"{node}_all = {nodes}",
        f"weights = {weights}",
        f"count = {node}_all.shape[0]",
        *(f"{target}_all = {scratch.format(i=i)}" for i, (target, _) in enumerate(pairs)),
        "for q in range(count):",
        f"{_INDENT}{node} = {node}_all[q]",
        *(f"{_INDENT}{assignment(assign, VECTORISED)}" for assign in statement.body),
        *(f"{_INDENT}{target}_all[q] = weights[q] * {term}" for target, term in pairs),
        *(f"{target} = 0.0" for target, _ in pairs),
        "for q in range(count):",
        *(f"{_INDENT}{target} += {target}_all[q]" for target, _ in pairs),
    ]
