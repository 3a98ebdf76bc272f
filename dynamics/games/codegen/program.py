"""Straight-line programs: what every dialect prints.

A :class:`Program` is a list of let-bound operations on names. Expressions are lowered with a memo over SymPy's
structurally equal nodes, so a subexpression that occurs in losses, field and Jacobian entries is computed once.
Expectations share one loop over the quadrature nodes; what does not depend on the integration variable is hoisted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from dynamics.games.expectations import NORMAL, Expectation
from dynamics.games.primitives import Primitive

#: A name bound earlier, or a number.
Operand = str | float


@dataclass(frozen=True)
class Assign:
    """``target = operation(arguments)``."""

    target: str
    operation: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True)
class GaussianSum:
    """``targets[i] = sum_k weight_k terms[i](node_k)``, with ``body`` computing the terms from the node ``node``."""

    node: str
    body: tuple[Assign, ...]
    terms: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """Statements that compute ``outputs`` from ``coordinates`` and ``parameters``.

    Attributes
    ----------
    coordinates, parameters : tuple of str
        Names bound to the entries of the state and of the parameter vector, in order.
    statements : tuple of Assign or GaussianSum
    outputs : tuple of str or float
    """

    coordinates: tuple[str, ...]
    parameters: tuple[str, ...]
    statements: tuple[Assign | GaussianSum, ...]
    outputs: tuple[Operand, ...]


def lower(outputs: Sequence[sp.Expr], coordinates: Sequence[sp.Symbol], parameters: Sequence[sp.Symbol]) -> Program:
    """Return the program that computes ``outputs``.

    Parameters
    ----------
    outputs : sequence of sympy expressions
        Over coordinates and parameters, with :class:`Expectation` nodes (not nested) and primitives.
    coordinates, parameters : sequence of sympy symbols

    Returns
    -------
    Program
        With positional names (``y0``, ``p0``, ``t0``...): the names of users never reach generated code.
    """
    bound: dict[sp.Expr, Operand] = {s: f"y{i}" for i, s in enumerate(coordinates)}
    bound.update({s: f"p{i}" for i, s in enumerate(parameters)})
    builder = _Lowering(bound)
    expressions = [sp.sympify(output) for output in outputs]
    builder.gaussian_sums(expressions)
    results = tuple(builder.operand(expression) for expression in expressions)
    return Program(
        tuple(f"y{i}" for i in range(len(coordinates))),
        tuple(f"p{i}" for i in range(len(parameters))),
        tuple(builder.statements),
        results,
    )


@dataclass
class Tape:
    """Records let-bound operations; what was computed before from the same operands is not computed again.

    Attributes
    ----------
    prefix : str
        Beginning of the names it gives.
    statements : list of Assign or GaussianSum
    """

    prefix: str = "t"
    statements: list[Assign | GaussianSum] = field(default_factory=list)
    known: dict[tuple[str, tuple[Operand, ...]], str] = field(default_factory=dict)
    count: int = 0

    def fresh(self) -> str:
        """Return a name that was not given before."""
        name = f"{self.prefix}{self.count}"
        self.count += 1
        return name

    def emit(self, operation: str, *arguments: Operand) -> str:
        """Return the name that holds the result of an operation."""
        key = (operation, arguments)
        if key not in self.known:
            name = self.fresh()
            self.statements.append(Assign(name, operation, arguments))
            self.known[key] = name
        return self.known[key]

    def inline(self, program: Program, names: Mapping[str, Operand]) -> tuple[Operand, ...]:
        """Copy a program onto the tape under new names and return the operands that hold its outputs.

        Parameters
        ----------
        program : Program
        names : mapping of str to operand
            What stands for its coordinates and parameters; those that are not named keep their names.
        """
        known = dict(names)

        def rename(operand: Operand) -> Operand:
            return known.get(operand, operand) if isinstance(operand, str) else operand

        def copied(statement: Assign) -> Assign:
            arguments = tuple(map(rename, statement.arguments))
            known[statement.target] = self.fresh()
            return Assign(str(known[statement.target]), statement.operation, arguments)

        for statement in program.statements:
            if isinstance(statement, GaussianSum):
                body = tuple(copied(assign) for assign in statement.body)
                terms = tuple(str(rename(term)) for term in statement.terms)
                for target in statement.targets:
                    known[target] = self.fresh()
                targets = tuple(str(known[target]) for target in statement.targets)
                self.statements.append(GaussianSum(statement.node, body, terms, targets))
            else:
                known[statement.target] = self.emit(statement.operation, *map(rename, statement.arguments))
        return tuple(map(rename, program.outputs))


class _Lowering(Tape):
    """Walks expressions onto a tape; ``memo`` maps what was computed to the name that holds it."""

    def __init__(self, memo: dict[sp.Expr, Operand], prefix: str = "t", outer: _Lowering | None = None) -> None:
        super().__init__(prefix)
        self.memo = memo
        self.outer = outer

    def gaussian_sums(self, expressions: Sequence[sp.Expr]) -> None:
        """Emit one loop that computes every expectation in ``expressions``."""
        found: dict[Expectation, None] = {}
        for expression in expressions:
            for node in sp.preorder_traversal(expression):
                if isinstance(node, Expectation):
                    found.setdefault(node)
        if not found:
            return
        inner = _Lowering({NORMAL: "z"}, prefix="s", outer=self)
        terms = tuple(str(inner.operand(expectation.body)) for expectation in found)
        targets = tuple(self.fresh() for _ in found)
        body = tuple(statement for statement in inner.statements if isinstance(statement, Assign))
        self.statements.append(GaussianSum("z", body, terms, targets))
        self.memo.update(zip(found, targets, strict=True))

    def operand(self, expression: sp.Expr) -> Operand:
        """Return the name or number that holds ``expression``, emitting what is needed."""
        if self.outer is not None and NORMAL not in expression.free_symbols:
            return self.outer.operand(expression)
        if expression not in self.memo:
            self.memo[expression] = self.compute(expression)
        return self.memo[expression]

    def compute(self, expression: sp.Expr) -> Operand:
        if not expression.free_symbols:
            return float(expression.evalf(20))
        match expression:
            case sp.Add():
                return self.sum(expression)
            case sp.Mul():
                return self.product(expression)
            case sp.Pow():
                return self.power(*expression.as_base_exp())
            case Primitive():
                return self.emit(expression.operation, *map(self.operand, expression.args))
            case sp.exp() | sp.log() | sp.sin() | sp.cos():
                return self.emit(expression.func.__name__, *map(self.operand, expression.args))
            case _:
                raise TypeError(f"{type(expression).__name__} is not in the closed set of operations")

    def sum(self, expression: sp.Add) -> Operand:
        # Positive terms first, so that a leading minus costs no extra operation.
        terms = sorted(expression.args, key=lambda term: bool(term.could_extract_minus_sign()))
        total = self.operand(terms[0])
        for term in terms[1:]:
            if term.could_extract_minus_sign():
                total = self.emit("sub", total, self.operand(-term))
            else:
                total = self.emit("add", total, self.operand(term))
        return total

    def product(self, expression: sp.Mul) -> Operand:
        coefficient, factors = expression.as_coeff_mul()
        numerator: Operand | None = None
        denominator: Operand | None = None
        for factor in factors:
            base, exponent = factor.as_base_exp() if isinstance(factor, sp.Pow) else (factor, sp.S.One)
            if exponent.could_extract_minus_sign():
                part = self.operand(base**-exponent)
                denominator = part if denominator is None else self.emit("mul", denominator, part)
            else:
                part = self.operand(factor)
                numerator = part if numerator is None else self.emit("mul", numerator, part)
        # A unit numerator or denominator of the coefficient costs nothing; 3/5 stays one rounded number.
        number = float(coefficient.evalf(20))
        if numerator is None:
            return self.emit("div", number, denominator if denominator is not None else 1.0)
        if number == -1.0:
            numerator = self.emit("neg", numerator)
        elif number != 1.0:
            numerator = self.emit("mul", number, numerator)
        return numerator if denominator is None else self.emit("div", numerator, denominator)

    def power(self, base: sp.Expr, exponent: sp.Expr) -> Operand:
        if exponent.could_extract_minus_sign():
            return self.emit("div", 1.0, self.operand(base**-exponent))
        if isinstance(exponent, sp.Integer):
            return self.integer_power(base, int(exponent))
        if isinstance(exponent, sp.Rational) and exponent.q == 2:
            root = self.emit("sqrt", self.operand(base))
            whole = int(exponent.p // 2)
            return root if whole == 0 else self.emit("mul", self.operand(base**whole), root)
        if base is sp.E:
            return self.emit("exp", self.operand(exponent))
        return self.emit("pow", self.operand(base), self.operand(exponent))

    def integer_power(self, base: sp.Expr, exponent: int) -> Operand:
        if exponent == 1:
            return self.operand(base)
        half = self.operand(base ** (exponent // 2))
        square = self.emit("mul", half, half)
        return square if exponent % 2 == 0 else self.emit("mul", square, self.operand(base))
