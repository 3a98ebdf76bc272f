"""Running a method: many iterations, one start or a batch, recorded at a stride."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, NumericalError, check_count, check_states
from dynamics.core.results import Trajectory, versions
from dynamics.core.status import Status
from dynamics.games.field import Game
from dynamics.games.symbolic import SymbolicGame
from dynamics.methods.base import Method, check_method
from dynamics.methods.linearise import extended

#: Largest coordinate before an iteration counts as diverged; its square is still a finite float.
BOUND = 1e150

#: From how many iterations compiling a kernel pays, and how many starts cost as much again in Python: compilation
#: takes a second or two, an iteration of one start about 100 microseconds and of each further one 0.1.
_COMPILE_FROM, _COMPANY = 20_000, 1000

#: Most starts that a thread takes at a time: a millisecond of work or more, shared evenly among the threads.
_PIECE = 1024


def iterate(
    game: Game,
    method: Method,
    y0: ArrayLike,
    iterations: int,
    *,
    every: int = 1,
    compiled: bool | None = None,
    throw: bool = False,
) -> Trajectory:
    """Return the states of ``method`` on ``game`` from ``y0``.

    Parameters
    ----------
    game : Game
    method : Method
    y0 : array_like, shape (..., dim)
        One start or a batch.
    iterations : int
        Full rounds.
    every : int
        Record every ``every``-th state, beside the start and the last one.
    compiled : bool, optional
        Run as a Numba kernel (symbolic games only); by default where it pays.
    throw : bool
        Raise :class:`NumericalError` (with the result) when no start finishes.

    Returns
    -------
    Trajectory
        ``times`` are iteration numbers, ``states`` has shape (..., record, dim). A start whose state passes
        :data:`BOUND` ends ``diverged`` (or ``non-finite``) at the iteration before; later records are NaN.

    Raises
    ------
    InputError
        For bad starts, counts or rates, before anything is computed.
    """
    iterations = check_count("The number of iterations", iterations)
    every = check_count("The stride (every)", every)
    start = check_states("The start", y0, game.names)
    check_method(method).check(game)
    if compiled and not isinstance(game, SymbolicGame):
        raise InputError(f"Only symbolic games can be compiled, got {type(game).__name__}: leave compiled unset.")
    flat = np.ascontiguousarray(game.project(start).reshape(-1, game.dim))
    if compiled is None:
        compiled = isinstance(game, SymbolicGame) and iterations * (1 + len(flat) / _COMPANY) >= _COMPILE_FROM
    began = time.perf_counter()
    if compiled and isinstance(game, SymbolicGame):
        path, last, reached, reason = _run_kernel(game, method, flat, iterations, every)
    else:
        path, last, reached, reason = _run_steps(game, method, flat, iterations, every)
    failed = reason > 0
    seconds = time.perf_counter() - began
    numbers = np.arange(0, iterations + 1, every)
    if numbers[-1] != iterations:
        numbers = np.append(numbers, iterations)
        finished = np.where(failed[:, None], np.nan, last)
        path = np.concatenate([path, finished[:, None]], axis=1)
    statuses = np.array([_status(code, state) for code, state in zip(reason, last, strict=True)], dtype=object)
    shape = start.shape[:-1]
    result = Trajectory(
        status=next((s for s in statuses if not s.ok), Status.FINISHED),
        names=game.names,
        times=numbers.astype(np.float64),
        states=path.reshape(*shape, *path.shape[1:]),
        statuses=statuses.reshape(shape),
        reached=reached.astype(np.float64).reshape(shape),
        last=last.reshape(*shape, game.dim),
        statistics={"iterations": int(reached.max(initial=0)), "seconds": seconds, "compiled": bool(compiled)},
        provenance={"game": game.describe(), **method.settings(), "versions": versions()},
    )
    if throw and not result.status.ok:
        raise NumericalError(f"{result.status.sentence} Reached iteration {int(reached.min())}.", result)
    return result


def _status(reason: int, state: NDArray[np.float64]) -> Status:
    """Return the status of a start: reason 0 finished, 1 left the bound, 2 met NaN."""
    if reason == 0:
        return Status.FINISHED
    # NaN next to a huge state is overflow (inf - inf), from a moderate one it is the game's own.
    own = reason == 2 and np.abs(state).max() < np.sqrt(BOUND)
    return Status.NON_FINITE if own else Status.DIVERGED


def _run_steps(game: Game, method: Method, flat: NDArray[np.float64], iterations: int, every: int) -> tuple[Any, ...]:
    """Run in Python; starts that left the bound are frozen where they were."""
    path = np.full((len(flat), iterations // every + 1, game.dim), np.nan)
    path[:, 0] = flat
    reached = np.zeros(len(flat), dtype=np.int64)
    reason = np.zeros(len(flat), dtype=np.int64)
    state = method.init(flat, game)
    last = flat.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(1, iterations + 1):
            state, _ = method.step(state, game)
            outside = ~(np.abs(state.y) <= BOUND).all(axis=-1)
            fresh = outside & (reason == 0)
            reason[fresh] = np.where(np.isnan(state.y[fresh]).any(axis=-1), 2, 1)
            alive = reason == 0
            if not alive.any():
                break
            last[alive] = state.y[alive]
            reached[alive] = k
            if k % every == 0:
                path[alive, k // every] = state.y[alive]
    return path, last, reached, reason


def _run_kernel(
    game: SymbolicGame, method: Method, flat: NDArray[np.float64], iterations: int, every: int
) -> tuple[Any, ...]:
    """Run the traced kernel."""
    from dynamics.methods.trace import make_kernel

    kernel = make_kernel(method, game)
    initial = method.init(flat, game)
    begin = np.ascontiguousarray(extended(initial))
    schedule = method.schedule
    factors = np.array([] if schedule is None else [schedule(k) for k in range(iterations)], dtype=np.float64)
    rates = np.array([method.rate(player) for player in game.players], dtype=np.float64)
    scales = np.array([game.timescales[player] for player in game.players])
    seen = flat
    while True:
        path = np.full((len(flat), iterations // every + 1, game.dim), np.nan)
        path[:, 0] = flat
        last = flat.copy()
        reached = np.zeros((len(flat), 2), dtype=np.int64)
        arguments = (rates, scales, game.arguments[0], factors, *game.rule(seen))
        given = (begin, *arguments, iterations, every, BOUND, path, last, reached)
        _in_threads(lambda first, behind, given=given: kernel(first, behind, *given), len(begin))
        # Quadrature nodes are chosen before the run; a run that went further out than they suit is repeated.
        farther = np.concatenate([last, path[np.isfinite(path).all(axis=-1)]])
        if game.doublings(farther) <= game.doublings(seen) or game.quadrature == (0, 0.0):
            return path, last, reached[:, 0], reached[:, 1]
        seen = farther


def _in_threads(run: Callable[[int, int], None], count: int) -> None:
    """Call ``run(first, behind)`` for ranges that make up ``range(count)``, in Numba's number of threads."""
    from numba import get_num_threads

    threads = min(get_num_threads(), count)
    size = min(-(-count // max(threads, 1)), _PIECE)
    if threads < 2:
        run(0, count)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda first: run(first, min(first + size, count)), range(0, count, size)))
