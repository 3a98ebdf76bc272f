r"""Rest on a surface: where orbits end that converge to a zero of the field of one side.

Where the field of one side vanishes on a surface and attracts, orbits of that side converge to the zero, and never get
to the other side, however fast the field is there. A computed orbit comes as near as its errors let it, and then one
of them carries it across. Such an orbit has come to rest: at a state y on the surface, with the field v of its side
(or along the surface) and the Jacobian J there,

* the zero ``y - J^{-1} v`` is no farther away than the errors of the orbit: the tolerance of a hundred steps (explicit
  steps at the edge of their stability were seen 28 tolerances off, for any stiffness);
* the field jumps: that of a side is a hundred times as fast. Where it does not, crossing disturbs nothing;
* the zero attracts, and not by turning around it. A zero that repels is not arrived at; around a focus orbits do
  cross. A slowest eigenvalue ``-r +- i w`` turns half around in the time ``pi / w``, within which the distance falls
  by ``exp(-pi r / w)``: to below the rounding of a double, ``2^-52``, for ``w / r < pi / (52 ln 2) = 0.087``;
* the field does not depend on time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.flow.modes import Branch

#: Part of the speed of another side below which the field jumps; compiled loops look at it first.
JUMP = 0.01

#: Imaginary to real part of an eigenvalue below which half a turn is shorter than the rounding.
_TURN = np.pi / (52 * np.log(2))

#: Relative size of eigenvalues that are zero: the directions of a line of zeros.
_SINGULAR = 1e-10

#: Speed along such a line, and change in time, relative to the field of the other side, that is rounding.
_STILL = 1e-12


def comes_to_rest(
    here: Branch, sides: Sequence[Branch], t: float, y: NDArray[np.float64], direction: float, error: float
) -> bool:
    """Return whether an orbit rests at a state on a surface.

    Parameters
    ----------
    here : Branch
        What it followed.
    sides : sequence of Branch
        The fields on the sides of the surface.
    t : float
    y : ndarray, shape (dim,)
    direction : float
        1 forward, -1 backward in time.
    error : float
        How far the orbit may be off.

    Returns
    -------
    bool
        With ``w = J^+ v`` on the directions in which the piece moves: whether ``|v| <= 0.01 |v_side|``, the slowest
        eigenvalue of J settles (:func:`settles`), and ``|w| <= error``.
    """
    speed = max(float(np.linalg.norm(side(y, t))) for side in sides)
    if not np.linalg.norm(here(y, t)) <= JUMP * speed < np.inf:
        return False
    frame = _frame(here, y)
    slope = frame.T @ np.asarray(here.jacobian(y, t)) @ frame
    if not np.isfinite(slope).all():
        return False
    slowest = slowest_rate(direction * np.linalg.eigvals(slope))
    if not settles(slowest):
        return False
    value, later = (frame.T @ np.asarray(here(y, time)) for time in (t, t - direction / slowest.real))
    way = np.linalg.pinv(slope, rcond=_SINGULAR) @ value
    # Nothing may be left along a line of zeros, and nothing may change with time.
    still = max(np.linalg.norm(value - slope @ way), np.linalg.norm(later - value)) <= _STILL * speed
    return bool(still and np.linalg.norm(way) <= error)


def slowest_rate(eigenvalues: NDArray[Any]) -> complex:
    """Return the eigenvalue of the largest real part, but for those that are zero; 0 if all are."""
    size = np.abs(eigenvalues)
    rates = eigenvalues[size > _SINGULAR * size.max(initial=0.0)]
    return complex(rates[np.argmax(np.real(rates))]) if rates.size else 0j


def settles(slowest: complex) -> bool:
    """Return whether orbits of this slowest eigenvalue, ``-r +- i w``, arrive before they have turned half around."""
    return abs(slowest.imag) < -_TURN * slowest.real


def _frame(branch: Branch, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an orthonormal basis of the directions in which a piece moves, shape (dim, count)."""
    frame = np.eye(len(y))[:, branch.moving > 0]
    if branch.sliding is None:
        return frame
    _, _, rows = np.linalg.svd(branch.normals(y)[branch.sliding.surfaces] @ frame)
    return frame @ rows[len(branch.sliding.surfaces) :].T
