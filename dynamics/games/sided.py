"""One side of a kink: a non-smooth field continued smoothly from the sides of its switching surfaces.

A method of high order that steps across a surface sees two different fields in one step and loses its order, or its
step size. Continued from one side, the field is smooth: the step may end beyond the surface, and where the orbit met
it is found afterwards.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.games.field import Array, Draw, Field

if TYPE_CHECKING:
    from dynamics.games.symbolic import SymbolicGame

#: Steps of central differences, relative to the state: the cube root of the rounding for slopes, the fourth root for
#: second derivatives.
_SLOPE_STEP, _SECOND_STEP = 6e-6, 1e-4

#: How far beside a surface a field is evaluated to be on the right side of it, relative to the state.
_MARGIN = 1e-7


class Sided(Field):
    """The smooth field that equals ``field`` where every switch k has the sign ``signs[k]``; bounds do not act on it.

    Parameters
    ----------
    field : Field
    signs : sequence of 1 and -1
        One for each of ``field.switches``.
    """

    def __init__(self, field: Field, signs: Sequence[float]) -> None:
        self.names = field.names
        self.field = field
        self.signs = np.array(signs, dtype=np.float64)
        count = len(field.switches)
        if self.signs.shape != (count,) or not np.isin(self.signs, (-1.0, 1.0)).all():
            raise InputError(f"signs must be {count} numbers 1 or -1, one for each switch, got {list(signs)}.")

    @abstractmethod
    def surfaces(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of all switches, as smooth as the field, shape (..., switch)."""

    @abstractmethod
    def surface_gradients(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradients of all switches, shape (..., switch, dim)."""

    @abstractmethod
    def surface_hessians(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the second derivatives of all switches, shape (..., switch, dim, dim)."""

    def describe(self) -> dict[str, Any]:
        """Return the description of the field and the signs."""
        return {"kind": "sided", "field": self.field.describe(), "signs": self.signs.tolist()}


class SidedGame(Sided):
    """One side of a symbolic game: generated code in which every kink is the smooth function it is on that side."""

    def __init__(self, game: SymbolicGame, signs: Sequence[float]) -> None:
        super().__init__(game, signs)
        self.game = game
        self._p = np.concatenate([game.arguments[0], self.signs])

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the field, shape (..., dim)."""
        return self.game.tensor("sided_field", y, 0, self._p)

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the exact Jacobian, shape (..., dim, dim)."""
        return self.derivative(y, 1)

    def derivative(self, y: Array, order: int) -> Array:
        """Return the derivative tensor of the field of this order, shape (..., dim, dim, ...) with order + 1 axes."""
        return self.game.tensor(f"sided_derivative_{order}", y, order, self._p)

    def jvp_jacobian(self, y: Array, u: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``d(J(y) u)/dy``, shape (..., dim, dim)."""
        return (self.derivative(y, 2) * u[..., None, :, None]).sum(-2)

    def surfaces(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of all switches, shape (..., switch)."""
        return self.game.evaluate("sided_switches", y, self._p)

    def surface_gradients(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the exact gradients of all switches, shape (..., switch, dim)."""
        return self._of_surfaces(1, y)

    def surface_hessians(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the exact second derivatives of all switches, shape (..., switch, dim, dim)."""
        return self._of_surfaces(2, y)

    def _of_surfaces(self, order: int, y: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = self.game.evaluate(f"sided_switch_{order}", y, self._p)
        return flat.reshape(*flat.shape[:-1], len(self.signs), *(self.dim,) * order)


class Continuation(Sided):
    """One side of a field that does not know its branches: beyond a surface it is extrapolated linearly.

    ``v(y) = 2 v(y + m n) - v(y + (d + 2 m) n)`` at the distance d beyond the surface, where n leads back and m is a
    small margin: both states lie on the right side. The error grows with the square of the distance. A component that
    a bound stops is extrapolated from inside the bound likewise; where it moves inward, the field's own value holds.
    """

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the field, shape (..., dim)."""
        return self._continued(y, lambda states: self._free(states, 1, t, draw))

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the Jacobian, continued likewise, shape (..., dim, dim)."""
        return self._continued(y, lambda states: self._free(states, 2, t, draw))

    def surfaces(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of all switches, shape (..., switch)."""
        values = np.empty((*y.shape[:-1], len(self.signs)))
        for k, switch in enumerate(self.field.switches):
            values[..., k] = switch(y)
        return values

    def surface_gradients(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return central differences of all switches, shape (..., switch, dim)."""
        step = _SLOPE_STEP * np.maximum(1.0, np.abs(y).max(axis=-1, initial=0.0))[..., None, None]
        shift = step * np.eye(self.dim)
        change = self.surfaces(y[..., None, :] + shift) - self.surfaces(y[..., None, :] - shift)
        return np.swapaxes(change / (2 * step), -1, -2)

    def surface_hessians(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return differences of the gradients of all switches, shape (..., switch, dim, dim)."""
        step = _SECOND_STEP * np.maximum(1.0, np.abs(y).max(axis=-1, initial=0.0))[..., None, None]
        shift = step * np.eye(self.dim)
        ahead, behind = (self.surface_gradients(y[..., None, :] + way * shift) for way in (1.0, -1.0))
        return np.moveaxis((ahead - behind) / (2 * step[..., None]), -3, -1)

    def _free(self, y: Array, axes: int, t: float, draw: Draw) -> Array:
        """Return the field (one axis) or its Jacobian (two) without the stops at bounds."""

        def value(states: Array) -> Array:
            return self.field(states, t, draw) if axes == 1 else self.field.jacobian(states, t, draw)

        result = value(y)
        for name, (low, high) in self.field.bounds.items():
            i, moving = list(self.names).index(name), self.field(y, t, draw)
            for way, edge in ((-1.0, low), (1.0, high)):
                beyond = way * (y[..., i] - edge)
                stopped = (beyond >= 0) & (moving[..., i] == 0)
                if not stopped.any():
                    continue
                margin = _MARGIN * max(1.0, abs(edge))
                # Not as far back as the other bound.
                length = (beyond + margin).clip(margin, min(1.0, (high - low) / 2))
                near, far = (states + 0.0 for states in (y, y))
                near[..., i], far[..., i] = edge - way * margin, edge - way * (margin + length)
                entry = (..., i) if axes == 1 else (..., i, slice(None))
                inner, change = value(near)[entry], value(near)[entry] - value(far)[entry]
                share = (beyond + margin) / length
                if axes == 2:
                    share, stopped = share[..., None], stopped[..., None]
                result = result + 0.0
                result[entry] = result[entry] * ~stopped + stopped * (inner + share * change)
        return result

    def _continued(self, y: Array, value: Callable[[Array], Array]) -> Array:
        states = y if isinstance(y, np.ndarray) else y.detach().cpu().numpy()
        beyond = self.signs * self.surfaces(states) <= 0
        rows = np.argwhere(beyond.any(axis=-1))
        if not len(rows):
            return value(y)
        near, far = states.copy(), states.copy()
        for row in map(tuple, rows):
            near[row], far[row] = self._back(states[row], np.flatnonzero(beyond[row]))
        if isinstance(y, np.ndarray):
            return 2 * np.asarray(value(near)) - np.asarray(value(far))
        return 2 * value(y.new_tensor(near)) - value(y.new_tensor(far))

    def _back(
        self, y: NDArray[np.float64], crossed: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the state just behind the surfaces that were crossed, and one as far behind as y is beyond."""
        margin = _MARGIN * max(1.0, float(np.abs(y).max()))
        beyond = np.abs(self._distances(y, crossed)[0])
        return self._at(y, crossed, np.full(len(crossed), margin)), self._at(y, crossed, beyond + 2 * margin)

    def _distances(
        self, y: NDArray[np.float64], chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return distances from surfaces to first order, positive on the right side, and the unit normals there."""
        normals = self.surface_gradients(y)[chosen]
        lengths = np.maximum(np.linalg.norm(normals, axis=1), np.finfo(float).tiny)
        signs = self.signs[chosen] / lengths
        return signs * self.surfaces(y)[chosen], signs[:, None] * normals

    def _at(
        self, y: NDArray[np.float64], chosen: NDArray[np.int64], distance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the state near y at these distances from surfaces; five Newton steps settle curved ones."""
        for _ in range(5):
            distances, normals = self._distances(y, chosen)
            y = y + np.linalg.pinv(normals) @ (distance - distances)
        return y
