r"""Second-order class of an equilibrium of the game: Nash, local minimax, neither, undecided.

Every player i minimises its own loss ``f_i``. Strict conditions at a point ``y``:

* **nash** (differential Nash equilibrium, Ratliff, Burden and Sastry 2016): every ``D_i f_i = 0`` and every player's
  own Hessian ``D_ii f_i`` is positive definite. With one player: a strict local minimum.
* **local-minimax** (Jin, Netrapalli and Jordan 2020; differential Stackelberg equilibrium, Fiez, Chasnov and Ratliff
  2020), two players, the generator leading with ``x``, the discriminator following with ``y`` (by name where the game
  has them, else the first player leads and the last follows):
  ``D_y f_2 = 0`` and ``D_yy f_2`` positive definite, so that the follower answers by a smooth ``r(x)``; the leader's
  total derivative ``D f_1(x, r(x))`` is zero and its second total derivative positive definite,

  .. math:: D^2 f_1 = f_{1,xx} + f_{1,xy} r' + r'^T f_{1,yx} + r'^T f_{1,yy} r' + f_{1,y} \cdot r'', \quad
            r' = -f_{2,yy}^{-1} f_{2,yx}, \quad
            r'' = -f_{2,yy}^{-1} (f_{2,yxx} + 2 f_{2,yxy} r' + f_{2,yyy} r' r').

  In zero-sum games this is the Schur complement ``f_xx - f_xy f_yy^{-1} f_yx`` of ``f = f_1``.
* **neither**: a necessary condition of each of the two is strictly violated.
* **undecided**: a matrix is semidefinite to rounding, so second derivatives do not settle it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field, Game
from dynamics.stability import derivatives


@dataclass(frozen=True)
class Solution:
    """Second-order class: ``kind`` in {nash, local-minimax, neither, undecided} and the reason in words."""

    kind: str
    reason: str


def leader_follower(game: Game) -> tuple[str, str]:
    """Return the names of the leading and of the following player of a game of at least two players.

    The generator leads and the discriminator follows wherever the game lists them; without these names the first
    player leads and the last one follows.
    """
    players = list(game.players)
    follower = "discriminator" if "discriminator" in players else [p for p in players if p != "generator"][-1]
    leader = "generator" if "generator" in players else next(p for p in players if p != follower)
    return leader, follower


def second_order(game: Field, y: NDArray[np.float64], error: float = 0.0) -> Solution:
    """Return the second-order class of an equilibrium.

    Parameters
    ----------
    game : Game, or Field
        Losses are taken without time scales and metrics. A field without players has no class: undecided.
    y : ndarray, shape (dim,)
    error : float
        Uncertainty of the point; matrices definite by less than it may change them are undecided.
    """
    if not isinstance(game, Game):
        return Solution("undecided", "a field without players has no second-order class")
    players = list(game.players)
    hessians = {player: derivatives.loss_hessian(game, player, y) for player in players}
    gradients = {player: derivatives.loss_gradient(game, player, y) for player in players}
    size = max(float(np.abs(hessian).max()) for hessian in hessians.values())
    tolerance = 100 * len(y) * np.finfo(float).eps * (size + 1e-300)
    if error > 0:
        shifted = [
            np.abs(derivatives.loss_hessian(game, player, y + error) - hessians[player]).max() for player in players
        ]
        tolerance += len(y) * float(max(shifted))
    slope_tolerance = 1e3 * np.finfo(float).eps * (1 + float(np.abs(y).max())) * max(size, 1.0) + 4 * size * error

    nash = _nash(game, hessians, gradients, tolerance, slope_tolerance)
    if nash.kind == "nash" or len(players) != 2:
        return nash
    stackelberg = _stackelberg(game, y, hessians, gradients, tolerance, slope_tolerance)
    if stackelberg.kind == "local-minimax":
        return Solution("local-minimax", f"{stackelberg.reason}; {nash.reason}")
    if nash.kind == "neither" and stackelberg.kind == "neither":
        return Solution("neither", f"{nash.reason}; {stackelberg.reason}")
    return Solution("undecided", f"{nash.reason}; {stackelberg.reason}")


def _least(matrix: NDArray[np.float64]) -> float:
    return float(np.linalg.eigvalsh(matrix)[0])


def _nash(
    game: Game,
    hessians: dict[str, NDArray[np.float64]],
    gradients: dict[str, NDArray[np.float64]],
    tolerance: float,
    slope_tolerance: float,
) -> Solution:
    semidefinite = ""
    for player, part in game.players.items():
        slope = float(np.abs(gradients[player][part]).max())
        if slope > slope_tolerance:
            return Solution("neither", f"not Nash: the own gradient of {player} is {slope:.3g}, not zero")
        least = _least(hessians[player][part, part])
        if least < -tolerance:
            return Solution("neither", f"not Nash: the own Hessian of {player} has the eigenvalue {least:.6g} < 0")
        if least <= tolerance and not semidefinite:
            semidefinite = f"Nash undecided: the own Hessian of {player} is singular to rounding"
    if semidefinite:
        return Solution("undecided", semidefinite)
    return Solution("nash", "every player's own Hessian is positive definite")


def _stackelberg(
    game: Game,
    y: NDArray[np.float64],
    hessians: dict[str, NDArray[np.float64]],
    gradients: dict[str, NDArray[np.float64]],
    tolerance: float,
    slope_tolerance: float,
) -> Solution:
    leader, follower = leader_follower(game)
    x, z = game.players[leader], game.players[follower]
    h1, h2 = hessians[leader], hessians[follower]
    if float(np.abs(gradients[follower][z]).max()) > slope_tolerance:
        return Solution("neither", f"not local minimax: the gradient of {follower} is not zero")
    least = _least(h2[z, z])
    if least < -tolerance:
        return Solution("neither", f"not local minimax: the Hessian of {follower} has the eigenvalue {least:.6g} < 0")
    if least <= tolerance:
        return Solution("undecided", f"local minimax undecided: the Hessian of {follower} is singular to rounding")
    answer = -np.linalg.solve(h2[z, z], h2[z, x])
    amplification = 1 + float(np.linalg.norm(answer)) ** 2
    indirect = gradients[leader][z]
    slope = float(np.abs(gradients[leader][x] + answer.T @ indirect).max())
    if slope > slope_tolerance * amplification:
        return Solution(
            "neither", f"not local minimax: the total derivative of {leader} along the best response is {slope:.3g}"
        )
    total = h1[x, x] + h1[x, z] @ answer + answer.T @ h1[z, x] + answer.T @ h1[z, z] @ answer
    if float(np.abs(indirect).max()) > slope_tolerance:
        third = derivatives.loss_third(game, follower, y)[z]
        bend = third[:, x, x] + 2 * _symmetric(np.einsum("kab,bj->kaj", third[:, x, z], answer))
        bend = bend + np.einsum("kab,ai,bj->kij", third[:, z, z], answer, answer)
        total = total + np.einsum("k,kij->ij", indirect, -np.tensordot(np.linalg.inv(h2[z, z]), bend, axes=1))
    total = (total + total.T) / 2
    least = _least(total)
    if least > tolerance * amplification:
        return Solution("local-minimax", f"local minimax: the total second derivative is at least {least:.6g}")
    if least < -tolerance * amplification:
        return Solution("neither", f"not local minimax: the total second derivative has the eigenvalue {least:.6g} < 0")
    return Solution("undecided", "local minimax undecided: the total second derivative is singular to rounding")


def _symmetric(stack: NDArray[np.float64]) -> NDArray[np.float64]:
    return (stack + np.swapaxes(stack, -1, -2)) / 2
