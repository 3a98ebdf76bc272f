r"""Cycles of a flow as problems of a curve: orthogonal collocation with a phase condition.

Unknown are the states ``y_k`` at the beginnings of N pieces of the period, the period T and the parameter:

.. math:: \varphi_{h_k T}(y_k) - y_{k+1} = 0, \qquad \sum_k h_k \langle y_k - r_k, \dot r_k \rangle = 0,

``r`` being the orbit at the step before: of all shifts along the orbit the nearest is taken. ``phi`` is Gauss
collocation of order eight (:mod:`dynamics.stability.continuation.gauss`). The mesh follows the orbit: its pieces share
the residual of the collocation polynomial evenly; errors at the mesh points are far smaller (superconvergence).

Multipliers are the eigenvalues of the product of the pieces' derivatives on a complement of the velocity, so that the
trivial multiplier 1 is never mistaken for another.

Source: Doedel, Keller and Kernevez 1991; Ascher, Mattheij and Russell 1995, chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.continuation import gauss
from dynamics.stability.continuation.curve import Problem, Vector, correct, tangent
from dynamics.stability.continuation.families import Family
from dynamics.stability.continuation.points import StateProblem, ordered

#: Pieces of the mesh: at first, and the limits of its adaptation.
PIECES, FEWEST, MOST = 24, 16, 120
#: Residual of the collocation polynomial between its nodes, in box widths, that the mesh aims at. Orbits then close
#: under a tight integration to 1e-9 where they are near circles, to 1e-6 where they jump (almost-bilinear, eps to 6).
RESIDUAL = 1e-5
#: Residual of a piece from which on the mesh is renewed: the error of the orbit goes with its square.
UNEVEN = 3 * RESIDUAL
#: Unknown of the period: this share of its logarithm.
STRETCH = 0.2
#: Extent, in box widths, below which a shrinking cycle has met its Hopf point.
SMALL = 0.004
#: Growth of the period over the first one after which it counts as unbounded, and the one from which on it does where
#: it grows while the parameter stands still: moves by less than this share of the step.
LONGEST, LONG, STILL = 30.0, 5.0, 1e-5
#: Rounding of a monodromy matrix in units of its norm.
ROUNDING = 1e-13
#: Points of a branch whose flow a problem remembers: corrections, tangents and test functions ask for the same ones.
REMEMBERED = 6
#: Points of a piece at which its extent is sampled; extrema are refined by parabolas.
SAMPLES = 8


@dataclass(frozen=True)
class Mesh:
    """Lengths of the pieces (N,) as shares of the period, and the orbit at the last step (N, n) with its velocities."""

    lengths: NDArray[np.float64]
    points: NDArray[np.float64]
    velocities: NDArray[np.float64]


class Cycles(StateProblem):
    """Closed orbits of ``dy/dt = v(y, p)``.

    Parameters
    ----------
    family : Family
    names : tuple of str
    sides : ndarray, shape (dim, 2)
        The box.
    mesh : Mesh
    shortest : float
        Period of the first cycle of the branch, against which an unbounded growth is measured.
    laps : int
        How many times as long it is, by period doublings, as the cycle it descends from.
    """

    kind = "cycle"
    multipliers = True
    accuracy = 1e-6

    def __init__(
        self,
        family: Family,
        names: tuple[str, ...],
        sides: NDArray[np.float64],
        mesh: Mesh,
        shortest: float,
        laps: int = 1,
    ) -> None:
        self.family, self.names, self.sides, self.mesh, self.shortest = family, names, sides, mesh, shortest
        self.laps = laps
        self.dim = len(names)
        self.width = sides[:, 1] - sides[:, 0]
        self.count = len(mesh.lengths)
        self.size = self.count * self.dim + 1
        # the norm of the unknowns is that of the orbit in the mean
        self.weights = self.width / np.sqrt(mesh.lengths)[:, None]
        self._known: dict[bytes, gauss.Pieces] = {}

    def on(self, mesh: Mesh) -> Self:
        """Return the same problem on another mesh."""
        return type(self)(self.family, self.names, self.sides, mesh, self.shortest, self.laps)

    def doubled(self) -> Self:
        """Return the problem of cycles of two laps, on this mesh twice."""
        lengths = np.tile(self.mesh.lengths / 2, 2)
        mesh = Mesh(lengths, np.tile(self.mesh.points, (2, 1)), np.tile(self.mesh.velocities, (2, 1)))
        return type(self)(self.family, self.names, self.sides, mesh, 2 * self.shortest, 2 * self.laps)

    def orbit(self, z: Vector) -> tuple[NDArray[np.float64], float]:
        """Return the states at the beginnings of the pieces, shape (N, dim), and the period."""
        return z[:-2].reshape(self.count, self.dim) * self.weights, float(np.exp(z[-2] / STRETCH))

    def unknowns(self, points: NDArray[np.float64], period: float, p: float) -> Vector:
        """Return the unknowns of an orbit (N, dim)."""
        return np.concatenate([(points / self.weights).ravel(), [STRETCH * np.log(period), self.share(p)]])

    def pieces(self, z: Vector) -> gauss.Pieces:
        """Return the flow over the pieces; that of the last few points is remembered."""
        key = z.tobytes()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = self._propagated(z)
        return self._known[key]

    def _propagated(self, z: Vector) -> gauss.Pieces:
        points, period = self.orbit(z)
        p = self.parameter(z)
        with np.errstate(all="ignore"):
            return gauss.propagate(
                self.family.field(p),
                lambda y: self.family.slope(p, y),
                points,
                self.mesh.lengths * period,
                np.roll(points, -1, axis=0),
            )

    def evaluate(self, z: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """Return gaps and phase, and their derivatives in the unknowns."""
        points, period = self.orbit(z)
        found = self.pieces(z)
        n, count = self.dim, self.count
        value = np.full(self.size, np.nan)
        matrix = np.zeros((self.size, self.size + 1))
        if not found.converged:
            return value, matrix
        value[:-1] = ((found.ends - np.roll(points, -1, axis=0)) / self.width).ravel()
        scaled = found.by_start * self.weights[:, None, :] / self.width[:, None]
        for k in range(count):
            rows = slice(k * n, (k + 1) * n)
            after = (k + 1) % count
            matrix[rows, rows] += scaled[k]
            matrix[rows, after * n : (after + 1) * n] -= np.diag(self.weights[after] / self.width)
        matrix[:-1, -2] = (found.by_time / self.width * (self.mesh.lengths * period / STRETCH)[:, None]).ravel()
        matrix[:-1, -1] = (found.by_parameter / self.width * (self.family.high - self.family.low)).ravel()
        phase = self.mesh.lengths[:, None] * self.mesh.velocities / self.width**2
        phase = phase / np.linalg.norm(phase * self.weights)
        value[-1] = float((phase * (points - self.mesh.points)).sum())
        matrix[-1, :-2] = (phase * self.weights).ravel()
        return value, matrix

    def point(self, z: Vector) -> NDArray[np.float64]:
        """Return the state at the beginning of the first piece."""
        return self.orbit(z)[0][0]

    def period(self, z: Vector) -> float | None:
        """Return the period."""
        return self.orbit(z)[1]

    def eigenvalues(self, z: Vector) -> NDArray[np.complex128]:
        """Return the multipliers without the trivial one, shape (dim - 1,)."""
        derivatives = self.pieces(z).by_start
        if self.dim == 2:
            # in the plane the other multiplier is the determinant (Liouville), positive part by part
            return np.array([np.prod(np.linalg.det(derivatives))], dtype=complex)
        product = np.eye(self.dim)
        for derivative in derivatives:
            product = derivative @ product
        velocity = np.asarray(self.family.field(self.parameter(z))(self.point(z)))
        speed = float(np.linalg.norm(velocity / self.width)) * self.orbit(z)[1]
        if speed <= 1e-9:
            # a Hopf point: the pair of multipliers at 1 counts once
            values: NDArray[Any] = np.linalg.eigvals(product).astype(complex)
            return ordered(np.delete(values, np.argmin(np.abs(values - 1))), True)
        basis = np.linalg.qr(np.column_stack([velocity, np.eye(self.dim)]))[0]
        return ordered(np.linalg.eigvals((basis.T @ product @ basis)[1:, 1:]), True)

    def samples(self, z: Vector, count: int = SAMPLES) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return times and states along one period, shapes (N count,) and (N count, dim)."""
        shares = np.arange(count) / count
        period = self.orbit(z)[1]
        values = gauss.interpolation(shares)[0] @ self.pieces(z).values
        starts = np.concatenate([[0.0], np.cumsum(self.mesh.lengths)[:-1]])
        times = period * (starts[:, None] + shares * self.mesh.lengths[:, None])
        return times.ravel(), values.reshape(-1, self.dim)

    def halves(self, z: Vector) -> NDArray[np.float64]:
        """Return by how much the orbit misses itself after half a period, in box widths, shape (m, dim).

        It changes sign as a whole where two laps change places, on the way through a period doubling.
        """
        times, values = self.samples(z)
        period = self.orbit(z)[1]
        later = [np.interp(times + period / 2, times, column, period=period) for column in values.T]
        return (values - np.stack(later, axis=1)) / self.width

    def extent(self, z: Vector) -> NDArray[np.float64]:
        """Return lowest and highest value of each coordinate over the orbit, shape (dim, 2)."""
        times, values = self.samples(z)
        period = self.orbit(z)[1]
        return np.stack([extremes(times, column, period) for column in values.T])

    def place(self, z: Vector) -> Vector:
        """Return extent, period and parameter: meshes and phases differ from step to step."""
        return np.concatenate([(self.extent(z) / self.width[:, None]).ravel(), z[-2:]])

    def margin(self, z: Vector) -> float:
        """Return the distance of the orbit to the border of the box."""
        extent = self.extent(z)
        inside = np.minimum(extent[:, 0] - self.sides[:, 0], self.sides[:, 1] - extent[:, 1]) / self.width
        return float(inside.min())

    def amplitude(self, z: Vector) -> float:
        """Return the largest extent in box widths."""
        return float((np.ptp(self.orbit(z)[0], axis=0) / self.width).max())

    def finished(self, before: Vector, after: Vector) -> str:
        """Return why the branch ends.

        "hopf" where the cycle has shrunk to a point, "doubling" where it has met a cycle of half its period, "period"
        where its period grows without bound.
        """
        first, second = (self.orbit(z)[0] for z in (before, after))
        through = float(((first - first.mean(axis=0)) * (second - second.mean(axis=0)) / self.width**2).sum()) < 0
        if through or self.amplitude(after) < min(SMALL, self.amplitude(before)):
            return "hopf"
        apart, later = self.halves(before).ravel(), self.halves(after).ravel()
        # beyond a doubling they are nearly opposite; where the branch begins in one, the first is rounding
        if float(apart @ later) < -0.5 * float(np.linalg.norm(apart) * np.linalg.norm(later)):
            return "doubling"
        previous, period = (self.orbit(z)[1] for z in (before, after))
        still = abs(after[-1] - before[-1]) < STILL * np.linalg.norm(after - before) and period > previous
        return "period" if period > (LONG if still else LONGEST) * self.shortest else ""

    def resolution(self, z: Vector) -> float:
        """Return the error of small multipliers: the rounding of the product of the pieces' derivatives."""
        if self.dim == 2:
            return 0.0
        size = 1.0
        product = np.eye(self.dim)
        for derivative in self.pieces(z).by_start:
            product = derivative @ product
            size = max(size, float(np.abs(product).max()))
        return ROUNDING * size

    def renewed(self, z: Vector, tangent: Vector) -> tuple[Problem, Vector, Vector]:
        """Return the problem with this orbit as reference, on a new mesh where the old one has become a poor fit."""
        found = self.pieces(z)
        lengths = remeshed(self.mesh.lengths, self._residuals(z, found), MOST * self.laps)
        points, period = self.orbit(z)
        p = self.parameter(z)
        if lengths is None:
            mesh = self._reference(self.mesh.lengths, points, p)
            problem = self.on(mesh)
            return problem, z, _tangent(problem, z, tangent)
        old = np.concatenate([[0.0], np.cumsum(self.mesh.lengths)])
        new = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        index = np.clip(np.searchsorted(old, new, side="right") - 1, 0, self.count - 1)
        shares = (new - old[index]) / self.mesh.lengths[index]
        moved = np.einsum("km,kmn->kn", gauss.interpolation(shares)[0], found.values[index])
        problem = self.on(self._reference(lengths, moved, p))
        # the direction, carried over by interpolation along the period
        change = tangent[:-2].reshape(self.count, self.dim) * self.weights
        columns = [np.interp(new, old, np.append(column, column[0])) for column in change.T]
        guide = np.concatenate([(np.stack(columns, axis=1) / problem.weights).ravel(), tangent[-2:]])
        guide /= np.linalg.norm(guide)
        after = correct(problem, problem.unknowns(moved, period, p), guide)
        if after is None:
            return self, z, tangent
        return problem, after, _tangent(problem, after, guide)

    def _reference(self, lengths: NDArray[np.float64], points: NDArray[np.float64], p: float) -> Mesh:
        return Mesh(lengths, points, np.asarray(self.family.field(p)(points)))

    def _residuals(self, z: Vector, found: gauss.Pieces) -> NDArray[np.float64]:
        """Return the residual of the collocation polynomial in the middle of every piece, in box widths, shape (N,)."""
        values, slopes = (matrix @ found.values for matrix in gauss.interpolation(np.array([0.5])))
        period = self.orbit(z)[1]
        times = (self.mesh.lengths * period)[:, None, None]
        gaps = slopes - times * np.asarray(self.family.field(self.parameter(z))(values))
        return np.asarray((np.abs(gaps) / self.width).max(axis=(1, 2)))


def _tangent(problem: Cycles, z: Vector, guide: Vector) -> Vector:
    return tangent(problem.evaluate(z)[1], guide)


def extremes(
    times: NDArray[np.float64], values: NDArray[np.float64], period: float, kinks: NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Return lowest and highest value of a periodic function from samples, sharpened by parabolas.

    Parameters
    ----------
    times, values : ndarray, shape (m,)
        Ascending, within one period.
    period : float
    kinks : ndarray of bool, shape (m,), optional
        Samples at which the function is not smooth: an extremum there is taken as it is.
    """
    found = []
    for sign in (-1.0, 1.0):
        k = int(np.argmax(sign * values))
        here = float(values[k])
        if kinks is None or not kinks[k]:
            after = (k + 1) % len(values)
            left, right = (times[k] - times[k - 1]) % period, (times[after] - times[k]) % period
            behind, ahead = (here - values[k - 1]) / left, (values[after] - here) / right
            bend = (ahead - behind) / (left + right)
            slope = (behind * right + ahead * left) / (left + right)
            if sign * bend < 0:
                here -= slope**2 / (4 * bend)
        found.append(here)
    return found[0], found[1]


def remeshed(
    lengths: NDArray[np.float64], residuals: NDArray[np.float64], most: int = MOST
) -> NDArray[np.float64] | None:
    """Return the lengths of a mesh whose pieces share the residual evenly; None while the present one will do.

    The residual of a piece goes with its length to the power of the stages.

    Parameters
    ----------
    lengths, residuals : ndarray, shape (N,)
    most : int
        Number of pieces at most.
    """
    count = len(lengths)
    # a floor keeps pieces on which hardly anything happens from growing without limit
    density = (residuals + 1e-2 * RESIDUAL) ** (1 / gauss.STAGES) / lengths
    density = (np.roll(density, 1) + 2 * density + np.roll(density, -1)) / 4
    needed = int(np.ceil((density * lengths).sum() / RESIDUAL ** (1 / gauss.STAGES)))
    wanted = int(np.clip(needed, FEWEST, most))
    share = density * lengths / (density * lengths).sum() * count
    if share.max() < 2.0 and 0.6 * count <= wanted <= 1.2 * count and residuals.max() <= UNEVEN:
        return None
    cumulative = np.concatenate([[0.0], np.cumsum(density * lengths)])
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    edges /= edges[-1]
    wanted = max(wanted, int(0.7 * count))
    return np.diff(np.interp(np.linspace(0.0, cumulative[-1], wanted + 1), cumulative, edges))


def start_mesh(points: NDArray[np.float64], velocities: NDArray[np.float64]) -> Mesh:
    """Return an even mesh around a first orbit."""
    return Mesh(np.full(len(points), 1.0 / len(points)), points, velocities)
