r"""Fields derived from a game for drawing: slices, and the same orbits run through at even speed.

An orbit is a curve; how fast it is run through does not matter on a page. ``dy/ds = v / sqrt(|v|^2 + e^2)``, with
lengths measured in units of the box, has the orbits of ``dy/dt = v``, no finite-time blow-up, and the arc length as
its time away from equilibria.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Array, Draw, Field
from figures.phase.plane import Plane


class Slice(Field):
    """A field's part along a plane, with the other coordinates frozen."""

    def __init__(self, field: Field, plane: Plane) -> None:
        self.names = plane.names
        self.field = field
        self.plane = plane

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the two components along the plane, shape (..., 2)."""
        return self.plane.project(np.asarray(self.field(self.plane.lift(y), t, draw)))

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the block of the Jacobian along the plane, shape (..., 2, 2)."""
        block = np.asarray(self.field.jacobian(self.plane.lift(y), t, draw))
        return block[..., np.array(self.plane.indices)[:, None], np.array(self.plane.indices)]


class EvenSpeed(Field):
    r"""``u = s v / sqrt(|W v|^2 + e^2)``: the orbits of v at unit speed in the lengths ``W = diag(weights)``.

    Parameters
    ----------
    field : Field
    weights : ndarray, shape (dim,)
        Inverse unit of length of each coordinate; 0 for a coordinate whose motion does not count.
    floor : float
        The speed ``e`` below which an orbit slows down, so that equilibria stay equilibria and the field smooth.
    sign : float
        1 forward, -1 backward in time.
    """

    def __init__(self, field: Field, weights: NDArray[np.float64], floor: float, sign: float = 1.0) -> None:
        self.names = field.names
        self.field = field
        self.weights = np.asarray(weights, dtype=np.float64)
        self.floor = float(floor)
        self.sign = float(sign)

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the rescaled field, shape (..., dim)."""
        if not isinstance(y, np.ndarray) and type(y).__module__.startswith("torch"):
            import torch

            return torch.as_tensor(self(y.detach().cpu().numpy(), t, draw))
        velocity = np.asarray(self.field(y, t, draw))
        speed = np.sqrt(np.sum((self.weights * velocity) ** 2, axis=-1, keepdims=True) + self.floor**2)
        return self.sign * velocity / speed

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``s (J / q - v (W^2 v)^T J / q^3)`` with ``q`` the speed above, shape (..., dim, dim)."""
        velocity = np.asarray(self.field(y, t, draw))
        slope = np.asarray(self.field.jacobian(y, t, draw))
        weighted = self.weights**2 * velocity
        speed = np.sqrt(np.sum(weighted * velocity, axis=-1) + self.floor**2)[..., None, None]
        pull = (weighted[..., None, :] @ slope)[..., 0, :]
        return self.sign * (slope / speed - velocity[..., :, None] * pull[..., None, :] / speed**3)

    def project(self, y: Array, player: str | None = None) -> Array:
        """Return the projection of the field itself."""
        return self.field.project(y, player)

    @property
    def switches(self) -> Any:
        """Surfaces where the field itself is not smooth."""
        return self.field.switches
