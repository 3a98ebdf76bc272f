r"""Critical points that an algorithm adds: fixed points of its map at which the game's field does not vanish.

The direction ``Phi(y) - y`` of a method without memory is a field like any other, with the exact Jacobian
``dPhi - 1``, and the search for equilibria finds its zeros. Those at which the game's own field vanishes are the
game's; the others are the algorithm's.

* Consensus optimisation descends ``v - gamma J^T v``, whose zeros are eigenvectors: ``J^T v = v / gamma``. On the
  minimax Dirac-GAN there are two for every gamma > 0: with ``u sigmoid(u) = 1/2`` (u = 0.7388), ``B = gamma / (1 +
  e^u)`` and ``q = (1 + sqrt(1 + B^2)) / B``, the points ``+-(sqrt(u / q), -sqrt(u q))``; they lie in the default box
  from gamma = 0.51 on.
* Hamiltonian descent rests where ``J^T v = 0``: on the same game at ``+-(sqrt u, -sqrt u)``, the limit of large gamma.
* Symplectic adjustment adds none: ``1 + lambda A`` is regular for every antisymmetric A.
* Methods that look ahead (extragradient, Runge-Kutta, lookahead) add points at a finite rate only, such as
  ``v(y + lr v(y)) = 0``, and lose them to infinity as the rate goes to zero.

Sources: Mescheder et al. 2017 (consensus optimisation); Abernethy, Lai and Wibisono 2021 (Hamiltonian descent);
Balduzzi et al. 2018 (symplectic adjustment). The closed form follows from ``v = sigmoid(theta psi) (psi, -theta)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import AccuracyWarning, InputError, check_box
from dynamics.games.field import Draw, Field, Game
from dynamics.methods.base import Method
from dynamics.methods.linearise import linearised
from dynamics.stability import newton
from dynamics.stability.equilibria import grid_points, halton, within
from dynamics.stability.intervals import moduli
from dynamics.stability.multipliers import method_row

#: Starts of the search besides a grid, and how many more for each coordinate.
STARTS, STARTS_PER_COORDINATE = 48, 16
#: Most steps of one Newton iteration: a start that takes more wanders along the edge of the box.
STEPS = 20
#: Ends closer than this (in box widths) are one point; those with a smaller ratio of slopes are degenerate.
SAME, DEGENERATE = 1e-6, 1e-6


@dataclass(frozen=True)
class Spurious:
    """A fixed point of a method that is no equilibrium of the game.

    Attributes
    ----------
    at : mapping of str to float
    field : float
        Norm of the game's field there.
    attracts : bool or None
        Whether the method converges to it: at the method's rate, or at small ones where that was not given.
    critical_lr : float or None
        Of the method at this point; None if unbounded, or where the point exists at one rate only.
    continuum : bool
        The point is degenerate, one of a continuum perhaps; only one such point is reported.
    """

    at: Mapping[str, float]
    field: float
    attracts: bool | None
    critical_lr: float | None
    continuum: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "at": dict(self.at),
            "field": self.field,
            "attracts": self.attracts,
            "critical_lr": self.critical_lr,
            "continuum": self.continuum,
        }


class Direction(Field):
    """The field ``Phi(y) - y`` of a method without memory at its rates: in a box, and infinite beyond it.

    Parameters
    ----------
    method : Method
    game : Game
    sides : ndarray, shape (dim, 2), optional
        The box; without one the field is defined everywhere.

    Raises
    ------
    InputError
        For a method with memory.
    """

    def __init__(self, method: Method, game: Game, sides: NDArray[np.float64] | None = None) -> None:
        if method.init(np.asarray(game.start, dtype=float)).memory:
            raise InputError(
                f"{method.name} has memory, so its fixed points are not zeros of a field of the state: "
                "ask for a method without memory, such as consensus or extragradient."
            )
        self.method = method
        self.game = game
        self.names = game.names
        # points on the edges count
        margin = 0.0 if sides is None else newton.EDGE * (sides[:, 1] - sides[:, 0])
        self.low = -np.inf if sides is None else sides[:, 0] - margin
        self.high = np.inf if sides is None else sides[:, 1] + margin

    def __call__(self, y: Any, t: float = 0.0, draw: Draw = None) -> Any:
        """Return ``Phi(y) - y``, shape (..., dim)."""
        return self._where_defined(y, lambda y: self.method.step(self.method.init(y), self.game)[0].y - y, 1)

    def jacobian(self, y: Any, t: float = 0.0, draw: Draw = None) -> Any:
        """Return ``dPhi/dy - 1``, shape (..., dim, dim)."""
        return self._where_defined(y, lambda y: linearised(self.method, self.game, y)[1] - np.eye(self.dim), 2)

    @property
    def switches(self) -> tuple[Callable[[Any], Any], ...]:
        """Kinks of the game's field, across which the direction jumps."""
        return self.game.switches

    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Bounds of clipped coordinates."""
        return self.game.bounds

    def _where_defined(self, y: Any, function: Any, axes: int) -> Any:
        y = np.asarray(y, dtype=np.float64)
        flat = y.reshape(-1, self.dim)
        defined = ((flat >= self.low) & (flat <= self.high)).all(axis=-1)
        out = np.full((len(flat), *(self.dim,) * axes), np.inf)
        if defined.any():
            out[defined] = function(flat[defined])
        return out.reshape(*y.shape[:-1], *(self.dim,) * axes)


def spurious_fixed_points(
    game: Game, method: Method, box: Mapping[str, tuple[float, float]] | None = None, *, seed: int = 0
) -> tuple[Spurious, ...]:
    """Return the fixed points of a method in a box at which the game's field does not vanish.

    Newton iterations from a grid and from quasi-random starts; where the field has kinks, points on these are not
    looked for.

    Parameters
    ----------
    game : Game
    method : Method
        Without memory. Where the points depend on the rate, they are those at its rate.
    box : mapping of str to (float, float), optional
        The game's own box by default.
    seed : int
        Of the starts.

    Returns
    -------
    tuple of Spurious
        In lexicographic order.

    Raises
    ------
    InputError
        For a method with memory or one that does not apply to the game, or a bad box.
    """
    method.check(game)
    sides = check_box(dict(box if box is not None else game.box), game.names)
    # points that are there at every rate are sought at a rate of one, which keeps the field of order one
    direction = Direction(method.with_lr(1.0) if method.adds_fixed_points else method, game, sides)
    count = STARTS + STARTS_PER_COORDINATE * game.dim
    starts = np.concatenate([grid_points(game.dim), halton(count, game.dim, seed)])
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", AccuracyWarning)
        problem = newton.scaled(direction, sides, sides[:, 0] + (sides[:, 1] - sides[:, 0]) * starts)
        ends = newton.solve(problem, starts, STEPS)
        ends = ends[within(ends)]
        ends = ends[_foreign(game, problem, ends)]
        ends = newton.polish(problem, ends[problem.vanishes(ends)])
        regular, degenerate = _told_apart(problem, ends)
    points = [(u, False) for u in regular] + [(u, True) for u in degenerate]
    found = [_described(game, method, problem.states(u), several) for u, several in points]
    return tuple(sorted(found, key=lambda point: tuple(np.round(list(point.at.values()), 9))))


def _foreign(game: Game, problem: newton.ScaledField, ends: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return at which points the game's field does not vanish, shape (m,).

    An equilibrium to which Newton's method converged slowly is missed by the root of rounding. Points on kinks count
    as equilibria too.
    """
    y = problem.states(ends)
    value, slopes = np.asarray(game(y)), np.abs(np.asarray(game.jacobian(y))).sum(axis=-1)
    foreign = (np.abs(value) > 1e-5 * slopes * problem.width.max()).any(axis=-1)
    for function in game.switches:
        # on a kink the value of the field is a convention
        here, there = np.asarray(function(y)), np.asarray(function(y + 1e-9 * problem.width))
        foreign &= np.abs(here) > 10 * np.abs(there - here)
    return foreign


def _told_apart(
    problem: newton.ScaledField, ends: NDArray[np.float64]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return the distinct regular points among ends, and at most one of those that are degenerate.

    At a zero the direction is small beside its slope. In a tail, where everything saturates, it is not: there the
    rounding of ``Phi(y) - y`` hides it.
    """
    if not len(ends):
        return [], []
    s = np.linalg.svd(problem.jacobian(ends), compute_uv=False)
    rounding = np.finfo(float).eps * np.abs(problem.states(ends)) / problem.size
    zero = (np.abs(problem(ends)) + rounding).max(axis=-1) <= SAME * s[:, 0]
    ends, s = ends[zero], s[zero]
    singular = s[:, -1] <= DEGENERATE * np.maximum(s[:, 0], DEGENERATE)
    regular: list[NDArray[np.float64]] = []
    for u in ends[~singular]:
        if all(np.abs(u - other).max() > SAME for other in regular):
            regular.append(u)
    central = ends[singular][np.argsort(np.abs(ends[singular] - 0.5).max(axis=-1))]
    return regular, list(central[:1])


def _described(game: Game, method: Method, y: NDArray[np.float64], continuum: bool) -> Spurious:
    """Return a fixed point with what the method does near it."""
    at = {name: float(v) for name, v in zip(game.names, y, strict=True)}
    speed = float(np.linalg.norm(game(y)))
    if not method.adds_fixed_points:
        state = int(moduli(linearised(method, game, y)[1][None])[1][0])
        return Spurious(at, speed, {-1: True, 0: None, 1: False}[state], None, continuum)
    # the map is affine in its rates: dPhi = 1 + R W
    slope = _weights(game, method)[:, None] * (linearised(method.with_lr(1.0), game, y)[1] - np.eye(game.dim))

    def stack(rates: NDArray[Any]) -> NDArray[Any]:
        return np.eye(game.dim) + rates[:, None, None] * slope

    row = method_row(method.name, stack, float(np.linalg.norm(slope, 2)))
    return Spurious(at, speed, row.stable, row.critical_lr, continuum)


def _weights(game: Game, method: Method) -> NDArray[np.float64]:
    """Return every coordinate's rate in units of the largest."""
    weights = np.ones(game.dim)
    if isinstance(method.lr, Mapping):
        for player, part in game.players.items():
            weights[part] = method.lr[player] / max(method.lr.values())
    return weights
