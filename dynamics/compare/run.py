"""A recorded run against the gradient flow of its own objective."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynamics import methods
from dynamics.compare.clock import Clock, clock_of, refined
from dynamics.compare.comparison import Comparison
from dynamics.compare.order import fit_order
from dynamics.compare.reference import ABSOLUTE, Reference, follow, tightened
from dynamics.compare.reproduction import NOT_CHECKED, Reproduction, reproduce
from dynamics.compare.retrain import iterates, side_by_side
from dynamics.core.errors import InputError, check_count
from dynamics.core.results import versions
from dynamics.core.status import Status
from dynamics.games.network import NetworkGame
from dynamics.gan.run import Run, load_run
from dynamics.methods import Method


def compare_run(
    path: str | Path,
    refinements: Sequence[int] = (1, 2, 4, 8),
    *,
    game: NetworkGame | None = None,
    lr: float | Mapping[str, float] | None = None,
    method: str | Method | None = None,
    solver: str = "torchdiffeq:dopri5",
    rtol: float | None = None,
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
        The objective, for runs of a user's own loop that were recorded without it (its layout must be the run's).
    lr, method : float or mapping, str or Method, optional
        What the user's own loop did, ``alternating`` unless said; by default what the recorder was told. Runs of
        :func:`dynamics.gan.train` hold all three, and refuse them here.
    solver : str
        An adaptive solver of :func:`dynamics.flow.solvers` for the flow.
    rtol : float, optional
        Its relative tolerance. By default it is tightened until the estimated error is a twentieth of the smallest
        distance at ``T`` (:mod:`dynamics.compare.reference`).
    progress : bool, optional
        Show a progress bar on stderr; by default only on a terminal.

    Returns
    -------
    Comparison
        Its ``compared`` sentence says what was compared: runs in float32 or with mini-batches are trained again in
        float64 on the full batch from the recorded start, and the recorded states' own distance is kept beside. A
        run that the method does not reproduce within rounding gets no order (NaN) and the sentence says by how much.

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
    # The longest first, so that the short ones fill the other cores.
    again = [r for r in reversed(divisors) if r != 1 or not exact]
    plans = {r: [int(k) * r for k in steps] for r in again}
    total = sum(plan[-1] for plan in plans.values())
    # A loop of one's own drew mini-batches that nobody can draw again.
    checked = run.config is not None or objective.source.batch is None
    flow = clock.flow_of(full)
    kinks = full.loss.name == "hinge" or full.clip is not None
    # The flow costs about as much as a thousand iterations; the bar counts iterations only.
    with _bar(total, progress) as advance:
        # torch.func swaps parameters into the modules while it calls them: every thread needs its own game.
        tasks: list[Callable[[threading.Event], Any]] = [
            partial(iterates, full.to(), refined(descent, r), start, plans[r], advance) for r in again
        ]
        if checked:
            tasks.append(partial(reproduce, objective, descent, steps, recorded))
        with side_by_side(tasks) as answers:
            reference = follow(flow, start, times, solver, rtol, kinks)
            done = answers()
            same: Reproduction = done.pop() if checked else NOT_CHECKED
            found = dict(zip(again, done, strict=True))
            if exact and 1 in divisors:
                found[1] = iterates(full, descent, start, [int(k) for k in steps]) if same.failed else recorded
            if rtol is None:
                reference = tightened(reference, _smallest(found, reference), flow, start, times, solver, total)
    distances = np.array([np.linalg.norm(found[r] - reference.states, axis=1) for r in divisors])
    rates = clock.lr / np.array(divisors)
    # The error is an upper estimate; at ten times it, it shifts a logarithm by a tenth.
    order = fit_order(rates, distances[:, -1], floor=10 * reference.error)
    travelled = np.linalg.norm(reference.states - reference.states[0], axis=1)
    small = _shrinking(distances[:, -1], travelled[-1])
    if same.failed or not small:
        order = replace(order, value=float("nan"), standard_error=float("nan"))
    plane, explained = principal_plane(reference.states, recorded)
    compared = _sentence(run, objective, descent, clock, divisors, same)
    if not small:
        compared += " The distances do not shrink with the rate and stay below the way of the flow: no order is fitted."
    return Comparison(
        status=Status.FINISHED,
        times=times,
        rates=rates,
        distances=distances,
        recorded=np.linalg.norm(recorded.astype(np.float64) - reference.states, axis=1),
        travelled=travelled,
        flow_error=reference.error,
        method=descent.name,
        orders={descent.name: order.value},
        standard_errors={descent.name: order.standard_error},
        reproduced=same.error,
        within=same.within,
        compared=compared,
        plane=plane,
        explained=explained,
        apart=_apart(run, objective, same, divisors),
        statistics={
            "seconds": time.perf_counter() - began,
            "evaluations": reference.evaluations,
            "steps": total,
        },
        provenance={
            "run": str(run.path),
            "game": objective.describe(),
            **descent.settings(),
            "timescales": dict(clock.timescales),
            "solver": solver,
            "rtol": reference.rtol,
            "atol": ABSOLUTE * reference.rtol,
            "versions": versions(),
        },
    )


def principal_plane(
    flow: NDArray[np.float64], recorded: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return flow and recorded run on the first two principal directions of the flow, and their shares of variance.

    Parameters
    ----------
    flow, recorded : ndarray, shape (time, coordinate)
        States at the same times; the mean of the flow is the origin of the plane.

    Returns
    -------
    plane : ndarray, shape (2, time, 2)
    explained : ndarray, shape (2,)
        Zeros where the flow does not move.
    """
    centre = flow.mean(axis=0)
    _, singular, directions = np.linalg.svd(flow - centre, full_matrices=False)
    basis = np.zeros((2, flow.shape[1]))
    basis[: len(directions[:2])] = directions[:2]
    share = np.zeros(2)
    total = float((singular**2).sum())
    share[: len(singular[:2])] = singular[:2] ** 2 / total if total else 0.0
    return np.stack([(flow - centre) @ basis.T, (recorded.astype(np.float64) - centre) @ basis.T]), share


def _shrinking(ends: NDArray[np.float64], way: float) -> bool:
    """Return whether distances fall with the rate and stay below the way of the flow, as a small rate's do."""
    known = ends[np.isfinite(ends)]
    return len(known) > 1 and bool((np.diff(known) < 0).all() and known[0] < way)


def _check_refinements(refinements: Sequence[int]) -> list[int]:
    divisors = [check_count("A refinement", r) for r in refinements]
    if len(divisors) < 2 or len(set(divisors)) < len(divisors):
        raise InputError(
            f"An order needs at least two different refinements, got {list(refinements)}: give (1, 2, 4, 8)."
        )
    return sorted(divisors)


def _objective(
    run: Run, game: NetworkGame | None, lr: float | Mapping[str, float] | None, method: str | Method | None
) -> tuple[NetworkGame, Method]:
    if run.config is not None:
        if game is not None or lr is not None or method is not None:
            raise InputError(f"The run '{run.path}' holds its own objective and rate: leave game, lr and method out.")
        return run.game(), run.method()
    objective = run.game() if game is None else game
    if objective.layout.to_list() != run.layout.to_list():
        raise InputError(
            f"The game's parameters do not fit the run's ({objective.dim} against {run.layout.size} coordinates): "
            "give the networks that were recorded."
        )
    if isinstance(method, Method):
        return objective, method if lr is None else method.with_lr(lr)
    if lr is not None:
        return objective, methods.get(method or "alternating", lr=lr)
    recorded = run.method()
    if method is not None and method != recorded.name:
        raise InputError(f"The run '{run.path}' was recorded as {recorded.name}: give lr with method={method}.")
    return objective, recorded


def _usable_records(run: Run) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the recorded iterations and states up to the last finite one."""
    steps, states = run.recorded_steps, run.parameters
    finite = np.asarray(np.isfinite(states).all(axis=1))
    last = len(finite) if finite.all() else int(np.argmin(finite))
    if last < 2 or steps[0] != 0:
        raise InputError(f"The run '{run.path}' holds {last} finite record(s) from its start on: record at least two.")
    return steps[:last], states[:last]


def _smallest(found: Mapping[int, NDArray[np.float64]], reference: Reference) -> float:
    """Return the smallest distance at the end, the one that the flow's error disturbs first; inf if there is none."""
    ends = [float(np.linalg.norm(states[-1] - reference.states[-1])) for states in found.values()]
    return min((end for end in ends if np.isfinite(end)), default=float("inf"))


def _kinds(run: Run, game: NetworkGame) -> list[str]:
    """Return what keeps a recorded run from being the method on the full batch in float64."""
    kinds = [] if run.parameters.dtype == np.float64 else [str(run.parameters.dtype)]
    return kinds if game.source.batch is None else [*kinds, f"mini-batch {game.source.batch}"]


def _apart(run: Run, game: NetworkGame, same: Reproduction, divisors: Sequence[int]) -> str:
    kinds = ["not reproduced"] if same.failed else _kinds(run, game)
    return ", ".join(kinds) or ("" if 1 in divisors else "not among the rates")


def _sentence(
    run: Run, game: NetworkGame, method: Method, clock: Clock, divisors: Sequence[int], same: Reproduction
) -> str:
    rates = ", ".join(f"{clock.lr / r:g}" for r in divisors)
    rate = ", ".join(f"{p} {lr:g}" for p, lr in method.lr.items()) if isinstance(method.lr, Mapping) else method.lr
    scales = {p: factor for p, factor in clock.timescales.items() if factor != 1}
    flow = "the full-batch gradient flow in float64"
    if scales:
        flow += " with time scales " + ", ".join(f"{player} {factor:g}" for player, factor in scales.items())
    kinds = " and ".join(_kinds(run, game))
    if same.failed:
        return (
            f"The recorded run is not {method.name} descent at lr {rate} on this objective: off by {same.error:.2g} at "
            f"iteration {same.step}, where rounding explains {same.within:.1g}. No order is fitted; the rates {rates} "
            f"are {method.name} descent from the recorded start, against {flow}."
        )
    if not kinds:
        return f"The recorded run and its repetitions by {method.name} descent at rates {rates} against {flow}."
    said = f"The run was recorded with {kinds}"
    if np.isnan(same.error):
        said += f" of its own, so that nothing shows whether it is {method.name} descent at lr {rate}"
    return (
        f"{said}: it was trained again in float64 on the full batch from the recorded start by {method.name} descent "
        f"at rates {rates}, against {flow}. The recorded run itself is shown beside and not fitted."
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
