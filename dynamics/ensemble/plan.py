"""What a run of an ensemble is told, checked once, for the compiled loop and the readable one alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from dynamics.core import random
from dynamics.core.errors import InputError, check_count, check_number, check_positive, check_states, unknown
from dynamics.core.random import Stream
from dynamics.ensemble.conditions import Condition, read_condition
from dynamics.ensemble.frontier import batch_level
from dynamics.ensemble.histograms import Histogram
from dynamics.ensemble.schemes.base import Scheme
from dynamics.ensemble.sde import SDE
from dynamics.games.field import Field

#: Steps of a run whose length is a whole number of them up to this share of a step.
_WHOLE = 1e-6


@dataclass(frozen=True)
class Plan:
    """A run of an ensemble.

    Attributes
    ----------
    sde : SDE
    scheme : Scheme
    seed : int
    dt : float
        Length of a step.
    steps : int
    refine : int
        Fine increments of W in each step.
    start : ndarray, shape (dim,) or (paths, dim)
    spread : ndarray, shape (dim,)
        Standard deviation of the start in each coordinate.
    first, paths : int
        The paths are ``first`` to ``first + paths - 1``.
    records : ndarray of int64
        Numbers of steps after which statistics are taken.
    observables : mapping of name to expression
        Quantities whose means and covariances are recorded: the coordinates, and what was asked for.
    conditions : tuple of Condition
    bridge : bool
        Whether crossings between the steps are looked for.
    maxima : mapping of name to expression
    histograms : tuple of Histogram
    """

    sde: SDE
    scheme: Scheme
    seed: int
    dt: float
    steps: int
    refine: int
    start: NDArray[np.float64]
    spread: NDArray[np.float64]
    first: int
    paths: int
    records: NDArray[np.int64]
    observables: Mapping[str, sp.Expr]
    conditions: tuple[Condition, ...]
    bridge: bool
    maxima: Mapping[str, sp.Expr]
    histograms: tuple[Histogram, ...]

    @property
    def times(self) -> NDArray[np.float64]:
        """Times of the records."""
        return np.asarray(self.records * self.dt, dtype=np.float64)

    @property
    def duration(self) -> float:
        """Time from start to end."""
        return self.steps * self.dt

    @property
    def batch_level(self) -> int:
        """Level of the tree up to which nodes are combined, so that batches remain for standard errors."""
        return batch_level(self.paths)

    def initial(self, ids: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the states of paths at time 0, without the memory of a scheme, shape (paths, dim)."""
        own = self.sde.motion.dim
        rows = self.start if self.start.ndim == 1 else self.start[(ids - np.uint64(self.first)).astype(np.int64)]
        states = np.broadcast_to(rows, (len(ids), own))
        if self.spread.any():
            states = states + self.spread * random.normals(self.seed, ids, 0, Stream.INITIAL, own)
        memory = self.sde.dim - own
        if memory:
            root = self.sde.noise.factor(0.0) * self.sde.stationary_memory()
            numbers = random.normals(self.seed, ids, 0, Stream.INITIAL, root.shape[1], substream=1)
            states = np.concatenate([states, numbers @ root.T], axis=-1)
        # A copy: a view of one start for all is not to be written to.
        return np.array(self.sde.project(states), order="C")

    def settings(self) -> dict[str, Any]:
        """Return what is needed to repeat the run (JSON-serialisable)."""
        # Not how many: runs over parts of the paths are to be merged.
        start = self.start.tolist() if self.start.ndim == 1 else "one state of the caller for each path"
        return {
            **self.sde.describe(),
            # In tables of their own: both may have a rate or a schedule, and a method that says who moves first.
            "scheme": self.scheme.settings(),
            "seed": self.seed,
            "first": self.first,
            "paths": self.paths,
            "dt": self.dt,
            "steps": self.steps,
            "refine": self.refine,
            "start": start,
            "spread": self.spread.tolist(),
            "until": [c.text for c in self.conditions if c.stop],
            "watch": [c.text for c in self.conditions if not c.stop],
            "bridge": self.bridge,
            "observe": [name for name in self.observables if name not in self.sde.names],
            "maxima": list(self.maxima),
        }


def make_plan(
    sde: SDE,
    scheme: Scheme,
    *,
    paths: int,
    dt: float,
    time: float,
    start: ArrayLike | None = None,
    spread: float | Mapping[str, float] = 0.0,
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
) -> Plan:
    """Return a checked plan; the arguments are those of :func:`dynamics.ensemble.simulate`."""
    paths = check_count("The number of paths", paths)
    first = check_count("The first path", first, least=0)
    seed = check_count("The seed", seed, least=0)
    for name, value, most in (("The seed", seed, 2**64), ("The number behind the last path", first + paths, 2**62)):
        if value >= most:
            raise InputError(f"{name} must be below 2^{most.bit_length() - 1}, got {value}.")
    dt, time = check_positive("The step dt", dt), check_positive("The time", time)
    steps = _whole("dt", dt, "the time", time)
    refine = 1 if brownian_dt is None else _whole("brownian_dt", check_positive("brownian_dt", brownian_dt), "dt", dt)
    scheme.check(sde)
    scheme.increments(sde).check_refinement(refine)
    own = sde.motion
    begin = check_states("The start", _default_start(own) if start is None else start, own.names)
    if begin.ndim > 1 and begin.shape != (paths, own.dim):
        raise InputError(f"The start has the shape {begin.shape}, expected ({own.dim},) or ({paths}, {own.dim}).")
    names = {name: sp.Symbol(name, real=True) for name in sde.names}
    conditions = [read_condition(c, sde, stop=True) for c in _several(until)]
    conditions += [read_condition(c, sde, stop=False) for c in _several(watch)]
    if len({c.text for c in conditions}) < len(conditions):
        raise InputError("The same condition was given twice: give it once, as until or as watch.")
    largest = {text: sde.parse(text) for text in _several(maxima)}
    watched = [*(c.expression for c in conditions), *largest.values()]
    extra = {text: sde.parse(text) for text in _several(observe) if text not in names}
    filled = tuple(histogram.checked({**names, **extra}, dt, steps) for histogram in histograms)
    moments = [t for histogram in filled for t in histogram.times or ()]
    return Plan(
        sde=sde,
        scheme=scheme,
        seed=seed,
        dt=dt,
        steps=steps,
        refine=refine,
        start=begin,
        spread=_spread(spread, own.names),
        first=first,
        paths=paths,
        records=np.unique(np.append(_records(records, steps, dt), np.round(np.array(moments) / dt).astype(np.int64))),
        observables={**names, **extra},
        conditions=tuple(conditions),
        bridge=bridge and scheme.pathwise and bool(watched) and not _meets_clips(watched, sde),
        maxima=largest,
        histograms=filled,
    )


def _meets_clips(expressions: Sequence[sp.Expr], sde: SDE) -> bool:
    """Return whether a quantity depends on a clipped coordinate, which a bridge would lead out of its box."""
    clipped = {sp.Symbol(name, real=True) for name in sde.motion.bounds}
    return any(expression.free_symbols & clipped for expression in expressions)


def _several(given: Any) -> list[Any]:
    """Return one or several texts as a list."""
    return [given] if isinstance(given, str | Condition) else list(given)


def _default_start(motion: Field) -> ArrayLike:
    start = getattr(motion, "start", None)
    if start is None:
        raise InputError(f"A {type(motion).__name__} has no start of its own: give one.")
    return start


def _whole(name: str, part: float, whole_name: str, whole: float) -> int:
    """Return how many parts make up a whole, or refuse what is no whole number."""
    count = round(whole / part)
    if count < 1 or abs(whole / part - count) > _WHOLE:
        better = [whole / max(count + k, 1) for k in (0, 1)]
        raise InputError(
            f"{name} = {part:g} does not divide {whole_name} = {whole:g}: take {better[0]:.10g} or {better[1]:.10g}."
        )
    return count


def _spread(given: float | Mapping[str, float], names: Sequence[str]) -> NDArray[np.float64]:
    if isinstance(given, Mapping):
        for key in given:
            if key not in names:
                raise unknown("coordinate of the spread", key, names)
        values = [check_number(f"The spread of '{name}'", given.get(name, 0.0)) for name in names]
    else:
        values = [check_number("The spread", given)] * len(names)
    if min(values) < 0:
        raise InputError(f"The spread must not be negative, got {min(values):g}: it is a standard deviation.")
    return np.array(values)


def _records(given: int | Sequence[float], steps: int, dt: float) -> NDArray[np.int64]:
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        count = check_count("The number of records", given, least=2)
        return np.unique(np.round(np.linspace(0, steps, min(count, steps + 1))).astype(np.int64))
    try:
        times = np.array([check_number("The record time", t) for t in np.atleast_1d(given)])
    except TypeError:
        raise InputError(f"The records are a number of times or a list of them, got {given!r}.") from None
    numbers = np.round(times / dt).astype(np.int64)
    bad = (np.abs(times / dt - numbers) > _WHOLE * np.maximum(1, numbers)) | (numbers < 0) | (numbers > steps)
    if bad.any():
        raise InputError(
            f"The record time {times[bad][0]:g} is no multiple of dt = {dt:g} from 0 to {steps * dt:g}: move it."
        )
    return np.unique(np.append(numbers, steps))
