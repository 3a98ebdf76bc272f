r"""Amplitude equations of several critical modes at once: imaginary pairs, and at most one zero eigenvalue.

Mode j has the eigenvalue ``i omega_j``, right and left vectors ``q_j``, ``p_j``, ``<p_j, q_j> = 1``; the zero
eigenvalue has ``omega = 0`` and real vectors. Without resonances up to order four the amplitudes ``rho_j = |z_j|`` obey

.. math:: \dot\rho_i = \rho_i \sum_j A_{ij} \rho_j^2 + \dots,

.. math::
    A_{ij} = \Re \langle p_i, C(q_i, q_j, \bar q_j) + B(q_i, h_{j \bar j}) + B(q_j, h_{i \bar j})
             + B(\bar q_j, h_{ij}) \rangle, \quad
    A_{ii} = \tfrac12 \Re \langle p_i, C(q_i, q_i, \bar q_i) + 2 B(q_i, h_{i \bar i}) + B(\bar q_i, h_{ii}) \rangle,

``h_{jk} = (i (omega_j + omega_k) - A)^{-1} B(q_j, q_k)``, a bar reversing the sign of a frequency. The zero mode has
one real amplitude: its own column is ``C/2 + B(q_i, h_00)/2 + B(q_0, h_0i)``, its own entry ``C/6 + B(q_0, h_00)/2``.
It also has quadratic terms ``u' = a u^2 + sum_j b_j rho_j^2``, ``rho_j' = c_j u rho_j``, which come first if present.

With ``s = rho^2`` this is the Lotka-Volterra system ``s_i' = 2 s_i (A s)_i``. It grows along a ray of the modes in S
if ``A_SS s = 1`` has a positive solution; it decays, with the function ``sum d_i s_i``, if A with its negative
off-diagonal entries replaced by zero is Hurwitz. For two modes one of the two holds unless an entry vanishes.

Sources: Kuznetsov, Elements of Applied Bifurcation Theory, 3rd edition 2004, sections 8.5 and 8.6 (two modes);
Hofbauer and Sigmund, Evolutionary Games and Population Dynamics, 1998, chapter 15 (Lotka-Volterra systems).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field
from dynamics.stability import derivatives
from dynamics.stability.normalform import ROUNDING_UNITS
from dynamics.stability.spectra import Spectrum

#: A combination of frequencies below this share of the largest one counts as a resonance.
DETUNING = 1e-6
#: Faces of the cone of amplitudes are searched for growing rays up to this many modes.
MAX_MODES = 10


@dataclass(frozen=True)
class AmplitudeForm:
    """Amplitude equations of critical modes, the zero mode first if there is one.

    Attributes
    ----------
    frequencies : ndarray, shape (m,)
    matrix, tolerance : ndarray, shape (m, m)
        ``A`` and its rounding levels.
    quadratic : ndarray, shape (m, 2)
        Rows ``(b_j, c_j)``, of the zero mode ``(a, a)``; zero without a zero mode.
    quadratic_tolerance : ndarray, shape (m, 2)
    """

    frequencies: NDArray[np.float64]
    matrix: NDArray[np.float64]
    tolerance: NDArray[np.float64]
    quadratic: NDArray[np.float64]
    quadratic_tolerance: NDArray[np.float64]

    def decide(self) -> tuple[int | None, str]:
        """Return -1 (attracts), 1 (some states leave) or None (terms up to third order do not tell), and why."""
        large = np.abs(self.quadratic) > self.quadratic_tolerance
        if large.any():
            rows = [k for k in range(len(large)) if large[k].all() and np.prod(self.quadratic[k]) > 0]
            words = "quadratic terms of the zero mode " + _text(self.quadratic)
            # u' = a u^2 leaves on one side; u' = b rho^2, rho' = c u rho leaves along rho^2 = (c / b) u^2
            alone = bool(rows) and (rows[0] == 0 or not large[0].any())
            return (1, f"{words} make it leave on one side") if alone else (None, words)
        words = f"amplitude matrix {_text(self.matrix)} of the frequencies {_text(self.frequencies)}"
        zero = np.abs(self.matrix) <= self.tolerance
        count = len(self.matrix)
        for size in range(1, min(count, MAX_MODES) + 1):
            for chosen in combinations(range(count), size):
                part = np.ix_(chosen, chosen)
                if _grows(self.matrix[part], self.tolerance[part]):
                    return 1, f"{words}: modes {', '.join(str(k + 1) for k in chosen)} grow together"
        # every entry as unfavourable as rounding allows
        upper = np.where(zero, np.abs(self.matrix), self.matrix) + self.tolerance
        majorant = np.where(np.eye(count, dtype=bool), upper, np.maximum(upper, 0.0))
        if np.linalg.eigvals(majorant).real.max() < 0:
            return -1, f"{words}: every amplitude decays"
        return None, words


def _grows(matrix: NDArray[np.float64], tolerance: NDArray[np.float64]) -> bool:
    """Return whether ``A s = 1`` has a positive solution beyond rounding."""
    if np.linalg.matrix_rank(matrix, tol=2 * float(np.linalg.norm(tolerance, 2))) < len(matrix):
        return False
    inverse = np.linalg.inv(matrix)
    ray = inverse.sum(axis=1)
    return bool((ray > 2 * np.abs(inverse) @ tolerance @ np.abs(ray)).all())


def resonant(frequencies: NDArray[np.float64]) -> bool:
    """Return whether ``sum n_j omega_j = 0`` for integers with ``0 < sum |n_j| <= 4``, over positive frequencies."""
    positive = frequencies[frequencies > 0]
    for numbers in product(range(-4, 5), repeat=len(positive)):
        total = np.abs(numbers).sum()
        if 0 < total <= 4 and abs(float(np.dot(numbers, positive))) <= DETUNING * positive.max():
            return True
    return False


def amplitude_form(field: Field, y: NDArray[np.float64], found: Spectrum) -> AmplitudeForm | None:
    """Return the amplitude equations at an equilibrium, None with resonances or more than one zero eigenvalue.

    Parameters
    ----------
    field : Field
    y : ndarray, shape (dim,)
    found : Spectrum
        Its critical eigenvalues are semi-simple; the others are stable.
    """
    upper = np.flatnonzero(found.imaginary & (found.eigenvalues.imag > 0))
    null = np.flatnonzero(found.zeros)
    frequencies = np.concatenate([np.zeros(len(null)), found.eigenvalues.imag[upper]])
    if len(null) > 1 or len(upper) > MAX_MODES // 2 or resonant(frequencies):
        return None
    right, left = [], []
    for k in (*null, *upper):
        q = found.right[:, k] * np.exp(-1j * np.angle(found.right[np.argmax(np.abs(found.right[:, k])), k]))
        right.append(q / np.linalg.norm(q))
        left.append(found.left[:, k] / np.conj(found.left[:, k].conj() @ right[-1]))
    return _form(derivatives.Forms(field, y), frequencies, right, left)


@dataclass(frozen=True)
class _Vector:
    """A vector with its frequency and its error besides rounding."""

    value: NDArray[Any]
    frequency: float
    error: NDArray[np.float64]

    @property
    def bar(self) -> _Vector:
        return _Vector(self.value.conj(), -self.frequency, self.error)


def _form(
    forms: derivatives.Forms, frequencies: NDArray[np.float64], right: list[Any], left: list[Any]
) -> AmplitudeForm:
    n, m = len(forms.y), len(frequencies)
    unit = ROUNDING_UNITS * np.finfo(float).eps
    none = np.zeros(n)
    modes = [_Vector(q, w, none) for q, w in zip(right, frequencies, strict=True)]
    # every critical eigenvector with its conjugate: what a quadratic term may hit
    critical = [(w, q, p) for w, q, p in zip(frequencies, right, left, strict=True)]
    critical += [(-w, q.conj(), p.conj()) for w, q, p in critical if w > 0]
    worst = [1.0]

    def bent(one: _Vector, other: _Vector) -> _Vector:
        """Return the second-order shape ``h`` that a product of modes forces."""
        frequency = one.frequency + other.frequency
        forced = forms.second(one.value, other.value)
        value = forced.value
        matrix = 1j * frequency * np.eye(n) - forms.jacobian
        for w, q, p in critical:
            if abs(w - frequency) <= DETUNING * max(float(frequencies.max()), 1e-300):
                value = value - q * (p.conj() @ value)
                matrix = matrix + np.outer(q, p.conj())
        worst[0] = max(worst[0], float(np.linalg.cond(matrix)))
        return _Vector(np.linalg.solve(matrix, value), frequency, np.abs(np.linalg.inv(matrix)) @ forced.error)

    def projected(p: NDArray[Any], terms: list[tuple[float, derivatives.Contraction]]) -> tuple[float, float]:
        value = sum(factor * np.real(p.conj() @ term.value) for factor, term in terms)
        size = sum(factor * (np.abs(p) @ term.size) for factor, term in terms)
        error = sum(factor * (np.abs(p) @ term.error) for factor, term in terms)
        return float(value), float(unit * size * worst[0] ** 0.5 + error)

    def second(one: _Vector, other: _Vector) -> derivatives.Contraction:
        return forms.second(one.value, other.value, other.error)

    def entry(i: int, j: int) -> tuple[float, float]:
        one, two = modes[i], modes[j]
        cubic = forms.third(two.value, two.bar.value, one.value)
        if frequencies[j] == 0:
            own = second(one, bent(two, two))
            if i == j:
                return projected(left[i], [(1 / 6, cubic), (1 / 2, own)])
            return projected(left[i], [(1 / 2, cubic), (1 / 2, own), (1, second(two, bent(two, one)))])
        if i == j:
            return projected(
                left[i],
                [(1 / 2, cubic), (1, second(one, bent(one, one.bar))), (1 / 2, second(one.bar, bent(one, one)))],
            )
        terms = [second(one, bent(two, two.bar)), second(two, bent(one, two.bar)), second(two.bar, bent(one, two))]
        return projected(left[i], [(1, term) for term in (cubic, *terms)])

    cells = np.array([[entry(i, j) for j in range(m)] for i in range(m)])
    quadratic = np.zeros((m, 2, 2))
    if frequencies[0] == 0:
        zero = modes[0]
        quadratic[0] = projected(left[0], [(1 / 2, second(zero, zero))])
        for j in range(1, m):
            quadratic[j, 0] = projected(left[0], [(1, second(modes[j], modes[j].bar))])
            quadratic[j, 1] = projected(left[j], [(1, second(zero, modes[j]))])
    return AmplitudeForm(frequencies, cells[..., 0], cells[..., 1], quadratic[..., 0], quadratic[..., 1])


def _text(values: NDArray[np.float64]) -> str:
    return str([[float(f"{v:.6g}") for v in row] if np.ndim(row) else float(f"{row:.6g}") for row in values])
