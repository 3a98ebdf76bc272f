"""Expressions given as text: parsed by Python's own grammar, checked against a whitelist, built as SymPy objects.

Nothing is ever evaluated: the text becomes a syntax tree, every node of which must be on the list below. Attribute
access, subscripts, comprehensions, calls of anything but :data:`~dynamics.games.primitives.FUNCTIONS`, names with
underscores in front and large exponents are refused with a sentence.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Mapping

import sympy as sp

from dynamics.core.errors import InputError, unknown
from dynamics.games.primitives import FUNCTIONS, absolute

MAX_LENGTH = 20_000
MAX_DEPTH = 100
MAX_EXPONENT = 64
#: Largest magnitude of a number in an expression (and of its inverse), about what float64 holds.
MAX_EXPONENT_OF_NUMBER = 300
#: Largest constant argument of exp; exp(690) is about 1e300.
MAX_EXPONENT_OF_EXP = 690

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
CONSTANTS = {"pi": sp.pi}


def check_identifier(kind: str, name: str) -> str:
    """Return ``name``, or refuse what cannot name a coordinate, player or parameter."""
    if not isinstance(name, str) or not _IDENTIFIER.match(name) or keyword.iskeyword(name):
        raise InputError(
            f"The {kind} name {name!r} is not allowed: use a letter, then up to 39 letters, digits or underscores."
        )
    if name in FUNCTIONS or name in CONSTANTS:
        raise InputError(f"The {kind} name '{name}' is taken by the function or constant {name}: choose another.")
    return name


def symbol(name: str) -> sp.Symbol:
    """Return the real SymPy symbol that stands for a coordinate or parameter."""
    return sp.Symbol(name, real=True)


def parse(text: str, symbols: Mapping[str, sp.Expr]) -> sp.Expr:
    """Return the SymPy expression that ``text`` writes.

    Parameters
    ----------
    text : str
        Python-like formula: ``+ - * / **``, parentheses, numbers, the names in ``symbols``, ``pi``, and calls of
        :data:`~dynamics.games.primitives.FUNCTIONS`. ``^`` is refused with the hint to write ``**``.
    symbols : mapping of str to sympy expression
        Coordinates and parameters.

    Returns
    -------
    sympy expression; decimal numbers are taken as exact rationals

    Raises
    ------
    InputError
        For anything outside the list. Nothing is executed.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError("The expression is empty: write a formula such as x*y.")
    if len(text) > MAX_LENGTH:
        raise InputError(f"The expression has {len(text)} characters, at most {MAX_LENGTH} are allowed: shorten it.")
    if _bracket_depth(text) > MAX_DEPTH:
        raise InputError(f"The expression nests brackets deeper than {MAX_DEPTH} levels: flatten it.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or type(error).__name__
        raise InputError(
            f"The expression {_shorten(text)!r} is not a formula ({reason}): use + - * / **, numbers, names and calls."
        ) from None
    return _Builder(text, symbols).build(tree.body, 0)


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


class _Builder:
    """Walks the syntax tree of one expression; every node type that is not named here is refused."""

    def __init__(self, text: str, symbols: Mapping[str, sp.Expr]) -> None:
        self.text = _shorten(text)
        self.symbols = symbols

    def refuse(self, what: str, remedy: str) -> InputError:
        return InputError(f"The expression {self.text!r} contains {what}: {remedy}.")

    def build(self, node: ast.expr, depth: int) -> sp.Expr:
        if depth > MAX_DEPTH:
            raise self.refuse(f"more than {MAX_DEPTH} nested operations", "flatten or shorten it")
        match node:
            case ast.Constant():
                return self.number(node.value)
            case ast.Name():
                return self.name(node.id)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                operand = self.build(node.operand, depth + 1)
                return -operand if isinstance(node.op, ast.USub) else operand
            case ast.BinOp() if type(node.op) in _OPERATORS:
                return self.binary(node, depth)
            case ast.BinOp(op=ast.BitXor()):
                raise self.refuse("'^'", "write ** for powers")
            case ast.Call():
                return self.call(node, depth)
            case _:
                raise self.refuse(
                    f"'{type(node).__name__}', which is not part of the formula language",
                    "use + - * / **, numbers, names and calls of the listed functions",
                )

    def number(self, value: object) -> sp.Expr:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(f"{value!r}, which is not a real number", "use decimal numbers")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.refuse("a number too large for floating point", "use numbers below 1e300")
        return self.checked(sp.Integer(value) if isinstance(value, int) else sp.Rational(repr(value)))

    def checked(self, value: sp.Expr) -> sp.Expr:
        if value.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
            raise self.refuse("a division by zero", "remove it")
        if isinstance(value, sp.Rational):
            if max(value.p.bit_length(), value.q.bit_length()) > MAX_EXPONENT_OF_NUMBER * 4:
                raise self.refuse("a number too large for floating point", "use numbers between 1e-300 and 1e300")
        elif value.is_number:
            self.real_number(value)
        if value.has(sp.I):
            raise self.refuse("the root or logarithm of a negative number", "keep every part real")
        # SymPy writes sqrt(x**2) as its own Abs, whose second derivative is a distribution.
        return value.replace(sp.Abs, absolute) if value.has(sp.Abs) else value

    def real_number(self, value: sp.Expr) -> float:
        """Return a constant as a float, or refuse one that is complex or too large for one."""
        number = complex(value.evalf(20))
        if abs(number.imag) > 1e-15 * abs(number):
            raise self.refuse("the root or logarithm of a negative number", "keep every part real")
        if not abs(number.real) < 10.0**MAX_EXPONENT_OF_NUMBER:
            raise self.refuse("a number too large for floating point", "use numbers below 1e300")
        return number.real

    def name(self, name: str) -> sp.Expr:
        if name in self.symbols:
            return self.symbols[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in FUNCTIONS:
            raise self.refuse(f"the function {name} without an argument", f"write {name}(...)")
        raise unknown("name in the expression", name, [*self.symbols, *CONSTANTS])

    def binary(self, node: ast.BinOp, depth: int) -> sp.Expr:
        if isinstance(node.op, ast.Pow):
            return self.power(self.build(node.left, depth + 1), self.build(node.right, depth + 1))
        # A chain a + b - c + ... nests to the left; it is walked without recursion, so that its length is no depth.
        family = (ast.Add, ast.Sub) if isinstance(node.op, ast.Add | ast.Sub) else (ast.Mult, ast.Div)
        chain: list[tuple[ast.operator, ast.expr]] = []
        current: ast.expr = node
        while isinstance(current, ast.BinOp) and isinstance(current.op, family):
            chain.append((current.op, current.right))
            current = current.left
        parts = [self.build(current, depth + 1)]
        for operator, right in reversed(chain):
            part = self.build(right, depth + 1)
            if isinstance(operator, ast.Sub):
                part = -part
            elif isinstance(operator, ast.Div):
                part = self.checked(1 / part)
            parts.append(part)
        return self.checked(sp.Add(*parts) if family[0] is ast.Add else sp.Mul(*parts))

    def power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if not isinstance(exponent, sp.Rational) or abs(exponent) > MAX_EXPONENT:
            shown = str(exponent)[:20]
            raise self.refuse(
                f"the exponent {shown}", f"use a constant exponent of at most {MAX_EXPONENT}, or exp(...)"
            )
        if isinstance(base, sp.Rational):
            bits = max(base.p.bit_length(), base.q.bit_length()) * abs(exponent)
            if bits > MAX_EXPONENT_OF_NUMBER * 4:
                raise self.refuse("a number too large for floating point", "use numbers between 1e-300 and 1e300")
        if isinstance(base, sp.Pow) and isinstance(base.exp, sp.Rational) and abs(base.exp * exponent) > MAX_EXPONENT:
            raise self.refuse(f"the exponent {base.exp * exponent}", f"use exponents of at most {MAX_EXPONENT}")
        return self.checked(base**exponent)

    def call(self, node: ast.Call, depth: int) -> sp.Expr:
        if not isinstance(node.func, ast.Name):
            raise self.refuse("a call of something that is not a listed function", "call functions by their plain name")
        name = node.func.id
        if name not in FUNCTIONS:
            raise unknown("function", name, FUNCTIONS)
        constructor, count = FUNCTIONS[name]
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args) or len(node.args) != count:
            plural = "argument" if count == 1 else "arguments"
            raise self.refuse(f"{name} with {len(node.args)} arguments", f"give it {count} plain {plural}")
        arguments = [self.build(argument, depth + 1) for argument in node.args]
        if name == "exp" and arguments[0].is_number and abs(self.real_number(arguments[0])) > MAX_EXPONENT_OF_EXP:
            raise self.refuse("the exponential of a large number", f"keep it below exp({MAX_EXPONENT_OF_EXP})")
        return self.checked(constructor(*arguments))
