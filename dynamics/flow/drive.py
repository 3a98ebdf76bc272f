"""The loop that every solver family shares: outputs, stop conditions, failures, budget, interruption."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.flow.diagnosis import diagnose
from dynamics.flow.events import Event, Watched, event_values, first_crossings, may_cross
from dynamics.flow.modes import Mode
from dynamics.flow.pieces import Guard, Pieces
from dynamics.flow.stepping import BudgetExhausted, Interpolant, RightHandSide, Stepper, sizes
from dynamics.flow.switching import Switching, record

#: Switchings at one time, to some thousand units of its rounding, after which they count as accumulated: more than a
#: point where several surfaces meet needs.
_MOST_AT_ONCE, _AT_ONCE = 20, 1e-12


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
        self.switchings: list[list[Switching]] = [[] for _ in range(count)]

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
    make: Callable[[float, NDArray[np.float64]], Stepper],
    rhs: RightHandSide,
    rows: NDArray[np.int64],
    ledger: Ledger,
    events: Sequence[Event],
    bound: NDArray[np.float64],
    progress: Callable[[float], None] | None,
    pieces: Pieces | None = None,
) -> bool:
    """Integrate some of the starts until each has stopped, writing into the ledger.

    Parameters
    ----------
    make : callable
        Builds the stepper for a time and states of shape (start, dim).
    rhs : RightHandSide
    rows : ndarray of int
        Which starts of the ledger to integrate, together.
    ledger : Ledger
    events : sequence of Event
    bound : ndarray, shape (all starts,)
        Largest Euclidean norm a state may have.
    progress : callable or None
        Called with the fraction of the time span that is done.
    pieces : Pieces or None
        Of a field that is not smooth. It takes one start at a time, since each switches at its own times: a new stepper
        takes over where a piece ends, and the right-hand side is the smooth field of the piece.

    Returns
    -------
    bool
        False if the user interrupted.
    """
    run = _Run(rhs, rows, ledger, events, bound, pieces)
    try:
        run.begin()
        span = ledger.times[-1] - ledger.times[0]
        while run.active.size:
            if run.stepper is None:
                run.stepper = make(run.time, run.state)
            run.advance(run.stepper)
            if progress is not None:
                progress(min(1.0, float((run.time - ledger.times[0]) / span)))
    except BudgetExhausted:
        run.give_up(Status.BUDGET_EXHAUSTED)
    except KeyboardInterrupt:
        run.give_up(Status.INTERRUPTED)
        return False
    finally:
        run.drop_stepper()
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
        pieces: Pieces | None,
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
        self.values = event_values(events, self.state, self.time) if events else np.empty((0, len(rows)))
        self.pieces = pieces
        self.mode: Mode | None = None
        self.guards: tuple[Guard, ...] = ()
        self.stuck = 0
        self.switched = np.inf

    def begin(self) -> None:
        """Stop the starts where the field is not finite to begin with, and find the first piece of the others."""
        slope = self.rhs(self.time, self.state)
        bad = ~np.isfinite(slope)
        lost = np.asarray(bad.any(axis=-1))
        if lost.any():
            self.ledger.causes[self.active[lost]] = np.argmax(bad[lost], axis=-1)
            self.ledger.close(self.active[lost], Status.NON_FINITE, self.time, self.state[lost])
            self._restrict(~lost)
        if self.pieces is not None and self.active.size:
            self._enter(self.pieces.start(self.time, self.state[0]))

    def drop_stepper(self) -> None:
        """Account for a stepper that is done."""
        if self.stepper is not None:
            self.ledger.steps += self.stepper.steps
            self.ledger.rejected += self.stepper.rejected
            self.ledger.unconverged += getattr(self.stepper, "unconverged", 0)
        self.stepper = None

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
        if peak <= self.smallest_bound and not self.events and not self.guards:
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
        values = self.values
        which, when = self._cross(stepper, broken)
        cut = which >= 0
        self._write(stepper, broken, cut, when)
        if (which >= len(self.events)).any():
            self._switch(self.guards[int(which[0]) - len(self.events)], float(when[0]), values[: len(self.events)])
            return
        size = np.where(broken, 0.0, sizes(stepper.y))
        left = ~cut & (size > self.bound[self.active])
        rows = self.active[left]
        self.ledger.causes[rows] = np.argmax(np.abs(stepper.y[left]), axis=-1)
        self.ledger.close(rows, Status.DIVERGED, stepper.t, stepper.y[left])

        self.time, self.state = stepper.t, stepper.y
        going = ~(broken | cut | left)
        self._restrict(going)
        if self.time == self.ledger.times[-1]:
            self.give_up(Status.FINISHED)
        elif self.active.size and not going.all():
            stepper.keep(going, restart=False)

    def _enter(self, mode: Mode) -> None:
        """Follow the smooth field of a mode from here on."""
        assert self.pieces is not None
        self.mode = mode
        self.rhs.field = self.pieces.branch(mode)
        self.guards = self.pieces.guards(mode, self.time, self.state[0])
        # They are positive on the piece; where it begins on a surface, rounding may not know it.
        self.values = np.concatenate([self.values[: len(self.events)], np.ones((len(self.guards), 1))])

    def _switch(self, guard: Guard, when: float, values: NDArray[np.float64]) -> None:
        """Go over to the next piece of an orbit, from the time and state where a guard fell to zero.

        Parameters
        ----------
        values : ndarray, shape (event, 1)
            Values of the events at the begin of the step.
        """
        assert self.pieces is not None and self.mode is not None and self.dense is not None
        state = self.dense(np.array([when]), np.array([0]))[0]
        mode, state = self.pieces.change(when, state, self.mode, guard)
        self.stuck = self.stuck + 1 if abs(when - self.switched) <= _AT_ONCE * abs(when) else 0
        self.switched = when
        if self.stuck == _MOST_AT_ONCE:
            mode = self.pieces.gather(when, state, mode) or mode
        switching = record(self.pieces, when, state, self.mode, mode, guard)
        if switching is not None:
            self.ledger.switchings[self.active[0]].append(switching)
        self.time, self.state = when, state[None]
        # What the step would have covered beyond the surface is the next piece's to fill.
        self.next_output = int(np.searchsorted(self.direction * self.ledger.times, self.direction * when, side="right"))
        self.drop_stepper()
        if when == self.ledger.times[-1]:
            self.give_up(Status.FINISHED)
        elif self.stuck > _MOST_AT_ONCE:
            self.ledger.causes[self.active] = int(np.argmax(np.abs(self.pieces.branch(mode)(state, when))))
            self.ledger.close(self.active, Status.STEP_UNDERFLOW, when, self.state)
            self._restrict(np.zeros(1, dtype=bool))
        else:
            self.values = event_values(self.events, self.state, when) if self.events else np.empty((0, 1))
            # An event on the very surface is zero here, up to rounding: it has the sign with which the orbit came.
            on = np.abs(self.values) <= 1e-6 * np.abs(values)
            self.values = np.where(
                on, np.copysign(np.maximum(np.abs(self.values), np.finfo(float).tiny), values), self.values
            )
            self._enter(mode)

    def _restrict(self, kept: NDArray[np.bool_]) -> None:
        self.active, self.state, self.values = self.active[kept], self.state[kept], self.values[:, kept]

    def _interpolant(self, stepper: Stepper) -> Interpolant:
        """Return the dense output of this step; it costs calls of the field, so it is made once and only if needed."""
        if self.dense is None:
            self.dense = stepper.interpolant()
        return self.dense

    def _cross(self, stepper: Stepper, broken: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find what ends a start or its piece in this step, and close the starts that an event stops."""
        count = len(self.active)
        watched: tuple[Watched, ...] = (*self.events, *self.guards)
        if not watched:
            return np.full(count, -1), np.full(count, np.nan)
        before, self.values = self.values, event_values(watched, stepper.y, stepper.t)
        if not may_cross(watched, before, self.values, stepper.sketch()):
            return np.full(count, -1), np.full(count, np.nan)
        which, when = first_crossings(watched, before, self.values, self._interpolant(stepper))
        which[broken] = -1
        stopped = (which >= 0) & (which < len(self.events))
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
        """Close starts that cannot go on, with the reason."""
        rows, y = self.active[culprits], self.state[culprits]
        statuses, self.ledger.causes[rows] = diagnose(
            lambda elapsed, y: self.rhs.uncounted(self.time + self.direction * elapsed, y) * self.direction,
            y,
            self.ledger.starts[rows],
            resolution,
            np.full(len(rows), otherwise, dtype=object),
        )
        self.ledger.close(rows, statuses, self.time, y)
