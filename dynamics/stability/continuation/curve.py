r"""Curves of solutions of ``F(z) = 0``, m equations in m + 1 unknowns, by pseudo-arclength continuation.

The last unknown is the parameter. From a point ``z`` with unit tangent ``t`` (``DF t = 0``) the predictor is
``z + s t``, and Newton's method solves the bordered system

.. math:: F(z) = 0, \qquad \langle t, z - (z_0 + s t) \rangle = 0,

which is regular at folds, where the parameter turns back. Steps adapt to the number of corrections and to the angle
between tangents. Unknowns are scaled by the problem, so that one is "the width of the box" or "the range of the
parameter" for all of them.

Sources: Keller 1977 (pseudo-arclength); Allgower and Georg 1990, chapters 2 and 6; Kuznetsov 2004, section 10.2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.newton import EDGE
from dynamics.stability.roots import bracketed_root

Vector = NDArray[np.float64]

#: A correction this small (in scaled unknowns) ends Newton's iteration: the next would be its square.
CONVERGED = 1e-11
#: Corrections of this size that no longer shrink are rounding.
ROUNDING = 1e-7
MAX_CORRECTIONS = 10
#: Cosine of the largest angle between the tangents of neighbouring points.
LEAST_COSINE = 0.97
#: A corrected point farther from its prediction than this share of the step has landed on another curve.
STRAY = 0.5
SMALLEST_STEP = 1e-7
#: Singular values below this share of the largest belong to the null space.
NULL = 1e-10


class Problem(ABC):
    """Equations of a curve; unknowns and their scaling are the problem's own.

    Attributes
    ----------
    size : int
        Number m of equations; there are m + 1 unknowns.
    """

    size: int
    #: Longest step in units of the one that was asked for; more where points are expensive.
    stride: float = 1.0

    @abstractmethod
    def evaluate(self, z: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """Return ``F(z)``, shape (m,), and ``DF(z)``, shape (m, m + 1)."""

    @abstractmethod
    def margin(self, z: Vector) -> float:
        """Return the distance to the border of the box in box widths, negative outside."""

    def renewed(self, z: Vector, tangent: Vector) -> tuple[Problem, Vector, Vector]:
        """Return the problem from which the next step is taken (another mesh or reference), and the point in it."""
        return self, z, tangent

    def place(self, z: Vector) -> Vector:
        """Return numbers that tell a solution from others, the parameter last, equal in every renewed problem."""
        return z

    def finished(self, before: Vector, after: Vector) -> str:
        """Return why the curve should not be followed beyond ``after``; empty to go on."""
        return ""


@dataclass(frozen=True)
class Steps:
    """Settings of the walk: first, largest and smallest step, and the largest number of points on each side."""

    first: float = 0.01
    largest: float = 0.02
    smallest: float = SMALLEST_STEP
    max_points: int = 500


@dataclass(frozen=True)
class Segment:
    """Two neighbouring points of a curve, both in the unknowns of one problem, with tangents along the walk."""

    problem: Problem
    start: Vector
    start_tangent: Vector
    end: Vector
    end_tangent: Vector

    def reversed(self) -> Segment:
        """Return the segment walked the other way."""
        return replace(
            self,
            start=self.end,
            start_tangent=-self.end_tangent,
            end=self.start,
            end_tangent=-self.start_tangent,
        )

    def at(self, share: float) -> tuple[Vector, Vector]:
        """Return the point of the curve at a share of the way, with its tangent.

        Raises
        ------
        Lost
            If Newton's method fails there.
        """
        if share in (0.0, 1.0):
            return (self.end, self.end_tangent) if share else (self.start, self.start_tangent)
        chord = self.end - self.start
        row = chord / np.linalg.norm(chord)
        z = correct(self.problem, self.start + share * chord, row)
        if z is None:
            raise Lost(share)
        guide = (1 - share) * self.start_tangent + share * self.end_tangent
        return z, tangent(self.problem.evaluate(z)[1], guide)

    def root(self, function: Callable[[Vector, Vector], float]) -> tuple[Vector, Vector]:
        """Return the point of the segment at which a function of point and tangent changes sign, to rounding."""
        largest = max(abs(function(*self.at(share))) for share in (0.0, 1.0))

        def value(share: float) -> float:
            found = function(*self.at(share))
            # below the rounding of the values themselves signs are noise
            return 0.0 if abs(found) <= np.finfo(float).eps * largest else found

        return self.at(bracketed_root(value, 0.0, 1.0))


class Lost(ArithmeticError):
    """Newton's method failed inside a segment."""


def bordered(matrix: NDArray[np.float64], row: Vector) -> NDArray[np.float64]:
    """Return the square matrix ``[DF; row]``."""
    return np.vstack([matrix, row])


def correct(problem: Problem, guess: Vector, row: Vector) -> Vector | None:
    """Return the solution in the hyperplane through ``guess`` across ``row``; None if Newton's method fails."""
    z = guess.copy()
    last = np.inf
    target = np.zeros(problem.size + 1)
    for _ in range(MAX_CORRECTIONS):
        value, matrix = problem.evaluate(z)
        if not (np.isfinite(value).all() and np.isfinite(matrix).all()):
            return None
        target[:-1] = value
        target[-1] = row @ (z - guess)
        step = _solved(bordered(matrix, row), target)
        if step is None:
            return None
        z = z - step
        length = float(np.linalg.norm(step))
        if length <= CONVERGED or (length <= ROUNDING and length > 0.3 * last):
            return z
        if length > 2 * last:
            return None
        last = length
    return None


def _solved(matrix: NDArray[np.float64], target: Vector) -> Vector | None:
    """Return the solution of a square system, the shortest one where it is singular."""
    step: Vector
    try:
        step = np.asarray(np.linalg.solve(matrix, target), dtype=float)
    except np.linalg.LinAlgError:
        step = np.asarray(np.linalg.lstsq(matrix, target, rcond=NULL)[0], dtype=float)
    return step if np.isfinite(step).all() else None


def null_space(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an orthonormal basis of the null space of ``DF`` (m, m + 1), rows; at least one."""
    _, s, right = np.linalg.svd(matrix)
    rank = int((s > NULL * max(float(s.max(initial=0.0)), 1e-300)).sum())
    return right[rank:]


def _singular(matrix: NDArray[np.float64]) -> bool:
    """Return whether a square matrix is singular to rounding: its inverse blows up a fixed vector without pattern."""
    vector = np.sin(1.0 + np.arange(len(matrix)) ** 2)
    # equations of very different sizes are no reason to call them dependent
    matrix = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-300)
    try:
        answer = np.linalg.solve(matrix, vector)
    except np.linalg.LinAlgError:
        return True
    return not float(np.linalg.norm(answer)) * NULL < float(np.linalg.norm(vector))


def tangent(matrix: NDArray[np.float64], guide: Vector) -> Vector:
    """Return the unit null vector of ``DF`` that makes an acute angle with ``guide``."""
    target = np.zeros(len(guide))
    target[-1] = 1.0
    if not np.isfinite(matrix).all():
        return guide
    with np.errstate(all="ignore"):
        try:
            found = np.linalg.solve(bordered(matrix, guide), target)
            found = found / np.linalg.norm(found)
        except np.linalg.LinAlgError:
            found = np.full(len(guide), np.nan)
    if not np.isfinite(found).all() or np.abs(matrix @ found).max(initial=0.0) > 1e-8 * np.abs(matrix).max(initial=0.0):
        # on a branch point there are several: the one that goes on
        basis = null_space(matrix)
        found = basis.T @ (basis @ guide)
        length = np.linalg.norm(found)
        found = found / length if length > 0 else basis[0]
    return found


@dataclass(frozen=True)
class Walk:
    """A curve followed one way: its segments in order, and why it ends."""

    segments: tuple[Segment, ...]
    ended: str


def walk(problem: Problem, z: Vector, direction: Vector, steps: Steps, first: float | None = None) -> Walk:
    """Follow a curve from a point in one direction until it leaves the range or the box, closes, or is lost.

    Parameters
    ----------
    problem : Problem
    z : ndarray, shape (m + 1,)
        A solution (or, for a branch that starts at a singular point, that point).
    direction : ndarray, shape (m + 1,)
        Unit tangent.
    steps : Steps
    first : float, optional
        Length of the first step.

    Returns
    -------
    Walk
        ``ended`` is "range", "box", "closed", "budget", "newton", "continuum" or what the problem says.
    """
    segments: list[Segment] = []
    for here, a, ta, b, tb, ended in _advance(problem, z, direction, steps, first):
        if b is not None:
            segments.append(Segment(here, a, ta, b, tb))
            if not ended and len(segments) > 3 and _closes(segments[-1], segments[0]):
                ended = "closed"
        if ended:
            return Walk(tuple(segments), ended)
    raise AssertionError("a walk ends with a reason")


def _advance(
    problem: Problem, z: Vector, direction: Vector, steps: Steps, first: float | None
) -> Iterator[tuple[Problem, Vector, Vector, Vector | None, Vector, str]]:
    """Yield one accepted step after the other, and with the last one why it is the last."""
    length = steps.first if first is None else first
    t = direction
    flat = 0
    for _ in range(steps.max_points):
        while True:
            if length < steps.smallest:
                yield problem, z, t, None, t, "newton"
                return
            if (z[-1] >= 1.0 and t[-1] > 0) or (z[-1] <= 0.0 and t[-1] < 0):
                yield problem, z, t, None, t, "range"
                return
            after, landing = _step(problem, z, t, length)
            if after is not None:
                break
            length /= 2
        matrix = problem.evaluate(after)[1]
        new = tangent(matrix, t)
        ended = "range" if landing else ""
        if not ended and not 0.0 <= after[-1] <= 1.0:
            after, new = _landed(Segment(problem, z, t, after, new), lambda z, _: z[-1] - float(z[-1] > 0.5))
            ended = "range"
        if problem.margin(after) < -EDGE:
            after, new = _landed(Segment(problem, z, t, after, new), lambda z, _, here=problem: here.margin(z))
            ended = "box"
        flat = flat + 1 if _singular(bordered(matrix, new)) else 0
        if flat > 2:
            ended = "continuum"
        ended = ended or problem.finished(z, after)
        yield problem, z, t, after, new, ended
        if ended:
            return
        cosine = float(t @ new)
        grow = 1.6 if cosine > 1 - 0.15 * (1 - LEAST_COSINE) else 1.2 if cosine > 1 - 0.5 * (1 - LEAST_COSINE) else 0.8
        length = min(problem.stride * steps.largest, length * grow)
        problem, z, t = problem.renewed(after, new)
    yield problem, z, t, None, t, "budget"


def _step(problem: Problem, z: Vector, t: Vector, length: float) -> tuple[Vector | None, bool]:
    """Return the point after one step, None if there is none to accept, and whether it lies on an end of the range."""
    guess = z + length * t
    edge = 1.0 if guess[-1] > 1.0 else 0.0 if guess[-1] < 0.0 else None
    if edge is not None:
        # onto the end of the range rather than beyond it, where the game may not exist
        shorter = z + (edge - z[-1]) / t[-1] * t
        shorter[-1] = edge
        row = np.zeros(len(z))
        row[-1] = 1.0
        after = correct(problem, shorter, row)
        if after is not None and _acceptable(problem, z, t, shorter, after):
            return after, True
    after = correct(problem, guess, t)
    if after is not None and _acceptable(problem, z, t, guess, after):
        return after, False
    return None, False


def _acceptable(problem: Problem, z: Vector, t: Vector, guess: Vector, after: Vector) -> bool:
    """Return whether a corrected point continues the curve: near its prediction, and without a sharp turn."""
    moved = float(np.linalg.norm(guess - z))
    if np.linalg.norm(after - guess) > STRAY * moved:
        return False
    return float(t @ tangent(problem.evaluate(after)[1], t)) >= LEAST_COSINE


def _landed(segment: Segment, function: Callable[[Vector, Vector], float]) -> tuple[Vector, Vector]:
    """Return the point at which a step that went too far crosses a border."""
    try:
        z, t = segment.root(function)
    except Lost:
        return segment.end, segment.end_tangent
    if min(abs(z[-1]), abs(z[-1] - 1.0)) < 1e-9:
        z[-1] = round(float(z[-1]))  # an end of the range is met exactly
    return z, t


def _closes(segment: Segment, first: Segment) -> bool:
    """Return whether a segment passes the start of the first one in its direction."""
    slack = 0.1 * abs(segment.end[-1] - segment.start[-1])
    low, high = sorted((segment.start[-1], segment.end[-1]))
    if not low - slack <= first.start[-1] <= high + slack:
        return False
    (start, end), (origin, ahead) = ((s.problem.place(s.start), s.problem.place(s.end)) for s in (segment, first))
    chord, direction = end - start, ahead - origin
    share = float(np.clip((origin - start) @ chord / (chord @ chord), 0.0, 1.0))
    gap = float(np.linalg.norm(start + share * chord - origin))
    length = float(np.linalg.norm(chord))
    # a chord leaves its curve by an eighth of length times angle; two of them may differ by two steps' turns
    cosine = float(chord @ direction) / (length * float(np.linalg.norm(direction)))
    return gap <= 0.1 * length and cosine > 1 - 4 * (1 - LEAST_COSINE)


def both_ways(problem: Problem, z: Vector, steps: Steps) -> tuple[tuple[Segment, ...], tuple[str, str]]:
    """Follow the curve through a solution in both directions; segments run from one end to the other.

    The parameter grows along the curve where it passes ``z``.
    """
    guide = np.zeros(problem.size + 1)
    guide[-1] = 1.0
    direction = tangent(problem.evaluate(z)[1], guide)
    onward = walk(problem, z, direction, steps)
    if onward.ended == "closed":
        return onward.segments, ("closed", "closed")
    back = walk(problem, z, -direction, steps)
    flipped = tuple(segment.reversed() for segment in reversed(back.segments))
    return flipped + onward.segments, (back.ended, onward.ended)
