"""The one function that integrates a field; everything a user can get wrong is refused here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import NumericalError, check_count, check_states
from dynamics.core.status import Status
from dynamics.flow.catalogue import Solver, get_solver
from dynamics.flow.checks import check_bound, check_step, check_times, check_tolerances
from dynamics.flow.drive import Ledger, drive
from dynamics.flow.events import Event, check_events
from dynamics.flow.families import make_stepper, right_hand_side
from dynamics.flow.pieces import Pieces, nonsmooth
from dynamics.flow.result import FlowTrajectory, worst
from dynamics.flow.stepping import RightHandSide, Stepper
from dynamics.games.field import Field

#: Batches of at least so many starts of at most so many coordinates are stepped by one thread. Their products are a
#: few thousand rows by a dozen columns: a second thread gains nothing, and on a busy machine the two wait for each
#: other ten times longer than they compute.
_LARGE, _SMALL = 1000, 100


def integrate(
    field: Field,
    y0: ArrayLike,
    times: ArrayLike,
    solver: str = "scipy:DOP853",
    rtol: float | None = None,
    atol: float | None = None,
    *,
    step: float | None = None,
    events: Event | Callable[..., Any] | Iterable[Event | Callable[..., Any]] = (),
    max_evaluations: int | None = None,
    bound: float | None = None,
    throw: bool = False,
    progress: Callable[[float], None] | None = None,
    record_switchings: bool = False,
) -> FlowTrajectory:
    """Integrate the flow of a field from one start or from a batch of starts.

    Solves ``dy/dt = v(y, t)``, ``y(times[0]) = y0``. A result does not depend on what else is in the batch beyond the
    tolerance: explicit methods control the error of the worst start, implicit ones take one start at a time.

    Parameters
    ----------
    field : Field
        The vector field ``v``; for torchdiffeq solvers it receives float64 tensors.
    y0 : array_like, shape (..., dim)
        Starts.
    times : array_like, shape (time,)
        Strictly increasing, or strictly decreasing to integrate backward; the first one is the initial time.
    solver : str
        A name from :func:`dynamics.flow.solvers`.
    rtol, atol : float, optional
        Local error allowed per step, ``atol + rtol |y|`` in the root mean square over the coordinates of each start;
        1e-8 and 1e-10 unless given. Refused for fixed-step solvers, on which they have no effect.
    step : float, optional
        Largest step of a fixed-step solver, which needs it; refused for the others.
    events : Event, callable, or iterable of them
        Stop conditions: functions of the state, (..., dim) -> (...), at whose zeros a start stops. Compiled solvers
        refuse them; :func:`dynamics.flow.compiled.integrate_many` stops near given states.
    max_evaluations : int, optional
        Budget of calls of the field; one call serves a whole batch. Implicit and compiled solvers and fields that are
        not smooth have it per start.
        Without it the integration goes on for as long as it takes.
    bound : float, optional
        Euclidean norm of a state beyond which a start counts as diverged; ``1e8 (1 + |y0|)`` unless given, ``inf``
        for none.
    throw : bool
        Raise instead of returning a result whose status is not ok.
    progress : callable, optional
        Called with the fraction done, from 0 to 1.
    record_switchings : bool
        Keep what happened on the surfaces where the field is not smooth, in the result's ``switchings``.

    Returns
    -------
    FlowTrajectory
        ``states`` of shape (..., time, dim), NaN where a start was not any more; ``statuses``, ``reached`` and
        ``events`` of shape (...); and ``final``, the state at ``reached``. Statuses: finished; event; diverged (beyond
        the bound, or finite-time blow-up); non-finite (the field gave NaN or infinity at a finite state);
        step-underflow (another singularity); budget-exhausted; interrupted.

    Raises
    ------
    InputError
        For everything that can be seen to be wrong before computing.
    NumericalError
        With ``throw``; ``error.result`` holds the result.

    Notes
    -----
    The error norm of SciPy and torchdiffeq is the mean over the whole batch, which lets a thousand easy starts hide
    one hard one; here it is the worst start's (Hairer, Norsett, Wanner 1993, II.4, start by start).

    A field that is not smooth (``switches``, ``bounds``) is integrated in smooth pieces, each start by itself: an orbit
    crosses a surface, slides along it, or stops at a bound where it meets it on the dense output. A touch from one side
    counts where the orbit would go further beyond than a hundred steps may err by their tolerance.

    Examples
    --------
    >>> from dynamics.games.field import Field
    >>> class Decay(Field):
    ...     names = ("x",)
    ...     def __call__(self, y, t=0.0, draw=None):
    ...         return -y
    ...     def jacobian(self, y, t=0.0, draw=None):
    ...         return -np.ones((*y.shape, 1))
    >>> result = integrate(Decay(), [1.0], [0.0, 1.0])
    >>> result.status.value, round(float(result.final[0]), 6)
    ('finished', 0.367879)
    """
    chosen = get_solver(solver)
    starts = check_states("start", y0, field.names)
    grid = check_times(times)
    tolerances = check_tolerances(chosen, rtol, atol)
    step = check_step(chosen, step)
    budget = None if max_evaluations is None else check_count("max_evaluations", max_evaluations)
    conditions = check_events(events, field.dim)
    game = _compiled_game(field, chosen, conditions)

    flat = starts.reshape(-1, field.dim)
    limits = check_bound(bound, flat)
    ledger = Ledger(grid, flat.copy())
    began = time.perf_counter()
    # A blow-up overflows on its way out; what comes of it is looked for by hand.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if game is None:
            counts = _run(field, chosen, ledger, tolerances, step, conditions, budget, limits, progress)
        else:
            from dynamics.flow.compiled.adapter import run_compiled

            counts = run_compiled(game, chosen, ledger, tolerances, budget, limits, record_switchings, progress)
    lead = starts.shape[:-1]
    result = FlowTrajectory(
        status=worst(ledger.statuses),
        names=tuple(field.names),
        times=grid,
        states=ledger.states.reshape(*lead, len(grid), field.dim),
        statuses=ledger.statuses.reshape(lead),
        reached=ledger.reached.reshape(lead),
        last=ledger.ends.reshape(starts.shape),
        events=ledger.events.reshape(lead),
        causes=ledger.causes.reshape(lead),
        switchings=_switchings(ledger, lead) if record_switchings else None,
        statistics={**counts, "seconds": time.perf_counter() - began},
        provenance={
            "field": field.describe(),
            "solver": chosen.name,
            "order": chosen.order,
            "reference": chosen.reference,
            **({"rtol": tolerances[0], "atol": tolerances[1]} if chosen.tolerances else {}),
            **({"step": step} if step is not None else {}),
            "bound": "1e8 (1 + |y0|)" if bound is None else float(bound),
            "max_evaluations": budget,
            "events": [condition.name for condition in conditions],
        },
    )
    if throw and not result.status.ok:
        raise NumericalError(result.message, result)
    return result


def _compiled_game(field: Field, solver: Solver, events: tuple[Event, ...]) -> Any:
    """Return the game that a compiled solver integrates, None for the other solvers."""
    if solver.kind != "compiled":
        return None
    from dynamics.flow.compiled.adapter import check_compiled

    return check_compiled(field, solver, events)


def _switchings(ledger: Ledger, lead: tuple[int, ...]) -> Any:
    """Return the switchings of one start as a tuple, of a batch as an array of such tuples."""
    listed = np.empty(len(ledger.switchings), dtype=object)
    listed[:] = [tuple(found) for found in ledger.switchings]
    return listed.reshape(lead) if lead else listed[0]


def _run(
    field: Field,
    solver: Solver,
    ledger: Ledger,
    tolerances: tuple[float, float],
    step: float | None,
    events: tuple[Event, ...],
    budget: int | None,
    bound: NDArray[np.float64],
    progress: Callable[[float], None] | None,
) -> dict[str, Any]:
    """Integrate with the family the solver belongs to and return the counts."""
    times = ledger.times
    everyone = np.arange(len(ledger.starts))
    if len(times) == 1:
        ledger.close(everyone, Status.FINISHED, times[0], ledger.starts)
    if len(times) == 1 or not everyone.size:
        return {"evaluations": 0, "steps": 0, "rejected": 0}
    counts: dict[str, Any] = {"evaluations": 0}
    direction = float(np.sign(times[-1] - times[0]))
    pieces = Pieces(field, direction, tolerances) if nonsmooth(field) else None
    # Implicit methods would let starts depend on their company, and every start switches at its own times.
    alone = pieces is not None or solver.kind == "implicit"
    groups = [everyone[row : row + 1] for row in everyone] if alone else [everyone]
    jacobians = 0
    for number, rows in enumerate(groups):
        rhs = right_hand_side(solver, field, budget, direction)

        def make(t: float, y: NDArray[np.float64], rhs: RightHandSide = rhs) -> Stepper:
            return make_stepper(solver, rhs, times, t, y, tolerances, step)

        share = None if progress is None else _share(progress, number, len(groups))
        with _one_thread(solver, (len(rows), field.dim)):
            going = drive(make, rhs, rows, ledger, events, bound, share, pieces)
        counts["evaluations"] += rhs.calls
        jacobians += rhs.jacobians
        if not going:
            rest = everyone[rows[-1] + 1 :]
            ledger.close(rest, Status.INTERRUPTED, times[0], ledger.starts[rest])
            break
    if solver.kind == "implicit":
        counts["jacobians"] = jacobians
    counts |= {"steps": ledger.steps, "rejected": ledger.rejected}
    if pieces is not None:
        counts["switchings"] = sum(map(len, ledger.switchings))
    if solver.kind == "fixed" and solver.tolerances:
        counts["unconverged_steps"] = ledger.unconverged
    return counts


@contextmanager
def _one_thread(solver: Solver, shape: tuple[int, ...]) -> Iterator[None]:
    """Keep a large batch of small systems to one thread of BLAS or torch, and leave everything else alone."""
    count, dim = shape
    if count < _LARGE or dim > _SMALL:
        yield
    elif solver.family == "scipy":
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"):
            yield
    else:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _share(progress: Callable[[float], None], row: int, count: int) -> Callable[[float], None]:
    """Return the progress of one start as its share of the whole."""
    return lambda done: progress((row + done) / count)
