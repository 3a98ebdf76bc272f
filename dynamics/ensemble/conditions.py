"""Target sets: what a path is watched for, written as ``abs(x) > 1`` or ``x > 1 and y < 0``.

A condition becomes one function g of the state that is positive exactly where it holds: ``a > b`` is ``a - b``, ``and``
the smaller and ``or`` the larger of two. Its zeros are the boundary of the target, at which paths are caught also
between the steps.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from dynamics.core.errors import InputError, check_positive, check_states
from dynamics.ensemble.sde import SDE
from dynamics.games.expressions import MAX_LENGTH
from dynamics.games.primitives import relu

_LESS, _GREATER = (ast.Lt, ast.LtE), (ast.Gt, ast.GtE)


@dataclass(frozen=True)
class Condition:
    """A target set.

    Attributes
    ----------
    text : str
        What the user wrote, or a description.
    expression : sympy expression
        Positive exactly inside.
    stop : bool
        Whether a path ends there.
    """

    text: str
    expression: sp.Expr
    stop: bool = True


def read_condition(given: Condition | str, sde: SDE, *, stop: bool) -> Condition:
    """Return a condition from itself or its text.

    Raises
    ------
    InputError
        For anything but comparisons of formulas joined by ``and``, ``or``, ``not``. Nothing is evaluated.
    """
    if isinstance(given, Condition):
        return Condition(given.text, given.expression, stop)
    if not isinstance(given, str) or not given.strip():
        raise InputError(f'A condition is a text such as "abs(x) > 1", got {given!r}.')
    if len(given) > MAX_LENGTH:
        raise InputError(f"The condition has {len(given)} characters, at most {MAX_LENGTH} are allowed: shorten it.")
    shown = repr(given if len(given) <= 60 else given[:57] + "...")
    try:
        expression = _read(ast.parse(given.strip(), mode="eval").body, shown, sde)
    except InputError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(f'The condition {shown} is not one: write it as "abs(x) > 1" or "x > 1 and y < 0".') from None
    coordinates = set(sde.coordinate_symbols)
    if not expression.free_symbols & coordinates:
        raise InputError(f"The condition {shown} names no coordinate: use {', '.join(sde.names)}.")
    return Condition(given.strip(), expression, stop)


def ball(centre: Mapping[str, float] | Sequence[float], radius: float, sde: SDE, name: str = "") -> Condition:
    """Return the ball around a state, for first passages to an equilibrium: ``(r^2 - |y - c|^2) / (2 r) > 0``."""
    radius = check_positive("The radius of a ball", radius)
    names = sde.motion.names
    if isinstance(centre, Mapping):
        for key in (*centre, *names):
            if key not in names or key not in centre:
                raise InputError(f"The centre of a ball names {', '.join(centre)}, expected {', '.join(names)}.")
        centre = [centre[key] for key in names]
    values = check_states("The centre of a ball", centre, names)
    if values.ndim != 1:
        raise InputError(f"The centre of a ball is one state, got {len(values)}: take a ball for each.")
    squares = [(s - sp.Float(float(v))) ** 2 for s, v in zip(sde.coordinate_symbols, values, strict=False)]
    text = name or "|y - (" + ", ".join(f"{v:g}" for v in values) + f")| < {radius:g}"
    return Condition(text, (radius**2 - sp.Add(*squares)) / (2 * radius), stop=False)


def _read(node: ast.expr, text: str, sde: SDE) -> sp.Expr:
    match node:
        case ast.BoolOp(op=op, values=values):
            return _joined([_read(value, text, sde) for value in values], either=isinstance(op, ast.Or))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return -_read(operand, text, sde)
        case ast.Compare(left=left, ops=ops, comparators=right):
            sides = [left, *right]
            found = [_comparison(a, op, b, text, sde) for a, op, b in zip(sides, ops, sides[1:], strict=False)]
            return _joined(found, either=False)
        case _:
            raise InputError(f'The condition {text} is no comparison: write it as "abs(x) > 1" or "x > 1 and y < 0".')


def _joined(parts: Sequence[sp.Expr], *, either: bool) -> sp.Expr:
    """Return the largest or the smallest of some expressions.

    The first half appears twice: joined in halves, n parts make an expression of size ``n^1.6``, one by one ``2^n``.
    """
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    one, other = (_joined(part, either=either) for part in (parts[:half], parts[half:]))
    return one + relu(other - one) if either else one - relu(one - other)


def _comparison(a: ast.expr, op: Any, b: ast.expr, text: str, sde: SDE) -> sp.Expr:
    low, high = (sde.parse(ast.unparse(side)) for side in (a, b))
    if isinstance(op, _LESS):
        return high - low
    if isinstance(op, _GREATER):
        return low - high
    raise InputError(f"The condition {text} compares with something else than < and >: a path meets no equation.")
