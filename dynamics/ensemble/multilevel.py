"""Multilevel Monte Carlo: an expectation to a requested error, most of the work done with coarse steps.

With ``P_l`` the quantity from steps ``h_l = h_0 / 2^l`` and the same Brownian paths at neighbouring levels::

    E P_L = E P_0 + sum_(l = 1..L) E (P_l - P_(l-1))

The corrections have small variances, so that few paths suffice where steps are fine. Numbers of paths minimise the work
for a given variance; levels are added until the remaining bias, estimated from the last corrections and the weak order
of the scheme, is small enough. Source: Giles 2008, section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numba import get_num_threads
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, NumericalError, check_count, check_positive
from dynamics.core.results import versions
from dynamics.core.status import Status
from dynamics.ensemble.compiled import Loop, blocks_of, ids_of
from dynamics.ensemble.kernel import FINISHED
from dynamics.ensemble.noise import Noise, read_noise
from dynamics.ensemble.plan import Plan, make_plan
from dynamics.ensemble.readable import ReadableLoop
from dynamics.ensemble.schemes import Scheme, read_scheme
from dynamics.ensemble.sde import SDE
from dynamics.games.field import Field

#: Paths of each level before variances are known, and least number of levels, for an estimate of the bias.
_PILOT, _FEWEST_LEVELS = 4096, 3
#: Paths at a time; levels take numbers of their own, 2^44 apart.
_PIECE, _APART = 2**16, 2**44


@dataclass(frozen=True)
class Level:
    """One level.

    Attributes
    ----------
    dt : float
        Its step.
    paths : int
    mean, variance : float
        Of the correction (of the quantity itself at level 0).
    steps : int
        Steps that one path takes, those of the coarse twin included.
    """

    dt: float
    paths: int
    mean: float
    variance: float
    steps: int

    @property
    def stderr(self) -> float:
        """Standard error of the mean."""
        return float(np.sqrt(self.variance / self.paths))


@dataclass(frozen=True)
class Expectation:
    """An expectation by multilevel Monte Carlo.

    Attributes
    ----------
    quantity : str
    value, stderr : float
        The estimate and its statistical standard error.
    bias : float
        Estimated bias of the finest level.
    levels : tuple of Level
    status : Status
        ``finished``; ``budget-exhausted`` if the bias was still too large at the finest level allowed; ``interrupted``
        by Ctrl-C, with what was sampled until then.
    provenance : mapping
    """

    quantity: str
    value: float
    stderr: float
    bias: float
    levels: tuple[Level, ...]
    status: Status
    provenance: Mapping[str, Any]

    @property
    def path_steps(self) -> int:
        """Steps of all paths."""
        return sum(level.paths * level.steps for level in self.levels)

    @property
    def error(self) -> float:
        """Root of the mean squared error: standard error and bias together."""
        return float(np.hypot(self.stderr, self.bias))


def expectation(
    game: Field,
    noise: Noise | float | Mapping[str, float],
    quantity: str,
    *,
    standard_error: float,
    dt: float,
    time: float,
    start: ArrayLike | None = None,
    spread: float | Mapping[str, float] = 0.0,
    scheme: Scheme | str = "euler-maruyama",
    seed: int = 0,
    most_levels: int = 12,
    advance: Callable[[int], None] = lambda done: None,
) -> Expectation:
    """Return ``E f(Y(T))`` to a requested error.

    Parameters
    ----------
    game, noise, start, spread, scheme, seed
        As for :func:`dynamics.ensemble.simulate`; the increments of the scheme must compose (no two- or three-point
        ones).
    quantity : str
        f, such as ``x**2 + y**2``.
    standard_error : float
        Root mean squared error asked for; half of its square is left to the bias.
    dt : float
        Step of the coarsest level, a fraction of ``time`` small enough for the scheme to be stable.
    time : float
        T.
    most_levels : int
    advance : callable
        Called with the number of path-steps done.

    Raises
    ------
    InputError
        For bad arguments, before anything is computed.
    NumericalError
        If a path diverges: the coarsest step is too large.
    """
    target = check_positive("The standard error", standard_error)
    most = check_count("most_levels", most_levels, least=_FEWEST_LEVELS)
    equation, used = SDE(game, read_noise(noise)), read_scheme(scheme)
    _, order = used.orders(equation)
    if order is None:
        raise InputError(f"Multilevel sampling needs a scheme with a weak order, which {used.name} has not.")
    if not np.isfinite(order):
        raise InputError(f"The scheme {used.name} has no bias that finer levels could take away: use simulate.")
    plan = make_plan(equation, used, paths=1, dt=dt, time=time, start=start, spread=spread, seed=seed, records=2)
    used.increments(equation).check_refinement(2)
    levels = _Levels(plan, quantity, advance)
    try:
        status = levels.run(target, order, most)
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    found = tuple(level for level in levels.found if level.paths > 1)
    if not found:
        raise KeyboardInterrupt
    settings = {**plan.settings(), "quantity": quantity, "standard_error": target, "versions": versions()}
    return Expectation(
        quantity,
        float(sum(level.mean for level in found)),
        float(np.sqrt(sum(level.variance / level.paths for level in found))),
        float(levels.bias(order)) if len(found) > 1 else np.nan,
        found,
        status,
        settings,
    )


class _Levels:
    """Levels that grow in number and in paths."""

    def __init__(self, plan: Plan, quantity: str, advance: Callable[[int], None]) -> None:
        self.plan, self.advance = plan, advance
        self.expression = plan.sde.parse(quantity)
        self.loops: list[tuple[Any, Any]] = []
        self.found: list[Level] = []
        self.steps = 0

    def run(self, target: float, order: float, most: int) -> Status:
        """Add levels and paths until the error is the one asked for."""
        for _ in range(_FEWEST_LEVELS):
            self.append()
        while True:
            self.improve(target**2 / 2)
            if self.bias(order) <= target / np.sqrt(2):
                return Status.FINISHED
            if len(self.found) >= most:
                return Status.BUDGET_EXHAUSTED
            self.append()

    def append(self) -> None:
        """Add a finer level with its pilot paths."""
        number = len(self.found)
        fine = replace(self.plan, dt=self.plan.dt / 2**number, steps=self.plan.steps * 2**number)
        fine = replace(fine, records=np.array([0, fine.steps]))
        coarse = None
        if number:
            half = fine.steps // 2
            coarse = replace(fine, dt=2 * fine.dt, steps=half, refine=2, records=np.array([0, half]))
        self.loops.append((_loop(fine), None if coarse is None else _loop(coarse)))
        self.found.append(Level(fine.dt, 0, 0.0, 0.0, fine.steps + (0 if coarse is None else coarse.steps)))
        self._sample(number, _PILOT)

    def improve(self, variance: float) -> None:
        """Add paths until the variance of the estimate is small enough."""
        while True:
            work = sum(np.sqrt(level.variance * level.steps) for level in self.found)
            wanted = [np.ceil(work * np.sqrt(level.variance / level.steps) / variance) for level in self.found]
            missing = [int(n) - level.paths for n, level in zip(wanted, self.found, strict=True)]
            if max(missing) <= 0:
                return
            for number, count in enumerate(missing):
                if count > 0:
                    self._sample(number, count)

    def bias(self, order: float) -> float:
        """Return the bias of the finest level, from the last two corrections and what they leave to come."""
        last, before = (abs(level.mean) for level in self.found[:-3:-1])
        return max(last, before * 2.0**-order) / (2.0**order - 1.0)

    def _sample(self, number: int, count: int) -> None:
        """Add paths to a level."""
        first = number * _APART + self.found[number].paths
        edges = [*range(first, first + count, _PIECE), first + count]
        pool = ThreadPoolExecutor(get_num_threads())
        try:
            # In the order of the paths, so that the sums do not depend on the threads.
            for values in pool.map(lambda pair: self._corrections(number, *pair), pairwise(edges)):
                self.found[number] = _extended(self.found[number], values)
                self.steps += len(values) * self.found[number].steps
                self.advance(self.steps)
        finally:
            pool.shutdown(cancel_futures=True)

    def _corrections(self, number: int, low: int, high: int) -> NDArray[np.float64]:
        """Return the quantity of each path, less that of its coarse twin."""
        fine, coarse = self.loops[number]
        values = self._values(fine, low, high)
        return values if coarse is None else values - self._values(coarse, low, high)

    def _values(self, loop: Any, low: int, high: int) -> NDArray[np.float64]:
        piece = loop(ids_of(low, high), blocks_of(low, high), columns=loop.table, nodes=False)
        if (piece.status != FINISHED).any():
            raise NumericalError(
                f"A path diverged with steps of {loop.plan.dt:g}: give a smaller dt for the coarsest level.", None
            )
        return self.plan.sde.evaluate(f"expect {self.expression}", [self.expression], piece.final)[:, 0]


def _loop(plan: Plan) -> Any:
    loop: Any = Loop(plan) if plan.sde.symbolic else ReadableLoop(plan)
    loop.compile()
    loop.table = loop.columns(0, plan.steps)
    return loop


def _extended(level: Level, values: Any) -> Level:
    """Return a level with further values (Chan, Golub and LeVeque 1983, equation 2.1)."""
    n1, n2 = level.paths, len(values)
    d, n = values.mean() - level.mean, n1 + n2
    squares = level.variance * max(n1 - 1, 0) + ((values - values.mean()) ** 2).sum() + d * d * n1 * n2 / n
    return replace(level, paths=n, mean=float(level.mean + d * n2 / n), variance=float(squares / max(n - 1, 1)))
