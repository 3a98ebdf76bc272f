r"""Switchings of a non-smooth flow: what happened on a surface, and how it carries small differences across.

An orbit that meets a surface with the normal n, with the field ``v_-`` before and ``v_+`` after it, takes a small
difference d between orbits into ``S d``, because the neighbour meets the surface a little earlier or later:

    S = I + (v_+ - v_-) n^T / (n . v_-),

the saltation matrix (Leine, Nijmeijer 2004, Dynamics and Bifurcations of Non-Smooth Mechanical Systems, section 7.1;
di Bernardo, Budd, Champneys, Kowalczyk 2008, Piecewise-smooth Dynamical Systems, section 2.5). Where the orbit goes on
along the surface, ``n . v_+ = 0``, S projects onto it: differences across are lost. Where it leaves a surface along
which it slid, or a bound, the field is continuous and ``S = I``; so it is where it comes to rest, with its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from dynamics.flow.modes import Mode
from dynamics.flow.pieces import Guard, Pieces


@dataclass(frozen=True)
class Switching:
    """One change from a smooth piece of an orbit to the next.

    Attributes
    ----------
    time : float
    state : ndarray, shape (dim,)
    surface : int
        Index into the field's ``switches``, or behind those ``2 i`` for the lower and ``2 i + 1`` for the upper bound
        of its bounded coordinate i.
    before, after : ndarray, shape (dim,)
        The field on either side in time, ``dy/dt`` (in a backward integration too).
    kind : str
        "crossing", "sliding-begin", "sliding-end", "rest" (the orbit has converged to a zero of the field of the side
        it comes from), "bound" (a coordinate stops at its bound), "release", or "halt" (a coordinate beyond its bound
        stops there, because the field turns outward).
    normal : ndarray, shape (dim,)
        Gradient of the switching function or of the coordinate.
    label : str
        The surface in words.
    mode : Mode
        What the orbit follows from here on.
    """

    time: float
    state: NDArray[np.float64]
    surface: int
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    kind: str
    normal: NDArray[np.float64]
    label: str
    mode: Mode

    def to_dict(self) -> dict[str, Any]:
        """Return the switching as JSON-able values."""
        return {
            "time": self.time,
            "state": self.state.tolist(),
            "surface": self.surface,
            "label": self.label,
            "kind": self.kind,
            "before": self.before.tolist(),
            "after": self.after.tolist(),
        }


def saltation(switching: Switching, normal: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return the matrix that carries small differences across a switching, shape (dim, dim).

    ``S = I + (v_+ - v_-) n^T / (n . v_-)``; the identity where the field is continuous. The derivative of the flow over
    the switching is the product of those over the pieces with S between them.

    Parameters
    ----------
    switching : Switching
    normal : array_like, shape (dim,), optional
        Normal of the surface, of any length; the one recorded unless given.

    Raises
    ------
    InputError
        For a normal of another shape, and for an orbit that touches the surface tangentially, over which the flow has
        no derivative.
    """
    dim = len(switching.state)
    identity = np.eye(dim)
    if switching.kind in ("sliding-end", "rest", "release", "halt"):
        return identity
    n = switching.normal if normal is None else np.asarray(normal, dtype=np.float64)
    if n.shape != (dim,):
        raise InputError(f"normal has shape {n.shape}, expected ({dim},).")
    jump = switching.after - switching.before
    speed = float(n @ switching.before)
    if not jump.any():
        return identity
    if abs(speed) <= 1e-12 * float(np.abs(n) @ np.abs(switching.before)):
        raise InputError(
            f"The orbit touches {switching.label} tangentially at t = {switching.time:g}, where the flow has no "
            "derivative: begin or end elsewhere."
        )
    return identity + np.outer(jump, n) / speed


def record(
    pieces: Pieces, time: float, state: NDArray[np.float64], old: Mode, new: Mode, guard: Guard
) -> Switching | None:
    """Return the switching from one mode to another that a guard brought about, None for a touch without change."""
    if old == new:
        return None
    before, after = pieces.branch(old), pieces.branch(new)
    if guard.kind in ("side", "exit"):
        surface, label = guard.index, pieces.field.surface_label(guard.index)
        normal = before.normals(state)[guard.index]
        slides = new.sides[guard.index] == 0
        kind = "sliding-end" if guard.kind == "exit" else "sliding-begin" if slides else "crossing"
        kind = "rest" if new.rests else kind
    else:
        upper = (guard.target or old.ends[guard.index]) > 0
        edge = (pieces.high if upper else pieces.low)[guard.index]
        surface = len(old.sides) + 2 * pieces.bounded.index(guard.index) + int(upper)
        label = f"{pieces.field.names[guard.index]} = {edge:g}"
        normal = np.eye(len(state))[guard.index]
        stops = abs(new.ends[guard.index]) == 1
        kind = guard.kind if guard.kind in ("release", "halt") else "bound" if stops else "crossing"
    came, goes = (np.asarray(branch(state, time), dtype=np.float64) for branch in (before, after))
    return Switching(time, state, surface, came, goes, kind, normal, label, new)
