"""Follow orbits inside a box, at even speed, through the project's own integrator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.games.field import Field
from figures.phase.plane import Plane
from figures.phase.slices import EvenSpeed

#: Distance between stored points of an orbit, in box sides: about two pixels of a printed picture.
STEP = 0.005
#: Tolerances of a drawn curve: errors stay far below the width of a line over a few box sides of length.
RTOL, ATOL = 1e-6, 1e-8
#: Evaluations after which error control gives up; smooth fields of the catalogue need about a third.
MAX_EVALUATIONS = 15_000
#: What takes over where a field jumps and orbits slide along the jump: error control would chatter with ever smaller
#: steps there, fixed steps stay within one step of the surface, which is a pixel or two.
SLIDING_SOLVER = "torchdiffeq:rk4"


@dataclass(frozen=True)
class Tracer:
    """How orbits of one field are followed on one plane.

    Attributes
    ----------
    field : Field
        In all coordinates, or a slice in the two of the plane.
    plane : Plane
    weights : ndarray, shape (dim of the field,)
        Inverse box sides.
    floor : float
        Speed, in box sides per unit time, below which orbits slow down.
    solver : str
    """

    field: Field
    plane: Plane
    weights: NDArray[np.float64]
    floor: float
    solver: str = "scipy:DOP853"

    @property
    def sliced(self) -> bool:
        """Whether the field lives in the plane's two coordinates alone."""
        return self.field.dim == 2

    def start(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return states of the field for points (..., 2) of the plane."""
        if self.field.names == self.plane.names:
            return points
        return self.plane.lift(points)

    def shown(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the plane's coordinates of states of the field."""
        if self.field.names == self.plane.names:
            return states
        return self.plane.project(states)

    def follow(self, states: NDArray[np.float64], length: float, sign: float) -> NDArray[np.float64]:
        """Return the orbits of states (orbit, dim) as shown points, shape (orbit, time, 2).

        Each ends (NaN from there on) where it leaves the box, blows up or uses up its budget.

        Parameters
        ----------
        states : ndarray, shape (orbit, dim)
        length : float
            Arc length, in box sides.
        sign : float
            1 forward, -1 backward in time.
        """
        from dynamics.flow import integrate

        even = EvenSpeed(self.field, self.weights, self.floor, sign)
        times = np.linspace(0.0, length, round(length / STEP) + 1)
        trajectory = integrate(
            even, states, times, solver=self.solver, rtol=RTOL, atol=ATOL, max_evaluations=MAX_EVALUATIONS
        )
        reached = np.array(trajectory.states)
        unfinished = np.ravel(trajectory.statuses) == Status.BUDGET_EXHAUSTED
        if unfinished.any():
            reached[unfinished] = integrate(even, states[unfinished], times, SLIDING_SOLVER, step=STEP).states
        points = np.array(self.shown(reached))
        known = np.nan_to_num(points, nan=np.inf)
        # An orbit that slides along a bound sits off it by the solver's last step into it.
        inside = self.plane.contains(known, margin=1e-9) & self.plane.admissible(known, margin=STEP)
        # The first point outside is kept, so that the line reaches the frame (which clips it).
        ended = np.cumsum(~inside, axis=-1) - ~inside > 0
        points[ended | ~np.isfinite(points).all(axis=-1)] = np.nan
        return points


def make_tracer(field: Field, plane: Plane, sides: NDArray[np.float64], solver: str = "scipy:DOP853") -> Tracer:
    """Return the tracer of a field whose coordinates have the box sides ``sides`` (dim of the field, 2)."""
    weights = 1.0 / (sides[:, 1] - sides[:, 0])
    tracer = Tracer(field, plane, weights, 1.0, solver)
    sample = tracer.start(plane.grid(16).reshape(-1, 2))
    speed = np.sqrt(np.sum((weights * np.asarray(field(sample))) ** 2, axis=-1))
    # A fiftieth of the usual speed: orbits slow down only in the immediate surroundings of an equilibrium.
    floor = 0.02 * float(np.median(speed)) or 0.02 * float(speed.max()) or 1.0
    return Tracer(field, plane, weights, floor, solver)
