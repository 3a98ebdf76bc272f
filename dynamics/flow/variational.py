r"""The derivative of the flow by its start: the variational equation, integrated beside the orbit.

With ``phi_t(y0)`` the state at time t of the orbit from ``y0``, the matrix ``M(t) = d phi_t(y0) / d y0`` solves

    dM/dt = J(y(t), t) M,    M(0) = I,    J = dv/dy.

Over one period of a cycle it is the monodromy matrix, whose eigenvalues are the Floquet multipliers; the growth of
its columns over long times gives the Lyapunov exponents. Where the field is not smooth, M is the product of the
matrices of the smooth pieces and of the saltation matrices of the switchings between them.

Sources: Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, I.14, theorem 14.3; Leine, Nijmeijer
(2004), Dynamics and Bifurcations of Non-Smooth Mechanical Systems, chapter 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_number, check_states
from dynamics.core.status import Status
from dynamics.flow.integrate import integrate
from dynamics.flow.pieces import Pieces, nonsmooth
from dynamics.flow.result import FlowTrajectory
from dynamics.flow.switching import Switching, saltation
from dynamics.games.field import Array, Draw, Field

#: Default tolerances of :func:`transition`. Multipliers are compared with 1, and cycles found by Newton's method with
#: this matrix: its errors should stay well below the 1e-6 to which either is asked.
RTOL, ATOL = 1e-10, 1e-12


class VariationalField(Field):
    """A field together with ``count`` tangent vectors that it carries: ``dy/dt = v(y, t)``, ``dM/dt = J(y, t) M``.

    A state is ``(y, M)``, the matrix of shape (dim, count) row by row behind the coordinates.

    Parameters
    ----------
    field : Field
    count : int, optional
        Number of columns of M; as many as there are coordinates unless given.
    """

    def __init__(self, field: Field, count: int | None = None) -> None:
        self.field = field
        self.count = field.dim if count is None else count
        tangents = (f"d{name}/d{k}" for name in field.names for k in range(self.count))
        self.names = (*field.names, *tangents)

    def join(self, y: Array, matrix: Array) -> Array:
        """Return states (..., dim + dim * count) from orbits (..., dim) and matrices (..., dim, count)."""
        parts = [y, matrix.reshape(*matrix.shape[:-2], -1)]
        if isinstance(y, np.ndarray):
            return np.concatenate(parts, axis=-1)
        import torch

        return torch.cat(parts, dim=-1)

    def split(self, z: Array) -> tuple[Array, Array]:
        """Return orbits (..., dim) and matrices (..., dim, count) of states."""
        dim = self.field.dim
        return z[..., :dim], z[..., dim:].reshape(*z.shape[:-1], dim, self.count)

    def __call__(self, z: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``(v, J M)``, shape (..., dim + dim * count)."""
        y, matrix = self.split(z)
        return self.join(self.field(y, t, draw), self.field.jacobian(y, t, draw) @ matrix)

    def jacobian(self, z: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the Jacobian of the whole, which needs the second derivatives of the field."""
        y, matrix = self.split(z)
        slope, dim = self.field.jacobian(y, t, draw), self.field.dim
        result = np.zeros((*z.shape, z.shape[-1]))
        result[..., :dim, :dim] = slope
        for column in range(self.count):
            part = slice(dim + column, None, self.count)
            result[..., part, :dim] = self.field.jvp_jacobian(y, matrix[..., column], t, draw)
            result[..., part, part] = slope
        return result


@dataclass(frozen=True)
class Transition:
    """Where the flow takes states within a time, and how it carries small differences between them.

    Attributes
    ----------
    start : ndarray, shape (..., dim)
    time : float
        How long, negative for backward.
    state : ndarray, shape (..., dim)
        ``phi_time(start)``, or the last state reached where a start failed.
    matrix : ndarray, shape (..., dim, count)
        ``d phi_time / d start`` times the tangent vectors that were given (the identity unless given). NaN where the
        orbit changes its piece at a surface that it touches tangentially: the flow has no derivative there.
    statuses : ndarray of Status, shape (...)
    reached : ndarray, shape (...)
        Time each start reached, counted from its begin.
    switchings : tuple of Switching, or ndarray of such tuples, shape (...)
        Where the field is not smooth, what the matrix was carried across; otherwise empty.
    statistics : mapping
    """

    start: NDArray[np.float64]
    time: float
    state: NDArray[np.float64]
    matrix: NDArray[np.float64]
    status: Status
    statuses: NDArray[np.object_]
    reached: NDArray[np.float64]
    switchings: Any = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)


def transition(
    field: Field,
    y0: ArrayLike,
    time: float,
    *,
    tangents: ArrayLike | None = None,
    begin: float = 0.0,
    solver: str = "scipy:DOP853",
    rtol: float = RTOL,
    atol: float = ATOL,
    max_evaluations: int | None = None,
    throw: bool = False,
) -> Transition:
    """Return the state after a time and its derivative by the start, the fundamental matrix of the orbit.

    Parameters
    ----------
    field : Field
    y0 : array_like, shape (..., dim)
        One start or a batch of them.
    time : float
        How long to go on; negative for backward.
    tangents : array_like, shape (..., dim, count), optional
        Vectors to carry along, as columns; the identity unless given.
    begin : float
        Initial time, for fields that depend on it.
    solver : str
        An adaptive one of :func:`dynamics.flow.solvers`; an implicit one needs second derivatives of the field.
    rtol, atol : float
        Local error allowed in the state and in the entries of the matrix.
    max_evaluations : int, optional
        Budget of calls of the field and its Jacobian, for each smooth piece.
    throw : bool
        Raise where a start does not reach the end.

    Returns
    -------
    Transition

    Raises
    ------
    InputError
        For bad input.
    NumericalError
        With ``throw``.

    Notes
    -----
    Of a field that is not smooth, a start on a surface begins behind it, and a switching at the very end is within the
    time or not by rounding: for a monodromy matrix begin between surfaces.

    Examples
    --------
    >>> from dynamics import games
    >>> quarter = transition(games.get("bilinear"), [1.0, 0.0], np.pi / 2)
    >>> quarter.matrix.round(6).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    starts = check_states("start", y0, field.names)
    duration = check_number("time", time)
    given = np.eye(field.dim) if tangents is None else np.asarray(tangents, dtype=np.float64)
    if given.ndim < 2 or given.shape[-2] != field.dim:
        raise InputError(
            f"tangents have shape {given.shape}, expected (..., {field.dim}, count): one column per vector."
        )
    carried = np.broadcast_to(given, (*starts.shape[:-1], *given.shape[-2:]))
    settings = {"solver": solver, "rtol": rtol, "atol": atol, "max_evaluations": max_evaluations, "throw": throw}
    times = np.array([begin] if duration == 0 else [begin, begin + duration])
    if nonsmooth(field):
        return _piecewise(field, starts, carried, times, duration, settings)
    state, matrix, result = _carry(field, starts, carried, times, settings)
    return Transition(
        starts, duration, state, matrix, result.status, result.statuses, result.reached - begin, (), result.statistics
    )


def _carry(
    field: Field,
    y: NDArray[np.float64],
    matrix: NDArray[np.float64],
    times: NDArray[np.float64],
    settings: Mapping[str, Any],
) -> tuple[NDArray[np.float64], NDArray[np.float64], FlowTrajectory]:
    """Return where the flow of a smooth field takes states and their tangent vectors, and how that went."""
    pair = VariationalField(field, matrix.shape[-1])
    result = integrate(pair, pair.join(y, matrix), times, bound=np.inf, **settings)
    return *pair.split(result.final), result


def _piecewise(
    field: Field,
    starts: NDArray[np.float64],
    carried: NDArray[np.float64],
    times: NDArray[np.float64],
    duration: float,
    settings: Mapping[str, Any],
) -> Transition:
    """Return the transition of a field that is not smooth: its orbits first, then the matrices piece by piece."""
    orbits = integrate(field, starts, times, bound=np.inf, record_switchings=True, **settings)
    pieces = Pieces(field, float(np.sign(duration)), (settings["rtol"], settings["atol"]))
    count = int(np.prod(starts.shape[:-1]))
    matrices = carried.reshape(count, *carried.shape[-2:]).copy()
    flat, ends = starts.reshape(count, -1), orbits.reached.reshape(-1)
    listed = orbits.switchings.reshape(-1) if starts.ndim > 1 else [orbits.switchings]
    evaluations = orbits.statistics["evaluations"]
    for row in range(count if duration else 0):
        t, y, mode = float(times[0]), flat[row], pieces.start(float(times[0]), flat[row])
        for switching in (*listed[row], None):
            end = float(ends[row]) if switching is None else switching.time
            if end != t:
                span = np.array([t, end])
                _, matrices[row], piece = _carry(pieces.branch(mode), y, matrices[row], span, settings)
                evaluations += piece.statistics["evaluations"]
            if switching is not None:
                matrices[row] = _across(switching) @ matrices[row]
                t, y, mode = switching.time, switching.state, switching.mode
    return Transition(
        starts,
        duration,
        orbits.final,
        matrices.reshape(carried.shape),
        orbits.status,
        orbits.statuses,
        orbits.reached - times[0],
        orbits.switchings,
        {**orbits.statistics, "evaluations": evaluations},
    )


def _across(switching: Switching) -> NDArray[np.float64]:
    """Return the saltation matrix, NaN where there is none."""
    try:
        return saltation(switching)
    except InputError:
        return np.full((len(switching.state),) * 2, np.nan)
