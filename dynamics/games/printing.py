"""Formulas for people: one-line Unicode and LaTeX."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.pretty.pretty_symbology import greek_unicode
from sympy.printing.str import StrPrinter

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


def to_unicode(expression: Any) -> str:
    """Return a one-line Unicode formula."""
    return UnicodePrinter({"order": "none"}).doprint(expression)


def to_latex(expression: Any) -> str:
    """Return a LaTeX formula."""
    return sp.latex(expression, order="none")
