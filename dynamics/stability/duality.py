r"""Duality gap on a box: what the players could still gain by answering best.

For a two-player zero-sum game with value ``V = L_1 = -L_2`` on a box ``X x Y``,

.. math:: gap(x, y) = \max_{y' \in Y} V(x, y') - \min_{x' \in X} V(x', y)
          = \sum_i \Big( L_i(y) - \min_{x_i'} L_i(x_i', y_{-i}) \Big) \ge 0,

zero exactly at the Nash equilibria of the box, which is cut to the clipping bounds of the game where it has any. The
right-hand side (the sum of regrets, Nikaido and Isoda 1955) is defined for general sums too and is what is computed.
Best responses come from a dense scan of the player's own coordinates and successively finer scans around the best
points; the gap is therefore a lower bound up to rounding, and ``missed`` estimates what a finer scan could add if the
curvature seen by the first scan is typical.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_box, check_states
from dynamics.games.field import Field, Game
from dynamics.stability.surfaces import admissible

#: Players with more own coordinates than this have no dense scan.
MAX_OWN = 3


@dataclass(frozen=True)
class DualityGap:
    """Sum of regrets at a point.

    Attributes
    ----------
    gap : float
        Not negative.
    responses : mapping of str to dict
        Each player's best response found, by coordinate.
    regrets : mapping of str to float
    missed : float
        Estimate of how much larger the exact gap can be: an eighth of the largest second difference of the losses over
        the first scan (what a minimum between scan points can hide), rounding of the losses included.
    """

    gap: float
    responses: Mapping[str, dict[str, float]]
    regrets: Mapping[str, float]
    missed: float


def duality_gap(
    game: Game, at: ArrayLike, box: Mapping[str, tuple[float, float]] | None = None, points: int = 4096
) -> DualityGap:
    """Return the duality gap of a two-player game at a point of a box.

    Parameters
    ----------
    game : Game
        Two players with at most three coordinates each.
    at : array_like, shape (dim,)
    box : mapping of str to (float, float), optional
        The game's own box by default; the point must lie in it.
    points : int
        Size of the first scan of each player.

    Raises
    ------
    InputError
        For other than two players, too many coordinates, or a point outside the box.
    """
    reason = not_computable(game)
    if reason:
        raise InputError(f"The duality gap cannot be computed: {reason}.")
    y = check_states("point", at, game.names)
    sides = check_box(dict(box if box is not None else game.box), game.names)
    outside = (y < sides[:, 0] - 1e-9) | (y > sides[:, 1] + 1e-9)
    if outside.any():
        name = game.names[int(np.argmax(outside))]
        raise InputError(f"The point has {name} = {y[np.argmax(outside)]:g} outside the box: choose a larger box.")
    allowed = admissible(game, sides)
    responses, regrets, missed = {}, {}, 0.0
    for player, part in game.players.items():
        best, value, slack = _best_response(game, player, y, allowed[part], points)
        own = float(np.asarray(game.losses(y)[player]))
        regrets[player] = max(own - value, 0.0)
        missed += slack + 8 * np.finfo(float).eps * abs(own)
        responses[player] = dict(zip(game.coordinates(player), best.tolist(), strict=True))
    return DualityGap(float(sum(regrets.values())), responses, regrets, float(missed))


def not_computable(game: Field) -> str:
    """Return why the gap of a game cannot be computed; empty if it can."""
    if not isinstance(game, Game):
        return f"it needs two players, a {type(game).__name__} is a field without players"
    if len(game.players) != 2:
        return f"it needs two players, the game has {len(game.players)}"
    for player in game.players:
        if len(game.coordinates(player)) > MAX_OWN:
            return f"{player} has {len(game.coordinates(player))} coordinates, a dense scan takes at most {MAX_OWN}"
    return ""


def _best_response(
    game: Game, player: str, y: NDArray[np.float64], sides: NDArray[np.float64], points: int
) -> tuple[NDArray[np.float64], float, float]:
    """Return the best own coordinates found, their loss, and an estimate of what the scan may have missed."""
    part = game.players[player]
    own = len(sides)
    per_side = max(9, round(points ** (1 / own)) // 2 * 2 + 1)

    def scan(
        low: NDArray[np.float64], high: NDArray[np.float64], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        axes = [np.linspace(a, b, count) for a, b in zip(low, high, strict=True)]
        grid = np.array(list(product(*axes))) if own > 1 else axes[0][:, None]
        states = np.repeat(y[None], len(grid), axis=0)
        states[:, part] = grid
        with np.errstate(all="ignore"):
            losses = np.asarray(game.losses(states)[player])
        return grid, np.where(np.isfinite(losses), losses, np.inf)

    grid, losses = scan(sides[:, 0], sides[:, 1], per_side)
    order = np.argsort(losses, kind="stable")
    spacing = (sides[:, 1] - sides[:, 0]) / (per_side - 1)
    shaped = losses.reshape((per_side,) * own)
    finite = np.where(np.isfinite(shaped), shaped, np.nan)
    # a minimum between scan points lies below its neighbours by no more than curvature seen there allows
    bends = [np.abs(np.diff(finite, n=2, axis=axis)) for axis in range(own)]
    missed = sum(float(np.nanmax(bend)) / 8 if bend.size and not np.isnan(bend).all() else 0.0 for bend in bends)
    best, best_loss = y[part].copy(), float(np.asarray(game.losses(y)[player]))
    kept: list[NDArray[np.float64]] = []
    for index in order:
        if all((np.abs(grid[index] - other) > 2.5 * spacing).any() for other in kept):
            kept.append(grid[index])
        if len(kept) == 3:
            break
    for centre in kept:
        width = 2 * spacing
        for _ in range(40):
            low = np.maximum(centre - width, sides[:, 0])
            high = np.minimum(centre + width, sides[:, 1])
            fine, values = scan(low, high, 9)
            k = int(np.argmin(values))
            centre = fine[k]
            if values[k] < best_loss:
                best, best_loss = centre, float(values[k])
            width = width / 3
            if (width < 1e-9 * (sides[:, 1] - sides[:, 0])).all():
                break
    return best, best_loss, missed
