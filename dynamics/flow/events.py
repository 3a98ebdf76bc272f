"""Stop conditions: zero crossings of functions of the state, located on the dense output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.flow.stepping import Interpolant

#: Points at which a step is searched for sign changes. High-order steps are long (about a radian of an oscillation),
#: so that looking at their ends alone would miss an orbit that enters and leaves a region in between.
_FRACTIONS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])

#: Where a parabola through the points comes nearer to zero than this part of the values of the step, its extreme is
#: searched. Between points a fifth of a radian apart a parabola errs by 5e-4, the interpolant that costs no call of the
#: field by less than 0.01.
_CLOSE = 0.1

#: Golden sections of an interval in search of an extreme: the depth that is missed falls with the square of the width,
#: which they narrow to 5e-7.
_SECTIONS, _GOLDEN = 30, 0.6180339887498949

#: Halvings in the search for a zero shortly after one: down to the rounding of the time.
_HALVINGS = 50


@dataclass(frozen=True)
class Event:
    """A stop condition: a start stops where ``function`` crosses zero.

    Attributes
    ----------
    function : callable
        Maps states of shape (..., dim) to values of shape (...). A start that begins exactly on the zero leaves it
        without stopping.
    direction : float
        Positive: only crossings from negative to positive along the integration stop; negative: only the opposite;
        zero: both.
    name : str
        What the event is called in results.
    """

    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    direction: float = 0.0
    name: str = ""

    @property
    def slack(self) -> None:
        """None: a change of sign counts."""

    @property
    def depth(self) -> float:
        """Zero: every stay on the other side counts."""
        return 0.0

    def at(self, states: NDArray[np.float64], times: Any) -> NDArray[np.float64]:
        """Return the values at states (..., dim); the times do not matter to a function of the state."""
        return self.function(states)


class Watched(Protocol):
    """What :func:`first_crossings` looks for: an event, or another function of state and time with a direction."""

    @property
    def direction(self) -> float:
        """Sign of the crossings that count, 0 for all."""
        ...

    @property
    def slack(self) -> float | None:
        """None where a change of sign counts; a number where the value begins positive and counts below minus that."""
        ...

    @property
    def depth(self) -> float:
        """How far the value must go beyond zero for a stay there within a step to count."""
        ...

    @property
    def at(self) -> Callable[[NDArray[np.float64], Any], NDArray[np.float64]]:
        """Values at states (..., dim) and times (...)."""
        ...


def check_events(events: Any, dim: int) -> tuple[Event, ...]:
    """Return events from what a user gave: one or several callables or :class:`Event` objects.

    A ``direction`` attribute of a callable is honoured, as in SciPy.
    """
    given: Sequence = (events,) if isinstance(events, Event) or callable(events) else tuple(events)
    found = []
    for entry in given:
        if not isinstance(entry, Event):
            if not callable(entry):
                raise InputError(f"An event must be a function of the state or an Event, got {entry!r}.")
            entry = Event(
                cast("Callable[..., Any]", entry),
                float(getattr(entry, "direction", 0.0)),
                str(getattr(entry, "__name__", "")),
            )
        # As many starts as there are coordinates would not tell y[0] from y[..., 0].
        count = dim + 1
        shape = np.shape(entry.function(np.ones((count, dim))))
        if shape != (count,):
            raise InputError(
                f"Event '{entry.name}' returned shape {shape} for states of shape ({count}, {dim}), "
                f"expected ({count},): index coordinates as y[..., i]."
            )
        found.append(entry)
    return tuple(found)


def event_values(events: Sequence[Watched], states: NDArray[np.float64], times: Any) -> NDArray[np.float64]:
    """Return the values of all events, shape (event, ...) for states of shape (..., dim) at times (...)."""
    return np.stack([np.asarray(event.at(states, times), dtype=np.float64) for event in events])


def may_cross(
    events: Sequence[Watched],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    interpolant: Interpolant,
) -> bool:
    """Return whether any event changes its sign in the last step or comes near to it, by the look of an interpolant."""
    _, values = _samples(events, after, interpolant)
    return bool((_crossed(events, before, values) | _dips(events, values)).any())


def first_crossings(
    events: Sequence[Watched],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    interpolant: Interpolant,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return, for every start, which event it meets first in the last step, and when.

    Parameters
    ----------
    events : sequence of Event
    before, after : ndarray, shape (event, start)
        Event values at the two ends of the step.
    interpolant : Interpolant
        Dense output over the step.

    Returns
    -------
    which : ndarray of int, shape (start,)
        Event index, -1 for none.
    when : ndarray, shape (start,)
        Time of the crossing, NaN for none.
    """
    low, high = _brackets(events, before, after, interpolant)
    count = before.shape[1]
    which = np.full(count, -1)
    when = np.full(count, np.nan)
    for index, event in enumerate(events):
        rows = np.flatnonzero(np.isfinite(low[index]))
        if not rows.size:
            continue
        found = _locate(event, interpolant, rows, low[index, rows], high[index, rows])
        # "Earlier" is in the direction of the integration, which may run backward.
        earlier = (which[rows] < 0) | ((found - when[rows]) * np.sign(interpolant.t - interpolant.t_old) < 0)
        which[rows[earlier]] = index
        when[rows[earlier]] = found[earlier]
    return which, when


def _samples(
    events: Sequence[Watched], after: NDArray[np.float64], interpolant: Interpolant
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times at which a step is looked at, and the values of all events there, (event, time, start)."""
    times = interpolant.t_old + _FRACTIONS * (interpolant.t - interpolant.t_old)
    times[-1] = interpolant.t
    inner = event_values(events, interpolant(times[:-1, None]), times[:-1, None])
    return times, np.concatenate([inner, after[:, None]], axis=1)


def _brackets(
    events: Sequence[Watched],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    interpolant: Interpolant,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two times between which each event crosses first, NaN where it does not, shape (event, start) each."""
    times, values = _samples(events, after, interpolant)
    crossed = _crossed(events, before, values)
    dips = _dips(events, values)
    # What comes behind the first crossing does not matter.
    dips &= np.cumsum(crossed, axis=1) == 0
    low, high = (np.broadcast_to(ends[:, None], crossed.shape).copy() for ends in (times[:-1], times[1:]))
    for index, interval in np.argwhere(dips.any(axis=-1)):
        event, rows = events[index], np.flatnonzero(dips[index, interval])
        sign = np.sign(values[index, interval, rows])
        left, right = np.full(len(rows), times[interval]), np.full(len(rows), times[interval + 1])
        extreme, value = _extreme(event, interpolant, rows, sign, left, right)
        found = value < -event.depth
        rows, sign, extreme = rows[found], sign[found], extreme[found]
        crossed[index, interval, rows] = True
        # There and back again: of a direction that is the other one's, the way back counts.
        back = sign * event.direction > 0
        low[index, interval, rows[back]] = extreme[back]
        high[index, interval, rows[~back]] = extreme[~back]
    some, first = crossed.any(axis=1), np.argmax(crossed, axis=1)[:, None]
    low, high = (np.where(some, np.take_along_axis(ends, first, axis=1)[:, 0], np.nan) for ends in (low, high))
    return low, high


def _crossed(events: Sequence[Watched], before: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return between which samples each event crosses, (event, interval, start); ``before`` stands for the first."""
    left, right = np.concatenate([before[:, None], values[:, 1:-1]], axis=1), values[:, 1:]
    upward, downward = (left < 0) & (right >= 0), (left > 0) & (right <= 0)
    sign = np.array([event.direction for event in events])[:, None, None]
    slack = np.array([np.nan if event.slack is None else event.slack for event in events])[:, None, None]
    crossed = np.where(sign > 0, upward, np.where(sign < 0, downward, upward | downward))
    with np.errstate(invalid="ignore"):
        fallen = right < -slack
    return np.where(np.isnan(slack), crossed, fallen)


def _dips(events: Sequence[Watched], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return between which samples an event may go over zero and come back, (event, interval, start).

    That is where the parabola through both ends and a neighbouring sample has its extreme near zero, or beyond.
    """
    here, there = values[:, :-1], values[:, 1:]
    bend = values[:, 2:] - 2 * values[:, 1:-1] + values[:, :-2]
    # The first interval has its neighbour behind it, all others before.
    bend = np.concatenate([bend[:, :1], bend], axis=1)
    slope = there - here - bend / 2
    sign = np.sign(here)
    far = np.abs(values).max(axis=1, keepdims=True)
    depth = np.array([event.depth for event in events])[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        inside = (sign * slope < 0) & (np.abs(slope) < np.abs(bend)) & (sign * bend > 0) & (sign * there > 0)
        return inside & (sign * (here - slope**2 / (2 * bend)) < _CLOSE * far) & (far > depth)


def _extreme(
    event: Watched,
    interpolant: Interpolant,
    rows: NDArray[np.int64],
    sign: NDArray[np.float64],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where ``sign`` times an event is least between two times of each start, or deep enough, and its value."""

    def value(time: NDArray[np.float64]) -> NDArray[np.float64]:
        return sign * np.asarray(event.at(interpolant(time, rows), time), dtype=np.float64)

    width = right - left
    a, b = right - _GOLDEN * width, left + _GOLDEN * width
    at_a, at_b = value(a), value(b)
    for _ in range(_SECTIONS):
        if (np.minimum(at_a, at_b) < -event.depth).all():
            break
        lower = at_a < at_b
        left, right = np.where(lower, left, a), np.where(lower, b, right)
        width = right - left
        probe = np.where(lower, right - _GOLDEN * width, left + _GOLDEN * width)
        at_probe = value(probe)
        a, b = np.where(lower, probe, b), np.where(lower, a, probe)
        at_a, at_b = np.where(lower, at_probe, at_b), np.where(lower, at_a, at_probe)
    lower = at_a < at_b
    return np.where(lower, a, b), np.where(lower, at_a, at_b)


def _locate(
    event: Watched,
    interpolant: Interpolant,
    rows: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the times of the zeros inside the brackets, all starts at once (Chandrupatla's method)."""
    from scipy.optimize import elementwise

    def value(time: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(event.at(interpolant(time, row.astype(int)), time), dtype=np.float64)

    starts, ends = rows.astype(float), (low, high)
    # What begins at a zero has the sign of rounding there; a zero that follows lies between later points.
    hidden = (value(low, starts) * value(high, starts) > 0) & (low == interpolant.t_old)
    for _ in range(_HALVINGS if hidden.any() else 0):
        middle = low + (high - low) / 2
        same = hidden & (value(middle, starts) * value(high, starts) > 0)
        low, high = np.where(hidden & ~same, middle, low), np.where(same, middle, high)
        hidden = same
    low, high = np.where(hidden, ends[0], low), np.where(hidden, ends[1], high)
    solution = elementwise.find_root(value, (low, high), args=(starts,))
    # The bracket was found on the states themselves; where rounding in the interpolant hides the sign change, the
    # zero is at one of its ends to working precision.
    nearer = np.where(np.abs(value(low, starts)) < np.abs(value(high, starts)), low, high)
    return np.where(np.asarray(solution.success) & np.isfinite(solution.x), solution.x, nearer)
