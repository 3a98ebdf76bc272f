"""Running a plan on an NVIDIA graphics card through ``numba.cuda``; called like the compiled loop.

What leaves the card is the nodes of its blocks, how each path ended, its last state and, where they were asked for, its
first times and largest values; counts of histograms are summed up there. ``numba.cuda`` is imported when the first plan
is to run on a card, never before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.core.random import Stream, stream_word
from dynamics.ensemble.compiled import BOUND, CAPACITY, Loop, Piece, listed
from dynamics.ensemble.kernel import Parts
from dynamics.ensemble.plan import Plan
from dynamics.games.codegen import load_module

#: Most bytes on the card at a time.
MEMORY = 2**28
#: Most paths that go there at a time: several times as many as a card of 2024 holds in flight.
PATHS = 2**20
#: Path-steps of a launch, some tenths of a second: what Ctrl-C waits for, and no desktop's watchdog ends.
LAUNCH = 2**31


def find_card() -> Any:
    """Return ``numba.cuda`` if there is a card that it can use, or its simulator is on.

    Raises
    ------
    InputError
        If there is none.
    """
    from numba import cuda

    if not cuda.is_available():
        raise InputError(
            "device 'cuda' found no NVIDIA graphics card with a working driver, expected one and the extra "
            "'cuda' (pip install 'gan-dynamics[cuda]'): take device 'cpu', or set NUMBA_ENABLE_CUDASIM=1 to try small "
            "runs in Numba's simulator."
        )
    return cuda


class DeviceLoop(Loop):
    """The loop of a plan on a graphics card, one thread for each path."""

    def __init__(self, plan: Plan) -> None:
        self.card = find_card()
        self._columns: tuple[NDArray[np.float64], Any] | None = None
        super().__init__(plan)

    def load(self, parts: Parts) -> Any:
        """Return the kernel."""
        from dynamics.ensemble.kernel import cuda

        self.threads = cuda.threads(parts)
        return load_module(cuda.source(parts, self.threads), "ensemble_cuda").run

    def chunk(self) -> int:
        """Return how many paths go to the card at a time: a power of two that :data:`MEMORY` has room for."""
        from dynamics.ensemble.tree import row_length

        plan, dim = self.plan, self.plan.sde.dim
        numbers = 2 + self.size + dim + len(plan.maxima) + len(plan.conditions) * (1 + dim)
        nodes = len(plan.records) * row_length(self.observables) / self.threads
        room = int(MEMORY / (8 * (numbers + nodes)))
        return 1 << (max(self.threads, min(PATHS, room)).bit_length() - 1)

    def __call__(
        self,
        ids: NDArray[np.uint64],
        blocks: NDArray[np.int64],
        *,
        columns: NDArray[np.float64],
        state: NDArray[np.float64] | None = None,
        begin: int = 0,
        end: int | None = None,
        records: NDArray[np.int64] | None = None,
        halt: NDArray[np.int8] | None = None,
        nodes: bool = True,
        trail: bool = False,
    ) -> Piece:
        """Run paths and return what came of them; arguments as for the loop on processors.

        Between two launches, ``halt`` leaves all these paths undone.
        """
        from dynamics.ensemble.tree import join, row_length

        plan, sde, card = self.plan, self.plan.sde, self.card
        end = plan.steps if end is None else end
        moments = np.ascontiguousarray(plan.records if records is None else records, dtype=np.int64)
        piece = self._blank(ids, state, len(moments) if trail else 0)
        blocks = _halved(blocks, self.threads)
        shared = [
            self._sent(array)
            for array in (ids, blocks, piece.state, sde.parameters, self.constants, *sde.rule, moments,
                          self._histogram_at(moments), self.cells.layout, self.cells.edges)
        ]  # fmt: skip
        ids_, blocks_, state_, p, constants, abscissae, weights, records_, at, layout, edges = shared
        given = (piece.status, piece.final, piece.largest, piece.events, piece.trail, piece.counts)
        results = [self._sent(array) for array in given]
        width = max(int(blocks[:, 1].max()), 1)
        shape = (len(blocks) if nodes else 1, len(moments), row_length(self.observables))
        rows = card.device_array(shape, dtype=np.float64)
        flags = nodes, bool(plan.histograms), trail
        stretch = max(1, LAUNCH // max(len(ids), 1))
        for low in range(begin, max(end, begin + 1), stretch):
            if halt is not None and halt[0]:
                return self._blank(ids, piece.state, piece.trail.shape[1])
            high = min(low + stretch, end)
            # What stands at the end of a stretch is recorded by the next one.
            last = len(moments) if high == end else int(np.searchsorted(moments, high))
            self._configured(len(blocks), width)(
                ids_, blocks_, state_, low, high, low == begin, high == end, begin, np.uint64(plan.seed),
                stream_word(Stream.BROWNIAN), stream_word(Stream.BRIDGE), np.float64(plan.dt), np.sqrt(plan.dt),
                plan.refine, p, constants, self._on_card(columns), abscissae, weights, BOUND, records_,
                int(np.searchsorted(moments, low)), last, at, layout, edges, *results, rows, *flags,
            )  # fmt: skip
            card.synchronize()
        for array, result in zip((piece.state, *given), (state_, *results), strict=True):
            if array.size:
                result.copy_to_host(array)
        if nodes:
            kept, addresses = np.empty((CAPACITY, *shape[1:])), np.empty((CAPACITY, 2), dtype=np.int64)
            taken = blocks[:, 1] > 0
            found, limit = rows.copy_to_host()[taken], plan.batch_level
            held = join(found, ids, blocks[taken], self.observables, kept, addresses, limit)
            piece.nodes.extend(listed(kept, addresses, held))
        return piece

    def _sent(self, array: NDArray[Any]) -> Any:
        """Return an array on the card; an empty one, which some versions of Numba type unlike others, gets an entry."""
        return self.card.to_device(array if array.size else np.zeros([max(n, 1) for n in array.shape], array.dtype))

    def _configured(self, blocks: int, width: int) -> Callable[..., None]:
        """Return the kernel for a launch."""
        with warnings.catch_warnings():
            # Small runs are no mistake.
            warnings.filterwarnings("ignore", message="Grid size")
            return self.run[blocks, width]

    def _on_card(self, columns: NDArray[np.float64]) -> Any:
        """Return the numbers of the steps on the card, where they stay for the next paths."""
        if self._columns is None or self._columns[0] is not columns:
            self._columns = columns, self._sent(columns)
        return self._columns[1]


def _halved(blocks: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return blocks of at most ``width`` rows, a power of two; larger ones become several, none an empty one."""
    found = [] if len(blocks) else [(0, 0)]
    for begin, rows in blocks.tolist():
        found += [(first, min(rows, width)) for first in range(begin, begin + max(rows, 1), width)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)
