"""States of chosen paths, streamed to disk segment by segment.

A path depends on its number alone, so that chosen paths of an ensemble are computed again, bit for bit, instead of
being kept while millions run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.appending import AppendingStore, Series
from dynamics.core.errors import InputError, check_count
from dynamics.core.results import Trajectory, versions
from dynamics.core.status import Status
from dynamics.ensemble.compiled import Loop, Piece, blocks_of_rows
from dynamics.ensemble.noise import read_noise
from dynamics.ensemble.plan import Plan, make_plan
from dynamics.ensemble.readable import ReadableLoop
from dynamics.ensemble.result import CODES, worst
from dynamics.ensemble.schemes import read_scheme
from dynamics.ensemble.sde import SDE
from dynamics.games.field import Field

#: States that wait in memory at most, in numbers (64 MB).
_SEGMENT = 2**23
#: Paths that a thread takes at a time.
_PIECE = 1024


def trajectories(
    game: Field,
    noise: Any,
    *,
    paths: int | Sequence[int],
    dt: float,
    time: float,
    every: int = 1,
    store: str | Path | None = None,
    threads: int | None = None,
    compiled: bool | None = None,
    advance: Callable[[int], None] = lambda done: None,
    **settings: Any,
) -> Trajectory:
    """Return every ``every``-th state of chosen paths of an ensemble, the same bits as in :func:`simulate`.

    Parameters
    ----------
    game, noise, dt, time
        As for :func:`dynamics.ensemble.simulate`.
    paths : int or sequence of int
        The first so many paths, or path numbers.
    every : int
        Stride in steps; the last state is recorded too.
    store : str or Path, optional
        Zarr store to write to as the run goes on; it must not exist. Memory then stays flat.
    threads, compiled
        As for :func:`simulate`.
    advance : callable
        Called with the number of steps that are done.
    **settings
        ``start``, ``spread``, ``scheme``, ``seed``, ``until``, ``bridge``, ``brownian_dt`` of :func:`simulate`.

    Returns
    -------
    Trajectory
        ``states`` of shape (paths, time, dim), NaN after a path ended; with ``store``, only the last record of it.

    Raises
    ------
    InputError
        For bad arguments, before anything is computed.
    """
    numbers = np.arange(check_count("The number of paths", paths)) if isinstance(paths, int | np.integer) else paths
    ids = _numbers(numbers)
    every = check_count("The stride (every)", every)
    for name in settings:
        if name not in ("start", "spread", "scheme", "seed", "until", "bridge", "brownian_dt"):
            raise InputError(f"trajectories takes no {name}: it belongs to simulate.")
    scheme = read_scheme(settings.pop("scheme", "euler-maruyama"))
    if np.ndim(settings.get("start", 0.0)) > 1:
        raise InputError("The start of chosen paths is one state: give a spread for different ones.")
    plan = make_plan(SDE(game, read_noise(noise)), scheme, paths=len(ids), dt=dt, time=time, **settings)
    run = _Run(plan, ids, every, compiled, threads)
    if store is None:
        times, states = run.gathered(advance)
    else:
        times, states = run.streamed(Path(store), advance)
    statuses = np.array(CODES, dtype=object)[run.codes]
    return Trajectory(
        status=worst(run.codes),
        names=plan.sde.names,
        times=times,
        states=states,
        statuses=statuses,
        reached=run.reached * plan.dt,
        last=run.last,
        statistics={"steps": plan.steps},
        provenance={**run.settings(), "versions": versions()},
    )


def _numbers(given: Any) -> NDArray[np.uint64]:
    array = np.asarray(given)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu" or int(array.min()) < 0:
        raise InputError(f"Chosen paths are whole numbers from 0 on, got {given!r}.")
    if len(np.unique(array)) < len(array):
        raise InputError("A path was chosen twice: give each number once.")
    return array.astype(np.uint64)


class _Run:
    """Chosen paths on their way."""

    def __init__(
        self, plan: Plan, ids: NDArray[np.uint64], every: int, compiled: bool | None, threads: int | None
    ) -> None:
        from numba import get_num_threads

        self.plan, self.ids, self.every = plan, ids, every
        self.loop = Loop(plan) if plan.sde.symbolic and compiled is not False else ReadableLoop(plan)
        self.loop.compile()
        self.threads = get_num_threads() if threads is None else check_count("The number of threads", threads)
        self.state = plan.scheme.start(plan.initial(ids), plan.sde)
        self.last = self.state[:, : plan.sde.dim].copy()
        self.codes = np.full(len(ids), CODES.index(Status.INTERRUPTED), dtype=np.int8)
        self.reached = np.zeros(len(ids))
        self.alive = np.ones(len(ids), dtype=bool)
        self.records = np.unique(np.append(np.arange(0, plan.steps + 1, every), plan.steps))

    def settings(self) -> dict[str, Any]:
        """Return what is needed to repeat the run."""
        chosen = self.ids.tolist() if len(self.ids) <= 1000 else f"{len(self.ids)} chosen paths"
        return {**self.plan.settings(), "paths": chosen, "every": self.every}

    def segments(self) -> list[NDArray[np.int64]]:
        """Return the records in portions that fit into memory, at least one to each."""
        size = max(1, _SEGMENT // (len(self.ids) * self.plan.sde.dim))
        return [self.records[i : i + size] for i in range(0, len(self.records), size)]

    def gathered(self, advance: Callable[[int], None]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the times reached and the states of all records."""
        parts: list[NDArray[np.float64]] = []
        begin = 0
        try:
            for records in self.segments():
                parts.append(self._advanced(begin, records))
                begin = int(records[-1])
                advance(begin)
        except KeyboardInterrupt:
            pass
        states = np.concatenate(parts, axis=1) if parts else np.empty((len(self.ids), 0, self.plan.sde.dim))
        return self.records[: states.shape[1]] * self.plan.dt, states

    def streamed(self, path: Path, advance: Callable[[int], None]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Write the records to a store and return the last one."""
        dim, begin = self.plan.sde.dim, 0
        part = np.full((len(self.ids), 1, dim), np.nan)
        layout = {"time": Series(), "state": Series(("path", "coordinate"), (len(self.ids), dim))}
        labels: dict[str, Any] = {"path": self.ids, "coordinate": np.array(self.plan.sde.names)}
        with AppendingStore(path, layout, coordinates=labels, attributes={"provenance": self.settings()}) as store:
            try:
                for records in self.segments():
                    part = self._advanced(begin, records)
                    store.append(time=records * self.plan.dt, state=np.swapaxes(part, 0, 1))
                    begin = int(records[-1])
                    advance(begin)
            except KeyboardInterrupt:
                pass
            statuses = [CODES[code].value for code in self.codes]
            store.set_attributes(status=worst(self.codes).value, statuses=statuses)
        return np.array([begin * self.plan.dt]), part[:, -1:]

    def _advanced(self, begin: int, records: NDArray[np.int64]) -> NDArray[np.float64]:
        """Advance the paths that are left to the last of some records; return states, (paths, records, dim)."""
        end = int(records[-1])
        states = np.full((len(self.ids), len(records), self.plan.sde.dim), np.nan)
        columns = self.loop.columns(begin, max(end, begin + 1))
        rows = np.flatnonzero(self.alive)

        def work(piece: NDArray[np.int64]) -> tuple[NDArray[np.int64], Piece]:
            blocks = blocks_of_rows(len(piece))
            given = {"columns": columns, "state": self.state[piece], "begin": begin, "end": end, "records": records}
            return piece, self.loop(self.ids[piece], blocks, nodes=False, trail=True, **given)

        pieces = [rows[i : i + _PIECE] for i in range(0, len(rows), _PIECE)]
        with ThreadPoolExecutor(self.threads) as pool:
            done = list(pool.map(work, pieces))
        for where, piece in done:
            states[where] = piece.trail
            self.state[where] = piece.state
            self._ended(where, piece, begin, end)
        return states

    def _ended(self, where: NDArray[np.int64], piece: Piece, begin: int, end: int) -> None:
        """Note which paths ended in a segment, and where and when the others are."""
        ended, dt = piece.codes, self.plan.dt
        going = ended == CODES.index(Status.FINISHED)
        self.last[where] = piece.final
        self.reached[where[going]] = end
        stops = [c for c, condition in enumerate(self.plan.conditions) if condition.stop]
        met = ended == CODES.index(Status.EVENT)
        if met.any():
            self.reached[where[met]] = np.nanmin(piece.events[met][:, stops, 0], axis=1) / dt
        lost = ~going & ~met
        # The step at which a path was lost lies behind the last record that it reached.
        self.reached[where[lost]] = begin
        self.codes[where[~going]] = ended[~going]
        self.alive[where[~going]] = False
        if end == self.plan.steps:
            self.codes[where[going]] = ended[going]
