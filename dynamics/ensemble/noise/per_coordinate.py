"""Independent noise of a strength of its own in each coordinate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dynamics.core.errors import InputError, check_number, unknown
from dynamics.ensemble.noise.base import Noise, Terms, constant_terms
from dynamics.games.field import Field


@dataclass(frozen=True)
class PerCoordinate(Noise):
    """Independent noise of given strengths: ``B = diag(s_1, ..., s_n)``; coordinates that are not named have none.

    Parameters
    ----------
    strengths : mapping of coordinate to float
        At least 0 each.
    """

    name: ClassVar[str] = "per-coordinate"

    strengths: Mapping[str, float]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.strengths:
            raise InputError("The noise names no coordinate: give strengths such as x=0.1,y=0.")
        values = {key: check_number(f"The noise strength of '{key}'", value) for key, value in self.strengths.items()}
        for key, value in values.items():
            if value < 0:
                raise InputError(f"The noise strength of '{key}' must not be negative, got {value:g}: give 0 or more.")
        object.__setattr__(self, "strengths", values)

    def terms(self, motion: Field) -> Terms:
        """Return the diagonal matrix, one column for each strength that is not zero."""
        for key in self.strengths:
            if key not in motion.names:
                raise unknown("coordinate of the noise", key, motion.names)
        diagonal = np.diag([self.strengths.get(name, 0.0) for name in motion.names])
        return constant_terms(diagonal[:, diagonal.any(axis=0)])
