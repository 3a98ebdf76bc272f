"""Running an ensemble: ranges of paths in threads, statistics joined as they come."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, NumericalError, check_count, unknown
from dynamics.core.results import versions
from dynamics.ensemble.compiled import Loop, Piece, blocks_of, cells_of, ids_of
from dynamics.ensemble.conditions import Condition
from dynamics.ensemble.cuda import DeviceLoop
from dynamics.ensemble.frontier import Frontier
from dynamics.ensemble.histograms import Counts, Histogram
from dynamics.ensemble.kernel import FINISHED, LANES, STOPPED, UNFINISHED
from dynamics.ensemble.noise import Noise, read_noise
from dynamics.ensemble.plan import Plan, make_plan
from dynamics.ensemble.readable import ReadableLoop
from dynamics.ensemble.result import TIME_CELLS, Ensemble, Event, notes, worst
from dynamics.ensemble.schemes import Scheme, read_scheme
from dynamics.ensemble.sde import SDE
from dynamics.games.field import Field
from dynamics.games.symbolic import SymbolicGame
from dynamics.methods import Method

#: What a run may be computed on.
DEVICES = ("cpu", "cuda")

#: Path-steps that a thread takes at a time, a tenth of a second of work.
_PIECE = 2**25

#: Most numbers of single paths (last states, first times) that are kept unless they are asked for: 80 MB.
_KEPT = 10_000_000


def simulate(
    game: Field,
    noise: Noise | float | Mapping[str, float],
    *,
    paths: int,
    dt: float,
    time: float,
    start: ArrayLike | None = None,
    spread: float | Mapping[str, float] = 0.0,
    scheme: Scheme | Method | str = "euler-maruyama",
    seed: int = 0,
    first: int = 0,
    records: int | Sequence[float] = 101,
    observe: str | Sequence[str] = (),
    until: str | Condition | Sequence[str | Condition] = (),
    watch: str | Condition | Sequence[str | Condition] = (),
    bridge: bool = True,
    maxima: str | Sequence[str] = (),
    histograms: Sequence[Histogram] = (),
    brownian_dt: float | None = None,
    keep: bool | None = None,
    chunk: int | None = None,
    threads: int | None = None,
    compiled: bool | None = None,
    device: str = "cpu",
    advance: Callable[[int], None] = lambda done: None,
    throw: bool = False,
) -> Ensemble:
    """Return the statistics of many paths of ``dY = v(Y) dt + g(t) B(Y) dW``, in the sense of Ito.

    Parameters
    ----------
    game : Field
        A symbolic game is compiled; any other field is stepped by the readable implementation.
    noise : Noise, float or mapping
        A model of :mod:`dynamics.ensemble.noise`, one strength for all coordinates, or one for each.
    paths : int
    dt, time : float
        Step, and time of the whole run, a multiple of it.
    start : array_like, shape (dim,) or (paths, dim), optional
        The game's own by default.
    spread : float or mapping of coordinate to float
        Standard deviation of the start around ``start``.
    scheme : Scheme, Method or str
        A name of :func:`dynamics.ensemble.schemes.names`, or a training algorithm, which takes noisy steps.
    seed, first : int
        The numbers of path p of ``first`` to ``first + paths - 1`` depend on (seed, p) alone.
    records : int or sequence of float
        How many times, evenly spaced, or which times to take moments at.
    observe : str, or several
        Further quantities to record, such as ``x**2 + y**2``.
    until : str or Condition, or several
        Conditions that end a path, such as ``abs(x) > 1``.
    watch : str or Condition, or several
        Conditions whose first time is noted and that end nothing.
    bridge : bool
        Catch crossings between the steps by a Brownian bridge (schemes that follow paths, quantities free of clipped
        coordinates); without it, exits are seen at the steps only, late by an error of order sqrt(dt).
    maxima : str, or several
        Quantities whose largest value along the path is recorded. Between the steps it is drawn without regard to the
        conditions: near a level at which paths end it may lie beyond, by an amount of order sqrt(dt).
    histograms : sequence of Histogram
    brownian_dt : float, optional
        Compose the increments of steps of this length, so that runs with different dt see the same Brownian paths.
    keep : bool, optional
        Keep last state and first times of each path; by default up to ten million numbers.
    chunk, threads : int, optional
        Paths that a thread takes at a time, and number of threads; without effect on any bit of the result.
    compiled : bool, optional
        False takes the readable implementation, as fields without formulas do.
    device : str
        ``cpu``, or ``cuda`` for an NVIDIA graphics card (extra ``cuda``): the same random numbers and operations, and
        the same results up to rounding.
    advance : callable
        Called with the number of paths that are done.
    throw : bool
        Raise :class:`NumericalError` (with the result) unless the status is ok.

    Returns
    -------
    Ensemble
        Interrupted by Ctrl-C, it holds what is finished, with status ``interrupted``.

    Raises
    ------
    InputError
        For bad arguments, noise of the wrong shape, or a scheme whose needs are not met; before anything is computed.
    """
    plan = make_plan(
        SDE(game, read_noise(noise)), read_scheme(scheme),
        paths=paths, dt=dt, time=time, start=start, spread=spread, seed=seed, first=first, records=records,
        observe=observe, until=until, watch=watch, bridge=bridge, maxima=maxima, histograms=histograms,
        brownian_dt=brownian_dt,
    )  # fmt: skip
    if compiled and not plan.sde.symbolic:
        raise InputError(f"Only symbolic games can be compiled, got {type(game).__name__}: leave compiled unset.")
    result = run_plan(plan, keep=keep, chunk=chunk, threads=threads, compiled=compiled, device=device, advance=advance)
    if throw and not result.status.ok:
        raise NumericalError(f"{result.status.sentence} {' '.join(result.notes)}".strip(), result)
    return result


def run_plan(
    plan: Plan,
    *,
    keep: bool | None = None,
    chunk: int | None = None,
    threads: int | None = None,
    compiled: bool | None = None,
    device: str = "cpu",
    advance: Callable[[int], None] = lambda done: None,
) -> Ensemble:
    """Return the statistics of a plan; the arguments are those of :func:`simulate`."""
    loop, threads = _loop(plan, device, threads, compiled)
    if chunk is not None:
        size = check_count("The chunk", chunk)
    else:
        size = loop.chunk() if isinstance(loop, DeviceLoop) else _chunk(plan, threads)
    loop.compile()
    columns = loop.columns(0, plan.steps)
    gathered = _Gathered(plan, keep)
    halt = np.zeros(1, dtype=np.int8)
    began = clock.perf_counter()

    def work(low: int, high: int) -> tuple[Piece, NDArray[np.int64]]:
        blocks = blocks_of(low, high, plan.batch_level)
        return loop(ids_of(low, high), blocks, columns=columns, halt=halt), blocks

    _in_threads(work, plan, size, threads, halt, gathered, advance)
    found = gathered.result(clock.perf_counter() - began)
    return found if device == "cpu" else replace(found, provenance={**found.provenance, "device": device})


def _loop(plan: Plan, device: str, threads: int | None, compiled: bool | None) -> tuple[Loop | ReadableLoop, int]:
    """Return what runs ranges of paths, and in how many threads."""
    from numba import get_num_threads

    if device not in DEVICES:
        raise unknown("device", device, DEVICES)
    if device == "cuda":
        if compiled is False or not plan.sde.symbolic:
            raise InputError(
                f"device 'cuda' runs compiled kernels of symbolic games, got {type(plan.sde.motion).__name__} and "
                f"compiled = {compiled}: take device 'cpu'."
            )
        if threads is not None:
            raise InputError(f"threads = {threads} has no effect on device 'cuda': leave it unset.")
        return DeviceLoop(plan), 1
    threads = get_num_threads() if threads is None else check_count("The number of threads", threads)
    return Loop(plan) if plan.sde.symbolic and compiled is not False else ReadableLoop(plan), threads


def _chunk(plan: Plan, threads: int) -> int:
    """Return how many paths a thread takes at a time: a power of two, and fewer where there are few."""
    most = max(LANES, min(_PIECE // plan.steps, -(-plan.paths // threads)))
    return 1 << (most.bit_length() - 1)


def _in_threads(
    work: Callable[[int, int], tuple[Piece, NDArray[np.int64]]],
    plan: Plan,
    size: int,
    threads: int,
    halt: NDArray[np.int8],
    gathered: _Gathered,
    advance: Callable[[int], None],
) -> None:
    """Run ranges of paths in threads; on Ctrl-C finish what has begun and leave the rest."""
    behind = plan.first + plan.paths
    # Ranges begin at multiples of their size, which are complete nodes of the tree.
    edges = [plan.first, *range((plan.first // size + 1) * size, behind, size), behind]
    ranges = iter(list(pairwise(edges)))
    # A range leaves the list only after it was added, since Ctrl-C may come between any two operations.
    begun: list[Future[Any]] = []
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                # Few are handed out at a time, so that an interruption leaves little to wait for.
                while len(begun) < 2 * threads and (pair := next(ranges, None)) is not None:
                    begun.append(pool.submit(work, *pair))
                if not begun:
                    return
                for future in wait(begun, return_when=FIRST_COMPLETED).done:
                    gathered.add(*future.result())
                    begun.remove(future)
                    advance(gathered.totals.done)
        except KeyboardInterrupt:
            halt[0] = 1
            added = gathered.totals.last
            for future in begun:
                if not future.cancel():
                    piece, blocks = future.result()
                    if piece.first != added:
                        gathered.add(piece, blocks)


@dataclass(frozen=True)
class _Totals:
    """What some ranges of paths give together.

    Attributes
    ----------
    moments, events, largest : Frontier and lists of them
    cells : ndarray of int64, shape (conditions, TIME_CELLS)
        Histograms of the times of the conditions.
    open_paths, elsewhere : ndarray of int64, shape (conditions,)
        Paths that came to the end of the run, or ended at another condition, without meeting each.
    counts : ndarray of int64
        Of the histograms.
    steps, done : int
        Steps of paths, and paths that are done.
    last : int
        First path of the range that was added last.
    """

    moments: Frontier
    events: list[Frontier]
    largest: list[Frontier]
    cells: NDArray[np.int64]
    open_paths: NDArray[np.int64]
    elsewhere: NDArray[np.int64]
    counts: NDArray[np.int64]
    steps: int = 0
    done: int = 0
    last: int = -1


class _Gathered:
    """Collects what ranges of paths give, in any order."""

    def __init__(self, plan: Plan, keep: bool | None) -> None:
        self.plan = plan
        conditions, dim = len(plan.conditions), plan.sde.dim
        if keep is None:
            keep = plan.paths * (dim + conditions) <= _KEPT
        self.level = plan.batch_level
        self.codes = np.full(plan.paths, UNFINISHED, dtype=np.int8)
        self.final = np.full((plan.paths, dim), np.nan) if keep else None
        self.times = np.full((plan.paths, conditions), np.nan) if keep and conditions else None
        nothing = np.zeros(conditions, dtype=np.int64)
        self.totals = _Totals(
            moments=Frontier(len(plan.observables), records=len(plan.records)),
            events=[Frontier(1 + dim) for _ in plan.conditions],
            largest=[Frontier(1) for _ in plan.maxima],
            cells=np.zeros((conditions, TIME_CELLS), dtype=np.int64),
            open_paths=nothing,
            elsewhere=nothing,
            counts=np.zeros_like(cells_of(plan).empty),
        )

    def add(self, piece: Piece, blocks: NDArray[np.int64]) -> None:
        """Add a range.

        The totals change in one assignment; rows of single paths may be written again. An interruption, which may come
        anywhere, thus leaves a range added, or not and free to be added again.
        """
        n = len(piece.status)
        rows = slice(piece.first - self.plan.first, piece.first - self.plan.first + n)
        self.codes[rows] = piece.codes
        if self.final is not None:
            self.final[rows] = piece.final
        if self.times is not None:
            self.times[rows] = piece.events[:, :, 0]
        self.totals = self._with(piece, blocks)

    def _with(self, piece: Piece, blocks: NDArray[np.int64]) -> _Totals:
        """Return the totals with a range added."""
        plan, old, level = self.plan, self.totals, self.level
        whole, stopped = piece.status == FINISHED, piece.status == STOPPED
        times = piece.events[:, :, 0]
        met = np.isfinite(times)
        cells = old.cells.copy()
        for c in range(len(plan.conditions)):
            places = np.minimum((times[met[:, c], c] / plan.duration * TIME_CELLS).astype(np.int64), TIME_CELLS - 1)
            cells[c] += np.bincount(places, minlength=TIME_CELLS)
        steps = int(whole.sum()) * plan.steps
        if stopped.any():
            stops = [c for c, condition in enumerate(plan.conditions) if condition.stop]
            steps += int(np.ceil(np.nanmin(times[stopped][:, stops], axis=1) / plan.dt).sum())
        return _Totals(
            moments=old.moments.extended(piece.nodes, level),
            events=[
                frontier.extended(piece.reduced(piece.events[:, c], blocks, level), level)
                for c, frontier in enumerate(old.events)
            ],
            largest=[
                frontier.extended(piece.reduced(piece.largest[:, e : e + 1], blocks, level), level)
                for e, frontier in enumerate(old.largest)
            ],
            cells=cells,
            open_paths=old.open_paths + (whole[:, None] & ~met).sum(axis=0),
            elsewhere=old.elsewhere + (stopped[:, None] & ~met).sum(axis=0),
            counts=old.counts + piece.counts,
            steps=old.steps + steps,
            done=old.done + int((piece.status != UNFINISHED).sum()),
            last=piece.first,
        )

    def result(self, seconds: float) -> Ensemble:
        plan, totals = self.plan, self.totals
        found = Ensemble(
            status=worst(self.codes),
            names=plan.sde.names,
            quantities=tuple(plan.observables),
            times=plan.times,
            frontier=totals.moments,
            first=plan.first,
            status_codes=self.codes,
            final=self.final,
            event_times=self.times,
            largest=dict(zip(plan.maxima, totals.largest, strict=True)),
            events=tuple(
                Event(
                    c.text,
                    c.stop,
                    totals.events[i],
                    totals.cells[i],
                    plan.duration,
                    int(totals.open_paths[i]),
                    int(totals.elsewhere[i]),
                )
                for i, c in enumerate(plan.conditions)
            ),
            histograms=self._histograms(),
            statistics={
                "path_steps": totals.steps,
                "seconds": seconds,
                "path_steps_per_second": totals.steps / seconds if seconds > 0 else 0.0,
            },
            provenance={**plan.settings(), "versions": versions()},
        )
        return replace(found, notes=(*notes(found), *_remarks(plan, found)))

    def _histograms(self) -> tuple[Counts, ...]:
        plan, cells, taken = self.plan, cells_of(self.plan), self.totals.counts
        found = []
        for histogram, (_, place, *_) in zip(plan.histograms, cells.layout.tolist(), strict=True):
            total = int(np.prod(histogram.shape))
            rows = [cells.moments[round(t / plan.dt)] for t in histogram.times or ()]
            inside = taken[rows, place : place + total].reshape(len(rows), *histogram.shape)
            found.append(Counts(histogram, inside, taken[rows, place + total]))
        return tuple(found)


def _remarks(plan: Plan, found: Ensemble) -> tuple[str, ...]:
    """Return what a user should know of the plan rather than of the paths."""
    said = plan.scheme.remark(plan.sde, plan.dt)
    return (*((said,) if said else ()), *_far(plan, found))


def _far(plan: Plan, found: Ensemble) -> tuple[str, ...]:
    """Return a sentence if paths went where the quadrature sums in the losses of a game are less accurate."""
    game = plan.sde.motion
    if not isinstance(game, SymbolicGame) or game.quadrature == (0, 0.0):
        return ()
    own, summary = slice(0, game.dim), found.summary
    with np.errstate(invalid="ignore"):
        reach = 4 * np.sqrt(np.einsum("rii->ri", summary.covariance[:, own, own]))
        ends = np.concatenate([summary.mean[:, own] - reach, summary.mean[:, own] + reach])
    ends = ends[np.isfinite(ends).all(axis=1)]
    doublings = game.doublings(ends) if len(ends) else 0
    used, needed = len(plan.sde.rule[0]), game.quadrature_at(doublings)[0]
    if needed <= used:
        return ()
    return (
        f"Paths went up to {2**doublings} times as far out as the default box of {game.name}, where its Gauss-Hermite "
        f"sums need {needed} nodes for full accuracy; {used} were used.",
    )
