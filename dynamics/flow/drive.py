"""The loop that every solver family shares: outputs, stop conditions, failures, budget, interruption."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.flow.events import Event, event_values, first_crossings
from dynamics.flow.stepping import BudgetExhausted, Interpolant, RightHandSide, Stepper, sizes

#: A start has blown up, rather than met a singular point, if it has left its initial size this far behind.
_GROWN = 10.0


class Ledger:
    """What is known about every start so far; the only thing that changes during an integration.

    Parameters
    ----------
    times : ndarray, shape (time,)
    starts : ndarray, shape (start, dim)
    """

    def __init__(self, times: NDArray[np.float64], starts: NDArray[np.float64]) -> None:
        count, dim = starts.shape
        self.times = times
        self.starts = starts
        self.states = np.full((count, len(times), dim), np.nan)
        self.states[:, 0] = starts
        self.statuses = np.full(count, None, dtype=object)
        self.reached = np.full(count, times[0])
        self.ends = starts.copy()
        self.events = np.full(count, -1)
        self.causes = np.full(count, -1)
        self.steps = 0
        self.rejected = 0
        self.unconverged = 0

    def close(
        self,
        rows: NDArray[np.int64],
        statuses: Status | NDArray[np.object_],
        times: float | NDArray[np.float64],
        ends: NDArray[np.float64],
    ) -> None:
        """Record how, when and where starts ended."""
        if isinstance(statuses, Status):
            statuses = np.full(len(rows), statuses, dtype=object)
        self.statuses[rows] = statuses
        self.reached[rows] = times
        self.ends[rows] = ends


def drive(
    make: Callable[[NDArray[np.float64]], Stepper],
    rhs: RightHandSide,
    rows: NDArray[np.int64],
    ledger: Ledger,
    events: Sequence[Event],
    bound: NDArray[np.float64],
    progress: Callable[[float], None] | None,
) -> bool:
    """Integrate some of the starts until each has stopped, writing into the ledger.

    Parameters
    ----------
    make : callable
        Builds the stepper for states of shape (start, dim) at the initial time.
    rhs : RightHandSide
    rows : ndarray of int
        Which starts of the ledger to integrate, together.
    ledger : Ledger
    events : sequence of Event
    bound : ndarray, shape (all starts,)
        Largest Euclidean norm a state may have.
    progress : callable or None
        Called with the fraction of the time span that is done.

    Returns
    -------
    bool
        False if the user interrupted.
    """
    run = _Run(rhs, rows, ledger, events, bound)
    try:
        run.begin()
        if run.active.size:
            run.stepper = stepper = make(run.state)
        span = ledger.times[-1] - ledger.times[0]
        while run.active.size:
            run.advance(stepper)
            if progress is not None:
                progress(min(1.0, float((run.time - ledger.times[0]) / span)))
    except BudgetExhausted:
        run.give_up(Status.BUDGET_EXHAUSTED)
    except KeyboardInterrupt:
        run.give_up(Status.INTERRUPTED)
        return False
    finally:
        if run.stepper is not None:
            ledger.steps += run.stepper.steps
            ledger.rejected += run.stepper.rejected
            ledger.unconverged += getattr(run.stepper, "unconverged", 0)
    return True


class _Run:
    """The starts that are integrated together and still go on.

    ``time`` and ``state`` are the last ones that are fully accounted for: whatever interrupts a step, they hold.
    """

    def __init__(
        self,
        rhs: RightHandSide,
        rows: NDArray[np.int64],
        ledger: Ledger,
        events: Sequence[Event],
        bound: NDArray[np.float64],
    ) -> None:
        self.rhs = rhs
        self.active = rows
        self.ledger = ledger
        self.events = events
        self.bound = bound
        self.smallest_bound = float(bound[rows].min())
        self.stepper: Stepper | None = None
        self.dense: Interpolant | None = None
        self.time = float(ledger.times[0])
        self.state = ledger.starts[rows]
        self.direction = float(np.sign(ledger.times[-1] - ledger.times[0]))
        self.next_output = 1
        self.values = event_values(events, self.state) if events else np.empty((0, len(rows)))

    def begin(self) -> None:
        """Stop the starts where the field is not finite to begin with."""
        slope = self.rhs(self.time, self.state)
        bad = ~np.isfinite(slope)
        lost = np.asarray(bad.any(axis=-1))
        if lost.any():
            self.ledger.causes[self.active[lost]] = np.argmax(bad[lost], axis=-1)
            self.ledger.close(self.active[lost], Status.NON_FINITE, self.time, self.state[lost])
            self._restrict(~lost)

    def give_up(self, status: Status) -> None:
        """Close what is still going on with one status, as of the last time that is fully accounted for."""
        later = self.direction * (self.ledger.times - self.time) > 0
        self.ledger.states[np.ix_(self.active, later)] = np.nan
        self.ledger.events[self.active] = self.ledger.causes[self.active] = -1
        self.ledger.close(self.active, status, self.time, self.state)
        self.active = self.active[:0]

    def advance(self, stepper: Stepper) -> None:
        """Take one step and account for it."""
        self.dense = None
        if not stepper.step():
            culprits = stepper.culprits
            self._blame(culprits, Status.STEP_UNDERFLOW, stepper.resolution)
            self._restrict(~culprits)
            if self.active.size:
                stepper.keep(~culprits, restart=True)
            return
        peak = np.abs(stepper.y).max() * np.sqrt(stepper.y.shape[-1])
        if peak <= self.smallest_bound and not self.events:
            # The common case at its cost: every state is finite and none is large.
            none = np.zeros(len(self.active), dtype=bool)
            self._write(stepper, none, none, none)
            self.time, self.state = stepper.t, stepper.y
            if self.time == self.ledger.times[-1]:
                self.give_up(Status.FINISHED)
            return
        broken = ~np.asarray(np.isfinite(stepper.y).all(axis=-1))
        if broken.any():
            self._blame(broken, Status.NON_FINITE, stepper.resolution)
        which, when = self._cross(stepper, broken)
        stopped = which >= 0
        self._write(stepper, broken, stopped, when)
        size = np.where(broken, 0.0, sizes(stepper.y))
        left = ~stopped & (size > self.bound[self.active])
        rows = self.active[left]
        self.ledger.causes[rows] = np.argmax(np.abs(stepper.y[left]), axis=-1)
        self.ledger.close(rows, Status.DIVERGED, stepper.t, stepper.y[left])

        self.time, self.state = stepper.t, stepper.y
        going = ~(broken | stopped | left)
        self._restrict(going)
        if self.time == self.ledger.times[-1]:
            self.give_up(Status.FINISHED)
        elif self.active.size and not going.all():
            stepper.keep(going, restart=False)

    def _restrict(self, kept: NDArray[np.bool_]) -> None:
        self.active, self.state, self.values = self.active[kept], self.state[kept], self.values[:, kept]

    def _interpolant(self, stepper: Stepper) -> Interpolant:
        """Return the dense output of this step; it costs calls of the field, so it is made once and only if needed."""
        if self.dense is None:
            self.dense = stepper.interpolant()
        return self.dense

    def _cross(self, stepper: Stepper, broken: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the starts that an event stops in this step and close them."""
        count = len(self.active)
        if not self.events:
            return np.full(count, -1), np.full(count, np.nan)
        after = event_values(self.events, stepper.y)
        which, when = first_crossings(self.events, self.values, after, self._interpolant(stepper))
        which[broken] = -1
        self.values = after
        stopped = which >= 0
        if stopped.any():
            rows = self.active[stopped]
            self.ledger.events[rows] = which[stopped]
            ends = self._interpolant(stepper)(when[stopped], np.flatnonzero(stopped))
            self.ledger.close(rows, Status.EVENT, when[stopped], ends)
        return which, when

    def _write(
        self,
        stepper: Stepper,
        broken: NDArray[np.bool_],
        stopped: NDArray[np.bool_],
        when: NDArray[np.float64],
    ) -> None:
        """Fill the output rows that this step covers."""
        first = self.next_output
        ahead = self.direction * (self.ledger.times[first:] - stepper.t)
        last = first + int(np.searchsorted(ahead, 0, side="right"))
        self.next_output = last
        if last == first:
            return
        times = self.ledger.times[first:last]
        inner = len(times) - int(times[-1] == stepper.t)
        values = np.empty((len(times), *stepper.y.shape))
        if inner:
            values[:inner] = self._interpolant(stepper)(times[:inner, None])
        if inner < len(times):
            values[-1] = stepper.y
        beyond = stopped & (self.direction * (times[:, None] - np.where(stopped, when, 0.0)) > 0)
        values[beyond | broken] = np.nan
        self.ledger.states[self.active, first:last] = np.moveaxis(values, 0, 1)

    def _blame(self, culprits: NDArray[np.bool_], otherwise: Status, resolution: float) -> None:
        """Close starts that cannot go on, telling blow-up from a field that is not finite from other singularities.

        A blow-up has grown, still moves outward, and would double within a time that cannot be resolved.
        """
        rows = self.active[culprits]
        y = self.state[culprits]
        slope = self.rhs.uncounted(self.time, y) * self.direction
        size = sizes(y)
        outward = np.sum(y * slope, axis=-1) / np.where(size == 0, 1.0, size)
        initial = sizes(self.ledger.starts[rows])
        blown = (size > _GROWN * (1 + initial)) & (outward * resolution > size)
        ahead = self.rhs.uncounted(self.time + self.direction * resolution, y + resolution * slope)
        bad = ~np.isfinite(slope) | ~np.isfinite(ahead)
        statuses = np.full(len(rows), otherwise, dtype=object)
        statuses[bad.any(axis=-1)] = Status.NON_FINITE
        statuses[blown] = Status.DIVERGED
        largest = np.argmax(np.abs(np.nan_to_num(slope)), axis=-1)
        self.ledger.causes[rows] = np.where(bad.any(axis=-1) & ~blown, np.argmax(bad, axis=-1), largest)
        self.ledger.close(rows, statuses, self.time, y)
