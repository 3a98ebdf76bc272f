"""All branches of one continuation: which are known, what crosses them, and what is still to follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.stability.continuation import cycle_events, equilibrium_events, map_events
from dynamics.stability.continuation import testfunctions as tests
from dynamics.stability.continuation.branching import Junction, junction
from dynamics.stability.continuation.curve import Lost, Segment, Steps, Vector, both_ways, walk
from dynamics.stability.continuation.detection import Mark, detect
from dynamics.stability.continuation.orbits import Cycles
from dynamics.stability.continuation.points import Equilibria, StateProblem
from dynamics.stability.continuation.result import Branch, BranchEvent
from dynamics.stability.newton import EDGE
from dynamics.stability.normalform import fold_form

#: Scaled distance within which two branch points, or a point and a branch, are the same.
SAME = 1e-5
#: Parameter component of a tangent that stands at right angles to the parameter.
UPRIGHT = 1e-4
#: A fold this close to a branch point is the turning of the branch that is born there.
APART = 1e-4
#: Shares of the way to the neighbouring points at which a square root is sampled.
BESIDE = (0.01, 0.05, 0.2, 0.5)
#: What there may be a continuum of, by the kind of branch.
PLURALS = {"equilibrium": "equilibria", "fixed-point": "fixed points", "cycle": "cycles"}
#: Branches followed at most; more are a sign of a search gone astray.
MAX_BRANCHES = 60


@dataclass(frozen=True)
class Curve:
    """A branch in the unknowns of its problem, with its events by place."""

    segments: tuple[Segment, ...]
    events: tuple[tuple[Mark, BranchEvent], ...]
    ended: tuple[str, str]

    @property
    def problem(self) -> StateProblem:
        """The problem of the first point."""
        return _state_problem(self.segments[0])


def _state_problem(segment: Segment) -> StateProblem:
    assert isinstance(segment.problem, StateProblem)
    return segment.problem


@dataclass
class Atlas:
    """Branches found so far.

    Attributes
    ----------
    steps : Steps
    curves : list of Curve
    junctions : list of (StateProblem, Junction)
        Branch points whose crossing branches have been followed or given up.
    notes : list of str
    """

    steps: Steps
    curves: list[Curve] = field(default_factory=list)
    junctions: list[tuple[StateProblem, Junction]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: int = 0
    exhausted: int = 0
    progress: Callable[[str], None] | None = None

    @property
    def status(self) -> Status:
        """Worst outcome of the branches."""
        if self.failures:
            return Status.STEP_UNDERFLOW
        return Status.BUDGET_EXHAUSTED if self.exhausted else Status.FINISHED

    def note(self, text: str) -> None:
        """Keep a sentence, once."""
        if text not in self.notes:
            self.notes.append(text)

    def covers(self, problem: StateProblem, z: Vector, reach: float = SAME) -> bool:
        """Return whether a known branch of the same kind passes a point."""
        for curve in self.curves:
            if curve.problem.kind != problem.kind or curve.problem.size != problem.size:
                continue
            if any(_passes(segment, z, reach) for segment in curve.segments):
                return True
        return False

    def follow(self, problem: StateProblem, z: Vector) -> Curve | None:
        """Follow the branch through a solution in both directions, then every branch that crosses it."""
        segments, ended = both_ways(problem, z, self.steps)
        return self.add(segments, detect(segments), ended) if segments else None

    def add(self, segments: tuple[Segment, ...], marks: list[Mark], ended: tuple[str, str]) -> Curve:
        """Add a branch with what was detected on it, and follow every branch that crosses it."""
        events: list[tuple[Mark, BranchEvent]] = []
        pending: list[tuple[StateProblem, Junction]] = []
        crossings = [mark.z for mark in marks if mark.kind == "branch-point"]
        for mark in marks:
            # the branch born at a pitchfork turns back there, which is no fold
            if mark.kind == "fold" and any(
                np.linalg.norm(mark.z - z) <= APART for z in crossings if len(z) == len(mark.z)
            ):
                continue
            if mark.kind == "branch-point":
                found = self._known(mark) or junction(mark.problem, mark.z, mark.tangent)
                mark = replace(mark, z=found.z, tangent=found.tangent)
                if self._continuum(mark.problem, found):
                    found = replace(found, other=None, reason=f"the other branch is a continuum of {_plural(mark)}")
                events.append((mark, crossing(mark, found)))
                pending.append((mark.problem, found))
            elif (event := classify(mark)) is not None:
                events.append((mark, event))
        curve = Curve(segments, tuple(events), self._reasons(segments, ended))
        self.curves.append(curve)
        if self.progress is not None:
            self.progress(curve.problem.kind)
        for problem, found in pending:
            self._switch(problem, found)
        return curve

    def _reasons(self, segments: tuple[Segment, ...], ended: tuple[str, str]) -> tuple[str, str]:
        """Return why a branch ends on both sides, in words with the parameter where they need one."""
        words = []
        for segment, z, why in zip(
            (segments[0], segments[-1]), (segments[0].start, segments[-1].end), ended, strict=True
        ):
            problem = _state_problem(segment)
            place = f"{problem.family.parameter} = {problem.parameter(z):.10g}"
            if why == "newton":
                self.failures += 1
                words.append(f"newton failed at {place}")
            elif why == "budget":
                self.exhausted += 1
                words.append(f"budget: {self.steps.max_points} points reached at {place}")
            elif why == "continuum":
                plural = PLURALS[problem.kind]
                self.note(f"A branch runs into a continuum of {plural} at {place} and was not followed there.")
                words.append(f"continuum: {plural} are not isolated from {place} on")
            else:
                words.append(why)
        return words[0], words[1]

    def _known(self, mark: Mark) -> Junction | None:
        """Return a branch point that is on record, seen from the branch of the mark; None if it is not."""
        for _, known in self.junctions:
            if known.other is None or len(known.z) != len(mark.z) or np.linalg.norm(known.z - mark.z) > SAME:
                continue
            ways = sorted((known.tangent, known.other), key=lambda way: abs(float(way @ mark.tangent)))
            return replace(known, tangent=ways[1], other=ways[0])
        return None

    def _switch(self, problem: StateProblem, found: Junction) -> None:
        """Follow the branch that crosses at a branch point, both ways, unless it is known."""
        if found.other is None:
            return
        if len(self.curves) >= MAX_BRANCHES:
            self.note(f"There are more than {MAX_BRANCHES} branches: not all that cross these were followed.")
            return
        for _, known in self.junctions:
            if len(known.z) == len(found.z) and np.linalg.norm(known.z - found.z) <= SAME:
                return
        self.junctions.append((problem, found))
        if self._parallel(problem, found):
            return
        ways = [walk(problem, found.z, sign * found.other, self.steps) for sign in (-1.0, 1.0)]
        if not any(way.segments for way in ways):
            self.note(
                f"The branch that crosses at {problem.family.parameter} = {problem.parameter(found.z):.8g} "
                "could not be followed: Newton's method failed on its first step."
            )
            return
        back = tuple(segment.reversed() for segment in reversed(ways[0].segments))
        marks = [_flipped(mark, len(back)) for mark in detect(ways[0].segments, singular_start=True)]
        here = Mark("branch-point", float(len(back)), problem, found.z, found.other)
        onward = [replace(m, place=m.place + len(back)) for m in detect(ways[1].segments, singular_start=True)]
        ended = ways[0].ended if back else "event: branch-point", ways[1].ended
        self.add(back + ways[1].segments, [*reversed(marks), here, *onward], ended)

    def _parallel(self, problem: StateProblem, found: Junction) -> bool:
        """Return whether a known branch passes the branch point in the direction of the other branch."""
        assert found.other is not None
        for curve in self.curves:
            for segment in curve.segments:
                if len(segment.start) != len(found.z) or not _passes(segment, found.z, SAME):
                    continue
                chord = segment.end - segment.start
                if abs(float(chord @ found.other)) > 0.9 * float(np.linalg.norm(chord)):
                    return True
        return False

    def _continuum(self, problem: StateProblem, found: Junction) -> bool:
        """Return whether the crossing branch is a continuum at one value of the parameter, and note it.

        Cycles of a degenerate Hopf point form one too, which is drawn.
        """
        if problem.kind == "cycle" or found.other is None or not found.vertical:
            return False
        few = replace(self.steps, max_points=3)
        ends = [s.end for sign in (-1.0, 1.0) for s in walk(problem, found.z, sign * found.other, few).segments]
        if not ends or any(abs(z[-1] - found.z[-1]) > 1e-9 for z in ends):
            return False
        listed = zip(problem.names, found.other[: len(problem.names)], strict=True)
        direction = ", ".join(f"{name} {value:+.3g}" for name, value in listed)
        place = f"{problem.family.parameter} = {problem.parameter(found.z):.10g}"
        self.note(
            f"At {place} {PLURALS[problem.kind]} are not isolated "
            f"(direction {direction}, in box widths): the continuum was not followed."
        )
        return True


def _plural(mark: Mark) -> str:
    return PLURALS[mark.problem.kind]


def crossing(mark: Mark, found: Junction) -> BranchEvent:
    """Return the event of a branch point.

    At a pitchfork of equilibria the law on the centre manifold is ``du/dt = b (p - p_0) u + a3 u^3``: supercritical,
    with attracting branches in the direction of ``u``, where a3 is negative.
    """
    problem, name = mark.problem, mark.problem.family.parameter
    at, p = problem.at(found.z), problem.parameter(found.z)
    text = "the bordered determinant changes sign"
    if found.other is None:
        return BranchEvent("branch-point", p, at, {"type": "degenerate"}, f"{text}; not followed: {found.reason}")
    upright = abs(float(found.tangent[-1])) <= UPRIGHT
    if not upright and not found.vertical:
        text = f"{text}; another branch crosses with a slope in {name}"
        return BranchEvent("branch-point", p, at, {"type": "transcritical"}, text)
    detail: dict[str, Any] = {"type": "pitchfork"}
    text += "; this branch is born here, symmetric to both sides" if upright else "; a symmetric pair is born here"
    if isinstance(problem, Equilibria):
        form = fold_form(problem.field(found.z), problem.point(found.z))
        if form is None:
            text += "; a second eigenvalue is zero (a Bogdanov-Takens point): no pitchfork normal form"
        elif abs(form.a3) > form.tolerance3:
            detail |= {"a3": form.a3, "criticality": "supercritical" if form.a3 < 0 else "subcritical"}
            text += f"; cubic coefficient a3 = {form.a3:.8g}: {detail['criticality']}"
    return BranchEvent("branch-point", p, at, detail, text)


def _passes(segment: Segment, z: Vector, reach: float) -> bool:
    """Return whether a segment passes a point."""
    if len(segment.start) != len(z):
        return False
    chord = segment.end - segment.start
    length = float(np.linalg.norm(chord))
    share = float((z - segment.start) @ chord) / length**2
    if not -0.05 <= share <= 1.05:
        return False
    if np.linalg.norm(segment.start + share * chord - z) > 0.2 * length + reach:
        return False
    try:
        near = segment.at(min(max(share, 0.0), 1.0))[0]
    except Lost:
        return False
    return float(np.linalg.norm(near - z)) <= reach


def _flipped(mark: Mark, count: int) -> Mark:
    """Return a mark of a half that was walked backwards, in the places and the direction of the whole branch."""
    place = count - (mark.through if mark.along else mark.place)
    through = count - mark.place if mark.along else -1.0
    return replace(mark, place=place, through=through, tangent=-mark.tangent)


def classify(mark: Mark) -> BranchEvent | None:
    """Return the event of a mark by the kind of its branch; None where it means nothing."""
    if isinstance(mark.problem, Equilibria):
        return equilibrium_events.classify(mark)
    return (cycle_events if isinstance(mark.problem, Cycles) else map_events).classify(mark)


def branch(curve: Curve) -> Branch:
    """Return a curve as a branch: points of the walk and events in one sequence, with what decides about stability."""
    nodes: list[tuple[float, StateProblem, Vector]] = []
    for i, segment in enumerate(curve.segments):
        nodes.append((float(i), _state_problem(segment), segment.start))
    last = curve.segments[-1]
    nodes.append((float(len(curve.segments)), _state_problem(last), last.end))
    places = {node[0] for node in nodes}
    nodes += [(mark.place, mark.problem, mark.z) for mark, _ in curve.events if mark.place not in places]
    # a step beyond the range whose landing failed, at a branch point on the end, ends at what was found on it
    nodes = [node for node in nodes if -EDGE <= node[2][-1] <= 1.0 + EDGE]
    nodes += _around(curve)
    nodes.sort(key=lambda node: node[0])
    problem = curve.problem
    eigenvalues = np.array([p.eigenvalues(z) for _, p, z in nodes])
    extents = [p.extent(z) for _, p, z in nodes]
    orbits = [p.orbits(z) for _, p, z in nodes]
    periods = [p.period(z) for _, p, z in nodes]
    return Branch(
        kind=problem.kind,
        names=problem.names,
        parameter_name=problem.family.parameter,
        parameter=np.array([p.parameter(z) for _, p, z in nodes]),
        points=np.array([p.point(z) for _, p, z in nodes]) + 0.0,
        eigenvalues=eigenvalues,
        stability=stability(eigenvalues, problem.multipliers, problem.accuracy),
        period=None if periods[0] is None else np.array(periods, dtype=float),
        orbits=None if orbits[0] is None else np.array(orbits, dtype=float),
        ranges=None if extents[0] is None else np.array(extents, dtype=float),
        events=tuple(event for _, event in curve.events),
        ended=curve.ended,
    )


def _around(curve: Curve) -> list[tuple[float, StateProblem, Vector]]:
    """Return further points next to changes between node and focus, where eigenvalues part like a square root."""
    found = []
    for mark, event in curve.events:
        index = int(mark.place)
        share = mark.place - index
        if event.kind != "node-focus" or not 0.0 < share < 1.0:
            continue
        segment = curve.segments[index]
        for part in BESIDE:
            for place in (share * (1 - part), share + (1 - share) * part):
                try:
                    found.append((index + place, _state_problem(segment), segment.at(place)[0]))
                except Lost:
                    continue
    return found


def stability(eigenvalues: NDArray[np.complex128], multipliers: bool, accuracy: float) -> NDArray[np.int8]:
    """Return 1 where the linearisation attracts, -1 where it repels, 0 where it does not decide, shape (n,)."""
    if eigenvalues.shape[1] == 0:
        # a cycle of the line has no multiplier besides the trivial one; no flow has such a cycle
        return np.zeros(len(eigenvalues), dtype=np.int8)
    if multipliers:
        excess = np.abs(eigenvalues).max(axis=1) - 1
        return np.where(np.abs(excess) <= accuracy, 0, -np.sign(excess)).astype(np.int8)
    excess = np.real(eigenvalues).max(axis=1)
    scale = max(tests.size(row) for row in eigenvalues)
    return np.where(np.abs(excess) <= accuracy * scale, 0, -np.sign(excess)).astype(np.int8)
