"""From events to the branches of cycles that are born there, and where these die again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynamics.flow.pieces import nonsmooth
from dynamics.stability.continuation.atlas import Atlas
from dynamics.stability.continuation.births import from_doubling, from_hopf, from_orbit
from dynamics.stability.continuation.curve import Segment, Vector, correct, tangent, walk
from dynamics.stability.continuation.detection import Mark, detect
from dynamics.stability.continuation.families import Family
from dynamics.stability.continuation.orbits import Cycles
from dynamics.stability.continuation.points import Equilibria, PeriodicPoints, PointProblem

#: Distance, in box widths and ranges, within which a shrinking cycle and a Hopf point belong together.
NEAR = 0.05
#: Shares of the range at which cycles are searched: near its ends, where it often begins in a special case, not there;
#: and in between, for those that live on a part of it. Every second one where a search takes long.
SEARCHED = (0.118, 0.309, 0.526, 0.724, 0.894)
#: Difference in extent (in box widths) and period up to which cycles are the same: samples of ranges leave 1e-5.
ALIKE = 1e-3
#: Growth of the period, and share of the range within which it would double, from which on a branch that is lost is one
#: whose period grows without bound.
GROWN, STEEP = 2.0, 0.1
#: Cycles of more coordinates would take systems of thousands of unknowns.
MAX_COORDINATES = 20


@dataclass
class Growth:
    """What is born at the events of an atlas.

    Attributes
    ----------
    atlas : Atlas
    used : list of Mark
        Hopf points and period doublings whose branch of cycles is known.
    max_period : int
        Longest cycles that are followed from their birth by period doubling: iterations of a map, laps of a flow.
    """

    atlas: Atlas
    max_period: int = 4
    used: list[Mark] = field(default_factory=list)

    def run(self) -> None:
        """Follow the cycles born at every Hopf point and every period doubling, and those born on them in turn."""
        done = 0
        while done < len(self.atlas.curves):
            curve = self.atlas.curves[done]
            done += 1
            for mark, event in curve.events:
                if event.kind == "hopf" and "l1" in event.detail and isinstance(mark.problem, Equilibria):
                    self._hopf(mark)
                elif event.kind == "period-doubling":
                    self._doubling(mark)

    def places(self, kind: str) -> list[Mark]:
        """Return the marks of all events of a kind."""
        return [mark for curve in self.atlas.curves for mark, event in curve.events if event.kind == kind]

    def _hopf(self, mark: Mark) -> None:
        if any(_together(mark, other) for other in self.used):
            return
        self.used.append(mark)
        place = _place(mark)
        if mark.problem.dim > MAX_COORDINATES:
            self.atlas.note(
                f"Cycles of more than {MAX_COORDINATES} coordinates are not followed: those born at {place}."
            )
            return
        born = from_hopf(mark)
        if born is None:
            self.atlas.note(f"The cycles born at the Hopf point {place} were not found: Newton's method failed.")
            return
        first, t = born
        if not 0.0 <= first.end[-1] <= 1.0:
            self.atlas.note(f"The cycles born at the Hopf point {place} lie outside the range.")
            return
        problem, z, t = first.problem.renewed(first.end, t)
        onward = walk(problem, z, t, self.atlas.steps)
        rest, ended = self.trimmed(onward.segments, onward.ended)
        segments = (first, *rest)
        if len(rest) > 2 and all(abs(segment.end[-1] - mark.z[-1]) < 1e-9 for segment in segments):
            self.atlas.note(
                f"The Hopf point {place} is degenerate: there is a continuum of cycles of every size at this value, "
                "which makes a vertical branch."
            )
        self.atlas.add(segments, detect(segments, singular_start=True), ("event: hopf", ended))

    def _doubling(self, mark: Mark) -> None:
        problem = mark.problem
        assert isinstance(problem, PeriodicPoints | Cycles)
        laps = problem.copies if isinstance(problem, PeriodicPoints) else problem.laps
        if 2 * laps > self.max_period or any(_together(mark, other) for other in self.used):
            return
        self.used.append(mark)
        doubled, z, direction = from_doubling(mark)
        if isinstance(doubled, PeriodicPoints):
            turned = np.concatenate([np.roll(z[:-1], problem.size), z[-1:]])
            if any(self.atlas.covers(doubled, other) for other in (z, turned)):
                return
        onward = walk(doubled, z, direction, self.atlas.steps)
        segments, ended = self.trimmed(onward.segments, onward.ended)
        born = f"of period {doubled.period(z):.6g} born at {_place(mark)}"
        if not segments:
            self.atlas.note(f"The cycle {born} was not found: Newton's method failed.")
            return
        if all(abs(segment.end[-1] - z[-1]) < 1e-9 for segment in segments[:3]):
            self.atlas.note(f"A continuum of cycles {born} fills a line: not followed.")
            return
        marks = detect(segments, singular_start=True)
        self.atlas.add(segments, marks, ("event: period-doubling", ended))

    def search(self, family: Family, problem: PointProblem, box: Mapping[str, tuple[float, float]], seed: int) -> None:
        """Search cycles at values inside the range and follow those that no branch passes yet."""
        smooth = not nonsmooth(family.field(family.low))
        # orbits of a map across kinks and bounds have no derivatives there
        if problem.dim > MAX_COORDINATES or (family.method is not None and not smooth):
            return
        quick = family.method is not None or (smooth and problem.dim == 2)
        look = self._cycles_of_flow if family.method is None else self._cycles_of_map
        continua = []
        for share in SEARCHED if quick else SEARCHED[::2]:
            p = family.low + share * (family.high - family.low)
            if look(problem, p, box, seed):
                continua.append(p)
        if continua:
            listed = ", ".join(f"{p:.6g}" for p in continua)
            self.atlas.note(
                f"Cycles are not isolated at {family.parameter} = {listed} (a centre): a continuum of them forms no "
                "single branch and was not followed."
            )

    def _cycles_of_flow(
        self, problem: PointProblem, p: float, box: Mapping[str, tuple[float, float]], seed: int
    ) -> bool:
        """Follow the cycles of the flow at a value of the parameter; return whether there are continua of them."""
        from dynamics.stability.cycles import find_cycles

        family, names, sides = problem.family, problem.names, problem.sides
        found = find_cycles(family.field(p), box, seed=seed)
        for cycle in found.cycles:
            if self._knows(problem, p, np.array([cycle.range[name] for name in names]), cycle.period):
                continue
            started = from_orbit(family, names, sides, cycle.times, cycle.states, cycle.period, p)
            if started is None:
                self._lost(problem, p, cycle.period)
            else:
                self.follow(*started)
        return bool(found.families)

    def _cycles_of_map(
        self, problem: PointProblem, p: float, box: Mapping[str, tuple[float, float]], seed: int
    ) -> bool:
        """Follow the cycles of the map at a value of the parameter; return whether there are continua of them."""
        from dynamics.stability.cycles import find_map_cycles
        from dynamics.stability.cycles.maps import MAX_EQUATIONS

        family, continua = problem.family, False
        assert family.method is not None
        for period in range(2, min(self.max_period, MAX_EQUATIONS // problem.state) + 1):
            longer = PeriodicPoints(family, problem.names, problem.sides, period, problem.state)
            found = find_map_cycles(family.field(p), family.method(p), period, box, seed=seed)
            continua = continua or bool(found.families)
            row = np.append(np.zeros(longer.size), 1.0)
            for cycle in found.cycles:
                z = correct(longer, longer.unknowns(np.concatenate([cycle.points, cycle.memory], axis=1), p), row)
                if z is None:
                    self._lost(problem, p, period)
                    continue
                turns = [np.append(np.roll(z[:-1], k * problem.state), z[-1]) for k in range(period)]
                # orbits that leave the box belong to no branch in it
                if longer.margin(z) >= 0 and not any(self.atlas.covers(longer, turned) for turned in turns):
                    self.follow(longer, z)
        return continua

    def _lost(self, problem: PointProblem, p: float, period: float) -> None:
        self.atlas.note(
            f"A cycle of period {period:.6g} at {problem.family.parameter} = {p:.6g} was not followed: Newton's method "
            "failed."
        )

    def _knows(self, problem: PointProblem, p: float, extent: NDArray[np.float64], period: float) -> bool:
        """Return whether a branch of cycles passes one at a value of the parameter."""
        share = problem.share(p)
        for curve in self.atlas.curves:
            for segment in curve.segments:
                known = segment.problem
                if not isinstance(known, Cycles) or (segment.start[-1] - share) * (segment.end[-1] - share) > 0:
                    continue
                way = segment.end[-1] - segment.start[-1]
                part = (share - segment.start[-1]) / way if way != 0 else 0.0
                guess = segment.start + part * (segment.end - segment.start)
                guess[-1] = share
                row = np.zeros(len(guess))
                row[-1] = 1.0
                z = correct(known, guess, row)
                if z is None:
                    continue
                gap = np.abs(known.extent(z) - extent).max(axis=1) / problem.width
                if gap.max() < ALIKE and abs(known.orbit(z)[1] / period - 1) < ALIKE:
                    return True
        return False

    def follow(self, problem: Cycles | PeriodicPoints, z: Vector) -> None:
        """Follow the branch of a cycle in both directions, and what is born on it."""
        guide = np.zeros(problem.size + 1)
        guide[-1] = 1.0
        direction = tangent(problem.evaluate(z)[1], guide)
        onward = walk(problem, z, direction, self.atlas.steps)
        forward, last = self.trimmed(onward.segments, onward.ended)
        back, first = (), "closed"
        if last != "closed":
            behind = walk(problem, z, -direction, self.atlas.steps)
            back, first = self.trimmed(behind.segments, behind.ended)
        segments = tuple(segment.reversed() for segment in reversed(back)) + forward
        if segments:
            self.atlas.add(segments, detect(segments), (first, last))
            self.run()

    def trimmed(self, segments: tuple[Segment, ...], ended: str) -> tuple[tuple[Segment, ...], str]:
        """Return the segments of a branch of cycles up to the Hopf point it shrinks to, and why it ends."""
        if ended == "period":
            problem = segments[-1].problem
            assert isinstance(problem, Cycles)
            period = problem.period(segments[-1].end)
            return segments, f"period: it grows without bound ({period:.6g} here), towards a connection of saddles"
        if ended in ("newton", "budget") and segments and (words := _steep(segments[-1])):
            return segments, words
        if ended == "doubling":
            return segments[:-1], self._halved(segments[-1])
        if ended != "hopf":
            return segments, ended
        last = segments[-1]
        problem = last.problem
        assert isinstance(problem, Cycles)
        centre = problem.orbit(last.start)[0].mean(axis=0)
        nearest = min(self.places("hopf"), key=lambda mark: _gap(mark, centre, last.start[-1]), default=None)
        # the last step may have gone through the point, onto the same cycles half a period later
        kept = segments[:-1]
        if nearest is None or _gap(nearest, centre, last.start[-1]) > NEAR:
            return kept, f"event: hopf near {problem.family.parameter} = {problem.parameter(last.start):.6g}"
        self.used.append(nearest)
        points = np.broadcast_to(nearest.problem.point(nearest.z), (problem.count, problem.dim))
        end = problem.unknowns(points, problem.orbit(last.start)[1], nearest.problem.parameter(nearest.z))
        chord = (end - last.start) / np.linalg.norm(end - last.start)
        return (*kept, Segment(problem, last.start, last.start_tangent, end, chord)), "event: hopf"

    def _halved(self, last: Segment) -> str:
        """Return why a branch ends whose last step led through a period doubling, which is done with."""
        problem = last.problem
        assert isinstance(problem, PeriodicPoints | Cycles)
        half, share = (problem.period(last.start) or 2.0) / 2, last.start[-1]

        def gap(mark: Mark) -> float:
            return max(abs(mark.z[-1] - share), abs((mark.problem.period(mark.z) or 1.0) / half - 1))

        nearest = min(self.places("period-doubling"), key=gap, default=None)
        if nearest is None or gap(nearest) > NEAR:
            return f"event: period-doubling near {problem.family.parameter} = {problem.parameter(last.start):.6g}"
        self.used.append(nearest)
        return "event: period-doubling"


def _steep(last: Segment) -> str:
    """Return why a lost branch of cycles ends where its period grows too steeply to be followed; empty elsewhere.

    Towards an orbit of infinite period the cycle comes near a surface or a saddle to within ``exp(-c T)``, which no
    orbit resolves; the growth ``T / (dT/dp)`` measures the distance to the end.
    """
    problem = last.problem
    if not isinstance(problem, Cycles):
        return ""
    before, after = (problem.orbit(z)[1] for z in (last.start, last.end))
    way = abs(float(last.end[-1] - last.start[-1]))
    if after < GROWN * problem.shortest or way * after > STEEP * (after - before):
        return ""
    family, p = problem.family, problem.parameter(last.end)
    within = way * after / (after - before) * (family.high - family.low)
    return (
        f"period: it grows without bound as far as it was followed ({after:.6g} at {family.parameter} = {p:.8g}, twice "
        f"that within {within:.2g}), towards an orbit of infinite period"
    )


def _place(mark: Mark) -> str:
    return f"{mark.problem.family.parameter} = {mark.problem.parameter(mark.z):.8g}"


def _gap(mark: Mark, centre: NDArray[np.float64], share: float) -> float:
    problem = mark.problem
    assert isinstance(problem, Equilibria)
    return float(max(np.abs((problem.point(mark.z) - centre) / problem.width).max(), abs(mark.z[-1] - share)))


def _together(mark: Mark, other: Mark) -> bool:
    return len(mark.z) == len(other.z) and float(np.linalg.norm(mark.z - other.z)) < 1e-6
