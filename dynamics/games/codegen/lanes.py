"""The dialect of loops over lanes: the functions of Numba's dialect without branches, so that the compiler vectorises.

A lane is one of several starts that go through the same operations side by side; the loop over the lanes is the
innermost one, and fills the registers of the processor only if nothing in it branches or calls a library.
"""

from __future__ import annotations

from collections.abc import Iterable

from dynamics.games.codegen import elementary
from dynamics.games.codegen.dialects import NUMBA, NUMBA_SHARED, Dialect
from dynamics.games.codegen.program import Assign, GaussianSum
from dynamics.games.codegen.render import assignment

_INDENT = "    "


_PRELUDE = """import math

import numpy as np
from numba import njit

from dynamics.games.codegen.fused import fma


"""

#: Needs ``INNER`` (the compiler's settings) bound before its prelude. Powers with exponents that are not whole numbers
#: and Gaussian kernels still call the library.
VECTORISED = Dialect(
    "vectorised",
    {**NUMBA.operations, **{name: f"{name}({{0}})" for name in ("exp", "log", "sin", "cos", "tanh")}},
    _PRELUDE + NUMBA_SHARED.rstrip() + "\n\n\n" + elementary.functions(),
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
