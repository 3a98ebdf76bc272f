"""What a user can get wrong in a call of :func:`dynamics.flow.integrate`, refused in one sentence."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_number, check_positive
from dynamics.flow.catalogue import Solver

_RTOL, _ATOL = 1e-8, 1e-10
#: A hundred units in the last place; below this no method can honour a relative tolerance.
_LEAST_RTOL = 100 * np.finfo(float).eps
#: Default bound on the state in units of ``1 + |y0|``.
_BOUND = 1e8


def check_times(times: ArrayLike) -> NDArray[np.float64]:
    """Return the output times, or refuse what is not strictly monotone and finite."""
    try:
        grid = np.array(times, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"times must be numbers, got {times!r}.") from None
    if grid.ndim != 1 or not grid.size:
        raise InputError(f"times must be one-dimensional and not empty, got shape {grid.shape}.")
    if not np.isfinite(grid).all():
        raise InputError(f"times must be finite, got {grid[~np.isfinite(grid)][0]}.")
    gaps = np.diff(grid)
    if not ((gaps > 0).all() or (gaps < 0).all()):
        where = int(np.flatnonzero(gaps * (np.sign(gaps[0]) or 1.0) <= 0)[0])
        raise InputError(
            f"times must be strictly increasing, or strictly decreasing to go backward: "
            f"{grid[where]:g} is followed by {grid[where + 1]:g}."
        )
    return grid


def check_tolerances(solver: Solver, rtol: float | None, atol: float | None) -> tuple[float, float]:
    """Return the tolerances, or refuse those without effect and those no method can honour."""
    if not solver.tolerances:
        for name, value in (("rtol", rtol), ("atol", atol)):
            if value is not None:
                raise InputError(f"{name} has no effect on {solver.name}, which takes fixed steps: give step instead.")
    relative = _RTOL if rtol is None else check_positive("rtol", rtol)
    absolute = _ATOL if atol is None else check_positive("atol", atol)
    if relative < _LEAST_RTOL:
        raise InputError(f"rtol must be at least {_LEAST_RTOL:.2g} in double precision, got {relative:g}.")
    return relative, absolute


def check_step(solver: Solver, step: float | None) -> float | None:
    """Return the step of a fixed-step solver, or refuse a missing or a superfluous one."""
    if solver.kind == "fixed":
        if step is None:
            raise InputError(f"{solver.name} takes fixed steps: give step, for example step=0.01.")
        return check_positive("step", step)
    if step is not None:
        raise InputError(f"step has no effect on {solver.name}, which chooses its steps: give rtol and atol instead.")
    return None


def check_bound(bound: float | None, starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bound of every start, or refuse one that a start is already beyond."""
    with np.errstate(over="ignore"):
        sizes = np.sqrt(np.sum(starts * starts, axis=-1))
        if bound is None:
            return _BOUND * (1 + sizes)
    limit = math.inf if bound == math.inf else check_number("bound", bound)
    if (sizes >= limit).any():
        raise InputError(f"bound {limit:g} must be larger than every start, the largest has norm {sizes.max():g}.")
    return np.full(len(starts), limit)
