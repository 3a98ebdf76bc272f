r"""All equilibria of a field in a box, with a report of what was searched.

``v(y) = 0`` is solved by damped Newton iterations from many starts (:mod:`dynamics.stability.newton`): a grid, a
shifted Halton sequence, both followed along the field and projected onto the surfaces where it is not smooth, and in
wide boxes points clustered around the centre and around zero. Batches of Halton points are added until a whole batch
finds nothing new. What converged is polished and merged (:mod:`dynamics.stability.collection`). A box without
equilibria is an answer.
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
from dynamics.stability import newton, surfaces
from dynamics.stability.collection import Collection, Zero, describe

#: Caps of the search, in starts and in starts times operations of one Newton step (a few seconds each).
MAX_STARTS = 20_000
MAX_WORK = 100_000_000
#: Starts spent per zero found before one that was met only once ceases to prolong the search.
STARTS_PER_ZERO = 100
#: Dense Jacobians from every start: beyond this many coordinates the search would be neither fast nor complete.
MAX_COORDINATES = 200


@dataclass(frozen=True)
class Searched:
    """What was searched.

    Attributes
    ----------
    box : mapping of str to (float, float)
    starts, converged, left_box, stalled : int
        Starts of the iteration; those that ended at a zero inside the box, outside it, or at no zero (among them
        those in regions where the field fades away without a zero).
    hits : int
        Least number of starts that ended at any one of the zeros reported (surfaces apart); 0 without zeros. One or
        two say that others may have been missed.
    exhausted : bool
        Whether the last batch of starts found nothing new (False: the cap on starts was met before).
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
    hits: int
    exhausted: bool
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
            "hits": self.hits,
            "exhausted": self.exhausted,
            "evaluations": self.evaluations,
            "seed": self.seed,
        }


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


def grid_points(dim: int) -> NDArray[np.float64]:
    """Return a regular grid with the centre (where it stays small) in [0, 1]^dim."""
    per_side = {1: 17, 2: 7, 3: 5, 4: 3}.get(dim, 1)
    axis = np.linspace(0.0, 1.0, per_side) if per_side > 1 else np.array([0.5])
    return np.array(list(product(axis, repeat=dim)))


def clustered_points(points: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points contracted towards the centre of a wide box, and towards zero where it lies inside.

    One copy per decade between the largest half edge and one: parameters of games are of order one unless a user
    scales them otherwise, and a box of +-100 has one ten-thousandth of its plane there.
    """
    widths = sides[:, 1] - sides[:, 0]
    decades = int(np.ceil(np.log10(max(float(widths.max()) / 20, 1.0))))
    origin = -sides[:, 0] / widths
    centres = [np.full(len(widths), 0.5)]
    if ((origin >= 0) & (origin <= 1)).all() and np.abs(origin - 0.5).max() > 1e-3:
        centres.append(origin)
    copies = [points[:0]]
    for decade in range(1, decades + 1):
        copies += [np.clip(centre + 10.0**-decade * (points - 0.5), 0.0, 1.0) for centre in centres]
    return np.concatenate(copies)


def find_equilibria(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    starts: int | None = None,
    seed: int = 0,
) -> Search:
    """Return every equilibrium of a field that the multi-start search finds in a box.

    Whether the search had come to an end, and how often the rarest zero was met, is part of the answer.

    Parameters
    ----------
    game : Field
        With exact Jacobian, batched over leading axes.
    box : mapping of str to (float, float), optional
        Region to search, cut to the clipping bounds of the game where it has any; a game's own box by default.
    starts : int, optional
        Number of quasi-random starts in a batch; ``64 + 32 dim`` by default.
    seed : int
        Shift of the quasi-random starts.

    Returns
    -------
    Search

    Raises
    ------
    InputError
        For a bad box, one outside the clipping bounds, or more than 200 coordinates.
    """
    if game.dim > MAX_COORDINATES:
        raise InputError(
            f"The search for equilibria takes at most {MAX_COORDINATES} coordinates, got {game.dim}: "
            "restrict the game to a chosen plane or use fewer parameters."
        )
    chosen = dict(box if box is not None else getattr(game, "box", {}))
    sides = surfaces.admissible(game, check_box(chosen, game.names))
    count = 64 + 32 * game.dim if starts is None else check_count("starts", starts)
    check_count("seed", seed, least=0)
    batches = max(1, min(MAX_STARTS // count, MAX_WORK // (count * game.dim**3)))
    sequence = halton(count * batches, game.dim, seed)
    unit = np.concatenate([grid_points(game.dim), sequence[:count]])
    problem = newton.scaled(game, sides, sides[:, 0] + (sides[:, 1] - sides[:, 0]) * unit)
    led = newton.followed(problem, sequence[: min(count, 64)])
    first = np.concatenate([unit, clustered_points(sequence[: min(count, 64)], sides), led])
    switches = surfaces.surface_functions(game)
    collection = Collection(problem, first)
    tally = np.zeros(4, dtype=int)
    exhausted = False
    on_surface: list[NDArray[np.float64]] = [unit]
    for batch in range(batches):
        starts_now = first if batch == 0 else sequence[batch * count : (batch + 1) * count]
        ends, zero, inside = converge(problem, starts_now, collection.samples)
        tally += len(ends), (zero & inside).sum(), (~inside).sum(), (inside & ~zero).sum()
        candidates = ends[zero & inside]
        touching = np.zeros(len(candidates), dtype=bool)
        for _, function in switches:
            touching |= surfaces.near_surface(problem, function, candidates)
        if batch == 0:
            on_surface.append(candidates[touching])
        new = collection.add(candidates[~touching])
        exhausted = batch > 0 and not new
        # a zero met only once suggests others not met at all: worth about a hundred starts for each that is known
        rare = collection.least_hits() == 1 and tally[0] < STARTS_PER_ZERO * (len(collection) + 3)
        if exhausted and not rare:
            break
    found = collection.zeros()
    own: list[NDArray[np.float64]] = []
    for reason, function in switches:
        for u in surfaces.on_switch(problem, function, np.concatenate(on_surface)):
            if all(np.abs(u - other).max() > 1e-7 for other in own):
                own.append(u)
                found.append(describe(problem, u, surface=reason))
    if game.switches:
        for u, reason in surfaces.sliding_equilibria(problem, unit, np.array(own).reshape(-1, game.dim)):
            found.append(describe(problem, u, surface=reason))
    order = sorted(range(len(found)), key=lambda i: tuple(np.round(found[i].at, 9)))
    searched = Searched(
        box={name: (float(low), float(high)) for name, (low, high) in zip(game.names, sides, strict=True)},
        starts=int(tally[0]),
        converged=int(tally[1]),
        left_box=int(tally[2]),
        stalled=int(tally[3]),
        hits=collection.least_hits(),
        exhausted=exhausted,
        evaluations=problem.counter.evaluations,
        seed=int(seed),
    )
    return Search(tuple(found[i] for i in order), searched)


def converge(
    problem: newton.ScaledField, starts: NDArray[np.float64], samples: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where starts lead, which of these ends are zeros, and which lie inside the box.

    Ends that are not yet zeros are extrapolated: the convergence towards degenerate ones is slow.
    """
    ends = newton.solve(problem, starts)
    zero = problem.vanishes(ends)
    inside = within(ends)
    slow = np.flatnonzero(inside & ~zero)
    if slow.size:
        ends[slow] = newton.accelerate(problem, ends[slow])
        zero[slow] = problem.vanishes(ends[slow])
        inside = within(ends)
    close = np.flatnonzero(inside & zero)
    zero[close] &= ~newton.saturated(problem, ends[close], samples)
    return ends, zero, inside


def within(u: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points lie in the box, its edges included, shape (m,)."""
    return np.asarray(((u >= -newton.EDGE) & (u <= 1 + newton.EDGE)).all(axis=-1))
