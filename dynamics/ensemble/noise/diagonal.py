"""Independent noise whose strength depends on the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import sympy as sp

from dynamics.core.errors import InputError, unknown
from dynamics.ensemble.noise.base import Noise, Terms, check_interpretation, expression
from dynamics.games.field import Field


@dataclass(frozen=True)
class Diagonal(Noise):
    """Independent noise in each coordinate, ``B = diag(b_1(y), ..., b_n(y))``; coordinates not named have none.

    Parameters
    ----------
    strengths : mapping of coordinate to formula
        Over coordinates and parameters of the game, such as ``{"x": "0.1*x"}``.
    interpretation : str
        ``ito`` or ``stratonovich``; the second adds ``g^2/2 sum_j (db_j/dy) b_j`` to the drift.
    """

    name: ClassVar[str] = "diagonal"

    strengths: Mapping[str, Any]
    interpretation: str = field(default="ito", kw_only=True)  # pyright: ignore[reportIncompatibleVariableOverride]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_interpretation(self.interpretation)
        if not self.strengths:
            raise InputError("The noise names no coordinate: give formulas such as x=0.1*x.")
        object.__setattr__(self, "strengths", {key: _text(value) for key, value in self.strengths.items()})

    def terms(self, motion: Field) -> Terms:
        """Return the diagonal matrix, one column for each formula."""
        for key in self.strengths:
            if key not in motion.names:
                raise unknown("coordinate of the noise", key, motion.names)
        entries = {key: expression(text, motion) for key, text in self.strengths.items()}
        columns = [name for name in motion.names if entries.get(name, sp.S.Zero) != 0]
        return Terms(tuple(tuple(entries[c] if c == name else sp.S.Zero for c in columns) for name in motion.names))


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else str(value)
