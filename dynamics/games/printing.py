"""Formulas: one-line Unicode and LaTeX for people, and text that the parser reads back."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.pretty.pretty_symbology import greek_unicode
from sympy.printing.str import StrPrinter

from dynamics.games.primitives import Primitive, call, gaussian_kernel

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class UnicodePrinter(StrPrinter):
    """One-line formulas with Greek letters, raised exponents and centred dots."""

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return greek_unicode.get(expr.name, expr.name)

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        base, exponent = expr.as_base_exp()
        if isinstance(exponent, sp.Integer) and exponent > 1:
            inner = self.parenthesize(base, sp.printing.precedence.PRECEDENCE["Pow"])
            return inner + str(exponent).translate(_SUPERSCRIPTS)
        return super()._print_Pow(expr, rational=rational)

    def _print_Mul(self, expr: sp.Mul) -> str:
        # Powers print without '**' here, so every star left is a product.
        return super()._print_Mul(expr).replace("**", "\0").replace("*", "·").replace("\0", "**")


class FormulaPrinter(StrPrinter):
    """Text in the formula language of :mod:`dynamics.games.expressions`."""

    def _print_Exp1(self, expr: Any) -> str:
        return "exp(1)"

    def primitive(self, node: Primitive) -> str:
        """Return a primitive in the language; only the normal distribution function has a name of its own there."""
        if not isinstance(node, gaussian_kernel):
            return call(node, self)
        order, argument, width = node.args
        if order != -1 or width != 1:
            raise TypeError(f"{node} has no form in the formula language")
        return f"normal_cdf({self._print(argument)})"


def to_formula(expression: Any) -> str:
    """Return text from which :func:`dynamics.games.expressions.parse` makes the same expression."""
    return FormulaPrinter({"full_prec": True}).doprint(expression)


def to_unicode(expression: Any) -> str:
    """Return a one-line Unicode formula."""
    return UnicodePrinter({"order": "none"}).doprint(expression)


def to_latex(expression: Any) -> str:
    """Return a LaTeX formula."""
    return sp.latex(expression, order="none")
