"""What the searches for cycles return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _complex(values: NDArray[np.complex128]) -> list[dict[str, float]]:
    return [{"re": float(v.real) + 0.0, "im": float(v.imag) + 0.0} for v in values]


@dataclass(frozen=True)
class Cycle:
    """A periodic orbit of a flow.

    Attributes
    ----------
    names : tuple of str
    point : ndarray, shape (dim,)
        One state of the orbit.
    period : float
        The least one.
    multipliers : ndarray of complex, shape (dim - 1,)
        Floquet multipliers without the trivial one, largest modulus first; inside the unit circle attracts.
    trivial : float
        The multiplier along the orbit, 1 but for the error of the computation.
    stable : bool or None
        Whether it attracts; None where a modulus is 1 within its error and none is larger.
    range : mapping of str to (float, float)
        Lowest and highest value of each coordinate.
    times : ndarray, shape (m,)
        From 0 to the period, both included.
    states : ndarray, shape (m, dim)
        The orbit at these times.
    error : float
        Distance to the exact orbit that the tolerance of the integration allows.
    switchings : int
        Crossings of surfaces where the field is not smooth, in one period.
    evidence : str
        How it was found and decided, with numbers.
    """

    names: tuple[str, ...]
    point: NDArray[np.float64]
    period: float
    multipliers: NDArray[np.complex128]
    trivial: float
    stable: bool | None
    range: Mapping[str, tuple[float, float]]
    times: NDArray[np.float64] = field(repr=False)
    states: NDArray[np.float64] = field(repr=False)
    error: float
    switchings: int = 0
    evidence: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the row of the command line's answer (JSON-serialisable)."""
        return {
            "period": float(self.period),
            "stable": self.stable,
            "multipliers": _complex(self.multipliers),
            "range": {name: [float(low), float(high)] for name, (low, high) in self.range.items()},
            "at": dict(zip(self.names, self.point.tolist(), strict=True)),
            "trivial": float(self.trivial),
            "error": float(self.error),
            "switchings": int(self.switchings),
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class MapCycle:
    """A periodic orbit of a training algorithm, a fixed point for period 1.

    Attributes
    ----------
    names : tuple of str
    points : ndarray, shape (period, dim)
        The states in the order of the iterations.
    period : int
        The least one.
    multipliers : ndarray of complex, shape (n,)
        Of ``period`` iterations at the extended state (memory included), largest modulus first; inside the unit
        circle attracts.
    stable : bool or None
    range : mapping of str to (float, float)
    equilibrium : bool or None
        For period 1, whether the field vanishes there; False marks a fixed point that the method adds (or one of the
        projection). None for longer periods.
    error : float
        Distance to the exact orbit that rounding allows.
    memory : ndarray, shape (period, n - dim)
        The rest of the extended states.
    evidence : str
    """

    names: tuple[str, ...]
    points: NDArray[np.float64]
    period: int
    multipliers: NDArray[np.complex128]
    stable: bool | None
    range: Mapping[str, tuple[float, float]]
    equilibrium: bool | None
    error: float
    memory: NDArray[np.float64]
    evidence: str = ""

    @property
    def point(self) -> NDArray[np.float64]:
        """The first state, shape (dim,)."""
        return self.points[0]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "period": int(self.period),
            "stable": self.stable,
            "multipliers": _complex(self.multipliers),
            "range": {name: [float(low), float(high)] for name, (low, high) in self.range.items()},
            "at": dict(zip(self.names, self.points[0].tolist(), strict=True)),
            "points": [dict(zip(self.names, row.tolist(), strict=True)) for row in self.points],
            "equilibrium": self.equilibrium,
            "error": float(self.error),
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class Family:
    """A continuum of periodic orbits, none of them isolated (a centre, say), by some of its members.

    Attributes
    ----------
    members : tuple of Cycle or of MapCycle
        Orbits that were computed, smallest first.
    evidence : str
        How it was told from an isolated cycle.
    """

    members: tuple[Any, ...]
    evidence: str

    def to_dict(self) -> dict[str, Any]:
        """Return periods and ranges of the smallest and the largest member (JSON-serialisable)."""
        ends = [self.members[0].to_dict(), self.members[-1].to_dict()]
        return {
            "period": [end["period"] for end in ends],
            "range": [end["range"] for end in ends],
            "members": len(self.members),
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class CyclesSearched:
    """What was searched for cycles.

    Attributes
    ----------
    box : mapping of str to (float, float)
    starts : int
        Orbits followed: turns around equilibria and long trajectories of flows; starts of maps.
    guesses : int
        Orbits that came near to closing, from which Newton's method started.
    closed : int
        Those it closed, repeated finds included.
    families : int
        Continua of periodic orbits.
    seed : int
        Of the quasi-random starts.
    note : str
        What limits the search, in words; empty if nothing does.
    """

    box: Mapping[str, tuple[float, float]]
    starts: int
    guesses: int
    closed: int
    families: int
    seed: int
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "box": {name: list(edges) for name, edges in self.box.items()},
            "starts": self.starts,
            "guesses": self.guesses,
            "closed": self.closed,
            "families": self.families,
            "seed": self.seed,
            "note": self.note,
        }


@dataclass(frozen=True)
class CycleSearch:
    """Answer of the searches for cycles.

    Attributes
    ----------
    cycles : tuple of Cycle, or of MapCycle
        Isolated ones, shortest period first; empty if none was found.
    families : tuple of Family
        Continua of periodic orbits, kept apart so that nobody counts their members.
    searched : CyclesSearched
    """

    cycles: tuple[Any, ...]
    families: tuple[Family, ...]
    searched: CyclesSearched = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "cycles": [cycle.to_dict() for cycle in self.cycles],
            "families": [family.to_dict() for family in self.families],
            "searched": self.searched.to_dict(),
        }


def ranges(names: Sequence[str], low: NDArray[np.float64], high: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """Return the range of each coordinate by name."""
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}
