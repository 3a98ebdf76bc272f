"""Runs the compiled loop over many starts, in pieces short enough to be interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from dynamics.flow.compiled.program import Program
from dynamics.games.codegen.integrator import layout

#: How long a call of the compiled loop may last before Python looks for an interrupt.
_SECONDS = 0.3

#: Rounds of the first call, 20 to 60 milliseconds; how many fit into the time is measured from then on. Each node of a
#: quadrature makes a round longer by about an eighth.
_ROUNDS, _NODES = 20_000, 8


class Batch:
    """Starts that are integrated, each by itself.

    Parameters
    ----------
    program : Program
    starts : ndarray, shape (start, dim)
    span : (float, float)
        First and last time.
    rtol, atol : float
    bound : ndarray, shape (start,)
        Largest Euclidean norm of each.
    budget : int or None
        Most evaluations of the field for each.
    times : ndarray, shape (output,)
        Output times in the order of integration, later than the first time.
    path : ndarray, shape (start, output, dim)
        Receives the states at these times.
    targets, radii : ndarray, shapes (target, dim) and (target,)
        Where a start is captured.
    stopping : bool
        Whether every event is left to ``corner``.

    Attributes
    ----------
    y : ndarray, shape (start, dim)
        Where the starts are.
    real, whole : ndarray
        Times, counts and statuses (:mod:`dynamics.games.codegen.integrator.layout`).
    modes : ndarray of int, shape (start, standing)
    rested : ndarray of bool, shape (start,)
        Has come to rest on a surface.
    """

    def __init__(
        self,
        program: Program,
        starts: NDArray[np.float64],
        span: tuple[float, float],
        rtol: float,
        atol: float,
        bound: NDArray[np.float64],
        budget: int | None = None,
        times: NDArray[np.float64] | None = None,
        path: NDArray[np.float64] | None = None,
        targets: NDArray[np.float64] | None = None,
        radii: NDArray[np.float64] | None = None,
        stopping: bool = False,
    ) -> None:
        count, dim = starts.shape
        self.program = program
        self.begin, self.end = span
        self.way = 1.0 if self.end >= self.begin else -1.0
        self.tolerances = rtol, atol
        self.y = np.array(starts, dtype=np.float64, order="C")
        self.real = np.zeros((count, layout.REALS))
        self.real[:, layout.NOW] = self.begin
        self.real[:, layout.REACH] = bound
        self.whole = np.zeros((count, layout.WHOLES), dtype=np.int64)
        self.whole[:, layout.CAPTURED] = self.whole[:, layout.EVENT] = -1
        self.modes = np.zeros((count, program.standings), dtype=np.int8)
        self.rested = np.zeros(count, dtype=bool)
        self.times = np.zeros(0) if times is None else np.ascontiguousarray(times)
        self.path = np.zeros((count, 0, dim)) if path is None else path
        self.targets = np.zeros((0, dim)) if targets is None else targets
        self.radii = np.zeros(0) if radii is None else radii
        frame = [self.way, self.end, rtol, atol, np.inf if budget is None else budget]
        aims = np.column_stack([self.targets, self.radii]).ravel()
        self.constants = np.concatenate([frame, program.constants, aims])
        self.shape = program.shape.copy()
        self.shape[layout.AIMS] = len(self.targets)
        self.shape[layout.AIM] = program.base + len(self.constants) - len(aims)
        self.shape[layout.STOPPING] = int(stopping)
        nodes = int(np.diff(program.edges).max(initial=0))
        self.rounds = max(1, _ROUNDS * _NODES // (_NODES + nodes))

    @property
    def statuses(self) -> NDArray[np.int64]:
        """How each start stands."""
        return self.whole[:, layout.STANDS]

    def run(self, corner: Callable[[int], None] | None = None, progress: Callable[[float], None] | None = None) -> bool:
        """Integrate until every start has ended; False if the user interrupted.

        Parameters
        ----------
        corner : callable, optional
            Called with the index of a start that stands at a corner; it changes its status.
        progress : callable, optional
            Called with the fraction done.
        """
        from numba import get_num_threads

        threads = get_num_threads()
        rows = np.flatnonzero(self.statuses < layout.FINISHED)
        try:
            with ThreadPoolExecutor(threads) as pool:
                while rows.size:
                    self._call(pool, rows, min(threads, len(rows)))
                    for i in rows[self.statuses[rows] == layout.CORNER]:
                        if corner is not None:
                            corner(int(i))
                    rows = rows[self.statuses[rows] < layout.FINISHED]
                    if progress is not None:
                        progress(self._share(rows))
        except KeyboardInterrupt:
            return False
        return True

    def stay(self, i: int) -> None:
        """End start i where it rests, to stay until the last time."""
        self.rested[i] = True
        self.path[i, self.whole[i, layout.WRITTEN] :] = self.y[i]
        self.whole[i, layout.WRITTEN], self.whole[i, layout.STANDS] = len(self.times), layout.FINISHED
        self.real[i, layout.NOW] = self.end

    def _call(self, pool: ThreadPoolExecutor, rows: NDArray[np.int64], chunks: int) -> None:
        """Advance some starts for about :data:`_SECONDS`."""
        began = time.perf_counter()

        def run(chunk: int) -> None:
            self.program.run(
                chunk, chunks, rows, self.rounds, self.times, self.y, self.real, self.whole, self.modes,
                self.program.base, self.constants, self.shape, self.program.edges, self.path,
            )  # fmt: skip

        if chunks == 1:
            run(0)
        else:
            list(pool.map(run, range(chunks)))
        took = time.perf_counter() - began
        # A call that ended early says nothing about a longer one; one that took too long does.
        if took > 2 * _SECONDS:
            self.rounds = max(16, self.rounds // 2)
        elif took < _SECONDS / 2:
            self.rounds = min(self.rounds * 2, 10**9)

    def _share(self, going: NDArray[np.int64]) -> float:
        """Return the fraction done: ended starts, and the others by their time."""
        span = self.end - self.begin
        partly = float(np.sum((self.real[going, layout.NOW] - self.begin) / span)) if span else 0.0
        return min(1.0, (len(self.y) - len(going) + partly) / max(1, len(self.y)))
