"""Many starts at once: where each ends, when and why, in little memory."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_count, check_number, check_states
from dynamics.core.status import Status
from dynamics.flow.catalogue import get_solver
from dynamics.flow.checks import check_bound, check_tolerances
from dynamics.flow.compiled.finish import finish
from dynamics.flow.compiled.program import check_compilable
from dynamics.flow.result import worst
from dynamics.games.field import Field

#: What the codes of a :class:`ManyResult` mean, in this order.
STATUSES = (
    Status.FINISHED,
    Status.EVENT,
    Status.DIVERGED,
    Status.NON_FINITE,
    Status.STEP_UNDERFLOW,
    Status.BUDGET_EXHAUSTED,
    Status.INTERRUPTED,
)


@dataclass(frozen=True, repr=False)
class ManyResult:
    """Ends of many starts.

    Attributes
    ----------
    names : tuple of str
        Coordinates.
    last : ndarray, shape (start, dim)
        State at ``reached``.
    reached : ndarray, shape (start,)
        Time at which each start ended, from 0 on.
    codes : ndarray of int, shape (start,)
        Index into :data:`STATUSES`.
    captured : ndarray of int, shape (start,)
        Index of the target that holds the state, -1 where none does. A captured start has status "event".
    rested : ndarray of bool, shape (start,)
        Whether the start has come to rest on a surface, at a zero of the field of one of its sides
        (:mod:`dynamics.flow.rest`).
    evaluations, steps, rejected : ndarray of int, shape (start,)
        Evaluations of the field, accepted and rejected steps of each start.
    statistics : dict
        Totals, with ``switchings`` and ``seconds``.
    """

    names: tuple[str, ...]
    last: NDArray[np.float64]
    reached: NDArray[np.float64]
    codes: NDArray[np.int8]
    captured: NDArray[np.int64]
    rested: NDArray[np.bool_]
    evaluations: NDArray[np.int64]
    steps: NDArray[np.int64]
    rejected: NDArray[np.int64]
    statistics: dict[str, Any]

    @property
    def statuses(self) -> NDArray[np.object_]:
        """Status of each start, shape (start,)."""
        return np.array(STATUSES, dtype=object)[self.codes]

    @property
    def status(self) -> Status:
        """Status of the worst start."""
        return worst(np.array([STATUSES[code] for code in np.unique(self.codes)], dtype=object))

    def __repr__(self) -> str:
        counts = np.bincount(self.codes, minlength=len(STATUSES))
        told = ", ".join(f"{n} {status.value}" for n, status in zip(counts, STATUSES, strict=True) if n)
        return f"<ManyResult of {len(self.codes)} starts: {told}>"


def integrate_many(
    game: Field,
    starts: ArrayLike,
    time: float,
    solver: str = "compiled:dop853",
    rtol: float | None = None,
    atol: float | None = None,
    *,
    targets: ArrayLike | None = None,
    radii: ArrayLike | float = 0.0,
    bound: float | None = None,
    max_evaluations: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> ManyResult:
    """Integrate ``dy/dt = v(y)`` from many starts over one time.

    Parameters
    ----------
    game : SymbolicGame, or a field with generated code such as a modified flow
    starts : array_like, shape (start, dim)
    time : float
        How long; negative to go backward.
    solver : str
        "compiled:dop853" or "compiled:dopri5".
    rtol, atol : float, optional
        Local error of each start, as in :func:`dynamics.flow.integrate`.
    targets : array_like, shape (target, dim), optional
        A start stops when it comes within the radius of one of these states; where it does is found on the dense
        output.
    radii : array_like, shape (target,), or float
        Euclidean radius of each target.
    bound : float, optional
        Euclidean norm beyond which a start counts as diverged, ``1e8 (1 + |y0|)`` unless given.
    max_evaluations : int, optional
        Most evaluations of the field for each start.
    progress : callable, optional
        Called with the fraction done.

    Returns
    -------
    ManyResult
        An interrupt (Ctrl-C) ends it early: the starts that had not ended have status "interrupted".

    Raises
    ------
    InputError
        For a field that is no symbolic game, and for what cannot be an input.

    Examples
    --------
    >>> from dynamics import games
    >>> game = games.get("dirac-gan", penalty="r1", gamma=1.0)
    >>> found = integrate_many(game, [[1.0, 1.0], [2.0, -1.0]], 100.0, targets=[[0.0, 0.0]], radii=1e-3)
    >>> found.captured.tolist(), found.status.value
    ([0, 0], 'event')
    """
    chosen = get_solver(solver)
    if chosen.kind != "compiled":
        raise InputError(
            f"integrate_many takes compiled:dop853 or compiled:dopri5, got {solver}: use integrate for it."
        )
    compilable = check_compilable(game, solver)
    states = check_states("start", starts, game.names)
    if states.ndim != 2:
        raise InputError(f"starts must have shape (start, {game.dim}), got {states.shape}: pass one row per start.")
    end = check_number("time", time)
    tolerances = check_tolerances(chosen, rtol, atol)
    limits = check_bound(bound, states)
    budget = None if max_evaluations is None else check_count("max_evaluations", max_evaluations)
    centres, sizes = _targets(targets, radii, game)

    began = clock.perf_counter()
    ends = finish(
        compilable, chosen.method, states, (0.0, end), tolerances, limits, budget, targets=centres, radii=sizes,
        progress=progress,
    )  # fmt: skip
    codes = {status: code for code, status in enumerate(STATUSES)}
    return ManyResult(
        names=tuple(game.names),
        last=ends.last,
        reached=ends.reached,
        codes=np.array([codes[status] for status in ends.statuses], dtype=np.int8),
        captured=ends.captured,
        rested=ends.rested,
        evaluations=ends.evaluations,
        steps=ends.steps,
        rejected=ends.rejected,
        statistics={**ends.totals(), "seconds": clock.perf_counter() - began},
    )


def _targets(
    targets: ArrayLike | None, radii: ArrayLike | float, game: Field
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centres and radii of the targets, or refuse what cannot be any."""
    if targets is None or np.size(targets) == 0:
        return np.zeros((0, game.dim)), np.zeros(0)
    centres = check_states("target", targets, game.names).reshape(-1, game.dim)
    sizes = np.array(radii, dtype=np.float64)
    if sizes.ndim > 1 or (sizes.ndim == 1 and len(sizes) != len(centres)):
        raise InputError(f"radii must be one number or {len(centres)}, one per target, got shape {sizes.shape}.")
    sizes = np.broadcast_to(sizes, len(centres)).copy()
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise InputError(f"radii must be positive and finite, got {sizes[~(np.isfinite(sizes) & (sizes > 0))][0]:g}.")
    return centres, sizes
