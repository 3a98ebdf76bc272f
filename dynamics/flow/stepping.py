"""What all solver families share: the counted right-hand side, the stepper interface, interpolants, the first step."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.games.field import Field

Rows = NDArray[np.int64] | slice
ALL = slice(None)


class BudgetExhausted(Exception):
    """The right-hand side was asked for once more than allowed; never leaves this package."""


class RightHandSide:
    """The field as the solvers call it: counted, limited, and never trusted with the shape.

    Parameters
    ----------
    field : Field
    budget : int or None
        Number of calls after which :class:`BudgetExhausted` is raised. One call serves all starts of a batch.
    """

    def __init__(self, field: Field, budget: int | None) -> None:
        self.field = field
        self.budget = budget
        self.calls = 0
        self.jacobians = 0

    def count(self) -> None:
        """Count one call, or end the run."""
        if self.budget is not None and self.calls >= self.budget:
            raise BudgetExhausted
        self.calls += 1

    def __call__(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``v(y, t)``, shape (start, dim)."""
        self.count()
        return self.uncounted(t, y)

    def uncounted(self, t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``v(y, t)`` for a diagnosis, outside the budget."""
        value = np.asarray(self.field(y, float(t)), dtype=np.float64)
        if value.shape != y.shape:
            raise InputError(f"The field returned shape {value.shape} for states of shape {y.shape}: they must agree.")
        return value


class Interpolant(ABC):
    """Dense output over one step, of all starts of a stepper.

    Attributes
    ----------
    t_old, t : float
        Ends of the step.
    """

    t_old: float
    t: float

    @abstractmethod
    def __call__(self, times: NDArray[np.float64], rows: Rows = ALL) -> NDArray[np.float64]:
        """Return states at ``times`` (shape (..., start), or broadcastable to it), shape (..., start, dim)."""

    def fraction(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the place inside the step, 0 at its begin and 1 at its end, with an axis for the coordinate."""
        return ((np.asarray(times) - self.t_old) / (self.t - self.t_old))[..., None]


class PolynomialInterpolant(Interpolant):
    """``y(t) = sum_k c_k x^k`` with ``x`` the fraction of the step.

    Parameters
    ----------
    t_old, t : float
    coefficients : ndarray, shape (power, start, dim)
    """

    def __init__(self, t_old: float, t: float, coefficients: NDArray[np.float64]) -> None:
        self.t_old, self.t = t_old, t
        self.coefficients = coefficients

    def __call__(self, times: NDArray[np.float64], rows: Rows = ALL) -> NDArray[np.float64]:
        """Return states by Horner's rule."""
        x = self.fraction(times)
        value = self.coefficients[-1, rows]
        for coefficient in self.coefficients[-2::-1]:
            value = value * x + coefficient[rows]
        return value


class HermiteInterpolant(Interpolant):
    """The polynomial through states *and* slopes at several points of the step, in Newton's form.

    Newton's form with every node taken twice keeps full precision; monomials of degree seven would lose several digits.

    Parameters
    ----------
    nodes : ndarray, shape (node,)
        Fractions of the step, the first 0, the last 1.
    states, slopes : ndarray, shape (node, start, dim)
        States, and derivatives by the *fraction* (the field times the length of the step).
    """

    def __init__(
        self,
        t_old: float,
        t: float,
        nodes: NDArray[np.float64],
        states: NDArray[np.float64],
        slopes: NDArray[np.float64],
    ) -> None:
        self.t_old, self.t = t_old, t
        self.knots = np.repeat(nodes, 2)
        table = np.repeat(states, 2, axis=0)
        coefficients = [table[0]]
        for level in range(1, len(self.knots)):
            gaps = self.knots[level:] - self.knots[:-level]
            difference = table[1:] - table[:-1]
            table = difference / np.where(gaps == 0, 1.0, gaps)[:, None, None]
            if level == 1:
                table[::2] = slopes
            coefficients.append(table[0])
        self.coefficients = coefficients

    def __call__(self, times: NDArray[np.float64], rows: Rows = ALL) -> NDArray[np.float64]:
        """Return states by Horner's rule on Newton's form."""
        x = self.fraction(times)
        value = self.coefficients[-1][rows]
        for coefficient, knot in zip(self.coefficients[-2::-1], self.knots[-2::-1], strict=True):
            value = value * (x - knot) + coefficient[rows]
        return value


class Stepper(ABC):
    """Advances a number of starts together, one accepted step at a time.

    Attributes
    ----------
    t, y : float and ndarray, shape (start, dim)
        Where the starts are.
    t_old, y_old : float and ndarray, shape (start, dim)
        Where they were before the last accepted step.
    culprits : ndarray of bool, shape (start,)
        After a failed step: the starts that are to blame.
    steps, rejected : int
        Accepted and rejected steps.
    """

    t: float
    y: NDArray[np.float64]
    t_old: float
    y_old: NDArray[np.float64]
    culprits: NDArray[np.bool_]
    steps: int = 0
    rejected: int = 0

    @abstractmethod
    def step(self) -> bool:
        """Take one accepted step; False if none is possible, with ``culprits`` set and the state unchanged."""

    @abstractmethod
    def keep(self, kept: NDArray[np.bool_], restart: bool) -> None:
        """Go on with some of the starts only; ``restart`` chooses a new step size (after a failure)."""

    @abstractmethod
    def interpolant(self) -> Interpolant:
        """Return the dense output over the last accepted step."""

    def sketch(self) -> Interpolant:
        """Return an interpolant that calls the field no more, good enough to see whether signs change."""
        return self.interpolant()

    @property
    def resolution(self) -> float:
        """The time below which growth counts as sudden: 1e8 units in the last place of the time.

        Near a blow-up a step is a small part of the time that is left, 1e-2 for DOP853 and 1e-4 for low orders at tight
        tolerances, and none can be below ten units; what is given up within 1e5 units of a singularity is near it.
        The rest is margin for the error of the time itself.
        """
        return 1e8 * float(np.spacing(max(abs(self.t), 1e-10)))


def sizes(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Euclidean norms over the coordinates, shape (start,).

    ``einsum`` is three times as fast as a sum over few columns.
    """
    return np.sqrt(np.einsum("ij,ij->i", states, states))


def start_norms(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root mean square over coordinates of every start, infinity for NaN; shape (start,).

    The error norm of a batch is the largest of these, never their mean: the mean lets a thousand easy starts hide one
    hard one.
    """
    norms = sizes(scaled) / np.sqrt(scaled.shape[-1])
    norms[np.isnan(norms)] = np.inf
    return norms


def initial_step(
    rhs: RightHandSide,
    t: float,
    y: NDArray[np.float64],
    t_end: float,
    order: int,
    rtol: float,
    atol: float,
) -> float:
    """Return a first step that suits every start: the smallest of the usual choice for each.

    Source: Hairer, Norsett, Wanner (1993), II.4, with the norm of each start by itself.

    Parameters
    ----------
    order : int
        Order of the error estimate.

    Returns
    -------
    float
        Positive, at most the distance to ``t_end``, and not below what the time can resolve.
    """
    interval = abs(t_end - t)
    direction = np.sign(t_end - t)
    slope = rhs(t, y)
    scale = atol + rtol * np.abs(y)
    magnitude = start_norms(y / scale)
    speed = start_norms(slope / scale)
    small = (magnitude < 1e-5) | (speed < 1e-5)
    guess = np.where(small, 1e-6, 0.01 * magnitude / np.where(small, 1.0, speed))
    guess = np.minimum(guess, interval)
    probe = rhs(t + direction * float(guess.min()), y + direction * guess[:, None] * slope)
    curvature = start_norms((probe - slope) / scale) / guess
    largest = np.maximum(speed, curvature)
    flat = largest <= 1e-15
    step = np.where(flat, np.maximum(1e-6, guess * 1e-3), (0.01 / np.where(flat, 1.0, largest)) ** (1 / (order + 1)))
    # A probe that left the domain of the field says nothing but "be careful".
    step = np.where(np.isfinite(curvature), step, guess * 1e-3)
    # Where atol is next to nothing, a coordinate that is zero asks for no step at all.
    least = 10 * max(float(np.spacing(abs(t))), float(np.finfo(float).tiny))
    return float(min(interval, max(least, np.min(np.minimum(100 * guess, step)))))
