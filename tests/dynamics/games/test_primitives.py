"""Primitives: derivatives against high-precision references, finite everywhere, alike in every dialect."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamics.games.codegen import load_module, lower, render
from dynamics.games.primitives import (
    absolute,
    clip,
    elu,
    gaussian_kernel,
    leaky_relu,
    log_sigmoid,
    relu,
    sigmoid,
    sign,
    softplus,
    step,
    switching_surfaces,
    tanh,
)

X = sp.Symbol("x", real=True)
M, S = sp.symbols("m s", real=True)
SMOOTH = [sigmoid(X), softplus(X), log_sigmoid(X), tanh(X)]
ROUGH = [
    relu(X),
    absolute(X),
    sign(X),
    step(X),
    clip(X, sp.Integer(-1), sp.Integer(2)),
    leaky_relu(X, sp.Rational(1, 5)),
    elu(X),
]
EMPTY = np.zeros(0)


def evaluate(expression, points, dialect="numpy", symbols=(X,)):
    """Values of one expression at points of shape (n, len(symbols)) in a dialect."""
    points = np.atleast_2d(np.asarray(points, dtype=float))
    program = lower([expression], symbols, ())
    function = load_module(render({"function": program}, dialect), "test").function
    if dialect == "numpy":
        return function(points, EMPTY, EMPTY, EMPTY)[:, 0]
    if dialect == "torch":
        import torch

        none = torch.zeros(0, dtype=torch.float64)
        return function(torch.tensor(points), none, none, none)[:, 0].numpy()
    out = np.empty((len(points), 1))
    for point, row in zip(points, out, strict=True):
        function(point, EMPTY, EMPTY, EMPTY, row)
    return out[:, 0]


@pytest.mark.parametrize("expression", SMOOTH, ids=str)
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_smooth_primitives_and_derivatives_agree_with_forty_digits(expression, order):
    points = np.array([-30.0, -5.5, -1.0, -1e-3, 0.0, 0.4, 2.0, 7.25, 30.0])
    ours = evaluate(sp.diff(expression, X, order), points[:, None])
    with mpmath.workdps(60):
        function = sp.lambdify(X, expression.elementary(), "mpmath")
        reference = [float(mpmath.diff(function, mpmath.mpf(p), order)) for p in points]
    # A derivative of order n is a sum of at most 2^n products of factors with a few ulp each.
    assert ours == pytest.approx(reference, rel=1e-13 * 2**order, abs=1e-16)


@pytest.mark.parametrize("expression", [*SMOOTH, *ROUGH], ids=str)
@pytest.mark.parametrize("dialect", ["numpy", "torch", "numba"])
def test_primitives_and_their_derivatives_are_finite_for_huge_arguments(expression, dialect):
    points = np.array([-1e300, -1e6, -1e3, 0.0, 1e3, 1e6, 1e300])[:, None]
    for order in range(4):
        assert np.isfinite(evaluate(sp.diff(expression, X, order), points, dialect)).all()


@pytest.mark.parametrize("expression", [*SMOOTH, *ROUGH, sp.sin(X), sp.cos(X), sp.exp(X / 300)], ids=str)
@pytest.mark.parametrize("dialect", ["torch", "numba"])
def test_dialects_agree(expression, dialect):
    points = np.linspace(-40, 40, 401)[:, None]
    # Two correctly rounded libraries differ by a few ulp.
    np.testing.assert_allclose(evaluate(expression, points, dialect), evaluate(expression, points), rtol=2e-15, atol=0)


@pytest.mark.parametrize("k", [-2, -1, 0, 1, 2, 3])
def test_gaussian_kernels_agree_with_forty_digits_in_every_dialect(k):
    points = np.array([[m, s] for m in (-2.0, -0.3, 0.0, 0.7, 3.0) for s in (-0.5, 0.2, 1.0, 3.0)])
    expression = gaussian_kernel(sp.Integer(k), M, S)
    reference = [
        float(expression.elementary().subs({M: sp.Rational(str(m)), S: sp.Rational(str(s))}).evalf(40))
        for m, s in points
    ]
    # exp(-r^2/2) turns a rounding error of the exponent (at most 112 here) into about 100 ulp; K_-2 is the difference
    # of two terms in the lower tail, so its error is relative to either of them.
    width = np.abs(points[:, 1])
    size = np.abs(reference) if k > -2 else width * np.exp(-0.5 * (points[:, 0] / width) ** 2)
    for dialect in ("numpy", "torch", "numba"):
        error = np.abs(evaluate(expression, points, dialect, (M, S)) - reference)
        assert (error <= 5e-14 * np.maximum(size, np.abs(reference))).all()


def test_gaussian_kernel_derivatives_follow_the_heat_equation():
    kernel = gaussian_kernel(sp.Integer(-2), M, S)
    assert sp.diff(kernel, M) == gaussian_kernel(sp.Integer(-1), M, S)
    assert sp.diff(kernel, S) == S * gaussian_kernel(sp.Integer(0), M, S)


@pytest.mark.parametrize("dialect", ["numpy", "torch", "numba"])
def test_gaussian_kernels_stay_finite_without_noise(dialect):
    points = np.array([[m, s] for m in (-1e3, -1.0, 0.0, 1.0, 1e3) for s in (0.0, 1e-200, 1e-20, 1e3)])
    for k in (-2, -1, 0, 1, 2):
        assert np.isfinite(evaluate(gaussian_kernel(sp.Integer(k), M, S), points, dialect, (M, S))).all()
    np.testing.assert_allclose(
        evaluate(gaussian_kernel(sp.Integer(-2), M, S), [[2.0, 0.0], [-2.0, 0.0]], dialect, (M, S)),
        [2.0, 0.0],
        atol=1e-149,
    )


@settings(max_examples=50, deadline=None)
@given(st.floats(-700, 700))
def test_sigmoid_of_x_and_minus_x_sum_to_one(x):
    assert evaluate(sigmoid(X) + sigmoid(-X), [[x]])[0] == pytest.approx(1.0, abs=2.3e-16)


def test_kinks_are_listed_once_per_surface():
    Y = sp.Symbol("y", real=True)
    assert switching_surfaces([sign(X) + relu(-X), absolute(Y) * sigmoid(X)]) == [X, Y] or set(
        switching_surfaces([sign(X) + relu(-X), absolute(Y) * sigmoid(X)])
    ) in ({X, Y}, {-X, Y})
