"""The one function that integrates a field; everything a user can get wrong is refused here."""

from __future__ import annotations

import math
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
        Stop conditions: functions of the state, (..., dim) -> (...), at whose zeros a start stops.
    max_evaluations : int, optional
        Budget of calls of the field; one call serves a whole batch. Implicit solvers have it per start.
        Without it the integration goes on for as long as it takes.
    bound : float, optional
        Euclidean norm of a state beyond which a start counts as diverged; ``1e8 (1 + |y0|)`` unless given, ``inf``
        for none.
    throw : bool
        Raise instead of returning a result whose status is not ok.
    progress : callable, optional
        Called with the fraction done, from 0 to 1.

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
    one hard one; here it is the worst start's (Hairer, Norsett, Wanner 1993, II.4, start by start). Where the field is
    not smooth (clipped games) the step size shrinks at the kink and the integration goes on.

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

    flat = starts.reshape(-1, field.dim)
    limits = check_bound(bound, flat)
    ledger = Ledger(grid, flat.copy())
    began = time.perf_counter()
    # A blow-up overflows on its way out; what comes of it is looked for by hand.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        counts = _run(field, chosen, ledger, tolerances, step, conditions, budget, limits, progress)
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
    begin, end = float(times[0]), float(times[-1])
    counts: dict[str, Any] = {}

    if solver.kind == "implicit":
        from dynamics.flow.scipy_implicit import ImplicitStepper

        calls = jacobians = 0
        going = True
        for row in everyone:
            if not going:
                ledger.close(everyone[row:], Status.INTERRUPTED, begin, ledger.starts[row:])
                break
            rhs = RightHandSide(field, budget)

            def single(y: NDArray[np.float64], rhs: RightHandSide = rhs) -> Stepper:
                return ImplicitStepper(solver.method, rhs, begin, y, end, *tolerances, landings=times[1:])

            share = None if progress is None else _share(progress, int(row), len(everyone))
            going = drive(single, rhs, everyone[row : row + 1], ledger, events, bound, share)
            calls += rhs.calls
            jacobians += rhs.jacobians
        counts["evaluations"] = calls
        counts["jacobians"] = jacobians
    else:
        rhs, make = _batched(field, solver, times, tolerances, step, budget)
        with _one_thread(solver, ledger.starts.shape):
            drive(make, rhs, everyone, ledger, events, bound, progress)
        counts["evaluations"] = rhs.calls
    counts |= {"steps": ledger.steps, "rejected": ledger.rejected}
    if solver.kind == "fixed" and solver.tolerances:
        counts["unconverged_steps"] = ledger.unconverged
    return counts


def _batched(
    field: Field,
    solver: Solver,
    times: NDArray[np.float64],
    tolerances: tuple[float, float],
    step: float | None,
    budget: int | None,
) -> tuple[RightHandSide, Callable[[NDArray[np.float64]], Stepper]]:
    """Return the right-hand side and the maker of the stepper that takes all starts together."""
    begin, end = float(times[0]), float(times[-1])
    if solver.kind == "explicit":
        from dynamics.flow.scipy_explicit import ExplicitStepper

        plain = RightHandSide(field, budget)
        return plain, lambda y: ExplicitStepper(solver.method, plain, begin, y, end, *tolerances)

    from dynamics.flow.torch_adaptive import AdaptiveStepper, TorchRightHandSide

    rhs = TorchRightHandSide(field, budget, math.copysign(1.0, end - begin))
    if step is None:
        return rhs, lambda y: AdaptiveStepper(solver.method, rhs, begin, y, end, *tolerances)

    from dynamics.flow.torch_fixed import FixedStepper

    return rhs, lambda y: FixedStepper(solver.method, rhs, times, y, step, *tolerances)


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
