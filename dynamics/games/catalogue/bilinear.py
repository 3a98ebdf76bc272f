r"""Bilinear game: V = y^T A x, the generator minimises over x, the discriminator maximises over y.

Field ``dx/dt = -A^T y``, ``dy/dt = A x``; in one dimension ``A = sigma`` and orbits are circles of period
``2 pi / sigma``. Source: the standard counterexample to gradient descent-ascent (for instance Mescheder et al. 2017).
"""

from __future__ import annotations

import sympy as sp
from pydantic import model_validator

from dynamics.games.catalogue.options import Matrix, Options
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


class Settings(Options):
    """``sigma`` in one dimension, or a ``matrix`` A with one row per discriminator coordinate."""

    sigma: float = 1.0
    matrix: Matrix | None = None

    @model_validator(mode="after")
    def _rectangular(self) -> Settings:
        if self.matrix is not None and (
            not self.matrix or len({len(row) for row in self.matrix}) != 1 or not self.matrix[0]
        ):
            raise ValueError("the matrix must have rows of one equal, positive length, such as [[1,0],[0,2]]")
        return self

    def without_effect(self) -> set[str]:
        """``sigma`` where a matrix is given."""
        return {"sigma"} if self.matrix is not None else set()


def build(settings: Settings) -> Definition:
    """Return the definition."""
    if settings.matrix is None:
        xs: tuple[str, ...] = ("x",)
        ys: tuple[str, ...] = ("y",)
        x, y, sigma = map(symbol, ("x", "y", "sigma"))
        value, parameters = sigma * x * y, {"sigma": settings.sigma}
    else:
        rows, columns = len(settings.matrix), len(settings.matrix[0])
        xs = tuple(f"x{j + 1}" for j in range(columns)) if columns > 1 else ("x",)
        ys = tuple(f"y{i + 1}" for i in range(rows)) if rows > 1 else ("y",)
        parameters = {f"a{i + 1}_{j + 1}": settings.matrix[i][j] for i in range(rows) for j in range(columns)}
        value = sp.Add(
            *(symbol(f"a{i + 1}_{j + 1}") * symbol(ys[i]) * symbol(xs[j]) for i in range(rows) for j in range(columns))
        )
    return Definition("bilinear", (Player("generator", xs, value), Player("discriminator", ys, -value)), parameters)
