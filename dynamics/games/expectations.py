r"""Gaussian expectations ``E g(z)``, ``z ~ N(0, 1)``: closed forms where they exist, Gauss-Hermite sums elsewhere.

Instance noise of standard deviation ``sigma`` on a sample ``x`` turns a loss term ``l(h(x))`` into
``E l(h(x + sigma z))``. Polynomials in ``z`` and ``relu`` of an affine function of ``z`` are integrated exactly;
everything else becomes an :class:`Expectation` node, which the printer turns into one sum over Gauss-Hermite nodes.
The nodes are arguments of the compiled code, so their number can follow the parameters without recompiling.

Source of the rule: Golub and Welsch 1969 (through SciPy's ``roots_hermitenorm``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from dynamics.games.primitives import gaussian_kernel, relu

#: The variable that expectations integrate over. Names of users cannot begin with an underscore.
NORMAL = sp.Symbol("_z", real=True)

#: Numbers of nodes to choose from; neighbours differ by about a half, which the error estimate relies on.
NODE_COUNTS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


class Expectation(sp.Expr):
    """``E g(z)`` over a standard normal ``z``; differentiation passes under the integral sign."""

    def __new__(cls, body: sp.Expr) -> sp.Expr:
        """Return the node, or the body itself where there is nothing to integrate over."""
        body = sp.sympify(body)
        if NORMAL not in body.free_symbols:
            return body
        return sp.Expr.__new__(cls, body)

    @property
    def body(self) -> sp.Expr:
        """The integrand."""
        return self.args[0]

    @property
    def free_symbols(self) -> set[Any]:
        """Symbols of the integrand but the integration variable."""
        return self.body.free_symbols - {NORMAL}

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return gaussian_expectation(self.body.diff(symbol))

    def _eval_is_real(self) -> bool:
        return True

    def _eval_is_commutative(self) -> bool:
        return True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.body.xreplace({NORMAL: sp.Symbol("z")}))
        text = rf"\mathbb{{E}}_{{z}}\left[{body}\right]"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _sympystr(self, printer: Any) -> str:
        return f"E[{printer._print(self.body.xreplace({NORMAL: sp.Symbol('z')}))}]"


def gaussian_expectation(body: sp.Expr) -> sp.Expr:
    """Return ``E body`` over the standard normal :data:`NORMAL`, term by term, exact where a closed form exists.

    Parameters
    ----------
    body : sympy expression, may contain :data:`NORMAL`

    Returns
    -------
    sympy expression without :data:`NORMAL` outside :class:`Expectation` nodes
    """
    return sp.Add(*(_term(term) for term in sp.Add.make_args(sp.sympify(body))))


def _term(term: sp.Expr) -> sp.Expr:
    constant, rest = term.as_independent(NORMAL, as_Add=False)
    if NORMAL not in rest.free_symbols:
        return term
    if isinstance(rest, relu):
        affine = _polynomial(rest.args[0])
        if affine is not None and affine.degree() == 1:
            slope, offset = affine.all_coeffs()
            return constant * gaussian_kernel(sp.Integer(-2), offset, slope)
    polynomial = _polynomial(rest)
    if polynomial is not None:
        return constant * sp.Add(*(c * _moment(k) for (k,), c in polynomial.terms()))
    return constant * Expectation(rest)


def _polynomial(expression: sp.Expr) -> sp.Poly | None:
    if not expression.is_polynomial(NORMAL):
        return None
    return sp.Poly(expression, NORMAL)


def _moment(k: int) -> sp.Expr:
    """Return ``E z^k``: zero for odd ``k``, ``(k - 1)!!`` for even."""
    return sp.S.Zero if k % 2 else sp.factorial2(k - 1)


@lru_cache(maxsize=64)
def gauss_hermite(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights (summing to 1) of the Gauss-Hermite rule for ``N(0, 1)``, shapes (count,)."""
    from scipy.special import roots_hermitenorm

    nodes, weights = roots_hermitenorm(count)
    weights = weights / weights.sum()
    # Far nodes carry weights that add nothing; what is kept grows only like the square root of the count.
    keep = weights > 1e-40
    return nodes[keep], weights[keep]
