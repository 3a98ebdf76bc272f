"""Basins of attraction, cell by cell."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_box, check_count, check_positive, unknown
from dynamics.core.random import Stream, uniforms
from dynamics.core.results import versions
from dynamics.games.field import Field
from dynamics.games.symbolic import SymbolicGame
from dynamics.methods import Method
from dynamics.methods.base import check_method
from dynamics.stability.basins.attractors import Attractor, balls, find_attractors, near
from dynamics.stability.basins.motion import FlowMotion, MapMotion, Motion
from dynamics.stability.basins.result import DIVERGED, LEAVING, UNDECIDED, Basins

#: Starts of the sample that attractors are found with.
SAMPLE = 512
#: Looks at the starts, in units of the span. What has come near an attractor by then goes no further.
LOOKS = (0.1, 0.3, 1.0, 4.0, 16.0, 64.0)
#: Growth of the norm between two looks, twice in a row, from which on a start so many times as far out as any other
#: began is still moving away: closed orbits do not go there, and t^(1/4) grows by two fifths between looks.
GROWS, FAR = 1.05, 2.0
#: Speed below which a start rests, in units of half the box per unit of time or iteration.
REST = 1e-6


def find_basins(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    cells: int | Sequence[int] = 128,
    method: Method | None = None,
    *,
    plane: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
    time: float | None = None,
    iterations: int | None = None,
    bound: float | None = None,
    solver: str = "compiled:dop853",
    seed: int = 0,
) -> Basins:
    """Return which starts of a box go to which attractor, of the flow or of a training algorithm.

    One uniformly random start in each cell is followed until it is so close to an attractor that it cannot leave,
    beyond ``bound``, or out of time. Attractors are found first (:mod:`dynamics.stability.basins.attractors`); a box
    without any is an answer.

    Parameters
    ----------
    game : SymbolicGame, or for the flow any field with generated code, such as a modified flow
    box : mapping of coordinate to (float, float), optional
        The field's own box by default.
    cells : int or two ints
        Cells along the axes of the picture.
    method : Method, optional
        Basins of its iterations; of the flow without one.
    plane : sequence of one or two str, optional
        The coordinates of the picture; the first two by default.
    at : mapping of coordinate to float, optional
        Values of the other coordinates; those of the field's own start by default.
    time : float, optional
        Time within which starts are expected to arrive (flow; 100 by default). What has not goes on, up to 64 times
        as long.
    iterations : int, optional
        The same for a method (1000 by default).
    bound : float, optional
        Norm beyond which a start counts as diverged; a hundred times the largest in the box by default.
    solver : str
        A compiled solver (flow).
    seed : int
        Of the starts.

    Returns
    -------
    Basins

    Raises
    ------
    InputError
        For bad input, before any computation.

    Examples
    --------
    >>> from dynamics import games
    >>> basins = find_basins(games.get("double-well"), cells=64)
    >>> [attractor.label for attractor in basins.attractors]
    ['equilibrium x=-1', 'equilibrium x=1']
    """
    if method is None:
        from dynamics.flow.compiled.program import check_compilable

        check_compilable(game, solver)
    else:
        played: Any = game
        check_method(method).check(played)
        if not isinstance(game, SymbolicGame):
            kind = type(game).__name__
            raise InputError(f"Basins are computed for games given by formulas, got {kind}: use iterate.")
    if method is None and iterations is not None:
        raise InputError(f"iterations={iterations} has no effect on the flow: give time, or a method.")
    if method is not None and time is not None:
        raise InputError(f"time={time:g} has no effect on the method {method.name}: give iterations.")
    sides = {**getattr(game, "box", {}), **(box or {})}
    check_box(sides, game.names)
    axes = _plane(game, plane)
    fixed = _fixed(game, at, axes)
    shape = _shape(cells, axes)
    motion: Motion
    if method is None:
        motion = FlowMotion(game, 100.0 if time is None else check_positive("The time", time), solver)
    else:
        assert isinstance(game, SymbolicGame)
        motion = MapMotion(game, 1000 if iterations is None else check_count("The iterations", iterations), method)
    corner = np.linalg.norm([max(abs(low), abs(high)) for low, high in sides.values()])
    limit = 100 * float(corner) if bound is None else check_positive("The bound", bound)
    check_count("The seed", seed, least=0)

    began = clock.perf_counter()
    starts = _starts(game, sides, axes, fixed, shape, seed)
    sample = starts[np.linspace(0, len(starts) - 1, min(SAMPLE, len(starts))).round().astype(int)]
    attractors = find_attractors(motion, sides, sample, limit, seed)
    labels, counts = _labels(motion, starts, attractors, limit, sides)
    grids = {}
    for name, count in zip(axes, shape, strict=True):
        low, high = sides[name]
        grids[name] = low + (high - low) * (np.arange(count) + 0.5) / count
    settings = {"solver": solver, "time": motion.span} if method is None else method.settings()
    return Basins(
        game=str(getattr(game, "name", type(game).__name__)),
        names=game.names,
        axes=grids,
        at=fixed,
        labels=labels.reshape(shape[::-1]),
        attractors=attractors,
        of="the flow" if method is None else _described(method),
        bound=limit,
        statistics={"starts": len(starts), **counts, "seconds": clock.perf_counter() - began},
        provenance={"game": game.describe(), **settings, "seed": seed, "versions": versions()},
    )


def _labels(
    motion: Motion,
    starts: NDArray[np.float64],
    attractors: tuple[Attractor, ...],
    bound: float,
    sides: Mapping[str, tuple[float, float]],
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Return the label of every start, and how many needed how many rounds."""
    labels = np.full(len(starts), UNDECIDED)
    where = [i for i, a in enumerate(attractors) if a.kind in ("equilibrium", "fixed-point")]
    targets = balls([attractors[i] for i in where], motion.game.dim)
    half = 0.5 * min(high - low for low, high in sides.values())
    rows, states, done, rounds = np.arange(len(starts)), starts, 0.0, 0
    outside = float(np.linalg.norm([max(abs(low), abs(high)) for low, high in sides.values()]))
    norms = np.full((3, len(starts)), np.inf)
    for look in LOOKS:
        # a state near an attractor may leave it with the momentum it has: methods with memory are looked at late
        if look < 1 and not motion.memoryless:
            continue
        begin = states if motion.memoryless else starts[rows]
        outcome = motion.run(begin, (look - done) * motion.span, bound, targets)
        found = np.full(len(rows), UNDECIDED)
        hit = outcome.captured >= 0
        found[hit] = np.array(where, dtype=np.int64)[outcome.captured[hit]] if where else UNDECIDED
        found[outcome.diverged] = DIVERGED
        for i, attractor in enumerate(attractors):
            loose = np.flatnonzero(found == UNDECIDED)
            if not loose.size or i in where:
                continue
            if attractor.kind == "rest":
                found[loose[outcome.rested[loose] & near(attractor, outcome.last[loose])]] = i
            elif attractor.kind != "continuum":
                found[loose[near(attractor, outcome.last[loose])]] = i
            elif look >= 1:
                # what rests after the whole span, and at no attractor
                found[loose[motion.rest(outcome.last[loose]) < REST * half]] = i
        labels[rows] = found
        norms = np.vstack([norms[1:], np.full(len(starts), np.inf)])
        norms[2, rows] = np.linalg.norm(outcome.last, axis=1)
        left = found == UNDECIDED
        rows, states = rows[left], outcome.last[left]
        done = look if motion.memoryless else 0.0
        rounds += 1
        # without attractors nothing but divergence can be told, and whether starts move away from look to look
        if not rows.size or (not attractors and look >= (4 if motion.memoryless else 16)):
            break
    away = (norms[2, rows] > FAR * outside) & (norms[1:, rows] > GROWS * norms[:-1, rows]).all(axis=0)
    labels[rows[away]] = LEAVING
    return labels, {"rounds": rounds, "undecided": int((labels == UNDECIDED).sum())}


def _starts(
    game: Field,
    sides: Mapping[str, tuple[float, float]],
    axes: tuple[str, ...],
    fixed: Mapping[str, float],
    shape: tuple[int, ...],
    seed: int,
) -> NDArray[np.float64]:
    """Return one uniform start in each cell, the first axis of the picture running fastest."""
    count = int(np.prod(shape))
    inside = uniforms(seed, np.arange(count), 0, Stream.INITIAL, len(axes))
    index = np.unravel_index(np.arange(count), shape[::-1])[::-1]
    starts = np.empty((count, game.dim))
    for name, value in fixed.items():
        starts[:, game.names.index(name)] = value
    for k, name in enumerate(axes):
        low, high = sides[name]
        starts[:, game.names.index(name)] = low + (high - low) * (index[k] + inside[:, k]) / shape[k]
    return game.project(starts)


def _plane(game: Field, plane: Sequence[str] | None) -> tuple[str, ...]:
    axes = tuple(game.names[:2] if plane is None else plane)
    for name in axes:
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
    if len(axes) not in (1, 2) or len(set(axes)) != len(axes):
        raise InputError(f"The plane of basins has one or two different coordinates, got {', '.join(axes) or 'none'}.")
    return axes


def _fixed(game: Field, at: Mapping[str, float] | None, axes: tuple[str, ...]) -> dict[str, float]:
    start = getattr(game, "start", None)
    values = {} if start is None else dict(zip(game.names, start.tolist(), strict=True))
    for name, value in (at or {}).items():
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
        if name in axes:
            raise InputError(f"{name} is an axis of the picture and cannot be held at {value:g}: leave it out of at.")
        values[name] = float(value)
    missing = [name for name in game.names if name not in axes and name not in values]
    if missing:
        raise InputError(f"A {type(game).__name__} has no start of its own: give a value of {missing[0]} in at.")
    return {name: value for name, value in values.items() if name not in axes}


def _shape(cells: int | Sequence[int], axes: tuple[str, ...]) -> tuple[int, ...]:
    counts = (cells,) * len(axes) if isinstance(cells, int) else tuple(cells)
    if len(counts) != len(axes):
        raise InputError(f"{len(counts)} numbers of cells for {len(axes)} axes: give one number, or one per axis.")
    return tuple(check_count("The number of cells", count, least=2) for count in counts)


def _described(method: Method) -> str:
    settings = method.settings()
    name = settings.pop("method")
    return f"{name} ({', '.join(f'{key}={value}' for key, value in settings.items())})"
