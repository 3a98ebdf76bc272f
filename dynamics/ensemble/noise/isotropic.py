"""Noise of one strength in every coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.core.errors import InputError, check_number
from dynamics.ensemble.noise.base import Noise, Terms, noise_symbol
from dynamics.games.field import Field


@dataclass(frozen=True)
class Isotropic(Noise):
    """The same strength in every coordinate, independent: ``B = s I``.

    The diffusion matrix of the Fokker-Planck equation is ``s^2/2 I``.

    Parameters
    ----------
    strength : float
        s, at least 0.
    """

    name: ClassVar[str] = "isotropic"

    strength: float

    def __post_init__(self) -> None:
        super().__post_init__()
        value = check_number("The noise strength", self.strength)
        if value < 0:
            raise InputError(f"The noise strength must not be negative, got {value:g}: give 0 or more.")
        object.__setattr__(self, "strength", value)

    def terms(self, motion: Field) -> Terms:
        """Return ``s I``, without any column where s is zero."""
        if self.strength == 0:
            return Terms(tuple(() for _ in motion.names))
        s, n = noise_symbol(0), range(motion.dim)
        return Terms(tuple(tuple(s if i == j else s * 0 for j in n) for i in n), {s: self.strength})
