"""The dialect of graphics cards: the text of loops over lanes as device functions of ``numba.cuda``, one path each.

A product is written ``cuda.fma(a, b, 0.0)``. The compiler of graphics cards contracts ``a * b + c`` to one operation
that rounds once, where processors round twice; what is fused already it leaves alone, so that the bits are those of the
processor (a product that is -0.0 there is 0.0 here). Powers with exponents that are no whole numbers and Gaussian
kernels call the library of the target and may differ in the last place.
"""

from __future__ import annotations

import ast

from dynamics.games.codegen import elementary
from dynamics.games.codegen.dialects import NUMBA, NUMBA_SHARED, Dialect
from dynamics.games.codegen.program import Assign, GaussianSum
from dynamics.games.codegen.render import assignment

_INDENT = "    "

# The library's fmax and fmin drop NaN, on which processors and Python's own functions keep the first argument.
_PRELUDE = """import math

import numpy as np
from numba import cuda

njit, INNER = cuda.jit, {"device": True}


@njit(**INNER)
def max(a, b):
    return b if b > a else a


@njit(**INNER)
def min(a, b):
    return b if b < a else a


"""


class _Unfused(ast.NodeTransformer):
    """Rewrites products of floats; indices and words of random numbers are integers and stay."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Mult) or _is_word(node.left) or _is_word(node.right):
            return node
        return ast.Call(ast.parse("cuda.fma", mode="eval").body, [node.left, node.right, ast.Constant(0.0)], [])

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return node if _is_word(node) else self.generic_visit(node)  # pyright: ignore[reportReturnType]


def _is_word(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.uint64", "range", "int")


def unfused(source: str) -> str:
    """Return source whose products no compiler contracts with an addition.

    Every ``a * b`` becomes ``cuda.fma(a, b, 0.0)``, except in indices and between calls of ``np.uint64``; other
    integers must not be multiplied in it. Comments are lost.
    """
    return ast.unparse(_Unfused().visit(ast.parse(source)))


#: Needs nothing bound before its prelude, which binds ``njit`` and ``INNER`` for text made for processors.
DEVICE = Dialect(
    "device",
    {**NUMBA.operations, **{name: f"{name}({{0}})" for name in ("exp", "log", "sin", "cos", "tanh")}},
    "\n\n\n".join([
        _PRELUDE.rstrip(),
        unfused(NUMBA_SHARED.replace("@njit(cache=True)", "@njit(**INNER)")),
        elementary.functions(fused="cuda.fma"),
    ]),
)  # fmt: skip


def device_statement(statement: Assign | GaussianSum, nodes: str, weights: str) -> list[str]:
    """Return the lines of a statement for one path, products not yet :func:`unfused`.

    Parameters
    ----------
    statement : Assign or GaussianSum
    nodes, weights : str
        Expressions of the arrays of quadrature nodes and weights.
    """
    if isinstance(statement, Assign):
        return [assignment(statement, DEVICE)]
    pairs = list(zip(statement.targets, statement.terms, strict=True))
    return [
        *(f"{target} = 0.0" for target, _ in pairs),
        f"for q in range({nodes}.shape[0]):",
        f"{_INDENT}{statement.node} = {nodes}[q]",
        *(f"{_INDENT}{assignment(assign, DEVICE)}" for assign in statement.body),
        *(f"{_INDENT}{target} += {weights}[q] * {term}" for target, term in pairs),
    ]
