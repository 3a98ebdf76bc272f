"""The smooth pieces of a non-smooth flow: on one side of its surfaces, sliding along them, stopped at its bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynamics.flow.sliding import Sliding
from dynamics.games.field import Array, Draw, Field


@dataclass(frozen=True)
class Mode:
    """Which smooth piece an orbit is on.

    Attributes
    ----------
    sides : tuple of int
        For every switch its sign, 1 or -1, or 0 while the orbit slides on it.
    ends : tuple of int
        For every coordinate 0 inside its bounds, 1 or -1 where it is stopped at its upper or lower bound (or beyond,
        if it began there), 2 or -2 where it moves beyond it.
    rests : bool
        Whether it has come to rest on a surface (:mod:`dynamics.flow.rest`).
    """

    sides: tuple[int, ...]
    ends: tuple[int, ...]
    rests: bool = False


class Branch(Field):
    """The smooth field of one mode, continued beyond the surfaces that end it.

    At rest on a surface it is zero, but its Jacobian is that of the side the orbit came from: small differences die out
    as they do around the zero.

    Parameters
    ----------
    field : Field
        The non-smooth one.
    mode : Mode
    """

    def __init__(self, field: Field, mode: Mode) -> None:
        self.names = field.names
        self.field = field
        self.mode = mode
        self.moving = np.where(np.abs(mode.ends) == 1, 0.0, 1.0)
        self.sliding = Sliding(field, mode.sides, self.moving) if 0 in mode.sides else None
        #: One of the sides, for the surfaces; the only one unless the orbit slides.
        self.side = self.sliding.sides[0] if self.sliding else field.sided(mode.sides)
        #: The field without the stops; its entries push the stopped coordinates.
        self.free: Field = self.sliding or self.side

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the field, zero for stopped coordinates, shape (..., dim)."""
        if self.mode.rests:
            return y * 0.0
        return self._stopped(self.free(y, t, draw))

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the Jacobian, shape (..., dim, dim)."""
        slope = self.free.jacobian(y, t, draw)
        return self._stopped(slope.swapaxes(-1, -2)).swapaxes(-1, -2)

    def jvp_jacobian(self, y: Array, u: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``d(J(y) u)/dy``, shape (..., dim, dim)."""
        return self._stopped(self.free.jvp_jacobian(y, u, t, draw).swapaxes(-1, -2)).swapaxes(-1, -2)

    def _stopped(self, value: Array) -> Array:
        if self.moving.all():
            return value
        return value * (self.moving if isinstance(value, np.ndarray) else value.new_tensor(self.moving))

    def surfaces(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of all switches, smooth like the field, shape (..., switch)."""
        return self.side.surfaces(y)

    def normals(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradients of all switches, shape (..., switch, dim)."""
        return self.side.surface_gradients(y)

    def speeds(self, y: NDArray[np.float64], t: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how fast the switches change along the orbit at a state, and the size of its terms, (switch,) each."""
        normals, value = self.normals(y), self(y, t)
        return normals @ value, np.abs(normals) @ np.abs(value)

    def speed_gradients(self, y: NDArray[np.float64], t: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the derivatives of the speeds by the state, ``n J + v H``, and the size of terms, (switch, dim)."""
        normals, value, slope, bent = self.normals(y), self(y, t), self.jacobian(y, t), self.side.surface_hessians(y)
        return normals @ slope + bent @ value, np.abs(normals) @ np.abs(slope) + np.abs(bent) @ np.abs(value)

    def describe(self) -> dict[str, object]:
        """Return the description of the field and the mode."""
        mode = {"sides": self.mode.sides, "ends": self.mode.ends, "rests": self.mode.rests}
        return {"kind": "branch", "field": self.field.describe(), **mode}
