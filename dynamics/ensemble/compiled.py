"""Running a plan through its compiled loop, range by range of paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from dynamics.core.random import Stream, stream_word
from dynamics.ensemble.frontier import BATCHES
from dynamics.ensemble.kernel import DIVERGED, MISSING, UNFINISHED, WIDTH, Parts, source
from dynamics.ensemble.plan import Plan
from dynamics.ensemble.sde import SDE, STAGES
from dynamics.ensemble.trace import traced_step, traced_values
from dynamics.ensemble.tree import TOP
from dynamics.games.codegen import load_module

#: Largest coordinate before a path counts as diverged; its square is still a finite float.
BOUND = 1e150

#: Most nodes that make up a range of paths: two for each level of the tree, and the batches of standard errors.
CAPACITY = 2 * TOP + 2 * BATCHES


@dataclass(frozen=True)
class Piece:
    """What the loop made of a range of paths.

    Attributes
    ----------
    first : int
        The first path.
    status : ndarray of int8, shape (paths,)
        As :mod:`dynamics.ensemble.kernel` counts.
    final : ndarray, shape (paths, dim)
        Last state: at the end, where a condition was met, or before it diverged.
    largest : ndarray, shape (paths, maxima)
    events : ndarray, shape (paths, conditions, 1 + dim)
        Time and place at which each condition was first met; NaN if it was not.
    nodes : list of ((level, index), ndarray)
        Complete nodes of the finished blocks.
    counts : ndarray of int64, shape (moments, cells)
        Of the histograms, one behind the other, each followed by the count outside.
    trail : ndarray, shape (paths, records, dim)
        States at the records, where they were asked for.
    state : ndarray, shape (paths, dim + memory)
    """

    first: int
    status: NDArray[np.int8]
    final: NDArray[np.float64]
    largest: NDArray[np.float64]
    events: NDArray[np.float64]
    nodes: Nodes
    counts: NDArray[np.int64]
    trail: NDArray[np.float64]
    state: NDArray[np.float64]

    @property
    def codes(self) -> NDArray[np.int8]:
        """How paths ended, as indices into :data:`dynamics.ensemble.result.CODES`, shape (paths,).

        NaN next to a huge state is overflow (inf - inf), from a moderate one it is the game's own.
        """
        found = self.status.copy()
        missing = self.status == MISSING
        if missing.any():
            huge = ~(np.abs(self.final[missing]).max(axis=1) < np.sqrt(BOUND))
            found[missing] = np.where(huge, DIVERGED, MISSING)
        return found

    def reduced(
        self,
        values: NDArray[np.float64],
        blocks: NDArray[np.int64],
        limit: int = TOP,
        present: NDArray[np.bool_] | None = None,
    ) -> Nodes:
        """Return the nodes of one value of each path, shape (paths, size), of those present: where it is not NaN.

        Nodes of level ``limit`` stay apart.
        """
        from dynamics.ensemble.tree import reduce_rows, row_length

        counted = np.asarray(~np.isnan(values).any(axis=1)) if present is None else present
        kept = np.empty((CAPACITY, 1, row_length(values.shape[1])))
        addresses = np.empty((CAPACITY, 2), dtype=np.int64)
        skip = self.status == UNFINISHED
        held = reduce_rows(np.ascontiguousarray(values), counted, skip, self.first, blocks, kept, addresses, limit)
        return listed(kept, addresses, held)


Nodes = list[tuple[tuple[int, int], NDArray[np.float64]]]


def listed(kept: NDArray[np.float64], addresses: NDArray[np.int64], held: int) -> Nodes:
    """Return the first ``held`` nodes with their addresses."""
    return [((int(a[0]), int(a[1])), kept[i].copy()) for i, a in enumerate(addresses[:held])]


class Loop:
    """The compiled loop of a plan; parameters, noise strengths and steps are its arguments."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        parts = make_parts(plan)
        self.run = self.load(parts)
        self.constants = plan.scheme.constants(plan.sde, plan.dt)
        self.size = len(parts.step.outputs)
        self.observables = len(parts.observables.outputs)
        self.cells = cells_of(plan)

    def load(self, parts: Parts) -> Any:
        """Return the kernel."""
        return load_module(source(parts), f"ensemble_{self.plan.scheme.name.replace('-', '_')}").run

    def columns(self, begin: int, end: int) -> NDArray[np.float64]:
        """Return the numbers of each step from ``begin`` to ``end - 1``."""
        plan = self.plan
        strengths = plan.sde.strengths(end - begin, plan.dt, begin)
        return np.ascontiguousarray(np.hstack([strengths, plan.scheme.columns(plan.sde, plan.dt, begin, end - begin)]))

    def compile(self) -> None:
        """Compile the loop and what reduces its results, by running them over no path."""
        none = np.empty((0, 2), dtype=np.int64)
        piece = self(np.empty(0, dtype=np.uint64), none, columns=self.columns(0, 1), end=0)
        piece.reduced(np.empty((0, 1)), none, self.plan.batch_level)

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
        """Run paths and return what came of them.

        Parameters
        ----------
        ids : ndarray of uint64
            Path numbers.
        blocks : ndarray of int64, shape (blocks, 2)
            First row and number of rows of each block of lanes.
        columns : ndarray
            :meth:`columns` of the steps.
        state : ndarray, optional
            States (with memory) at ``begin``; those of the plan's start by default.
        halt : ndarray of int8, shape (1,)
            Once it is not zero, blocks that have not begun stay undone.
        nodes, trail : bool
            Whether to return means and covariances, and states at the records.
        """
        from dynamics.ensemble.tree import row_length

        plan, sde = self.plan, self.plan.sde
        end = plan.steps if end is None else end
        moments = plan.records if records is None else records
        piece = self._blank(ids, state, len(moments) if trail else 0)
        at = self._histogram_at(moments)
        kept = np.empty((CAPACITY if nodes else 0, len(moments), row_length(self.observables)))
        addresses = np.empty((len(kept), 2), dtype=np.int64)
        held = self.run(
            ids, blocks, piece.state, begin, end, np.uint64(plan.seed),
            stream_word(Stream.BROWNIAN), stream_word(Stream.BRIDGE),
            plan.dt, float(np.sqrt(plan.dt)), plan.refine, sde.parameters, self.constants, columns, *sde.rule, BOUND,
            moments, at, self.cells.layout, self.cells.edges, np.zeros(1, dtype=np.int8) if halt is None else halt,
            piece.status, piece.final, piece.largest, piece.events, piece.trail, piece.counts, kept, addresses,
            plan.batch_level,
        )  # fmt: skip
        piece.nodes.extend(listed(kept, addresses, held))
        return piece

    def _blank(self, ids: NDArray[np.uint64], state: NDArray[np.float64] | None, trailed: int) -> Piece:
        """Return what is known of paths before they have begun, with room for ``trailed`` records of each."""
        plan, n = self.plan, len(ids)
        dim = plan.sde.dim
        if state is None:
            state = plan.scheme.start(plan.initial(ids), plan.sde)
        return Piece(
            int(ids[0]) if n else plan.first,
            np.full(n, UNFINISHED, dtype=np.int8),
            np.full((n, dim), np.nan),
            np.full((n, len(plan.maxima)), np.nan),
            np.full((n, len(plan.conditions), 1 + dim), np.nan),
            [],
            np.zeros_like(self.cells.empty),
            np.full((n if trailed else 0, trailed, dim), np.nan),
            np.array(state, dtype=np.float64, order="C").reshape(n, self.size),
        )

    def _histogram_at(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of the histograms that each record fills, or -1."""
        return np.array([self.cells.moments.get(int(k), -1) for k in records], dtype=np.int64)


def make_parts(plan: Plan) -> Parts:
    """Return what the kernel of a plan is made of."""
    sde = plan.sde
    conditions = [condition.expression for condition in plan.conditions]
    maxima = list(plan.maxima.values())
    slopes = variances = None
    if plan.bridge and conditions:
        entries = [entry for g in conditions for entry in slope(g, sde)]
        entries += [entry for row in sde.diffusion for entry in row]
        slopes = traced_values(sde, f"slopes {conditions}", entries, "m", "s")
    if plan.bridge and maxima:
        variances = traced_values(sde, f"variances {maxima}", [slope(g, sde)[0] for g in maxima], "m", "u")
    return Parts(
        dim=sde.dim,
        step=traced_step(sde, plan.scheme, plan.dt),
        increments=plan.scheme.increments(sde),
        observables=traced_values(sde, f"observe {list(plan.observables)}", list(plan.observables.values()), "m", "o"),
        conditions=traced_values(sde, f"conditions {conditions}", conditions, "m", "c"),
        slopes=slopes,
        maxima=traced_values(sde, f"maxima {maxima}", maxima, "m", "x"),
        variances=variances,
        stops=tuple(condition.stop for condition in plan.conditions),
        strengths=0 if sde.noise.schedule is None else len(STAGES),
        columns=plan.scheme.columns(sde, plan.dt, 0, 1).shape[1],
        constants=len(plan.scheme.constants(sde, plan.dt)),
        values=len(sde.values),
        noise_dim=sde.noise_dim,
    )


def slope(g: sp.Expr, sde: SDE) -> list[sp.Expr]:
    """Return ``|B^T grad g|^2`` and the entries of ``B B^T grad g``."""
    gradient = [sp.diff(g, s) for s in sde.coordinate_symbols]
    columns = list(zip(*sde.diffusion, strict=True))
    along = [sp.Add(*(a * b for a, b in zip(gradient, column, strict=True))) for column in columns]
    across = [sp.Add(*(row[j] * along[j] for j in range(len(along)))) for row in sde.diffusion]
    return [sp.Add(*(entry**2 for entry in along)), *across]


def blocks_of(first: int, behind: int, limit: int = TOP) -> NDArray[np.int64]:
    """Return the blocks of lanes of consecutive paths, rows counted from the first; none is above a level ``limit``."""
    from dynamics.ensemble.tree import cover

    found = cover(first, behind, min(WIDTH, 1 << limit))
    return found - np.array([first, 0])


def blocks_of_rows(count: int) -> NDArray[np.int64]:
    """Return blocks of lanes of any paths, one row after the other."""
    starts = np.arange(0, count, WIDTH)
    return np.stack([starts, np.minimum(WIDTH, count - starts)], axis=1).astype(np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Cells:
    """The cells of all histograms of a plan, one behind the other, each followed by the count outside.

    Attributes
    ----------
    moments : mapping of step to row
    layout : ndarray of int64, shape (histograms, 8)
        Number of axes, place of the first cell, and for each axis the place of its quantity and the number of cells.
    edges : ndarray, shape (histograms, 3, 2)
        Low edge and inverse width of the cells of each axis.
    empty : ndarray of int64, shape (moments, cells)
    """

    moments: Mapping[int, int]
    layout: NDArray[np.int64]
    edges: NDArray[np.float64]
    empty: NDArray[np.int64]

    def count(self, step: int, z: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        """Count quantities of shape (paths, quantity) after a number of steps."""
        if step not in self.moments:
            return
        for (axes, place, *rest), edges in zip(self.layout.tolist(), self.edges, strict=True):
            cell, inside, total = np.zeros(len(z), dtype=np.int64), np.ones(len(z), dtype=bool), 1
            for x in range(axes):
                quantity, size = rest[2 * x], rest[2 * x + 1]
                share = (z[:, quantity] - edges[x, 0]) * edges[x, 1]
                inside &= (share >= 0) & (share < size)
                cell = cell * size + np.where(inside, share, 0).astype(np.int64)
                total *= size
            np.add.at(counts[self.moments[step]], place + np.where(inside, cell, total), 1)


def cells_of(plan: Plan) -> Cells:
    """Return the cells of the histograms of a plan."""
    names = list(plan.observables)
    moments = sorted({round(t / plan.dt) for h in plan.histograms for t in h.times or ()})
    layout = np.zeros((len(plan.histograms), 8), dtype=np.int64)
    edges = np.zeros((len(plan.histograms), 3, 2))
    place = 0
    for q, histogram in enumerate(plan.histograms):
        layout[q, :2] = len(histogram.axes), place
        for x, (name, (low, high, cells)) in enumerate(histogram.axes.items()):
            layout[q, 2 + 2 * x : 4 + 2 * x] = names.index(name), cells
            edges[q, x] = low, cells / (high - low)
        place += int(np.prod(histogram.shape)) + 1
    return Cells({step: i for i, step in enumerate(moments)}, layout, edges, np.zeros((len(moments), place), np.int64))


def ids_of(first: int, behind: int) -> NDArray[np.uint64]:
    """Return consecutive path numbers."""
    return np.arange(first, behind, dtype=np.uint64)
