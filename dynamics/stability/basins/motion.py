"""What basins are basins of: the flow of a game, or one of its training algorithms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.games.field import Field
from dynamics.games.symbolic import SymbolicGame

#: Local error of the flow's steps. A start closer to a boundary of basins than the error that they add up to may be
#: labelled by its neighbour's side; it is far below the width of a cell.
TOLERANCE = 1e-8


@dataclass(frozen=True)
class Balls:
    """Neighbourhoods of attractors that are points: what is in one has arrived.

    Attributes
    ----------
    centres : ndarray, shape (ball, dim)
    radii : ndarray, shape (ball,)
    """

    centres: NDArray[np.float64]
    radii: NDArray[np.float64]

    @classmethod
    def none(cls, dim: int) -> Balls:
        """Return no balls."""
        return cls(np.empty((0, dim)), np.empty(0))

    def holding(self, states: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the index of the ball that holds each state, -1 for none, shape (start,)."""
        if not len(self.radii):
            return np.full(len(states), -1)
        distances = np.linalg.norm(states[:, None] - self.centres, axis=-1) / self.radii
        nearest = distances.argmin(axis=1)
        return np.where(distances[np.arange(len(states)), nearest] <= 1, nearest, -1)


@dataclass(frozen=True)
class Outcome:
    """Where starts went.

    Attributes
    ----------
    last : ndarray, shape (start, dim)
    captured : ndarray of int, shape (start,)
        Index of the ball that held the start when it stopped, -1 for none.
    diverged : ndarray of bool, shape (start,)
        Left every bound, or became no number.
    rested : ndarray of bool, shape (start,)
        Has come to rest on a surface where the field jumps (:mod:`dynamics.flow.rest`).
    """

    last: NDArray[np.float64]
    captured: NDArray[np.int64]
    diverged: NDArray[np.bool_]
    rested: NDArray[np.bool_]


class Motion(ABC):
    """Starts that move, for a span of time or a number of iterations.

    Attributes
    ----------
    game : Field
    span : float
        The time, or the iterations, within which starts are expected to arrive.
    memoryless : bool
        Whether a state says where it goes.
    """

    game: Field
    span: float
    memoryless: bool = True

    @abstractmethod
    def run(self, starts: NDArray[np.float64], span: float, bound: float, balls: Balls) -> Outcome:
        """Return where starts, shape (start, dim), are after ``span``, or whose ball holds them."""

    @abstractmethod
    def orbit(self, start: NDArray[np.float64], span: float, samples: int) -> NDArray[np.float64]:
        """Return states along the way of one start, shape (sample, dim)."""

    def later(self, start: NDArray[np.float64], wait: float, samples: int, bound: float) -> NDArray[np.float64] | None:
        """Return states along the way of one start after a wait, shape (sample, dim); None if it diverges before."""
        if wait:
            outcome = self.run(start[None], wait, bound, Balls.none(len(start)))
            if outcome.diverged[0]:
                return None
            start = outcome.last[0]
        return self.orbit(start, self.span, samples)

    @abstractmethod
    def rest(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far each state moves in one unit of time or one iteration, shape (start,)."""


class FlowMotion(Motion):
    """The flow ``dy/dt = v(y)``.

    Parameters
    ----------
    game : Field
        With generated code.
    span : float
        Time.
    solver : str
        A compiled solver.
    """

    def __init__(self, game: Field, span: float, solver: str = "compiled:dop853") -> None:
        self.game, self.span, self.solver = game, span, solver

    def run(self, starts: NDArray[np.float64], span: float, bound: float, balls: Balls) -> Outcome:
        """Integrate every start until a ball holds it."""
        from dynamics.flow.compiled import integrate_many

        result = integrate_many(
            self.game,
            starts,
            span,
            solver=self.solver,
            rtol=TOLERANCE,
            atol=TOLERANCE,
            targets=balls.centres,
            radii=balls.radii,
            bound=bound,
        )
        lost = (result.statuses == Status.DIVERGED) | (result.statuses == Status.NON_FINITE)
        return Outcome(result.last, np.asarray(result.captured), lost, result.rested)

    def orbit(self, start: NDArray[np.float64], span: float, samples: int) -> NDArray[np.float64]:
        """Return states at equal intervals of time."""
        from dynamics.flow import integrate

        path = integrate(
            self.game, start, np.linspace(0.0, span, samples), solver=self.solver, rtol=TOLERANCE, atol=TOLERANCE
        ).states
        return path[np.isfinite(path).all(axis=-1)]

    def rest(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the speed."""
        return np.linalg.norm(self.game(states), axis=-1)


class MapMotion(Motion):
    """The iterations of a method.

    Parameters
    ----------
    game : SymbolicGame
    span : float
        Iterations.
    method : Method
    """

    def __init__(self, game: SymbolicGame, span: float, method: Any) -> None:
        method.check(game)
        self.game, self.span, self.method = game, span, method
        self._played = game
        self.memoryless = not method.init(game.start, game).memory

    def run(self, starts: NDArray[np.float64], span: float, bound: float, balls: Balls) -> Outcome:
        """Iterate every start to the end, and see in which ball it is."""
        from dynamics.methods import iterate

        iterations = max(1, round(span))
        result = iterate(self._played, self.method, starts, iterations, every=iterations, compiled=True)
        last = result.final
        lost = (result.statuses == Status.DIVERGED) | (result.statuses == Status.NON_FINITE)
        lost |= np.linalg.norm(last, axis=-1) > bound
        return Outcome(last, np.where(lost, -1, balls.holding(last)), lost, np.zeros(len(last), dtype=bool))

    def orbit(self, start: NDArray[np.float64], span: float, samples: int) -> NDArray[np.float64]:
        """Return so many iterates, every one: points of a closed curve come in no order."""
        from dynamics.methods import iterate

        path = iterate(self._played, self.method, start, samples - 1, compiled=True).states
        return path[np.isfinite(path).all(axis=-1)]

    def later(self, start: NDArray[np.float64], wait: float, samples: int, bound: float) -> NDArray[np.float64] | None:
        """Return iterates after a wait; a memory is carried along, for one that begins anew has its own transient."""
        from dynamics.methods import iterate

        if self.memoryless:
            return super().later(start, wait, samples, bound)
        path = iterate(self._played, self.method, start, round(wait) + samples - 1, compiled=True).states
        within = np.isfinite(path).all() and float(np.linalg.norm(path, axis=-1).max()) <= bound
        return path[-samples:] if within else None

    def rest(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the length of a first step."""
        from dynamics.methods import iterate

        return np.linalg.norm(iterate(self._played, self.method, states, 1).final - states, axis=-1)
