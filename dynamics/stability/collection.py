"""Distinct zeros among the ends of many Newton iterations.

Regular zeros are told apart by distance, degenerate ones are joined where the field vanishes to rounding in between,
continua by walking along them (:mod:`dynamics.stability.continua`). Batches of ends are added one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynamics.stability import continua, newton


@dataclass(frozen=True)
class Zero:
    """One equilibrium, or one continuum by a representative.

    Attributes
    ----------
    at : ndarray, shape (dim,)
    error : float
        Estimate of the distance to the exact zero, from the rounding level of the field and its conditioning.
    directions : ndarray, shape (k, dim)
        Verified null directions; k = 0 for an isolated zero.
    members : ndarray, shape (m, dim)
        Zeros that were merged into a continuum (its representative among them); the point itself if isolated.
    degenerate : bool
        The Jacobian is singular to within the tolerance of the search.
    surface : str
        Why the field is not smooth here; empty where it is.
    one_sided : bool
        On the border of one side of a switching surface, whose field alone vanishes here.
    """

    at: NDArray[np.float64]
    error: float
    directions: NDArray[np.float64]
    members: NDArray[np.float64]
    degenerate: bool = False
    surface: str = ""
    one_sided: bool = False


@dataclass
class Group:
    """A degenerate zero or a continuum with the points that belong to it, in box coordinates."""

    representative: NDArray[np.float64]
    directions: NDArray[np.float64]
    members: list[NDArray[np.float64]]

    @property
    def far(self) -> NDArray[np.float64]:
        """The member farthest from the representative."""
        points = np.concatenate(self.members)
        return points[np.argmax(np.abs(points - self.representative).max(axis=1))]


@dataclass
class Collection:
    """Zeros found so far, with the number of ends at each."""

    problem: newton.ScaledField
    samples: NDArray[np.float64]
    regular: list[NDArray[np.float64]] = field(default_factory=list)
    radii: list[float] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.regular) + len(self.groups)

    def add(self, points: NDArray[np.float64]) -> int:
        """Sort ends that are zeros into what is known; return the number of zeros that are new."""
        rest = points
        for k, (u, radius) in enumerate(zip(self.regular, self.radii, strict=True)):
            close = np.abs(rest - u).max(axis=1) <= radius
            self.hits[k] += int(close.sum())
            rest = rest[~close]
        if not len(rest):
            return 0
        singular = continua.nullity(self.problem, rest) > 0
        return self._add_regular(rest[~singular]) + self._add_degenerate(rest[singular])

    def _add_regular(self, points: NDArray[np.float64]) -> int:
        if not len(points):
            return 0
        before = len(self.regular)
        left, s, _ = np.linalg.svd(self.problem.jacobian(points))
        noise = np.einsum("mik,mi->mk", np.abs(left), self.problem.noise(points))
        # an end is known to as many units of its noise as count for zero, in each singular direction; twice that
        # for two ends. The zeros resolved this way are unique within this radius (see continua.nullity)
        radii = 2 * newton.NOISE_UNITS * newton.norms(noise / s)
        polished = newton.polish(self.problem, points)
        remaining = np.arange(len(points))
        while len(remaining):
            u, radius = polished[remaining[0]], float(radii[remaining[0]])
            close = np.abs(points[remaining] - u).max(axis=1) <= radius
            close |= np.abs(polished[remaining] - u).max(axis=1) <= radius
            close[0] = True
            known = [k for k, v in enumerate(self.regular) if np.abs(u - v).max() <= max(radius, self.radii[k])]
            if known:
                self.hits[known[0]] += int(close.sum())
            else:
                self.regular.append(u)
                self.radii.append(radius)
                self.hits.append(int(close.sum()))
            remaining = remaining[~close]
        return len(self.regular) - before

    def _add_degenerate(self, points: NDArray[np.float64]) -> int:
        before = len(self.groups)
        rest = points
        for group in self.groups:
            joined = self._joined(group, rest)
            if joined.any():
                group.members.append(rest[joined])
            rest = rest[~joined]
        rest = rest[representatives_first(self.problem, rest)]
        while len(rest):
            representative = newton.accelerate(self.problem, rest[:1])[0]
            inside = ((representative >= -newton.EDGE) & (representative <= 1 + newton.EDGE)).all()
            if not inside or not self.problem.vanishes(representative):
                representative = rest[0]
            group = Group(representative, continua.null_directions(self.problem, representative), [rest[:1]])
            joined = self._joined(group, rest)
            joined[0] = True
            group.members = [rest[joined]]
            self.groups.append(group)
            if len(group.directions) and not joined.all():
                # a curve that bends back is walked on from its far end
                joined |= self._joined(group, rest)
                group.members = [rest[joined]]
            rest = rest[~joined]
        return len(self.groups) - before

    def _joined(self, group: Group, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points belong to a group, shape (m,)."""
        if not len(points):
            return np.zeros(0, dtype=bool)
        dimension = len(group.directions)
        if not dimension:
            return continua.same_zero(self.problem, group.representative, points)
        joined = continua.connected(self.problem, group.representative, points, dimension)
        if not joined.all():
            joined[~joined] = continua.connected(self.problem, group.far, points[~joined], dimension)
        return joined

    def least_hits(self) -> int:
        """Return the least number of ends at any one zero; 0 without zeros."""
        return min([*self.hits, *(sum(map(len, group.members)) for group in self.groups)], default=0)

    def zeros(self) -> list[Zero]:
        """Return a description of every zero."""
        found = [describe(self.problem, u) for u in self.regular]
        for group in self.groups:
            found.append(describe(self.problem, group.representative, group.directions, np.concatenate(group.members)))
        return found


def representatives_first(problem: newton.ScaledField, points: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return an order of degenerate zeros in which typical points of a continuum precede exceptional ones.

    Typical are those with the most non-zero singular values and eigenvalues, none of them small against what the
    continuum offers; among these the one nearest to the centre of the box comes first.
    """
    if len(points) == 0:
        return np.arange(0)
    jacobian = problem.jacobian(points)
    s = np.linalg.svd(jacobian, compute_uv=False)
    rank = (s > newton.SINGULAR * np.maximum(s[:, :1], newton.SINGULAR * s.max())).sum(axis=1)
    # the scaling of rows is undone: eigenvalues belong to the field itself; 1e-4 allows for defective zeros
    moduli = np.abs(np.linalg.eigvals(jacobian * problem.size[:, None] / problem.width))
    large = moduli > 1e-4 * np.maximum(moduli.max(axis=1, keepdims=True), 1e-300)
    count = large.sum(axis=1)
    smallest = np.where(count > 0, np.where(large, moduli, np.inf).min(axis=1), 0.0)
    typical = (rank == rank.max()) & (count == count[rank == rank.max()].max())
    weak = smallest < 0.1 * smallest[typical].max()
    return np.lexsort((np.abs(points - 0.5).max(axis=1), weak, -count, -rank))


def describe(
    problem: newton.ScaledField,
    u: NDArray[np.float64],
    directions: NDArray[np.float64] | None = None,
    members: NDArray[np.float64] | None = None,
    surface: str = "",
) -> Zero:
    """Return a zero in state coordinates with its error; a coordinate indistinguishable from zero becomes zero."""
    jacobian = problem.jacobian(u)
    _, s, right = np.linalg.svd(jacobian)
    noise = float(np.linalg.norm(problem.noise(u)))
    degenerate = directions is not None
    blur = noise / max(float(s[-1]), noise, 1e-300)
    if degenerate and len(directions) == 0:
        blur = continua.reach_of_rounding(problem, u, right[-1])
    elif degenerate:
        kept = s[: len(s) - len(directions)]
        blur = noise / max(float(kept[-1]), noise, 1e-300) if kept.size else 0.0
    at = problem.states(u)
    error = blur * float(problem.width.max())
    if not degenerate and not surface and s[-1] > 0:
        # the box resolves states to the rounding of its width, the state itself is known better
        at = newton.refined(problem.field, at)
        level = newton.rounding_level(problem.field, at, plateau=False) / problem.size
        blur = float(np.linalg.norm(level)) / float(s[-1])
        error = blur * float(problem.width.max()) + np.finfo(float).eps * float(np.abs(at).max())
    elif surface:
        # the position is known from the switch, to the resolution of the box
        error = 1e-13 * float(problem.width.max())
    tiny = np.abs(at) <= np.maximum(8 * blur, 1e-14) * problem.width
    snapped = np.where(tiny, 0.0, at)
    trial = (snapped - problem.low) / problem.width
    if tiny.any() and (problem.vanishes(trial) if degenerate else newton.norms(problem(trial)) <= 4 * noise):
        at = snapped
    return Zero(
        at=at + 0.0,
        error=error,
        directions=np.empty((0, len(u))) if directions is None else directions,
        members=problem.states(members) if members is not None else at[None],
        degenerate=degenerate,
        surface=surface,
    )
