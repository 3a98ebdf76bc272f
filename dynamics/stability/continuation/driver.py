"""The one function that continues; everything a user can get wrong is refused here, before anything is computed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import AccuracyWarning, InputError, NumericalError, check_box, check_count, check_positive
from dynamics.games.field import Field
from dynamics.stability.continuation.atlas import Atlas, branch
from dynamics.stability.continuation.curve import Steps
from dynamics.stability.continuation.families import Family, resolve
from dynamics.stability.continuation.growth import Growth
from dynamics.stability.continuation.maps import initial
from dynamics.stability.continuation.points import Equilibria, PeriodicPoints, PointProblem
from dynamics.stability.continuation.result import Continuation
from dynamics.stability.continuation.seeds import find_seeds


def continue_branches(
    game: Any,
    parameter: str,
    interval: tuple[float, float],
    *,
    box: Mapping[str, tuple[float, float]] | None = None,
    method: Any = None,
    cycles: bool = True,
    search_cycles: bool | None = None,
    max_period: int = 4,
    first_step: float = 0.01,
    max_step: float = 0.02,
    max_points: int = 500,
    starts: int | None = None,
    seed: int = 0,
    throw: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Continuation:
    r"""Return the branches of equilibria and cycles of a flow, or of a map, over a range of a parameter.

    Equilibria are searched at both ends of the range and at values inside; every one starts a branch of
    ``v(y, p) = 0`` (``Phi(y, p) = y`` for a map) that is followed by pseudo-arclength both ways, through folds, to the
    borders of range and box. Where another branch crosses it is followed too, and so are cycles.

    Parameters
    ----------
    game : Game, or callable
        Or a function from the parameter's value to a :class:`~dynamics.games.field.Field` (a modified flow, say).
    parameter : str
        A parameter of the game; ``timescale`` (the discriminator's) or ``timescale:PLAYER``; with a method also
        ``lr``, ``lr:PLAYER`` and its real settings. ``game:NAME`` and ``method:NAME`` tell equal names apart.
    interval : (float, float)
        Range of the parameter, ascending.
    box : mapping of str to (float, float), optional
        Region of the states; the game's own by default. Branches end at its border.
    method : Method, optional
        Continue the map of this training algorithm instead of the flow.
    cycles : bool
        Whether branches of cycles are followed, from the Hopf points and period doublings at which they are born.
    search_cycles : bool, optional
        Whether cycles are searched besides (:func:`dynamics.stability.find_cycles`, ``find_map_cycles`` up to
        ``max_period``, at a few values of the parameter), so that those born elsewhere are followed too; takes seconds.
        Unless given those of flows are, those of maps, which at large rates have cycles beyond number, are not.
    max_period : int
        Longest cycles followed through period doublings (their number doubles as well): in iterations of a map, for
        flows in periods of the first cycle.
    first_step, max_step : float
        Length of the first step and the largest one, in box widths and ranges of the parameter.
    max_points : int
        Points at most on each side of the start of a branch.
    starts, seed : int, optional
        Of the search for equilibria (:func:`dynamics.stability.find_equilibria`).
    throw : bool
        Raise where Newton's method failed or a branch has more points than allowed.
    progress : callable, optional
        Called with a word about every branch that is done.

    Returns
    -------
    Continuation
        ``branches`` with their events: "fold", "branch-point", "hopf" (with the first Lyapunov coefficient ``l1``),
        "node-focus", "center", "neutral-saddle" for equilibria of flows (``J = dv/dy``, negative real parts attract);
        "fold", "branch-point", "period-doubling", "neimark-sacker", "center", "neutral-saddle" for maps and cycles. A
        branch on which Newton's method failed is kept up to there, and ``ended`` names the parameter. A box without
        equilibria gives no branches.

    Raises
    ------
    InputError
        For bad input, before any computation.
    NumericalError
        With ``throw``; ``error.result`` holds the result.

    Examples
    --------
    >>> from dynamics import games
    >>> found = continue_branches(games.get("dirac-gan", penalty="r1"), "gamma", (0.0, 3.0))
    >>> [(event.kind, round(event.parameter, 9)) for event in found.branches[0].events]
    [('center', 0.0), ('node-focus', 1.0)]
    """
    family, names, sides = _checked(game, parameter, interval, box, method)
    steps = Steps(
        check_positive("first_step", first_step),
        check_positive("max_step", max_step),
        max_points=check_count("max_points", max_points),
    )
    if starts is not None:
        check_count("starts", starts)
    check_count("seed", seed, least=0)
    check_count("max_period", max_period)
    atlas = Atlas(steps, progress=progress)
    region = {name: (float(low), float(high)) for name, (low, high) in zip(names, sides, strict=True)}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # the search wanders far out of the box; what it finds lies inside, where the accuracy is the promised one
        warnings.simplefilter("ignore", AccuracyWarning)
        problem = _problem(family, names, sides)
        counts, seeds = find_seeds(family, problem, region, atlas, starts, seed)
        for z in seeds:
            if not atlas.covers(problem, z):
                atlas.follow(problem, z)
        if cycles:
            growth = Growth(atlas, max_period)
            growth.run()
            if method is None if search_cycles is None else search_cycles:
                growth.search(family, problem, region, seed)
                growth.run()
        branches = tuple(branch(curve) for curve in atlas.curves)
    result = Continuation(
        game=str(getattr(game, "name", type(game).__name__)) if isinstance(game, Field) else "family of fields",
        parameter=parameter,
        interval=(family.low, family.high),
        names=names,
        players=dict(getattr(game, "players", {})),
        box=region,
        method=method.name if method is not None else "",
        branches=branches,
        notes=tuple(atlas.notes),
        seeds=counts,
        provenance={
            "game": game.describe() if isinstance(game, Field) else {},
            "method": method.settings() if method is not None else None,
            "seed": seed,
        },
        status=atlas.status,
    )
    if throw and not result.status.ok:
        ends = [why for found in branches for why in found.ended if why.startswith(("newton", "budget"))]
        raise NumericalError(f"A branch was lost: {ends[0]}. What was found until then is kept.", result)
    return result


def _checked(
    game: Any, parameter: str, interval: tuple[float, float], box: Mapping[str, tuple[float, float]] | None, method: Any
) -> tuple[Family, tuple[str, ...], NDArray[np.float64]]:
    """Return family, coordinates and box, or refuse what cannot be continued."""
    from dynamics.methods import Method

    if not isinstance(game, Field) and not callable(game):
        raise InputError(f"The game must be a Game, a Field or a function of the parameter, got {game!r}.")
    if method is not None:
        if not isinstance(method, Method):
            raise InputError(f"The method must be a Method, got {method!r}: make one with methods.get(name, lr=...).")
        if isinstance(game, Field):
            played: Any = game
            method.check(played)
        if method.no_multipliers:
            raise InputError(f"The map of {method.name} cannot be continued: {method.no_multipliers}.")
        if method.schedule is not None:
            raise InputError(f"A schedule of rates has no fixed map to continue: give {method.name} a constant rate.")
    family = resolve(game, parameter, interval, method)
    field: Field = family.field(family.low)
    names = tuple(field.names)
    chosen = dict(box if box is not None else getattr(field, "box", {}))
    return family, names, check_box(chosen, names)


def _problem(family: Family, names: tuple[str, ...], sides: NDArray[np.float64]) -> PointProblem:
    if family.method is None:
        return Equilibria(family, names, sides)
    state = len(initial(family.method(family.high), family.field(family.high), sides.mean(axis=1)))
    return PeriodicPoints(family, names, sides, 1, state)
