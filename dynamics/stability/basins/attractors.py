"""Attractors found before any basin is drawn, each verified: nearby starts come back.

Equilibria are candidates, and so is whatever a sample of starts ends up on: cycles, closed curves, periodic points of
maps, fixed points that a method adds. A candidate is an attractor when starts all around it, displaced by a radius, end
up within a quarter of it. That a slow start is near a saddle, or that an orbit of a centre closes, makes neither one.
Where the field jumps, orbits come to rest on a surface at a zero of one of its sides: it attracts what comes from that
side, and needs no further proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.random import Stream, normals
from dynamics.stability.basins.motion import Balls, Motion
from dynamics.stability.equilibria import find_equilibria

#: Radii tried around a candidate, largest first, in units of half the box.
RADII = (0.1, 0.03, 0.01, 0.003, 0.001)
#: Share of the radius within which displaced starts must arrive, and the number of these starts.
RETURN = 0.25
AROUND = 48
#: How long they may take, in units of the span; an equilibrium that attracts like 1/sqrt(t) takes its time.
PATIENCE = (4, 16, 64)
#: States that describe a candidate orbit, and their lattice in units of the radius of its tube.
SAMPLES = 8192
LATTICE = 0.25
#: Points of rest on surfaces that are told one by one; more of them are a line.
MOST_RESTS = 8


@dataclass(frozen=True)
class Attractor:
    """A set that attracts the motion.

    Attributes
    ----------
    kind : str
        ``equilibrium``, ``continuum`` (of equilibria), ``fixed-point`` (of a method, no equilibrium of the game),
        ``periodic`` (points of a map), ``rest`` (a point of a surface, reached from one side), or ``cycle`` (a closed
        orbit or curve, or any other bounded set).
    points : ndarray, shape (point, dim)
        One state, or states that lie along it.
    radius : float
        Starts this far from it were seen to come back: whatever gets so near belongs to it.
    names : tuple of str
    """

    kind: str
    points: NDArray[np.float64]
    radius: float
    names: tuple[str, ...]

    @property
    def range(self) -> dict[str, tuple[float, float]]:
        """Least and largest value of each coordinate."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return {name: (float(a), float(b)) for name, a, b in zip(self.names, low, high, strict=True)}

    @property
    def label(self) -> str:
        """What it is called in tables and legends."""
        points = {"equilibrium": "equilibrium", "fixed-point": "fixed point of the method", "rest": "rest at"}
        if self.kind in points:
            at = ", ".join(f"{n}={_short(value)}" for n, value in zip(self.names, self.points[0], strict=True))
            return f"{points[self.kind]} {at}"
        extent = ", ".join(f"{name}={_short(low)}:{_short(high)}" for name, (low, high) in self.range.items())
        kinds = {"continuum": "continuum through", "periodic": f"period-{len(self.points)} orbit", "cycle": "cycle"}
        return f"{kinds[self.kind]} {extent}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "kind": self.kind,
            "label": self.label,
            "at": dict(zip(self.names, self.points[0].tolist(), strict=True)),
            "range": {name: list(extent) for name, extent in self.range.items()},
            "radius": self.radius,
        }


def find_attractors(
    motion: Motion, box: dict[str, tuple[float, float]], starts: NDArray[np.float64], bound: float, seed: int
) -> tuple[Attractor, ...]:
    """Return the attractors of a motion that equilibria and a sample of starts lead to.

    Parameters
    ----------
    motion : Motion
    box : mapping of coordinate to (float, float)
        Where equilibria are looked for; it sets the scale of radii.
    starts : ndarray, shape (start, dim)
    bound : float
        Norm beyond which a start counts as diverged.
    seed : int
    """
    half = 0.5 * min(high - low for low, high in box.values())
    zeros = [zero for zero in find_equilibria(motion.game, box, seed=seed).zeros if not zero.one_sided]
    found = []
    for zero in zeros:
        if len(zero.directions):
            members = np.atleast_2d(zero.members) if len(zero.members) else zero.at[None]
            found.append(Attractor("continuum", np.concatenate([zero.at[None], members]), 0.0, motion.game.names))
            continue
        radius = _verified(motion, zero.at[None], half, bound, seed)
        if radius:
            found.append(Attractor("equilibrium", zero.at[None], radius, motion.game.names))
    points = [a for a in found if a.kind == "equilibrium"]
    outcome = motion.run(starts, 4 * motion.span, bound, balls(points, motion.game.dim))
    found += _resting(outcome.last[outcome.rested], half, motion.game.names)
    left = outcome.last[(outcome.captured < 0) & ~outcome.diverged & ~outcome.rested]
    return (*found, *_orbits(motion, left, zeros, half, bound, seed))


def _resting(states: NDArray[np.float64], half: float, names: tuple[str, ...]) -> list[Attractor]:
    """Return the points at which starts have come to rest; none where they are a line of them."""
    found: list[Attractor] = []
    for state in states:
        if not any(near(attractor, state[None])[0] for attractor in found):
            # starts stop within a hundred tolerances of the point itself, much closer than the smallest radius
            found.append(Attractor("rest", state[None], LATTICE * RADII[-1] * half, names))
    return found if len(found) <= MOST_RESTS else []


def balls(attractors: list[Attractor], dim: int) -> Balls:
    """Return the neighbourhoods of attractors that are points."""
    centres = np.array([a.points[0] for a in attractors]).reshape(-1, dim)
    return Balls(centres, np.array([a.radius for a in attractors], dtype=np.float64))


def near(attractor: Attractor, states: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which states lie within the radius of an attractor, shape (start,)."""
    return _distances(states, attractor.points) <= attractor.radius


def _short(value: float) -> str:
    """Return a coordinate with three digits; what is zero to the accuracy of an attractor is zero."""
    return f"{0.0 if abs(value) < 1e-9 else value:.3g}"


def _verified(motion: Motion, points: NDArray[np.float64], half: float, bound: float, seed: int) -> float:
    """Return the largest radius from which displaced starts come back to a set of points, 0.0 if none."""
    direction = normals(seed, np.arange(AROUND), 0, Stream.INITIAL, points.shape[1], substream=7)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    base = points[np.linspace(0, len(points) - 1, AROUND).round().astype(int)]
    left: set[float] = set()
    for patience, share in product(PATIENCE if len(points) == 1 else PATIENCE[:1], RADII):
        # who went off will not come back for being given more time
        if share in left:
            continue
        radius = share * half
        starts = motion.game.project(base + radius * direction)
        target = Balls(points, np.full(1, RETURN * radius)) if len(points) == 1 else Balls.none(points.shape[1])
        outcome = motion.run(starts, patience * motion.span, bound, target)
        distances = _distances(outcome.last, points)
        if (distances <= RETURN * radius * (1 + 1e-9)).all() and not outcome.diverged.any():
            return radius
        if (distances > 2 * radius).any() or outcome.diverged.any():
            left.add(share)
    return 0.0


def _orbits(
    motion: Motion, ends: NDArray[np.float64], zeros: Any, half: float, bound: float, seed: int
) -> list[Attractor]:
    """Return the attractors that the ends of a sample lie on, other than the equilibria."""
    found: list[Attractor] = []
    names = motion.game.names
    rejected = 0
    for end in ends:
        if any(near(attractor, end[None])[0] for attractor in found):
            continue
        # a sample of which eight starts led nowhere has shown what it can
        if rejected >= 8:
            break
        path = _settled(motion, end, half, bound)
        if path is None:
            rejected += 1
            continue
        points, kind = _described(path, half)
        if kind == "fixed-point":
            at_rest = [zero for zero in zeros if np.linalg.norm(zero.at - points[0]) < RADII[-1] * half]
            if at_rest:
                rejected += 1
                continue
        radius = _verified(motion, points, half, bound, seed)
        if radius:
            found.append(Attractor(kind, points, radius, names))
        else:
            rejected += 1
    return found


def _settled(motion: Motion, end: NDArray[np.float64], half: float, bound: float) -> NDArray[np.float64] | None:
    """Return an orbit that its start follows at all later times too, None if it goes on drifting.

    An orbit that spirals slowly, as around a weakly attracting equilibrium, leaves its own beginning behind.
    """
    path, waited = motion.later(end, 0.0, SAMPLES, bound), 0.0
    for patience in PATIENCE[: 2 if motion.memoryless else 3]:
        if path is None:
            return None
        begin, wait = path[-1], patience * motion.span
        if not motion.memoryless:
            # from the start again: a state alone does not say where it goes
            begin, wait = end, wait + waited + SAMPLES
            waited = wait
        ahead = motion.later(begin, wait, SAMPLES, bound)
        if ahead is None:
            return None
        stride = float(np.linalg.norm(np.diff(path, axis=0), axis=1).max())
        # sets whose ranges differ are as far apart at least, and no gap is longer than two strides
        if _moved(path, ahead) > max(2 * stride, LATTICE * RADII[-2] * half):
            path = ahead
            continue
        # a curve is known to the gaps between its points, and points of a map may come back in clusters
        gap = 2 * float(_distances(path, path, 2)[:, 1].max())
        tolerance = max(gap, min(stride, 0.1 * float(np.ptp(ahead, axis=0).max())), LATTICE * RADII[-2] * half)
        if max(_distances(path, ahead).max(), _distances(ahead, path).max()) <= tolerance:
            return ahead
        path = ahead
    return None


def _moved(path: NDArray[np.float64], ahead: NDArray[np.float64]) -> float:
    """Return by how much the range of a coordinate differs between two orbits, at most."""
    lows, highs = (np.abs(edge(path, axis=0) - edge(ahead, axis=0)).max() for edge in (np.min, np.max))
    return float(max(lows, highs))


def _distances(points: NDArray[np.float64], others: NDArray[np.float64], nearest: int = 1) -> NDArray[np.float64]:
    """Return the distances of points to their nearest others."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(others).query(points, k=nearest)[0])


def _described(path: NDArray[np.float64], half: float) -> tuple[NDArray[np.float64], str]:
    """Return the points that stand for a long orbit, and what it is: a point, a few points in turn, or a curve."""
    extent = float(np.ptp(path, axis=0).max())
    if extent < 1e-6 * half:
        return path[-1:], "fixed-point"
    for period in range(2, 17):
        if len(path) > 4 * period and np.abs(path[-1] - path[-1 - period]).max() < 1e-9 * half:
            return path[-period:], "periodic"
    cell = LATTICE * RADII[-2] * half
    _, kept = np.unique(np.round(path / cell).astype(np.int64), axis=0, return_index=True)
    return path[np.sort(kept)], "cycle"
