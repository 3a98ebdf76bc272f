"""Where branches are started: all equilibria, or fixed points, at a few values of the parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field
from dynamics.stability.continuation.atlas import Atlas
from dynamics.stability.continuation.curve import Vector, correct
from dynamics.stability.continuation.families import Family
from dynamics.stability.continuation.maps import Displacement, initial
from dynamics.stability.continuation.points import PointProblem
from dynamics.stability.equilibria import find_equilibria

#: Shares of the range at which equilibria are searched: both ends, and values inside that are no round numbers.
SHARES = (0.0, 1.0, 0.118, 0.309, 0.526, 0.724, 0.894)


def find_seeds(
    family: Family,
    problem: PointProblem,
    box: Mapping[str, tuple[float, float]],
    atlas: Atlas,
    starts: int | None,
    seed: int,
) -> tuple[tuple[tuple[float, int], ...], list[Vector]]:
    """Return how many equilibria there are at each value searched, and unknowns to start from, regular ones first.

    Continua of equilibria, which form no single branch, and equilibria at which the field is not smooth are noted.
    """
    counts, regular, degenerate = [], [], []
    continua: dict[str, list[float]] = {}
    kinks: dict[str, list[float]] = {}
    for share in SHARES:
        p = family.high if share == 1.0 else family.low + share * (family.high - family.low)
        found = find_equilibria(_searched(family, p), box, starts=starts, seed=seed).zeros
        counts.append((p, len(found)))
        for zero in found:
            where = ", ".join(f"{name} = {value:.6g}" for name, value in zip(problem.names, zero.at, strict=True))
            if len(zero.directions):
                continua.setdefault(_directions(zero.directions, problem.names), []).append(p)
            elif zero.one_sided:
                # they move with the parameter: one sentence for all
                text = "Equilibria of one side of a switching surface that lie on it were not followed"
                kinks.setdefault(text, []).append(p)
            elif zero.surface:
                kinks.setdefault(f"The equilibrium {where} was not followed: {zero.surface}", []).append(p)
            else:
                (degenerate if zero.degenerate else regular).append(_unknowns(family, problem, zero.at, p))
    for text, values in kinks.items():
        atlas.note(f"{text} (at {family.parameter} = {_listed(values)}).")
    for directions, values in continua.items():
        atlas.note(
            f"Equilibria are not isolated at {family.parameter} = {_listed(values)} ({directions}): "
            "a continuum forms no single branch and was not followed."
        )
    row = np.zeros(problem.size + 1)
    row[-1] = 1.0
    sharp = [z if (better := correct(problem, z, row)) is None else better for z in regular]
    return tuple(sorted(counts)), sharp + degenerate


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in sorted(set(values)))


def _directions(rows: NDArray[np.float64], names: tuple[str, ...]) -> str:
    listed = ", ".join(f"({', '.join(f'{value:.3g}' for value in row)})" for row in rows)
    return f"direction {listed} in ({', '.join(names)})"


def _searched(family: Family, p: float) -> Field:
    """Return the field whose zeros are the seeds: the game's, or the map's own where a method adds fixed points."""
    field = family.field(p)
    if family.method is not None and family.method(p).adds_fixed_points:
        return Displacement(family.method(p), field)
    return field


def _unknowns(family: Family, problem: PointProblem, y: NDArray[np.float64], p: float) -> Vector:
    if family.method is None:
        return problem.unknowns(y[None], p)
    method: Any = family.method(p)
    return problem.unknowns(initial(method, family.field(p), y)[None], p)
