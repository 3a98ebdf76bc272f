"""A recorded run against the gradient flow of its own objective."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynamics import methods
from dynamics.compare.clock import Clock, clock_of, refined
from dynamics.compare.comparison import Comparison
from dynamics.compare.order import fit_order
from dynamics.compare.retrain import iterates, iterates_at_rates
from dynamics.core.errors import InputError, NumericalError, check_count
from dynamics.core.results import versions
from dynamics.core.status import Status
from dynamics.flow import integrate
from dynamics.games.network import NetworkGame
from dynamics.gan.run import Run, load_run
from dynamics.gan.threads import torch_threads
from dynamics.methods import Method

#: The absolute tolerance of the flow in units of the relative one, and the factor by which both are loosened once to
#: estimate the error.
ABSOLUTE, LOOSER = 1e-2, 10.0


def compare_run(
    path: str | Path,
    refinements: Sequence[int] = (1, 2, 4, 8),
    *,
    game: NetworkGame | None = None,
    lr: float | Mapping[str, float] | None = None,
    method: str | Method = "alternating",
    solver: str = "torchdiffeq:dopri5",
    rtol: float = 1e-8,
    progress: bool | None = None,
) -> Comparison:
    r"""Compare a recorded run with the gradient flow of the same full-batch objective from the same start.

    In float64: integrates ``dy/dt = v(y)`` over the run's time ``T = lr * steps``, trains again from the recorded
    start at ``lr/r`` for every refinement ``r`` to the same ``T``, and fits the order ``p`` of
    ``|y_k - y(t_k)| = C lr^p`` at ``T`` by least squares on the logarithms. Descent methods have ``p = 1``.
    Per-player rates and numbers of steps become time scales of the flow (:mod:`dynamics.compare.clock`).

    Parameters
    ----------
    path : str or Path
        Folder of a run of :func:`dynamics.gan.train` or of a :class:`dynamics.gan.Recorder`.
    refinements : sequence of int
        Different divisors of the rate; the standard error of the order needs three or more.
    game : NetworkGame, optional
        The objective, for runs of a user's own loop (its layout must be the run's).
    lr, method : float or mapping, str or Method
        What the user's own loop did; taken from the stored configuration otherwise, and refused together with it.
    solver, rtol : str, float
        An adaptive solver of :func:`dynamics.flow.solvers` and its relative tolerance for the flow.
    progress : bool, optional
        Show a progress bar on stderr; by default only on a terminal.

    Returns
    -------
    Comparison
        Its ``compared`` sentence says what was compared: runs in float32 or with mini-batches are trained again in
        float64 on the full batch from the recorded start, and the recorded states' own distance is kept beside.

    Raises
    ------
    InputError
        For runs without an objective, methods whose small-rate limit is not the gradient flow, bad refinements.
    NumericalError
        If the flow could not be integrated to the end.
    """
    began = time.perf_counter()
    run = load_run(path)
    divisors = _check_refinements(refinements)
    objective, descent = _objective(run, game, lr, method)
    full = objective.population().to(dtype=torch.float64)
    clock = clock_of(descent, full)
    steps, recorded = _usable_records(run)
    times = np.asarray(clock.lr * steps, dtype=np.float64)
    start = recorded[0].astype(np.float64)
    exact = recorded.dtype == np.float64 and objective.source.batch is None
    again = [r for r in divisors if r != 1 or not exact]
    plans = [[int(k) * r for k in steps] for r in again]
    finer = [refined(descent, r) for r in again]
    # The flow costs about as much as a thousand iterations; the bar counts iterations only.
    with (
        _bar(sum(plan[-1] for plan in plans), progress) as advance,
        iterates_at_rates(full, finer, start, plans, advance) as retrained,
    ):
        flow, error, evaluations = _flow(full, clock, start, times, solver, rtol)
        found = dict(zip(again, retrained(), strict=True))
    if exact and 1 in divisors:
        found[1] = recorded
    distances = np.array([np.linalg.norm(found[r] - flow, axis=1) for r in divisors])
    rates = clock.lr / np.array(divisors)
    # The error is that of the looser integration, an upper estimate for the one used; at ten times it, it shifts a
    # logarithm by a tenth.
    order = fit_order(rates, distances[:, -1], floor=10 * error)
    return Comparison(
        status=Status.FINISHED,
        times=times,
        rates=rates,
        distances=distances,
        recorded=np.linalg.norm(recorded.astype(np.float64) - flow, axis=1),
        travelled=np.linalg.norm(flow - flow[0], axis=1),
        flow_error=error,
        method=descent.name,
        orders={descent.name: order.value},
        standard_errors={descent.name: order.standard_error},
        reproduced=_reproduced(full, descent, found.get(1), exact, recorded, start, steps),
        compared=_sentence(run, objective, descent, clock, divisors, exact),
        statistics={
            "seconds": time.perf_counter() - began,
            "evaluations": evaluations,
            "steps": sum(plan[-1] for plan in plans),
        },
        provenance={
            "run": str(run.path),
            "game": objective.describe(),
            **descent.settings(),
            "timescales": dict(clock.timescales),
            "solver": solver,
            "rtol": rtol,
            "atol": ABSOLUTE * rtol,
            "versions": versions(),
        },
    )


def _check_refinements(refinements: Sequence[int]) -> list[int]:
    divisors = [check_count("A refinement", r) for r in refinements]
    if len(divisors) < 2 or len(set(divisors)) < len(divisors):
        raise InputError(
            f"An order needs at least two different refinements, got {list(refinements)}: give (1, 2, 4, 8)."
        )
    return sorted(divisors)


def _objective(
    run: Run, game: NetworkGame | None, lr: float | Mapping[str, float] | None, method: str | Method
) -> tuple[NetworkGame, Method]:
    if run.config is not None:
        if game is not None or lr is not None:
            raise InputError(f"The run '{run.path}' holds its own objective and rate: leave game and lr out.")
        return run.game(), run.method()
    if game is None:
        return run.game(), run.method()  # raises the sentence that asks for the game
    if game.layout.to_list() != run.layout.to_list():
        raise InputError(
            f"The game's parameters do not fit the run's ({game.dim} against {run.layout.size} coordinates): "
            "give the networks that were recorded."
        )
    if isinstance(method, Method):
        return game, method if lr is None else method.with_lr(lr)
    if lr is None:
        raise InputError("The rate of a run of your own loop is not recorded: give lr.")
    return game, methods.get(method, lr=lr)


def _usable_records(run: Run) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the recorded iterations and states up to the last finite one."""
    steps, states = run.recorded_steps, run.parameters
    finite = np.asarray(np.isfinite(states).all(axis=1))
    last = len(finite) if finite.all() else int(np.argmin(finite))
    if last < 2 or steps[0] != 0:
        raise InputError(f"The run '{run.path}' holds {last} finite record(s) from its start on: record at least two.")
    return steps[:last], states[:last]


def _flow(
    game: NetworkGame,
    clock: Clock,
    start: NDArray[np.float64],
    times: NDArray[np.float64],
    solver: str,
    rtol: float,
) -> tuple[NDArray[np.float64], float, int]:
    """Return the flow at the times, an upper estimate of its error, and the evaluations of the field."""
    field = clock.flow_of(game)
    fine, coarse = (
        integrate(field, start, times, solver, rtol=rtol * loose, atol=ABSOLUTE * rtol * loose)
        for loose in (1.0, LOOSER)
    )
    if not fine.status.ok:
        raise NumericalError(f"The gradient flow could not be followed: {fine.message}", fine)
    error = float(np.linalg.norm(fine.states - coarse.states, axis=1).max())
    return fine.states, error, int(fine.statistics["evaluations"]) + int(coarse.statistics["evaluations"])


def _reproduced(
    game: NetworkGame,
    method: Method,
    retrained: NDArray[np.float64] | None,
    exact: bool,
    recorded: NDArray[Any],
    start: NDArray[np.float64],
    steps: NDArray[np.int64],
) -> float:
    """Return how far the recorded states are from what the method makes of the start, over the first records."""
    if not exact and retrained is not None:
        return float(np.linalg.norm(recorded.astype(np.float64) - retrained, axis=1).max())
    few = [int(k) for k in steps[:3]]
    with torch_threads(1):
        states = iterates(game, method, start, few)
    return float(np.linalg.norm(recorded[: len(few)].astype(np.float64) - states, axis=1).max())


def _sentence(run: Run, game: NetworkGame, method: Method, clock: Clock, divisors: Sequence[int], exact: bool) -> str:
    rates = ", ".join(f"{clock.lr / r:g}" for r in divisors)
    scales = {p: factor for p, factor in clock.timescales.items() if factor != 1}
    flow = "the full-batch gradient flow in float64"
    if scales:
        flow += " with time scales " + ", ".join(f"{player} {factor:g}" for player, factor in scales.items())
    if exact:
        return f"The recorded run and its repetitions by {method.name} descent at rates {rates} against {flow}."
    why = []
    if run.parameters.dtype != np.float64:
        why.append(f"in {run.parameters.dtype}")
    if game.source.batch is not None:
        why.append(f"with mini-batches of {game.source.batch}")
    return (
        f"The run was recorded {' and '.join(why)}: it was trained again in float64 on the full batch from the "
        f"recorded start by {method.name} descent at rates {rates}, against {flow}."
    )


@contextlib.contextmanager
def _bar(steps: int, wanted: bool | None) -> Iterator[Callable[[int], None]]:
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training again at finer rates", total=steps)
        yield lambda done: bar.update(task, advance=done)
