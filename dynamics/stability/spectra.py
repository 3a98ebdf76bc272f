r"""Eigenvalues of the Jacobian with tolerances that know about rounding, and the class of the linear flow.

Sign convention: ``J = dv/dy``; a negative real part attracts. A simple eigenvalue moves by at most
``|dJ| / |y^H x|`` when the Jacobian moves by ``dJ`` (``x, y`` unit right and left eigenvectors); a group of ``k``
nearly equal eigenvalues by about ``|J| (|dJ| / |J|)^(1/k)``. The smaller of the two bounds is the tolerance within
which a real part counts as zero; where that tolerance is not small the class is "undecided".

Source: Stewart and Sun, Matrix Perturbation Theory, 1990, chapter IV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A real part below its tolerance counts as zero only where the tolerance is below this share of the spectral radius.
RESOLVED = 1e-5


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a Jacobian, ordered by real part (largest first), then imaginary part.

    Attributes
    ----------
    eigenvalues : ndarray of complex, shape (dim,)
    right, left : ndarray of complex, shape (dim, dim)
        Columns are eigenvectors: ``J x = lambda x``, ``y^H J = lambda y^H``, unit length.
    tolerances : ndarray, shape (dim,)
        Rounding level of each eigenvalue.
    signs : ndarray of int, shape (dim,)
        Sign of each real part; 0 within the tolerance.
    flow : str
        Class of the linear flow.
    """

    eigenvalues: NDArray[np.complex128]
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]
    tolerances: NDArray[np.float64]
    signs: NDArray[np.int_]
    flow: str

    @property
    def zeros(self) -> NDArray[np.bool_]:
        """Which eigenvalues are zero within their tolerance, shape (dim,)."""
        return np.abs(self.eigenvalues) <= self.tolerances

    @property
    def imaginary(self) -> NDArray[np.bool_]:
        """Which eigenvalues are imaginary and not zero within their tolerance, shape (dim,)."""
        return (self.signs == 0) & ~self.zeros


def spectrum(jacobian: NDArray[np.float64], uncertainty: float = 0.0, zeros: int = 0) -> Spectrum:
    """Return eigenvalues, eigenvectors, tolerances and the class of the linear flow.

    Parameters
    ----------
    jacobian : ndarray, shape (dim, dim)
    uncertainty : float
        Norm by which the Jacobian may be wrong besides rounding (error of the equilibrium).
    zeros : int
        Number of eigenvalues known to vanish exactly (dimension of a continuum of equilibria): that many smallest
        ones get a tolerance that covers them.
    """
    n = len(jacobian)
    found = np.linalg.eig(jacobian)
    values: NDArray[Any] = found.eigenvalues.astype(complex)
    right: NDArray[Any] = found.eigenvectors.astype(complex)
    left = left_vectors(right)
    order = np.lexsort((np.round(np.imag(values), 12), np.round(-np.real(values), 12)))
    values, left, right = values[order], left[:, order], right[:, order]
    size = float(np.linalg.norm(jacobian))
    change = 20 * n * np.finfo(float).eps * size + uncertainty
    tolerances = np.zeros(n)
    if size > 0:
        overlap = np.abs(np.sum(left.conj() * right, axis=0))
        simple = change / np.maximum(overlap, np.finfo(float).eps)
        for i in range(n):
            grouped = n
            for k in range(1, n + 1):
                radius = 4 * size * (change / size) ** (1 / k)
                if np.sum(np.abs(values - values[i]) <= radius) <= k:
                    grouped = k
                    break
            tolerances[i] = min(simple[i], 4 * size * (change / size) ** (1 / grouped))
    if zeros:
        smallest = np.argsort(np.abs(values))[:zeros]
        # their distance from zero is rounding by what is known about them
        tolerances[smallest] = np.maximum(tolerances[smallest], 2 * np.abs(values[smallest]))
    else:
        tolerances = np.minimum(tolerances, max(size, 1e-300))
    signs = np.where(np.abs(np.real(values)) <= tolerances, 0, np.sign(np.real(values))).astype(int)
    return Spectrum(values, right, left, tolerances, signs, classify(values, tolerances, signs, size, zeros))


def left_vectors(right: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return unit left eigenvectors, the columns dual to the right ones (orthogonal to the others' span)."""
    # the pseudo-inverse of a singular matrix of eigenvectors would hide defectiveness: its overlap must stay tiny
    u, s, vh = np.linalg.svd(right)
    dual = u @ np.diag(1 / np.maximum(s, np.finfo(float).eps)) @ vh
    return dual / np.maximum(np.linalg.norm(dual, axis=0), 1e-300)


def classify(
    values: NDArray[np.complex128],
    tolerances: NDArray[np.float64],
    signs: NDArray[np.int_],
    size: float,
    zeros: int = 0,
) -> str:
    """Return the class of the linear flow.

    One of stable node, stable focus, unstable node, unstable focus, saddle, centre, centre with stable directions,
    centre with unstable directions, degenerate (an eigenvalue is zero), undecided (rounding hides a sign).
    """
    unresolved = (signs == 0) & (tolerances > RESOLVED * max(size, 1e-300))
    if size > 0 and unresolved.sum() > zeros:
        return "undecided"
    plus, minus, centre = (signs > 0).any(), (signs < 0).any(), (signs == 0).any()
    if plus and minus:
        return "saddle"
    if (np.abs(values) <= tolerances).any():
        return "degenerate"
    if centre:
        directions = "with unstable directions" if plus else "with stable directions" if minus else ""
        return f"centre {directions}".strip()
    turning = (np.abs(values.imag) > tolerances).any()
    return f"{'unstable' if plus else 'stable'} {'focus' if turning else 'node'}"
