"""Correlated noise that depends on the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dynamics.core.errors import InputError
from dynamics.ensemble.noise.base import Noise, Terms, check_interpretation, check_rows, expression
from dynamics.games.field import Field


@dataclass(frozen=True)
class StateDependent(Noise):
    """A matrix ``B(y)`` of formulas, one row a coordinate, one column a component of W.

    Parameters
    ----------
    matrix : sequence of rows of formulas
        Over coordinates and parameters of the game, such as ``[["0.1*y"], ["-0.1*x"]]``.
    interpretation : str
        ``ito`` or ``stratonovich``; the second adds ``g^2/2 sum_j (db_j/dy) b_j`` to the drift, b_j being the columns.
    """

    name: ClassVar[str] = "state-dependent"

    matrix: Sequence[Sequence[Any]]
    interpretation: str = field(default="ito", kw_only=True)  # pyright: ignore[reportIncompatibleVariableOverride]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_interpretation(self.interpretation)
        if isinstance(self.matrix, str) or not all(isinstance(row, list | tuple) for row in self.matrix):
            raise InputError(f"The noise matrix must be a list of rows of formulas, got {self.matrix!r}.")
        rows = tuple(tuple(str(entry) for entry in row) for row in self.matrix)
        if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
            raise InputError(
                f"The rows of the noise matrix have {[len(row) for row in rows]} entries: give as many each."
            )
        object.__setattr__(self, "matrix", rows)

    def terms(self, motion: Field) -> Terms:
        """Return the matrix."""
        check_rows("The noise matrix", len(self.matrix), motion)
        return Terms(tuple(tuple(expression(entry, motion) for entry in row) for row in self.matrix))
