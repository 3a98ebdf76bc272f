"""The loop of an ensemble in plain NumPy: what the compiled one is held against, and what fields without formulas use.

All paths of a range take a step together, as arrays of shape (paths, ..). Random numbers, schemes and statistics are
those of the compiled loop; results agree with it up to the rounding of elementary functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from dynamics.core import random
from dynamics.core.random import BLOCKS, Stream
from dynamics.ensemble.compiled import BOUND, Nodes, Piece, cells_of, slope
from dynamics.ensemble.kernel import DIVERGED, FINISHED, MISSING, STOPPED, UNFINISHED
from dynamics.ensemble.kernel.parts import NEVER
from dynamics.ensemble.plan import Plan
from dynamics.ensemble.sde import SDE
from dynamics.games.field import Game


class ArrayEquation:
    """An SDE at one step, on arrays of shape (..., dim); see :class:`dynamics.ensemble.schemes.base.Equation`."""

    def __init__(self, sde: SDE, h: float, time: float, strengths: Any, constants: Any, columns: Any) -> None:
        self.sde = sde
        self.h, self.root_h = h, np.sqrt(h)
        self.time = time
        self.strengths = strengths
        self.constants, self.columns = constants, columns
        self.playable = sde.motion if isinstance(sde.motion, Game) else None

    def _factor(self, stage: float) -> float:
        return float(self.strengths[round(2 * stage)]) if len(self.strengths) else 1.0

    def drift(self, y: NDArray[np.float64], stage: float = 0.0) -> NDArray[np.float64]:
        """Return ``a(y)``."""
        return self.sde.drift_at(y, self.time + stage * self.h, self._factor(stage))

    def noise(self, y: NDArray[np.float64], xi: NDArray[np.float64], stage: float = 0.0) -> NDArray[np.float64]:
        """Return ``g B(y) xi``."""
        return (self.sde.diffusion_at(y, g=self._factor(stage)) * xi[..., None, :]).sum(axis=-1)

    def column(self, y: NDArray[np.float64], j: int, stage: float = 0.0) -> NDArray[np.float64]:
        """Return ``g b_j(y)``."""
        return self.sde.diffusion_at(y, g=self._factor(stage))[..., j]

    def level(self, y: NDArray[np.float64], j: int, k: int, stage: float = 0.0) -> NDArray[np.float64]:
        """Return ``g^2 L^j b_k(y)``."""
        return self.sde.levels_at(j, k, y, g=self._factor(stage))

    def project(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return states with clipped coordinates clipped."""
        return self.sde.project(y)

    @staticmethod
    def joined(vectors: Any) -> NDArray[np.float64]:
        """Return one vector from several."""
        return np.concatenate(np.broadcast_arrays(*vectors), axis=-1)


class ReadableLoop:
    """A plan, step by step; called like :class:`dynamics.ensemble.compiled.Loop`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.constants = plan.scheme.constants(plan.sde, plan.dt)
        self.increments = plan.scheme.increments(plan.sde)
        conditions, maxima = [c.expression for c in plan.conditions], list(plan.maxima.values())
        self.observed = _Formulas(plan.sde, "observed", list(plan.observables.values()))
        self.conditions = _Formulas(plan.sde, "conditions", conditions)
        self.maxima = _Formulas(plan.sde, "maxima", maxima)
        # Rows of 1 + dim for each expression: |B^T grad|^2 and B B^T grad.
        bridged = plan.sde if plan.bridge else None
        self.slopes, self.spreads = (
            _Formulas(plan.sde, kind, [entry for g in given for entry in slope(g, bridged)] if bridged else [])
            for kind, given in (("slopes", conditions), ("spreads", maxima))
        )

    def compile(self) -> None:
        """Do nothing: there is nothing to compile."""

    def columns(self, begin: int, end: int) -> NDArray[np.float64]:
        """Return the numbers of each step from ``begin`` to ``end - 1``."""
        plan = self.plan
        strengths = plan.sde.strengths(end - begin, plan.dt, begin)
        return np.hstack([strengths, plan.scheme.columns(plan.sde, plan.dt, begin, end - begin)])

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
        """Run paths and return what came of them; arguments as for the compiled loop."""
        plan, sde, n = self.plan, self.plan.sde, len(ids)
        end = plan.steps if end is None else end
        moments = plan.records if records is None else records
        y = np.array(plan.scheme.start(plan.initial(ids), sde) if state is None else state)
        run = _Run(self, ids, y)
        kept: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
        trails = np.full((n if trail else 0, len(moments), sde.dim), np.nan)
        where = {int(k): r for r, k in enumerate(moments)}
        counts = np.zeros_like(cells_of(plan).empty)
        if begin == 0:
            run.meet_at_start()
        for k in range(begin, end + 1):
            if k in where:
                present = run.alive.copy()
                z = self.observed(run.y)
                kept.append((z, present))
                cells_of(plan).count(k, z[present], counts)
                if trail:
                    trails[present, where[k]] = run.y[present, : sde.dim]
            if k == end or not run.alive.any():
                break
            if halt is not None and halt[0]:
                # What a block has not finished counts nowhere, here all of it: paths go together.
                return self._nothing(ids, y, len(moments) if trail else None)
            run.step(k, columns[k - begin])
        status = np.where(run.alive, FINISHED, run.status).astype(np.int8)
        run.final[run.alive] = run.y[run.alive, : sde.dim]
        piece = Piece(
            int(ids[0]) if n else plan.first, status, run.final, run.largest, run.events, [], counts, trails, run.y
        )
        while len(kept) < len(moments):
            kept.append((np.zeros((n, len(plan.observables))), np.zeros(n, dtype=bool)))
        if nodes and n:
            piece.nodes.extend(_stacked([piece.reduced(z, blocks, plan.batch_level, present) for z, present in kept]))
        return piece

    def _nothing(self, ids: NDArray[np.uint64], y: NDArray[np.float64], records: int | None) -> Piece:
        """Return what comes of paths that were not finished."""
        plan, n, dim = self.plan, len(ids), self.plan.sde.dim

        def nan(*shape: int) -> NDArray[np.float64]:
            return np.full((n, *shape), np.nan)

        return Piece(
            int(ids[0]), np.full(n, UNFINISHED, dtype=np.int8), nan(dim), nan(len(plan.maxima)),
            nan(len(plan.conditions), 1 + dim), [], np.zeros_like(cells_of(plan).empty),
            nan(records, dim) if records is not None else np.empty((0, len(plan.records), dim)), y,
        )  # fmt: skip


class _Formulas:
    """Expressions, evaluated at states (with memory) of shape (paths, n) to (paths, expressions)."""

    def __init__(self, sde: SDE, kind: str, expressions: list[sp.Expr]) -> None:
        self.sde, self.expressions = sde, expressions
        # Printing a formula takes longer than evaluating it.
        self.key = f"{kind} {expressions}"

    def __call__(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.expressions:
            return np.empty((len(y), 0))
        with np.errstate(all="ignore"):
            return self.sde.evaluate(self.key, self.expressions, y[:, : self.sde.dim])


class _Run:
    """The state of all paths of a range."""

    def __init__(self, loop: ReadableLoop, ids: NDArray[np.uint64], y: NDArray[np.float64]) -> None:
        plan = loop.plan
        n, dim, conditions = len(ids), plan.sde.dim, len(plan.conditions)
        self.loop, self.ids, self.y = loop, ids, y
        self.status = np.full(n, FINISHED, dtype=np.int8)
        self.alive = np.ones(n, dtype=bool)
        self.final = np.full((n, dim), np.nan)
        self.events = np.full((n, conditions, 1 + dim), np.nan)
        self.g = loop.conditions(y)
        self.largest = loop.maxima(y)
        self.met_at_start = np.zeros(n, dtype=bool)

    def meet_at_start(self) -> None:
        """Let paths that start where a condition holds meet it at time 0."""
        plan = self.loop.plan
        for c, condition in enumerate(plan.conditions):
            inside = self.g[:, c] >= 0
            self.events[inside, c, 0] = 0.0
            self.events[inside, c, 1:] = self.y[inside, : plan.sde.dim]
            if condition.stop:
                self.met_at_start |= inside
        self.alive &= ~self.met_at_start
        self.status[self.met_at_start] = STOPPED
        self.final[self.met_at_start] = self.y[self.met_at_start, : plan.sde.dim]

    def step(self, k: int, row: NDArray[np.float64]) -> None:
        """Take step k with all paths that are left."""
        plan, loop = self.loop.plan, self.loop
        sde, dim, who = plan.sde, plan.sde.dim, np.flatnonzero(self.alive)
        stages = 3 if sde.noise.schedule is not None else 0
        equation = ArrayEquation(sde, plan.dt, k * plan.dt, row[:stages], loop.constants, row[stages:])
        drawn = loop.increments.sample(plan.seed, self.ids[who], k, plan.dt, plan.refine)
        old = self.y[who]
        with np.errstate(all="ignore"):
            new = np.asarray(plan.scheme.step(old, equation, loop.increments.split(drawn)))
            gone = ~(np.abs(new[:, :dim]) <= BOUND).all(axis=1)
            self.status[who[gone]] = np.where(np.isnan(new[gone][:, :dim]).any(axis=1), MISSING, DIVERGED)
            self.final[who[gone]] = old[gone][:, :dim]
            self.alive[who[gone]] = False
            who, old, new = who[~gone], old[~gone], new[~gone]
            strength = float(row[0]) if stages else 1.0
            stopped = self._meet(k, who, old, new, strength) if plan.conditions else np.zeros(len(who), dtype=bool)
            self.alive[who[stopped]] = False
            who, old, new = who[~stopped], old[~stopped], new[~stopped]
            self._enlarge(k, who, old, new, strength)
        self.y[who] = new

    def _meet(
        self, k: int, who: NDArray[np.int64], old: NDArray[np.float64], new: NDArray[np.float64], strength: float
    ) -> NDArray[np.bool_]:
        plan, loop = self.loop.plan, self.loop
        sde, dim, h, m = plan.sde, plan.sde.dim, plan.dt, plan.sde.noise_dim
        before, after = self.g[who].copy(), loop.conditions(new)
        self.g[who] = after
        stopped = np.zeros(len(who), dtype=bool)
        slopes = loop.slopes(old).reshape(len(old), len(plan.conditions) if plan.bridge else 0, 1 + dim)
        matrix = sde.diffusion_at(old[:, :dim], g=strength)
        for i, row in enumerate(who):
            times = []
            for c in range(len(plan.conditions)):
                if np.isfinite(self.events[row, c, 0]):
                    times.append(np.inf)
                elif not plan.bridge:
                    times.append(1.0 if after[i, c] >= 0 else np.inf)
                else:
                    var = strength**2 * slopes[i, c, 0]
                    times.append(self._crossing(k, c, row, before[i, c], after[i, c], var))
            first = min((t for t, cond in zip(times, plan.conditions, strict=True) if cond.stop), default=np.inf)
            for c, condition in enumerate(plan.conditions):
                t = times[c]
                if t > 1 or t > first:
                    continue
                place = old[i, :dim] + t * (new[i, :dim] - old[i, :dim])
                if plan.bridge and slopes[i, c, 0] > 0:
                    blocks = [c * (2 + m) + 2 + j for j in range(m)]
                    xi = np.array([_pair(plan.seed, self.ids[row], k, b)[0] for b in blocks])
                    place = place + np.sqrt(max(h * t * (1 - t), 0.0)) * matrix[i] @ xi
                    value = loop.conditions(place[None])[0, c]
                    place = place - value / slopes[i, c, 0] * slopes[i, c, 1:]
                self.events[row, c] = [k * h + t * h, *place]
                if condition.stop and t == first:
                    self.final[row] = place
                    self.largest[row] = np.maximum(self.largest[row], loop.maxima(place[None])[0])
            if first <= 1:
                stopped[i] = True
                self.status[row] = STOPPED
        return stopped

    def _crossing(self, k: int, c: int, row: int, old: float, new: float, var: float) -> float:
        """Return when a bridge from ``old`` < 0 to ``new`` reaches 0 in units of the step, infinity if it does not."""
        plan, path, h = self.loop.plan, self.ids[row], self.loop.plan.dt
        if not var > 0:
            return old / (old - new) if new >= 0 else np.inf
        if new < 0 and not old * new < NEVER / 2 * h * var:
            return np.inf
        block = c * (2 + plan.sde.noise_dim)
        u0, u1 = _uniform(plan.seed, path, k, block)
        if new < 0 and u0 >= np.exp(-2 * old * new / (h * var)):
            return np.inf
        if new == 0:
            return 1.0
        m, shape = abs(old / new), old * old / (h * var)
        z = _pair(plan.seed, path, k, block + 1)[0]
        w = 0.5 * m * z * z / shape
        x = m / (1 + w + np.sqrt(w * (2 + w)))
        if u1 > m / (m + x):
            x = m * (m / x)
        return x / (1 + x)

    def _enlarge(
        self, k: int, who: NDArray[np.int64], old: NDArray[np.float64], new: NDArray[np.float64], strength: float
    ) -> None:
        plan, loop = self.loop.plan, self.loop
        if not plan.maxima or not len(who):
            return
        b0, b1, spreads = loop.maxima(old), loop.maxima(new), loop.spreads(old)
        for e in range(len(plan.maxima)):
            top = b1[:, e]
            if plan.bridge:
                spread = spreads[:, e * (1 + plan.sde.dim)]
                u = _uniform(plan.seed, self.ids[who], k, BLOCKS // 2 + e)[..., 0]
                jump = b1[:, e] - b0[:, e]
                root = np.sqrt(jump**2 - 2 * plan.dt * strength**2 * spread * np.log(u))
                top = 0.5 * (b0[:, e] + b1[:, e] + root)
            self.largest[who, e] = np.maximum(self.largest[who, e], top)


def _words(seed: int, path: Any, step: int, block: int) -> NDArray[np.uint64]:
    """Return the two words of a block of the bridges' stream, shape (..., 2)."""
    counter = np.uint64(step) * np.uint64(BLOCKS) + np.uint64(block)
    return np.stack(random.threefry2x64((path, counter), (np.uint64(seed), random.stream_word(Stream.BRIDGE))), axis=-1)


def _uniform(seed: int, path: Any, step: int, block: int) -> NDArray[np.float64]:
    return random.to_uniform(_words(seed, path, step, block))


def _pair(seed: int, path: Any, step: int, block: int) -> NDArray[np.float64]:
    """Return the two normal numbers of a block, shape (..., 2), as :func:`dynamics.core.random.normals`."""
    u = _uniform(seed, path, step, block)
    radius, angle = np.sqrt(-2.0 * np.log(u[..., 0])), 2.0 * np.pi * u[..., 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def _stacked(records: list[Nodes]) -> Nodes:
    """Return nodes of all records from the nodes of each."""
    return [(address, np.concatenate([nodes[i][1] for nodes in records])) for i, (address, _) in enumerate(records[0])]
