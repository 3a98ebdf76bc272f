"""Compiled solvers behind :func:`dynamics.flow.integrate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.core.status import Status
from dynamics.flow.catalogue import Solver
from dynamics.flow.compiled.finish import finish
from dynamics.flow.compiled.program import check_compilable
from dynamics.flow.drive import Ledger
from dynamics.flow.events import Event
from dynamics.flow.pieces import nonsmooth
from dynamics.games.field import Field


def check_compiled(field: Field, solver: Solver, events: Sequence[Event]) -> Field:
    """Return the field as a game that can be compiled, or refuse it, and stop conditions that cannot.

    Raises
    ------
    InputError
        For a field without expressions, and for stop conditions, which are functions in Python.
    """
    game = check_compilable(field, solver.name)
    if events:
        raise InputError(
            f"{solver.name} takes no events, which are Python functions: use scipy:DOP853, or integrate_many with "
            "targets to stop near given states."
        )
    return game


def run_compiled(
    game: Field,
    solver: Solver,
    ledger: Ledger,
    tolerances: tuple[float, float],
    budget: int | None,
    bound: NDArray[np.float64],
    record: bool,
    progress: Callable[[float], None] | None,
) -> dict[str, Any]:
    """Integrate all starts of the ledger, write into it how they ended, and return the counts of all together."""
    times, starts = ledger.times, ledger.starts
    everyone = np.arange(len(starts))
    if len(times) == 1:
        ledger.close(everyone, Status.FINISHED, times[0], starts)
    if len(times) == 1 or not everyone.size:
        return {"evaluations": 0, "steps": 0, "rejected": 0}
    path = np.full((len(starts), len(times) - 1, game.dim), np.nan)
    ends = finish(
        game,
        solver.method,
        starts,
        (float(times[0]), float(times[-1])),
        tolerances,
        bound,
        budget,
        times=times[1:],
        path=path,
        record=record,
        progress=progress,
    )
    ledger.states[:, 1:] = path
    ledger.close(everyone, ends.statuses, ends.reached, ends.last)
    ledger.causes[:] = ends.causes
    for i, found in ends.recorded.items():
        ledger.switchings[i].extend(found)
    counts = ends.totals()
    if not nonsmooth(game):
        del counts["switchings"]
    return counts
