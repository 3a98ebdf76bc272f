"""All periodic orbits of a flow that a search from many starts finds, and what was searched."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import AccuracyWarning, InputError, check_box, check_count, check_positive, check_states
from dynamics.games.field import Field
from dynamics.stability.cycles import planar, trajectories
from dynamics.stability.cycles.collection import Collection
from dynamics.stability.cycles.result import CycleSearch, CyclesSearched
from dynamics.stability.equilibria import find_equilibria, halton

#: Fundamental matrices have as many columns as there are coordinates: beyond, shooting would take for ever.
MAX_COORDINATES = 64
#: Close returns handed to Newton's method, at most.
MAX_GUESSES = 60
#: So many in a row without a new orbit end the attempts: one that spirals slowly nearly closes at every turn.
MAX_IDLE = 15
#: Starts of trajectories beyond the plane.
STARTS_PER_COORDINATE = 16


def find_cycles(
    field: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    *,
    period: float | None = None,
    equilibria: ArrayLike | None = None,
    starts: int | None = None,
    seed: int = 0,
) -> CycleSearch:
    """Return every periodic orbit of a flow that the search finds: attracting, repelling and of saddle type.

    ``phi_T(y) = y`` with the least period T. Planar fields are searched by the return map around every equilibrium that
    is no saddle, in both directions of time, which sees nested cycles and repelling ones alike
    (:mod:`dynamics.stability.cycles.planar`); others by close returns of trajectories
    (:mod:`dynamics.stability.cycles.trajectories`). What nearly closes is closed to rounding by multiple shooting with
    Newton's method (:mod:`dynamics.stability.cycles.shooting`). Equilibria, repeated periods and repeated finds are
    left out; continua of periodic orbits (centres) are told apart and kept apart.

    Parameters
    ----------
    field : Field
        Autonomous, with exact Jacobian, batched over leading axes. A cycle attracts when all multipliers but the
        trivial one lie inside the unit circle.
    box : mapping of str to (float, float), optional
        Region to search; a game's own box by default. Cycles of planar fields are complete (as far as the resolution
        of the scan, about 1 % of the box, can tell them apart) where they lie inside.
    period : float, optional
        Longest period sought; without it, ten natural times from trajectories and any from return maps.
    equilibria : array_like, shape (k, dim), optional
        Those of the box where they are known; they are searched otherwise.
    starts : int, optional
        Trajectories; 16 per coordinate unless given, none in the plane, where return maps see more.
    seed : int
        Of the quasi-random starts; the same seed gives the same answer.

    Returns
    -------
    CycleSearch
        Without cycles an empty answer.

    Raises
    ------
    InputError
        For bad input, or more than 64 coordinates.

    Notes
    -----
    Sources: Poincare 1885 for return maps and indices; Stoer and Bulirsch 2002, 7.3.5 for multiple shooting.

    Examples
    --------
    >>> from dynamics import games
    >>> search = find_cycles(games.get("almost-bilinear"))
    >>> [(round(cycle.period, 4), cycle.stable) for cycle in search.cycles]
    [(6.2871, True)]
    """
    sides = check_box(dict(box if box is not None else getattr(field, "box", {})), field.names)
    longest = None if period is None else check_positive("The longest period", period)
    count = STARTS_PER_COORDINATE * field.dim if field.dim > 2 else 0
    count = count if starts is None else check_count("starts", starts, least=0)
    check_count("seed", seed, least=0)
    if field.dim > MAX_COORDINATES:
        raise InputError(
            f"The search for cycles takes at most {MAX_COORDINATES} coordinates, got {field.dim}: "
            "restrict the game to fewer parameters."
        )
    known = None if equilibria is None else check_states("equilibria", equilibria, field.names).reshape(-1, field.dim)
    collection = Collection(field, longest)
    followed = 0
    note = ""
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # trajectories wander far out of the box; what is found lies in it, where the accuracy is the promised one
        warnings.simplefilter("ignore", AccuracyWarning)
        if field.dim == 1:
            note = "a flow on a line has no cycles"
        else:
            samples = sides[:, 0] + (sides[:, 1] - sides[:, 0]) * halton(max(200, count), field.dim, seed)
            if field.dim == 2:
                followed += _around(field, sides, known, samples, seed, collection)
            if count:
                followed += _returning(field, sides, samples[:count], longest, collection)
    searched = CyclesSearched(
        box={name: (float(low), float(high)) for name, (low, high) in zip(field.names, sides, strict=True)},
        starts=followed,
        guesses=collection.guesses,
        closed=collection.closed,
        families=len(collection.families),
        seed=int(seed),
        note=note,
    )
    return CycleSearch(collection.cycles(), collection.continua(), searched)


def _around(
    field: Field,
    sides: NDArray[np.float64],
    known: NDArray[np.float64] | None,
    samples: NDArray[np.float64],
    seed: int,
    collection: Collection,
) -> int:
    """Collect the cycles around the equilibria of a planar field; return how many turns were followed."""
    if known is None:
        box = {name: (float(low), float(high)) for name, (low, high) in zip(field.names, sides, strict=True)}
        zeros = [zero for zero in find_equilibria(field, box, seed=seed).zeros if not zero.one_sided]
        known = np.array([zero.at for zero in zeros]).reshape(-1, 2)
    typical = np.asarray(field(samples))
    followed = 0
    scans = []
    for centre in planar.encircled(field, list(known)):
        others = known[np.abs(known - centre).max(axis=1) > 0]
        scans.append(planar.scan(field, sides, centre, others, typical))
        followed += scans[-1].turns
    # continua first: orbits that lie in one need no further test
    for found in scans:
        for run in found.runs:
            collection.add_run(run)
    guesses = [guess for found in scans for guess in found.guesses]
    for guess in sorted(guesses, key=lambda guess: (guess.repels, -guess.direction)):
        # what attracts in one direction of time repels in the other, where it is met again
        if not (guess.repels and collection.knows(guess, 0.0)):
            collection.add(guess)
    return followed


def _returning(
    field: Field,
    sides: NDArray[np.float64],
    samples: NDArray[np.float64],
    longest: float | None,
    collection: Collection,
) -> int:
    """Collect the cycles near which trajectories return; return how many were followed."""
    unit = trajectories.natural_time(field, sides, samples)
    limit = trajectories.LONGEST * unit if longest is None else longest
    followed = 0
    # the flow of a field that is stopped or torn at surfaces cannot be followed backward
    for direction in (1, -1) if not (field.switches or field.bounds) else (1,):
        tried = idle = 0
        for item in trajectories.near_returns(field, sides, samples, unit, limit, direction):
            if tried >= MAX_GUESSES or idle >= MAX_IDLE:
                break
            if not collection.knows(item.guess, item.gap):
                tried += 1
                parts = int(np.clip(2 * item.guess.period / unit, 8, 32))
                idle = 0 if collection.add(item.guess, parts) else idle + 1
        followed += len(samples)
    return followed
