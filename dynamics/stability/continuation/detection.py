"""Where along a curve something happens: sign changes of test functions, located to rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynamics.stability.continuation import testfunctions as tests
from dynamics.stability.continuation.curve import Lost, Segment, Vector
from dynamics.stability.continuation.points import StateProblem
from dynamics.stability.roots import bracketed_root

#: Error of multipliers from which on their test functions say nothing.
UNRESOLVED = 1e-2
#: Halvings of a segment in which only a count changes: below the rounding of its share.
HALVINGS = 48


@dataclass(frozen=True)
class Mark:
    """A point of a curve at which a test function vanishes.

    Attributes
    ----------
    kind : str
        "fold", "branch-point", "pair" (two eigenvalues sum to zero, two multipliers have the product one), "focus"
        (eigenvalues meet on the real axis) or "flip" (a multiplier -1).
    place : float
        Index of the segment plus the share of it.
    problem : StateProblem
    z, tangent : ndarray
    dropped : int
        Number of factors that vanish all along the branch.
    through : float
        Last place of a stretch along which the function vanishes; -1 for a single point.
    along : (float, float) or None
        Values of the parameter at both ends of the stretch.
    end : bool
        Whether it was found at an end of the branch, so that no change of sign is seen.
    """

    kind: str
    place: float
    problem: StateProblem
    z: Vector
    tangent: Vector
    dropped: int = 0
    through: float = -1.0
    along: tuple[float, float] | None = None
    end: bool = False


def detect(segments: Sequence[Segment], singular_start: bool = False) -> list[Mark]:
    """Return everything that happens along a curve, in its order.

    Parameters
    ----------
    segments : sequence of Segment
    singular_start : bool
        The first point is a branch point from which the curve was started: it is not found again.
    """
    if not segments:
        return []
    problem = _problem(segments[0])
    marks = _folds(segments, singular_start) + _branch_points(segments, singular_start)
    turned = {int(mark.place) for mark in marks}
    spectra = [_values(segments[0], segments[0].start), *(_values(s, s.end) for s in segments)]
    if problem.multipliers:
        marks += _critical(segments, spectra, "flip", tests.flips) + _critical(
            segments, spectra, "pair", tests.products
        )
    else:
        pairs = _critical(segments, spectra, "pair", tests.sums)
        turned |= {int(mark.place) for mark in pairs}
        marks += pairs + _together(segments, spectra, turned) + _foci(segments, spectra)
    return sorted(marks, key=lambda mark: mark.place)


def _problem(segment: Segment) -> StateProblem:
    assert isinstance(segment.problem, StateProblem)
    return segment.problem


def _values(segment: Segment, z: Vector) -> tests.Values:
    return _problem(segment).eigenvalues(z)


def _mark(kind: str, index: int, segment: Segment, function: Callable[[Vector, Vector], float]) -> list[Mark]:
    """Return the mark of a sign change inside a segment, none where the function changes sign through infinity.

    Next to a branch point Newton's method fails: where it does on the way to the root, the root is near. Elsewhere it
    fails at poles, which maps of implicit methods have.
    """
    largest = max(abs(function(*segment.at(share))) for share in (0.0, 1.0))

    def value(share: float) -> float:
        try:
            found = function(*segment.at(share))
        except Lost:
            return 0.0 if kind == "branch-point" else float("nan")
        # below the rounding of the values themselves signs are noise
        return 0.0 if abs(found) <= np.finfo(float).eps * largest else found

    share = bracketed_root(value, 0.0, 1.0)
    if not abs(value(share)) < largest:
        return []
    try:
        z, t = segment.at(share)
    except Lost:
        z, t = segment.start + share * (segment.end - segment.start), segment.start_tangent
    if not np.isfinite(segment.problem.evaluate(z)[1]).all():
        return []
    if kind == "branch-point":
        # where branches cross the null space has several directions: the branch's own is that of its neighbours
        t = (1 - share) * segment.start_tangent + share * segment.end_tangent
        t = t / np.linalg.norm(t)
    return [Mark(kind, index + share, _problem(segment), z, t)]


def _folds(segments: Sequence[Segment], singular_start: bool) -> list[Mark]:
    marks = []
    for i, segment in enumerate(segments):
        if i == 0 and singular_start:
            continue
        before = tests.turning(segment.start, segment.start_tangent)
        after = tests.turning(segment.end, segment.end_tangent)
        if before * after < 0:
            marks += _mark("fold", i, segment, tests.turning)
        elif before != 0 and after == 0 and i + 1 < len(segments):
            beyond = tests.turning(segments[i + 1].end, segments[i + 1].end_tangent)
            if before * beyond < 0:
                marks.append(Mark("fold", i + 1.0, _problem(segment), segment.end, segment.end_tangent))
    return marks


def _branch_points(segments: Sequence[Segment], singular_start: bool) -> list[Mark]:
    marks = []
    # signs compare within a segment only: another mesh or phase condition may change them
    previous = 0.0
    for i, segment in enumerate(segments):
        problem = segment.problem
        before, reference = tests.determinant(problem, segment.start, segment.start_tangent)
        after = tests.determinant(problem, segment.end, segment.end_tangent)[0]
        if i == 0 and singular_start:
            previous = after
            continue
        if before == 0.0:
            # met exactly: compare with the sign before it
            if previous * after < 0 and i > 0:
                marks.append(Mark("branch-point", float(i), _problem(segment), segment.start, segment.start_tangent))
        elif before * after < 0:

            def value(z: Vector, t: Vector, problem=problem, reference=reference) -> float:
                return tests.determinant(problem, z, t, reference)[0]

            marks += _mark("branch-point", i, segment, value)
        previous = after if after != 0.0 else before if before != 0.0 else previous
    return marks


def _critical(
    segments: Sequence[Segment], spectra: Sequence[tests.Values], kind: str, factors: tests.Factors
) -> list[Mark]:
    """Return where factors of eigenvalues or multipliers vanish: at a point, or along a stretch of the branch."""
    listed = [factors(values) for values in spectra]
    if listed[0].size == 0:
        return []
    nodes = [(segments[0], segments[0].start), *((segment, segment.end) for segment in segments)]
    blurred = np.array([_problem(segment).resolution(z) > UNRESOLVED for segment, z in nodes])
    zeros = np.array([tests.vanishing(entries) for entries in listed])
    dropped = int(zeros.min())
    marks = []
    if dropped:
        # a neutral pair may be complex on a part of the branch only, and real (a saddle's) on the rest
        turning = np.array([tests.complex_count(values) > 0 for values in spectra])
        for first, last in tests.runs(turning):
            if last > first:
                marks.append(_stretch(kind, segments, first, last, dropped - 1))
    signs = np.array(
        [0 if count > dropped else np.sign(tests.signed(f, dropped)) for f, count in zip(listed, zeros, strict=True)],
        dtype=int,
    )
    signs[blurred] = 0
    for first, last in tests.runs((signs == 0) & ~blurred):
        if last > first:
            marks.append(_stretch(kind, segments, first, last, dropped))
        elif first in (0, len(spectra) - 1):
            marks.append(_at_node(kind, segments, first, dropped, end=True))
    for a, b in tests.sign_changes(signs):
        if b == a + 1:
            marks += _crossing(kind, a, segments[a], factors, dropped)
        elif b == a + 2 and not blurred[a + 1]:
            marks.append(_at_node(kind, segments, a + 1, dropped))
    return marks


def _together(segments: Sequence[Segment], spectra: Sequence[tests.Values], known: set[int]) -> list[Mark]:
    """Return where several pairs cross the imaginary axis at once, an even number of changes of sign.

    Parameters
    ----------
    segments, spectra
    known : set of int
        Segments in which something was found that explains a change of stability.
    """
    counts = [tests.unstable_count(values) for values in spectra]
    marks = []
    for i, segment in enumerate(segments):
        if abs(counts[i] - counts[i + 1]) >= 4 and not {i, i + 1} & known:
            marks.append(_halved("pair", i, segment, tests.unstable_count))
    return marks


def _crossing(kind: str, index: int, segment: Segment, factors: tests.Factors, dropped: int) -> list[Mark]:
    def value(z: Vector, t: Vector) -> float:
        return tests.signed(factors(_values(segment, z)), dropped)

    return [replace(mark, dropped=dropped) for mark in _mark(kind, index, segment, value)]


def _at_node(kind: str, segments: Sequence[Segment], node: int, dropped: int, end: bool = False) -> Mark:
    """Return the mark of a point of the curve itself."""
    segment = segments[max(node - 1, 0)]
    z, t = (segment.end, segment.end_tangent) if node else (segment.start, segment.start_tangent)
    return Mark(kind, float(node), _problem(segment), z, t, dropped, end=end)


def _stretch(kind: str, segments: Sequence[Segment], first: int, last: int, dropped: int) -> Mark:
    begin, end = (_at_node(kind, segments, node, dropped) for node in (first, last))
    along = begin.problem.parameter(begin.z), end.problem.parameter(end.z)
    return replace(begin, through=float(last), along=along)


def _foci(segments: Sequence[Segment], spectra: Sequence[tests.Values]) -> list[Mark]:
    """Return where two eigenvalues meet on the real axis and become a complex pair, or the other way."""
    counts = [tests.complex_count(values) for values in spectra]
    listed = [tests.squared_differences(values) for values in spectra]
    zeros = [tests.vanishing(entries) for entries in listed]
    dropped = min(zeros)
    marks = []
    for node in (0, len(spectra) - 1):
        # a double eigenvalue exactly where the branch ends
        if zeros[node] > dropped:
            marks.append(_at_node("focus", segments, node, dropped, end=True))
    ends = {int(mark.place) for mark in marks}
    for i, segment in enumerate(segments):
        if counts[i] == counts[i + 1] or {i, i + 1} & ends:
            continue

        def value(z: Vector, t: Vector, segment=segment) -> float:
            return tests.signed(tests.squared_differences(_values(segment, z)), dropped)

        before, after = (tests.signed(listed[k], dropped) for k in (i, i + 1))
        if before * after < 0:
            found = _mark("focus", i, segment, value)
        elif min(abs(before), abs(after)) <= tests.ZERO:
            found = [_at_node("focus", segments, i if abs(before) < abs(after) else i + 1, dropped)]
        else:
            found = [_halved("focus", i, segment, tests.complex_count)]
        marks += [
            replace(mark, dropped=dropped)
            for mark in found
            if all(abs(mark.place - other.place) > 1e-6 for other in marks)
        ]
    return marks


def _halved(kind: str, index: int, segment: Segment, count: Callable[[tests.Values], int]) -> Mark:
    """Return where a count changes inside a segment, by halving: several pairs at once have no change of sign.

    A count with the threshold ``REAL`` changes at a distance ``REAL^2`` from the collision, which is rounding.
    """
    low, high = 0.0, 1.0
    first = count(_values(segment, segment.start))
    z, t = segment.end, segment.end_tangent
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        try:
            z, t = segment.at(middle)
        except Lost:
            break
        if count(_values(segment, z)) == first:
            low = middle
        else:
            high = middle
    return Mark(kind, index + 0.5 * (low + high), _problem(segment), z, t)
