r"""Equilibria of flows and periodic points of maps as problems of a curve.

* Equilibria: ``v(y, p) = 0``, eigenvalues of ``J = dv/dy`` (negative real parts attract).
* Fixed points and periodic points of a map ``Phi``: ``Phi(y_i, p) = y_{i+1}`` for the points of a period, closed to a
  ring; multipliers are the eigenvalues of ``DPhi(y_k) ... DPhi(y_1)`` (inside the unit circle attracts).

Unknowns are ``y / width`` for every point, then ``(p - low) / (high - low)``.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field
from dynamics.stability.continuation.curve import Problem, Vector
from dynamics.stability.continuation.families import Family
from dynamics.stability.continuation.maps import extended_map, image


class StateProblem(Problem):
    """A problem whose unknowns stand for states of a game: what detection and classification ask of it.

    Attributes
    ----------
    kind : str
        What its branches are called: "equilibrium", "fixed-point" or "cycle".
    multipliers : bool
        Whether eigenvalues are multipliers (against the unit circle) or those of a flow (against the imaginary axis).
    family : Family
    names : tuple of str
    accuracy : float
        Real parts (in units of the spectrum) and distances from the unit circle below it decide nothing.
    """

    kind: str
    multipliers: bool
    dim: int
    accuracy: float = 1e-10
    family: Family
    names: tuple[str, ...]

    def parameter(self, z: Vector) -> float:
        """Return the value of the parameter; exact at both ends of the range."""
        share, range_ = float(z[-1]), self.family.high - self.family.low
        if share == 1.0:
            return self.family.high
        p = self.family.low + share * range_
        # rounding of the shift counts as zero
        return 0.0 if abs(p) < 4 * np.finfo(float).eps * range_ else p

    def share(self, p: float) -> float:
        """Return the unknown that stands for a value of the parameter."""
        return (p - self.family.low) / (self.family.high - self.family.low)

    def at(self, z: Vector) -> dict[str, float]:
        """Return the (first) point by coordinate."""
        return dict(zip(self.names, (self.point(z) + 0.0).tolist(), strict=True))

    @abstractmethod
    def point(self, z: Vector) -> NDArray[np.float64]:
        """Return the coordinates of the (first) point, shape (dim,)."""

    @abstractmethod
    def eigenvalues(self, z: Vector) -> NDArray[np.complex128]:
        """Return what decides about stability, shape (m,), the outermost first."""

    def resolution(self, z: Vector) -> float:
        """Return the error of multipliers of modulus one besides rounding."""
        return 0.0

    def extent(self, z: Vector) -> NDArray[np.float64] | None:
        """Return the range of every coordinate over a cycle, shape (dim, 2); None for a single point."""
        return None

    def period(self, z: Vector) -> float | None:
        """Return the period of a cycle; None for a single point."""
        return None

    def orbits(self, z: Vector) -> NDArray[np.float64] | None:
        """Return all points of a map's cycle, shape (period, dim); None for anything else."""
        return None


class PointProblem(StateProblem):
    """What equilibria and periodic points share.

    Parameters
    ----------
    family : Family
    names : tuple of str
    sides : ndarray, shape (dim, 2)
        The box.
    copies : int
        Number of points (the period of a map's cycle), each with ``state`` unknowns.
    state : int, optional
        Length of an extended state (coordinates first, then memory); ``dim`` by default.
    """

    def __init__(
        self,
        family: Family,
        names: tuple[str, ...],
        sides: NDArray[np.float64],
        copies: int = 1,
        state: int | None = None,
    ) -> None:
        self.family, self.names, self.sides, self.copies = family, names, sides, copies
        self.dim = len(names)
        self.state = self.dim if state is None else state
        self.size = copies * self.state
        width = sides[:, 1] - sides[:, 0]
        # memory (momentum, past fields) is measured like the coordinates it belongs to
        self.width = np.resize(width, self.state)
        self.scale = np.append(np.tile(self.width, copies), family.high - family.low)

    def states(self, z: Vector) -> NDArray[np.float64]:
        """Return the (extended) states, shape (copies, state)."""
        return z[:-1].reshape(self.copies, self.state) * self.width

    def unknowns(self, states: NDArray[np.float64], p: float) -> Vector:
        """Return the unknowns of states (copies, state) at a value of the parameter."""
        return np.append((states / self.width).ravel(), self.share(p))

    def point(self, z: Vector) -> NDArray[np.float64]:
        """Return the coordinates of the (first) point, shape (dim,)."""
        return self.states(z)[0, : self.dim]

    def margin(self, z: Vector) -> float:
        """Return the distance of the outermost point to the border of the box."""
        points = self.states(z)[:, : self.dim]
        width = self.sides[:, 1] - self.sides[:, 0]
        inside = np.minimum(points - self.sides[:, 0], self.sides[:, 1] - points) / width
        return float(inside.min())

    @abstractmethod
    def linearisation(self, z: Vector) -> NDArray[np.float64]:
        """Return the matrix whose eigenvalues decide about stability."""

    def eigenvalues(self, z: Vector) -> NDArray[np.complex128]:
        """Return the eigenvalues of the linearisation, the outermost (largest real part or modulus) first."""
        matrix = self.linearisation(z)
        if not np.isfinite(matrix).all():
            return np.full(len(matrix), np.nan, dtype=complex)
        return ordered(np.linalg.eigvals(matrix), self.multipliers)


def ordered(values: NDArray[Any], multipliers: bool) -> NDArray[np.complex128]:
    """Return eigenvalues by falling real part, or multipliers by falling modulus; pairs with the lower one first."""
    values = values.astype(complex)
    size = np.abs(values) if multipliers else np.real(values)
    return values[np.lexsort((np.round(np.imag(values), 12), np.round(-size, 12)))]


def eigen(matrix: NDArray[np.float64]) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return eigenvalues and right eigenvectors (columns), complex."""
    found = np.linalg.eig(matrix)
    values: NDArray[Any] = np.asarray(found.eigenvalues)
    vectors: NDArray[Any] = np.asarray(found.eigenvectors)
    return values.astype(complex), vectors.astype(complex)


class Equilibria(PointProblem):
    """``v(y, p) = 0``."""

    kind = "equilibrium"
    multipliers = False

    def evaluate(self, z: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """Return the field and its derivatives in the unknowns."""
        p, y = self.parameter(z), self.point(z)
        field = self.family.field(p)
        with np.errstate(all="ignore"):
            value = np.asarray(field(y), dtype=float)
            matrix = np.column_stack([np.asarray(field.jacobian(y)), self.family.slope(p, y)])
        return value, matrix * self.scale

    def field(self, z: Vector) -> Field:
        """Return the field at the parameter of a point."""
        return self.family.field(self.parameter(z))

    def linearisation(self, z: Vector) -> NDArray[np.float64]:
        """Return ``J = dv/dy``."""
        return np.asarray(self.field(z).jacobian(self.point(z)), dtype=float)


class PeriodicPoints(PointProblem):
    """``Phi(y_1, p) = y_2, ..., Phi(y_k, p) = y_1`` for a training algorithm ``Phi`` on its extended state."""

    multipliers = True

    def __init__(
        self, family: Family, names: tuple[str, ...], sides: NDArray[np.float64], period: int, state: int
    ) -> None:
        super().__init__(family, names, sides, period, state)
        self.kind = "fixed-point" if period == 1 else "cycle"

    def finished(self, before: Vector, after: Vector) -> str:
        """Return "doubling" where both halves of the period change places: the branch has met its period doubling."""
        if self.copies % 2:
            return ""
        first, second = (
            self.states(z)[: self.copies // 2] - self.states(z)[self.copies // 2 :] for z in (before, after)
        )
        return "doubling" if float((first * second / self.width**2).sum()) < 0 else ""

    def extent(self, z: Vector) -> NDArray[np.float64] | None:
        """Return lowest and highest value of each coordinate over the period."""
        if self.copies == 1:
            return None
        points = self.states(z)[:, : self.dim]
        return np.stack([points.min(axis=0), points.max(axis=0)], axis=1)

    def orbits(self, z: Vector) -> NDArray[np.float64] | None:
        """Return the points in the order of the iterations."""
        return None if self.copies == 1 else self.states(z)[:, : self.dim] + 0.0

    def period(self, z: Vector) -> float | None:
        """Return the number of iterations after which the map returns."""
        return None if self.copies == 1 else float(self.copies)

    def evaluate(self, z: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """Return what is left of every equation and the derivatives in the unknowns."""
        p, states = self.parameter(z), self.states(z)
        n, k = self.state, self.copies
        matrix = np.zeros((self.size, self.size + 1))
        with np.errstate(all="ignore"):
            images, derivatives = extended_map(self._method(p), self.family.field(p), states)
            slopes = self.family.difference(lambda q: image(self._method(q), self.family.field(q), states), p)
        for i in range(k):
            after = (i + 1) % k
            rows = slice(i * n, (i + 1) * n)
            matrix[rows, rows] += derivatives[i]
            matrix[rows, after * n : (after + 1) * n] -= np.eye(n)
            matrix[rows, -1] = slopes[i]
        return (images - np.roll(states, -1, axis=0)).ravel(), matrix * self.scale

    def _method(self, p: float) -> Any:
        assert self.family.method is not None
        return self.family.method(p)

    def linearisation(self, z: Vector) -> NDArray[np.float64]:
        """Return ``DPhi`` along the period, the product of the maps' Jacobians."""
        p = self.parameter(z)
        product = np.eye(self.state)
        for derivative in extended_map(self._method(p), self.family.field(p), self.states(z))[1]:
            product = derivative @ product
        return product
