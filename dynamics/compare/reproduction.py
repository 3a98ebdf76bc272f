r"""Whether a recorded run is what it is said to be: the method, repeated from every record, must give the next one.

Both computations round every coordinate once an iteration, to half a unit ``u`` in the last place of the precision in
which the run was recorded, and evaluate gradients with sums in their own order, tens of units. Over ``s`` iterations
from one record to the next the difference is therefore at most

    MARGIN * s * u * max(|y|, growth),

with ``growth`` the distance at the next record of a companion started ``u |y|`` away, in units of ``u``. Going from
record to record keeps the sensitivity of a whole run, which may be chaotic, out of it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynamics.games.network import NetworkGame
from dynamics.methods import Method, State

#: Units in the last place that one iteration may add: a gradient is a mean over up to thousands of samples, whose
#: order of summation shows in tens of units.
MARGIN = 100.0


@dataclass(frozen=True)
class Reproduction:
    """How far the records are from what the method makes of the record before.

    Attributes
    ----------
    error : float
        The largest distance; where one was beyond ``within``, the first such. NaN if it was not checked.
    within : float
        What rounding explains there.
    step : int
        Iteration of that record.
    """

    error: float
    within: float
    step: int

    @property
    def failed(self) -> bool:
        """Whether the run is not the method."""
        return self.error > self.within


NOT_CHECKED = Reproduction(float("nan"), float("nan"), 0)


def reproduce(
    game: NetworkGame,
    method: Method,
    steps: NDArray[np.int64],
    recorded: NDArray[Any],
    stop: threading.Event | None = None,
) -> Reproduction:
    """Repeat every stretch between two records, up to the first that differs by more than rounding.

    Parameters
    ----------
    game : NetworkGame
        The objective as it was trained, mini-batches included; its precision is replaced by that of the records.
    method : Method
        One without memory.
    steps, recorded : ndarray, shape (record,) and (record, dim)
    stop : threading.Event, optional
        Ends the work early.
    """
    own = game.to(dtype=torch.from_numpy(recorded[:0]).dtype)
    unit = float(np.finfo(recorded.dtype).eps)
    # The companion's sign pattern is fixed, so that the same run is always judged alike.
    signs = np.where(np.arange(recorded.shape[1]) % 2, 1, -1).astype(recorded.dtype)
    worst = Reproduction(0.0, 0.0, int(steps[0]))
    for row, (begin, end) in enumerate(itertools.pairwise(steps)):
        if stop is not None and stop.is_set():
            return NOT_CHECKED
        goal = recorded[row + 1].astype(np.float64)
        made = _advance(own, method, recorded[row], int(begin), int(end))
        error = _size(made - goal)
        length = unit * max(_size(recorded[row]), _size(recorded[row + 1]))
        within = MARGIN * (end - begin) * length
        if error > within:
            companion = _advance(own, method, recorded[row] * (1 + unit * signs), int(begin), int(end))
            within = max(within, MARGIN * (end - begin) * _size(companion - made))
        found = Reproduction(error, float(within), int(end))
        if found.failed:
            return found
        worst = max(worst, found, key=lambda each: each.error)
    return worst


def _advance(game: NetworkGame, method: Method, y: NDArray[Any], begin: int, end: int) -> NDArray[np.float64]:
    # The iteration addresses the mini-batches.
    state = State(torch.from_numpy(y.copy()).to(game.device), begin)
    for _ in range(end - begin):
        state, _ = method.step(state, game)
    return state.y.detach().cpu().double().numpy()


def _size(difference: Sequence[float] | NDArray[Any]) -> float:
    """Return the Euclidean norm, infinite where it is not a number."""
    norm = float(np.linalg.norm(np.asarray(difference, dtype=np.float64)))
    return norm if np.isfinite(norm) else float("inf")
