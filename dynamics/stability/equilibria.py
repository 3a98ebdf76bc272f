r"""All equilibria of a field in a box, with a report of what was searched.

``v(y) = 0`` is solved by damped Newton iterations from many starts (:mod:`dynamics.stability.newton`): a grid, a
shifted Halton sequence, and both projected onto the surfaces where the field is not smooth. What converged is
polished and merged: regular zeros by distance, degenerate ones where the field vanishes to rounding in between,
continua by walking along them (:mod:`dynamics.stability.continua`). A box without equilibria is an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_box, check_count
from dynamics.games.field import Field
from dynamics.stability import continua, newton, surfaces

#: Dense Jacobians from every start: beyond this many coordinates the search would be neither fast nor complete.
MAX_COORDINATES = 200


@dataclass(frozen=True)
class Searched:
    """What was searched.

    Attributes
    ----------
    box : mapping of str to (float, float)
    starts, converged, left_box, stalled : int
        Starts of the iteration; those that ended at a zero inside the box, outside it, or at no zero.
    evaluations : int
        Number of states at which the field or its Jacobian was evaluated.
    seed : int
        Shift of the Halton sequence.
    """

    box: Mapping[str, tuple[float, float]]
    starts: int
    converged: int
    left_box: int
    stalled: int
    evaluations: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "box": {name: list(edges) for name, edges in self.box.items()},
            "starts": self.starts,
            "converged": self.converged,
            "left_box": self.left_box,
            "stalled": self.stalled,
            "evaluations": self.evaluations,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Zero:
    """One equilibrium, or one continuum by a representative.

    Attributes
    ----------
    at : ndarray, shape (dim,)
    error : float
        Estimate of the distance to the exact zero, from the rounding level of the field and its conditioning.
    directions : ndarray, shape (k, dim)
        Verified null directions; k = 0 for an isolated zero.
    members : ndarray, shape (m, dim)
        Zeros that were merged into a continuum (its representative among them); the point itself if isolated.
    degenerate : bool
        The Jacobian is singular to within the tolerance of the search.
    surface : str
        Why the field is not smooth here; empty where it is.
    """

    at: NDArray[np.float64]
    error: float
    directions: NDArray[np.float64]
    members: NDArray[np.float64]
    degenerate: bool = False
    surface: str = ""


@dataclass(frozen=True)
class Search:
    """Answer of :func:`find_equilibria`: the zeros in lexicographic order and what was searched."""

    zeros: tuple[Zero, ...]
    searched: Searched


def halton(count: int, dim: int, seed: int) -> NDArray[np.float64]:
    """Return a Halton sequence in [0, 1)^dim, shifted modulo one by a random vector (Cranley and Patterson 1976).

    Parameters
    ----------
    count, dim : int
    seed : int
        Seed of the shift.
    """
    primes: list[int] = []
    candidate = 2
    while len(primes) < dim:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    points = np.empty((count, dim))
    for column, prime in enumerate(primes):
        index, inverse, base = np.arange(1, count + 1), np.zeros(count), 1.0 / prime
        while index.any():
            inverse += base * (index % prime)
            index //= prime
            base /= prime
        points[:, column] = inverse
    return (points + np.random.default_rng(seed).random(dim)) % 1.0


def start_points(dim: int, starts: int, seed: int) -> NDArray[np.float64]:
    """Return a regular grid with the centre (where it stays small) and ``starts`` Halton points, in [0, 1]^dim."""
    per_side = {1: 17, 2: 7, 3: 5, 4: 3}.get(dim, 1)
    axis = np.linspace(0.0, 1.0, per_side) if per_side > 1 else np.array([0.5])
    grid = np.array(list(product(axis, repeat=dim)))
    return np.concatenate([grid, halton(starts, dim, seed)])


def find_equilibria(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    starts: int | None = None,
    seed: int = 0,
) -> Search:
    """Return every equilibrium of a field that the multi-start search finds in a box.

    Parameters
    ----------
    game : Field
        With exact Jacobian, batched over leading axes.
    box : mapping of str to (float, float), optional
        Region to search; a game's own box by default.
    starts : int, optional
        Number of quasi-random starts besides the grid; ``64 + 32 dim`` by default.
    seed : int
        Shift of the quasi-random starts.

    Returns
    -------
    Search

    Raises
    ------
    InputError
        For a bad box or more than 200 coordinates.
    """
    if game.dim > MAX_COORDINATES:
        raise InputError(
            f"The search for equilibria takes at most {MAX_COORDINATES} coordinates, got {game.dim}: "
            "restrict the game to a chosen plane or use fewer parameters."
        )
    chosen = dict(box if box is not None else getattr(game, "box", {}))
    sides = check_box(chosen, game.names)
    count = 64 + 32 * game.dim if starts is None else check_count("starts", starts)
    unit = start_points(game.dim, count, check_count("seed", seed, least=0))
    problem = newton.scaled(game, sides, sides[:, 0] + (sides[:, 1] - sides[:, 0]) * unit)

    ends = newton.solve(problem, unit)
    zero = problem.vanishes(ends)
    inside = ((ends >= -newton.EDGE) & (ends <= 1 + newton.EDGE)).all(axis=1)
    switches = surfaces.surface_functions(game)
    candidates = ends[zero & inside]
    on_surface = np.zeros(len(candidates), dtype=bool)
    for _, function in switches:
        on_surface |= surfaces.near_surface(problem, function, candidates)
    found = merged(problem, candidates[~on_surface])
    for reason, function in switches:
        points = surfaces.on_switch(problem, function, np.concatenate([unit, candidates[on_surface]]))
        found += [describe(problem, u, surface=reason) for u in points]
    order = sorted(range(len(found)), key=lambda i: tuple(np.round(found[i].at, 9)))
    searched = Searched(
        box={name: (float(low), float(high)) for name, (low, high) in zip(game.names, sides, strict=True)},
        starts=len(unit),
        converged=int((zero & inside).sum()),
        left_box=int((~inside).sum()),
        stalled=int((inside & ~zero).sum()),
        evaluations=problem.counter.evaluations,
        seed=int(seed),
    )
    return Search(tuple(found[i] for i in order), searched)


def merged(problem: newton.ScaledField, points: NDArray[np.float64]) -> list[Zero]:
    """Return the distinct zeros among converged points: regular ones, isolated degenerate ones, continua."""
    if len(points) == 0:
        return []
    singular = continua.nullity(problem, points) > 0
    found = [describe(problem, u) for u in distinct_regular(problem, points[~singular])]
    rest = points[singular]
    rest = rest[representatives_first(problem, rest)]
    while len(rest):
        representative = newton.accelerate(problem, rest[0])
        directions = continua.null_directions(problem, representative)
        if len(directions):
            joined = continua.connected(problem, representative, rest, len(directions))
            # a curve that bends back is walked on from its far end
            far = (
                rest[joined][np.argmax(np.abs(rest[joined] - representative).max(axis=1))] if joined.any() else rest[0]
            )
            if not joined.all():
                joined |= continua.connected(problem, far, rest, len(directions))
        else:
            joined = continua.same_zero(problem, representative, rest)
        joined[0] = True
        if len(directions) or not any(same(problem, representative, zero) for zero in found):
            found.append(describe(problem, representative, directions, rest[joined]))
        rest = rest[~joined]
    return found


def representatives_first(problem: newton.ScaledField, points: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return an order of degenerate zeros in which typical points of a continuum precede exceptional ones.

    Typical are those with the most non-zero singular values and eigenvalues, none of them small against what the
    continuum offers; among these the one nearest to the centre of the box comes first.
    """
    if len(points) == 0:
        return np.arange(0)
    jacobian = problem.jacobian(points)
    s = np.linalg.svd(jacobian, compute_uv=False)
    rank = (s > newton.SINGULAR * np.maximum(s[:, :1], newton.SINGULAR)).sum(axis=1)
    # the scaling of rows is undone: eigenvalues belong to the field itself; 1e-4 allows for defective zeros
    moduli = np.abs(np.linalg.eigvals(jacobian * problem.size[:, None] / problem.width))
    large = moduli > 1e-4 * np.maximum(moduli.max(axis=1, keepdims=True), 1e-300)
    count = large.sum(axis=1)
    smallest = np.where(count > 0, np.where(large, moduli, np.inf).min(axis=1), 0.0)
    typical = (rank == rank.max()) & (count == count[rank == rank.max()].max())
    weak = smallest < 0.1 * smallest[typical].max()
    return np.lexsort((np.abs(points - 0.5).max(axis=1), weak, -count, -rank))


def same(problem: newton.ScaledField, u: NDArray[np.float64], zero: Zero) -> bool:
    """Return whether a degenerate point is a zero that was found before."""
    other = (zero.at - problem.low) / problem.width
    return bool(continua.same_zero(problem, u, other[None])[0])


def distinct_regular(problem: newton.ScaledField, points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return polished regular zeros, merged where they are closer than their conditioning can tell apart."""
    distinct: list[NDArray[np.float64]] = []
    remaining = points
    while len(remaining):
        u = newton.polish(problem, remaining[0])
        smallest = float(np.linalg.svd(problem.jacobian(u), compute_uv=False)[-1])
        blur = newton.NOISE_UNITS * float(np.linalg.norm(problem.noise(u))) / max(smallest, 1e-300)
        # the points themselves carry the residual at which their iteration stopped: 1e-7 allows for it, while
        # zeros that close together would have singular values of that size and be counted as degenerate
        remaining = remaining[np.abs(remaining - remaining[0]).max(axis=1) > max(1e-7, 4 * blur)]
        distinct.append(u)
    return distinct


def describe(
    problem: newton.ScaledField,
    u: NDArray[np.float64],
    directions: NDArray[np.float64] | None = None,
    members: NDArray[np.float64] | None = None,
    surface: str = "",
) -> Zero:
    """Return a zero in state coordinates with its error; a coordinate indistinguishable from zero becomes zero."""
    jacobian = problem.jacobian(u)
    _, s, right = np.linalg.svd(jacobian)
    noise = float(np.linalg.norm(problem.noise(u)))
    degenerate = directions is not None
    blur = noise / max(float(s[-1]), noise)
    if degenerate and len(directions) == 0:
        # how far the field stays at rounding level along the null direction
        reach = 1e-12
        while reach < 0.05 and problem.vanishes(u + reach * np.array([[1.0], [-1.0]]) * right[-1]).any():
            reach *= 2
        blur = reach
    elif degenerate:
        kept = s[: len(s) - len(directions)]
        blur = noise / max(float(kept[-1]), noise) if kept.size else 0.0
    at = problem.states(u)
    tiny = np.abs(at) <= np.maximum(8 * blur, 1e-14) * problem.width
    snapped = np.where(tiny, 0.0, at)
    trial = (snapped - problem.low) / problem.width
    if tiny.any() and (problem.vanishes(trial) if degenerate else newton.norms(problem(trial)) <= 4 * noise):
        at = snapped
    return Zero(
        at=at + 0.0,
        error=blur * float(problem.width.max()),
        directions=np.empty((0, len(u))) if directions is None else directions,
        members=problem.states(members) if members is not None else at[None],
        degenerate=degenerate,
        surface=surface,
    )
