"""Correlated noise: a constant matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from dynamics.ensemble.noise.base import Noise, Terms, check_matrix, check_rows, constant_terms
from dynamics.games.field import Field


@dataclass(frozen=True, eq=False)
class Matrix(Noise):
    """A constant matrix ``B`` of shape (coordinates, components of W); the covariance per unit time is ``B B^T``.

    Parameters
    ----------
    matrix : array_like, shape (dim, m)
    """

    name: ClassVar[str] = "matrix"

    matrix: ArrayLike

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "matrix", check_matrix("The noise matrix", self.matrix))

    def terms(self, motion: Field) -> Terms:
        """Return the matrix, without columns of zeros."""
        matrix = np.asarray(self.matrix)
        check_rows("The noise matrix", len(matrix), motion)
        return constant_terms(matrix[:, matrix.any(axis=0)])
