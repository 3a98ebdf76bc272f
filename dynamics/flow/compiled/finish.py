"""Integrates a batch to its ends and says how each start ended, in the words of the project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.flow.compiled.batch import Batch
from dynamics.flow.compiled.corners import Corners
from dynamics.flow.compiled.program import compile_program
from dynamics.flow.diagnosis import diagnose
from dynamics.flow.events import Event
from dynamics.flow.switching import Switching
from dynamics.games.codegen.integrator import layout
from dynamics.games.field import Field

_PLAIN = {
    layout.UNKNOWN: Status.INTERRUPTED,
    layout.RUNNING: Status.INTERRUPTED,
    layout.CORNER: Status.INTERRUPTED,
    layout.FINISHED: Status.FINISHED,
    layout.OUTSIDE: Status.DIVERGED,
    layout.BROKEN: Status.NON_FINITE,
    layout.UNDERFLOW: Status.STEP_UNDERFLOW,
    layout.EXHAUSTED: Status.BUDGET_EXHAUSTED,
    layout.TARGET: Status.EVENT,
}


@dataclass
class Ends:
    """How a batch ended, per start.

    Attributes
    ----------
    last : ndarray, shape (start, dim)
    reached : ndarray, shape (start,)
    statuses : ndarray of Status, shape (start,)
    captured, causes : ndarray of int, shape (start,)
        Target that holds the state, coordinate that a failure is blamed on; -1 for none.
    evaluations, steps, rejected, switchings : ndarray of int, shape (start,)
    recorded : mapping of start to list of Switching
    written : ndarray of int, shape (start,)
        Output times that were reached.
    rested : ndarray of bool, shape (start,)
        Has come to rest on a surface.
    complete : bool
        False if the user interrupted.
    """

    last: NDArray[np.float64]
    reached: NDArray[np.float64]
    statuses: NDArray[np.object_]
    captured: NDArray[np.int64]
    causes: NDArray[np.int64]
    evaluations: NDArray[np.int64]
    steps: NDArray[np.int64]
    rejected: NDArray[np.int64]
    switchings: NDArray[np.int64]
    recorded: dict[int, list[Switching]]
    written: NDArray[np.int64]
    rested: NDArray[np.bool_]
    complete: bool

    def totals(self) -> dict[str, int]:
        """Return the counts of all starts together."""
        names = ("evaluations", "steps", "rejected", "switchings")
        return {name: int(getattr(self, name).sum()) for name in names}


def finish(
    game: Field,
    method: str,
    starts: NDArray[np.float64],
    span: tuple[float, float],
    tolerances: tuple[float, float],
    bound: NDArray[np.float64],
    budget: int | None,
    *,
    times: NDArray[np.float64] | None = None,
    path: NDArray[np.float64] | None = None,
    targets: NDArray[np.float64] | None = None,
    radii: NDArray[np.float64] | None = None,
    record: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Ends:
    """Integrate starts to their ends; the parameters are those of :class:`.batch.Batch`, and ``record`` switchings."""
    program = compile_program(game, method)
    batch = Batch(program, starts, span, *tolerances, bound, budget, times, path, targets, radii, stopping=record)
    if span[0] == span[1]:
        batch.whole[:, layout.STANDS] = layout.FINISHED
    corners = Corners(game, batch)
    complete = batch.run(corners, progress)
    whole = batch.whole
    statuses = np.empty(len(starts), dtype=object)
    for code in np.unique(whole[:, layout.STANDS]):
        statuses[whole[:, layout.STANDS] == code] = _PLAIN[int(code)]
    ends = Ends(
        last=batch.y,
        reached=batch.real[:, layout.NOW].copy(),
        statuses=statuses,
        captured=whole[:, layout.CAPTURED].copy(),
        causes=np.full(len(starts), -1),
        evaluations=whole[:, layout.CALLED].copy(),
        steps=whole[:, layout.STEPPED].copy(),
        rejected=whole[:, layout.REJECTED].copy(),
        switchings=whole[:, layout.SWITCHED].copy(),
        recorded=corners.switchings,
        written=whole[:, layout.WRITTEN].copy(),
        rested=batch.rested,
        complete=complete,
    )
    _blame(game, batch, starts, ends)
    if complete:
        for i in corners.left:
            _continue(game, batch, ends, i, tolerances, bound, budget, record)
    return ends


def _blame(game: Field, batch: Batch, starts: NDArray[np.float64], ends: Ends) -> None:
    """Name the coordinate of every failure, and tell what kind of failure it is."""
    outside = ends.statuses == Status.DIVERGED
    ends.causes[outside] = np.argmax(np.abs(ends.last[outside]), axis=-1)
    failed = np.isin(batch.statuses, (layout.BROKEN, layout.UNDERFLOW))
    if not failed.any():
        return
    # As for the other solvers (:attr:`dynamics.flow.stepping.Stepper.resolution`), of each start's own time.
    resolution = 1e8 * np.spacing(np.maximum(np.abs(ends.reached[failed]), 1e-10))
    with np.errstate(all="ignore"):
        ends.statuses[failed], ends.causes[failed] = diagnose(
            lambda _, y: np.asarray(game(y)) * batch.way,
            ends.last[failed],
            starts[failed],
            resolution,
            ends.statuses[failed],
        )


def _continue(
    game: Field,
    batch: Batch,
    ends: Ends,
    i: int,
    tolerances: tuple[float, float],
    bound: NDArray[np.float64],
    budget: int | None,
    record: bool,
) -> None:
    """Integrate on a start that slides along several surfaces at once."""
    from dynamics.flow.integrate import integrate

    done = int(ends.written[i])
    now = float(ends.reached[i])
    later = batch.times[done:]
    grid = np.unique(np.concatenate([[now], later, [batch.end]]))[:: int(batch.way)]
    events: list[Any] = [
        Event(lambda y, c=centre, r=radius: np.sqrt(np.sum((y - c) ** 2, axis=-1)) - r, -1.0)
        for centre, radius in zip(batch.targets, batch.radii, strict=True)
    ]
    rest = None if budget is None else max(1, budget - int(ends.evaluations[i]))
    limit = float(bound[i])
    result = integrate(
        game, batch.y[i], grid, "scipy:DOP853", *tolerances, events=events, max_evaluations=rest, bound=limit,
        record_switchings=True,
    )  # fmt: skip
    ends.rested[i] = bool(result.switchings) and result.switchings[-1].kind == "rest"
    ends.last[i], ends.reached[i] = result.final, result.reached
    ends.statuses[i], ends.captured[i], ends.causes[i] = result.status, int(result.events), int(result.causes)
    ends.evaluations[i] += result.statistics["evaluations"]
    ends.steps[i] += result.statistics["steps"]
    ends.rejected[i] += result.statistics["rejected"]
    ends.switchings[i] += result.statistics.get("switchings", 0)
    if record:
        ends.recorded[i] += list(result.switchings)
    batch.path[i, done:] = result.states[np.searchsorted(batch.way * grid, batch.way * later)]
