r"""Normal-form coefficients at equilibria whose linear part does not decide.

One imaginary pair ``+- i omega``, the other eigenvalues stable. With ``A q = i omega q``, ``A^T p = -i omega p``,
``<p, q> = conj(p)^T q = 1``, ``|q| = 1`` and the derivative tensors ``B`` (second) and ``C`` (third) of the field,

.. math::

    c_1 = \tfrac12 \langle p, C(q, q, \bar q) - 2 B(q, A^{-1} B(q, \bar q))
          + B(\bar q, (2 i \omega - A)^{-1} B(q, q)) \rangle, \qquad l_1 = \Re c_1 / \omega .

On the centre manifold ``y = y_0 + z q + \bar z \bar q + ...`` the amplitude obeys ``d|z|/dt = Re(c_1) |z|^3``. With the
root mean square distance ``r = sqrt(2) |z|`` of an orbit this is ``dr/dt = a r^3``, ``a = Re(c_1) / 2``.

One zero eigenvalue, the others stable, ``A q = 0``, ``A^T p = 0``, ``p^T q = 1``: on the centre manifold
``du/dt = a_2 u^2 + a_3 u^3 + ...`` with ``a_2 = p^T B(q, q) / 2`` and
``a_3 = p^T (C(q, q, q) + 3 B(q, h)) / 6``, ``A h = -(B(q, q) - 2 a_2 q)``, ``p^T h = 0``.

Source: Kuznetsov, Elements of Applied Bifurcation Theory, 3rd edition 2004, equations (5.34), (5.28) and section 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field
from dynamics.stability import derivatives

#: Units of rounding within which a coefficient that is a difference of terms counts as zero.
ROUNDING_UNITS = 1e4
#: Cosine between left and right null vector below which zero is a multiple eigenvalue.
DEFECTIVE = 1e-6


@dataclass(frozen=True)
class HopfForm:
    """Normal form at an imaginary pair.

    Attributes
    ----------
    omega : float
    q, p : ndarray of complex, shape (dim,)
        Right and left eigenvector, ``|q| = 1``, ``<p, q> = 1``.
    c1 : complex
        Cubic coefficient, ``dz/dt = i omega z + c1 z |z|^2``.
    tolerance : float
        Rounding level of ``Re c1``.
    square, mean : ndarray, shape (dim,)
        Second-order shape of the centre manifold: ``w = Re(square z^2) + mean |z|^2``.
    """

    omega: float
    q: NDArray[np.complex128]
    p: NDArray[np.complex128]
    c1: complex
    tolerance: float
    square: NDArray[np.complex128]
    mean: NDArray[np.float64]

    @property
    def l1(self) -> float:
        """First Lyapunov coefficient ``Re(c1) / omega``."""
        return self.c1.real / self.omega

    @property
    def amplitude_coefficient(self) -> float:
        """``a`` of the averaged law ``dr/dt = a r^3``, ``r`` the root mean square distance from the equilibrium."""
        return self.c1.real / 2

    @property
    def vanishes(self) -> bool:
        """Whether ``Re c1`` is zero to rounding."""
        return abs(self.c1.real) <= self.tolerance

    def states(self, y: NDArray[np.float64], z: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return points on the centre manifold to second order, shape (..., dim), for amplitudes of shape (...)."""
        linear = 2 * np.real(z[..., None] * self.q)
        return y + linear + np.real(self.square * z[..., None] ** 2) + self.mean * np.abs(z[..., None]) ** 2

    def amplitude(self, y: NDArray[np.float64], states: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Return ``z = <p, states - y>``, shape (...)."""
        return (states - y) @ self.p.conj()


def hopf_form(
    field: Field, y: NDArray[np.float64], right: NDArray[np.complex128], left: NDArray[np.complex128], omega: float
) -> HopfForm:
    """Return the normal form at an imaginary pair.

    Parameters
    ----------
    field : Field
    y : ndarray, shape (dim,)
        Equilibrium.
    right, left : ndarray of complex, shape (dim,)
        Eigenvectors to ``+ i omega``: ``J x = i omega x``, ``y^H J = i omega y^H``.
    omega : float
        Positive.
    """
    forms = derivatives.Forms(field, y)
    a = forms.jacobian
    q = right / np.linalg.norm(right)
    # the phase makes the largest component real, so that the form does not depend on the eigenvalue routine
    q = q * np.exp(-1j * np.angle(q[np.argmax(np.abs(q))]))
    p = left / np.conj(left.conj() @ q)
    # B(q, conj q) is real
    constant, double = forms.second(q, q.conj()), forms.second(q, q)
    inverse = np.linalg.inv(a), np.linalg.inv(2j * omega * np.eye(len(y)) - a)
    mean: NDArray[Any] = -np.linalg.solve(a, np.real(constant.value))
    square: NDArray[Any] = np.linalg.solve(2j * omega * np.eye(len(y)) - a, double.value)
    terms = [
        (1, forms.third(q, q.conj(), q)),
        (2, forms.second(q, mean, np.abs(inverse[0]) @ constant.error)),
        (1, forms.second(q.conj(), square, np.abs(inverse[1]) @ double.error)),
    ]
    c1 = complex(sum(factor * (p.conj() @ term.value) for factor, term in terms) / 2)
    # every product is rounded relative to its absolute terms, which cancel where a symmetry makes c1 imaginary
    absolute = float(sum(factor * (np.abs(p) @ term.size) for factor, term in terms))
    error = float(sum(factor * (np.abs(p) @ term.error) for factor, term in terms))
    tolerance = ROUNDING_UNITS * np.finfo(float).eps * absolute * float(np.linalg.cond(a)) ** 0.5 + error
    return HopfForm(omega, q, p, c1, tolerance, square, mean)


@dataclass(frozen=True)
class FoldForm:
    """Normal form at a zero eigenvalue, ``du/dt = a2 u^2 + a3 u^3``, with the rounding levels of both coefficients."""

    q: NDArray[np.float64]
    p: NDArray[np.float64]
    a2: float
    a3: float
    tolerance2: float
    tolerance3: float


def fold_form(field: Field, y: NDArray[np.float64]) -> FoldForm | None:
    """Return the normal form at a simple zero eigenvalue; None where it is not simple (a Bogdanov-Takens point).

    Parameters
    ----------
    field : Field
    y : ndarray, shape (dim,)
        Equilibrium whose Jacobian has a zero eigenvalue (to rounding).
    """
    forms = derivatives.Forms(field, y)
    a = forms.jacobian
    u, _, vh = np.linalg.svd(a)
    q, p = vh[-1], u[:, -1]
    if abs(p @ q) <= DEFECTIVE:
        return None
    q = q * np.sign(q[np.argmax(np.abs(q))])
    p = p / (p @ q)
    quadratic = forms.second(q, q)
    bqq = np.real(quadratic.value)
    a2 = float(p @ bqq) / 2
    bordered = np.block([[a, q[:, None]], [p[None, :], np.zeros((1, 1))]])
    h = np.linalg.solve(bordered, np.append(-(bqq - 2 * a2 * q), 0.0))[:-1]
    blur = np.abs(np.linalg.inv(bordered))[:-1, :-1] @ quadratic.error
    cubic, bent = forms.third(q, q, q), forms.second(q, h, blur)
    a3 = float(p @ np.real(cubic.value + 3 * bent.value)) / 6
    unit = ROUNDING_UNITS * np.finfo(float).eps
    weight = np.abs(p)
    tolerance2 = unit * float(weight @ quadratic.size) + float(weight @ quadratic.error)
    tolerance3 = unit * float(weight @ (cubic.size + 3 * bent.size)) + float(weight @ (cubic.error + 3 * bent.error))
    return FoldForm(q, p, a2, a3, tolerance2, tolerance3)


def reduced_field(
    field: Field, y: NDArray[np.float64], form: FoldForm, u: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the Lyapunov-Schmidt reduction ``g(u)`` and its rounding level, shapes (m,).

    ``g(u) = p^T v(y + u q + h(u))`` where ``h(u)``, ``p^T h = 0``, makes every other component of the field vanish.
    Its sign is that of the flow on the one-dimensional centre manifold when the other eigenvalues are stable.

    Parameters
    ----------
    field : Field
    y : ndarray, shape (dim,)
    form : FoldForm
    u : ndarray, shape (m,)
        Amplitudes along ``q``.
    """
    states = y + u[:, None] * form.q
    n = len(y)
    projector = np.eye(n) - np.outer(form.q, form.p)
    for _ in range(30):
        # bordered Newton: P v = 0 together with p^T (state - y) = u
        jacobian = projector @ np.asarray(field.jacobian(states))
        value = np.asarray(field(states)) @ projector.T
        top = np.concatenate([jacobian, np.broadcast_to(form.q[:, None], (len(u), n, 1))], axis=2)
        bottom = np.broadcast_to(np.append(form.p, 0.0), (len(u), 1, n + 1))
        matrix = np.concatenate([top, bottom], axis=1)
        gap = (states - y) @ form.p - u
        step = np.linalg.solve(matrix, -np.concatenate([value, gap[:, None]], axis=1)[..., None])[:, :n, 0]
        states = states + step
        if np.abs(step).max() <= 1e-15 * np.abs(states).max():
            break
    jacobian = np.abs(np.asarray(field.jacobian(states)))
    noise = 50 * np.finfo(float).eps * np.einsum("i,mij,mj->m", np.abs(form.p), jacobian, np.abs(states) + np.abs(y))
    return np.asarray(field(states)) @ form.p, noise
