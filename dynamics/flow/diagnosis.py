"""Why a start could not go on: a blow-up, a field that is not finite, or another singularity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.flow.stepping import sizes

#: A start has blown up, rather than met a singular point, if it has left its initial size this far behind.
_GROWN = 10.0


def diagnose(
    slope: Callable[[Any, NDArray[np.float64]], NDArray[np.float64]],
    y: NDArray[np.float64],
    starts: NDArray[np.float64],
    resolution: float | NDArray[np.float64],
    otherwise: NDArray[np.object_],
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the status of starts that failed, and the coordinate to blame.

    A blow-up has grown, still moves outward, and would double within a time that cannot be resolved.

    Parameters
    ----------
    slope : callable
        ``(elapsed, y)``: the derivative along the integration at states (start, dim), so long after the failure.
    y, starts : ndarray, shape (start, dim)
        Last and first states.
    resolution : float or ndarray, shape (start,)
        Time below which growth counts as sudden.
    otherwise : ndarray of Status, shape (start,)
        What it is if it is neither a blow-up nor a field that is not finite.
    """
    now, size, elapsed = slope(0.0, y), sizes(y), np.asarray(resolution)[..., None]
    outward = np.sum(y * now, axis=-1) / np.where(size == 0, 1.0, size)
    blown = (size > _GROWN * (1 + sizes(starts))) & (outward * resolution > size)
    bad = ~np.isfinite(now) | ~np.isfinite(slope(resolution, y + elapsed * now))
    statuses = otherwise.copy()
    statuses[bad.any(axis=-1)] = Status.NON_FINITE
    statuses[blown] = Status.DIVERGED
    largest = np.argmax(np.abs(np.nan_to_num(now)), axis=-1)
    return statuses, np.where(bad.any(axis=-1) & ~blown, np.argmax(bad, axis=-1), largest)
