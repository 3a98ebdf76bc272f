"""The noise of stochastic gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_positive
from dynamics.ensemble.noise.base import Noise, Terms, check_matrix, check_rows, constant_terms
from dynamics.games.field import Field

#: Asymmetry and negative eigenvalues of a covariance up to this share of its largest entry are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class GradientNoise(Noise):
    """Noise of stochastic gradients with covariance ``Sigma`` at learning rate ``lr``: ``B = sqrt(lr) Sigma^(1/2)``.

    One step of the noisy descent ``y + lr (v + e)``, ``cov e = Sigma``, has the covariance ``lr^2 Sigma``, which is
    that of the SDE over the time ``lr``. Source: Li, Tai and E 2017, equation 6 (their ``eta`` is ``lr``).

    Parameters
    ----------
    covariance : array_like, shape (dim, dim)
        Sigma, symmetric and positive semi-definite.
    lr : float
    """

    name: ClassVar[str] = "gradient"

    covariance: ArrayLike
    lr: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "covariance", check_matrix("The gradient covariance", self.covariance))
        object.__setattr__(self, "lr", check_positive("The learning rate of the gradient noise", self.lr))
        square_root("The gradient covariance", np.asarray(self.covariance))

    def terms(self, motion: Field) -> Terms:
        """Return ``sqrt(lr) Sigma^(1/2)``, one column for each eigenvalue that is not zero."""
        covariance = np.asarray(self.covariance)
        check_rows("The gradient covariance", len(covariance), motion)
        return constant_terms(np.sqrt(self.lr) * square_root("The gradient covariance", covariance))


def square_root(name: str, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``R`` of shape (n, rank) with ``R R^T`` the covariance, or refuse one that is none.

    A diagonal covariance gives a diagonal root, any other one the scaled eigenvectors.
    """
    if covariance.shape[0] != covariance.shape[1]:
        rows, columns = covariance.shape
        raise InputError(f"{name} has {rows} rows and {columns} columns, expected a square matrix.")
    scale = np.abs(covariance).max()
    if np.abs(covariance - covariance.T).max() > _ROUNDING * scale:
        i, j = np.unravel_index(np.argmax(np.abs(covariance - covariance.T)), covariance.shape)
        raise InputError(
            f"{name} is not symmetric: entry ({i + 1}, {j + 1}) is {covariance[i, j]:g} and entry "
            f"({j + 1}, {i + 1}) is {covariance[j, i]:g}; give a symmetric matrix."
        )
    if np.array_equal(covariance, np.diag(np.diagonal(covariance))):
        values, vectors = np.diagonal(covariance), np.eye(len(covariance))
    else:
        values, vectors = np.linalg.eigh(covariance)
    if values.min() < -_ROUNDING * scale:
        raise InputError(
            f"{name} is not positive semi-definite: it has the eigenvalue {values.min():.6g}; give a covariance."
        )
    kept = values > _ROUNDING * scale
    return vectors[:, kept] * np.sqrt(values[kept])
