"""What a continuation returns: branches with their events, and why each of them ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.results import versions
from dynamics.core.status import Status

if TYPE_CHECKING:
    import xarray as xr

#: Kinds of events, in the words of the command line.
EVENT_KINDS = (
    "fold",
    "branch-point",
    "hopf",
    "node-focus",
    "neutral-saddle",
    "center",
    "period-doubling",
    "neimark-sacker",
)


@dataclass(frozen=True)
class BranchEvent:
    """A point of a branch at which something changes.

    Attributes
    ----------
    kind : str
        One of :data:`EVENT_KINDS`.
    parameter : float
    at : mapping of str to float
        The equilibrium, the fixed point, or the first point of the cycle.
    detail : mapping
        Numbers and words that classify the event (for a Hopf point ``l1``, ``type`` and ``frequency``).
    evidence : str
        How it was decided, in one sentence or two.
    """

    kind: str
    parameter: float
    at: Mapping[str, float]
    detail: Mapping[str, Any] = field(default_factory=dict)
    evidence: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the event as the command line prints it (JSON-serialisable)."""
        return {
            "kind": self.kind,
            "at": dict(self.at),
            "parameter": self.parameter,
            "detail": dict(self.detail),
            "evidence": self.evidence,
        }


@dataclass(frozen=True, repr=False)
class Branch:
    """A curve of equilibria, fixed points or cycles in the space of states and parameter.

    Attributes
    ----------
    kind : str
        "equilibrium" (of a flow), "fixed-point" (of a map) or "cycle" (of either).
    names : tuple of str
        Coordinates.
    parameter_name : str
    parameter : ndarray, shape (n,)
        Along the branch; it may turn back.
    points : ndarray, shape (n, dim)
        Equilibria, fixed points, or one point of each cycle.
    eigenvalues : ndarray of complex, shape (n, m)
        Eigenvalues of ``J = dv/dy`` for equilibria of flows (negative real parts attract); multipliers for fixed
        points and cycles (inside the unit circle attracts), the trivial one of a flow's cycle left out.
    stability : ndarray of int, shape (n,)
        1 where the linearisation attracts, -1 where it repels in some direction, 0 where it does not decide.
    period : ndarray, shape (n,), or None
        Of cycles: in units of time for flows, in iterations for maps.
    ranges : ndarray, shape (n, dim, 2), or None
        Of cycles: lowest and highest value of each coordinate.
    orbits : ndarray, shape (n, period, dim), or None
        Of cycles of maps: all their points.
    events : tuple of BranchEvent
        In the order of the branch.
    ended : (str, str)
        Why the branch goes no further at its first and at its last point: "range", "box", "closed", "event: ...",
        "newton failed at ...", "budget: ...", "period: ...", "continuum: ...".
    """

    kind: str
    names: tuple[str, ...]
    parameter_name: str
    parameter: NDArray[np.float64]
    points: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    stability: NDArray[np.int8]
    period: NDArray[np.float64] | None = None
    ranges: NDArray[np.float64] | None = None
    orbits: NDArray[np.float64] | None = None
    events: tuple[BranchEvent, ...] = ()
    ended: tuple[str, str] = ("", "")

    def __len__(self) -> int:
        return len(self.parameter)

    def __repr__(self) -> str:
        p = self.parameter
        events = "".join(f", {event.kind} at {event.parameter:.6g}" for event in self.events)
        return f"<Branch ({self.kind}) {self.parameter_name} {p.min():g}..{p.max():g}, {len(p)} points{events}>"

    @property
    def parameter_range(self) -> tuple[float, float]:
        """Least and largest value of the parameter: a branch with folds may begin and end at one value."""
        return float(self.parameter.min()), float(self.parameter.max())

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Where the linearisation attracts, shape (n,)."""
        return self.stability > 0

    def pieces(self) -> NDArray[np.int8]:
        """Return the stability between neighbouring points, shape (n - 1,).

        At an event the linearisation does not decide: a piece there takes the stability of its other end.
        """
        first, second = self.stability[:-1], self.stability[1:]
        return np.where(first == 0, second, np.where(second == 0, first, second)).astype(np.int8)

    def stretches(self) -> list[tuple[int, int, int]]:
        """Return stability, first and last point of every stretch of one stability, in order."""
        kinds = self.pieces()
        edges = np.flatnonzero(np.diff(kinds)) + 1
        bounds = zip([0, *edges.tolist()], [*edges.tolist(), len(kinds)], strict=True)
        return [(int(kinds[a]), a, b) for a, b in bounds if b > a]

    def to_dict(self) -> dict[str, Any]:
        """Return the branch as the command line prints it (JSON-serialisable)."""
        verdict = {1: True, 0: None, -1: False}
        found: dict[str, Any] = {
            "kind": self.kind,
            "parameter": self.parameter.tolist(),
            "points": [dict(zip(self.names, row, strict=True)) for row in self.points.tolist()],
            "stable": [verdict[value] for value in self.stability.tolist()],
            "eigenvalues": [
                [{"re": value.real + 0.0, "im": value.imag + 0.0} for value in row] for row in self.eigenvalues.tolist()
            ],
            "events": [event.to_dict() for event in self.events],
            "ended": list(self.ended),
        }
        if self.period is not None:
            found["period"] = self.period.tolist()
        if self.ranges is not None:
            found["range"] = {name: self.ranges[:, i].tolist() for i, name in enumerate(self.names)}
        if self.orbits is not None:
            found["orbit"] = {name: self.orbits[:, :, i].tolist() for i, name in enumerate(self.names)}
        return found


@dataclass(frozen=True, repr=False)
class Continuation:
    """Answer of :func:`dynamics.stability.continue_branches`.

    Attributes
    ----------
    game : str
    parameter : str
    interval : (float, float)
        Range of the parameter.
    names : tuple of str
        Coordinates.
    players : mapping of str to slice
        Coordinates of each player; empty for a field without players.
    box : mapping of str to (float, float)
    method : str
        The map that was continued; empty for the flow.
    branches : tuple of Branch
    notes : tuple of str
        What was found and not followed (continua, kinks), in sentences.
    seeds : tuple of (float, int)
        Values of the parameter at which all equilibria were searched, and how many there were.
    provenance : mapping
        What is needed to repeat it: game, method, seed.
    status : Status
        Finished; step-underflow if Newton failed on a branch; budget-exhausted if a branch has more points than
        allowed.
    """

    game: str
    parameter: str
    interval: tuple[float, float]
    names: tuple[str, ...]
    players: Mapping[str, slice]
    box: Mapping[str, tuple[float, float]]
    method: str
    branches: tuple[Branch, ...]
    notes: tuple[str, ...] = ()
    seeds: tuple[tuple[float, int], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.FINISHED

    def __repr__(self) -> str:
        of = f"the map of {self.method}" if self.method else "the flow"
        low, high = self.interval
        title = f"<Continuation of {of} on {self.game}, {self.parameter} {low:g}..{high:g}: {self.status.value}"
        return "\n  ".join([title, *map(repr, self.branches)]) + ">"

    @property
    def events(self) -> tuple[BranchEvent, ...]:
        """The events of all branches, in their order."""
        return tuple(event for branch in self.branches for event in branch.events)

    def to_dict(self) -> dict[str, Any]:
        """Return the result of ``gandyn continue --json``."""
        return {
            "parameter": self.parameter,
            "interval": list(self.interval),
            "method": self.method or None,
            "branches": [branch.to_dict() for branch in self.branches],
            "notes": list(self.notes),
            "searched": {
                "box": {name: list(side) for name, side in self.box.items()},
                "seeds": [{"parameter": value, "equilibria": count} for value, count in self.seeds],
            },
        }

    def to_dataset(self) -> xr.Dataset:
        """Return all branches one after the other along ``point``, which ``branch`` and ``kind`` tell apart.

        Eigenvalues are padded with NaN to the longest list; ``period`` and ``range`` are NaN but for cycles. Events are
        among the attributes.
        """
        import xarray as xr

        branches, count, dim = self.branches, sum(map(len, self.branches)), len(self.names)
        width = max((branch.eigenvalues.shape[1] for branch in branches), default=0)
        owner = np.repeat(np.arange(len(branches)), [len(branch) for branch in branches]).astype(np.int64)
        real, imag = np.full((count, width), np.nan), np.full((count, width), np.nan)
        period, ranges = np.full(count, np.nan), np.full((count, dim, 2), np.nan)
        for k, branch in enumerate(branches):
            rows = np.flatnonzero(owner == k)
            columns = slice(branch.eigenvalues.shape[1])
            real[rows, columns], imag[rows, columns] = branch.eigenvalues.real, branch.eigenvalues.imag
            if branch.period is not None:
                period[rows] = branch.period
            if branch.ranges is not None:
                ranges[rows] = branch.ranges
        return xr.Dataset(
            {
                "state": (("point", "coordinate"), np.concatenate([np.empty((0, dim)), *(b.points for b in branches)])),
                "stability": ("point", np.concatenate([np.empty(0, np.int8), *(b.stability for b in branches)])),
                "eigenvalue_real": (("point", "eigenvalue"), real),
                "eigenvalue_imag": (("point", "eigenvalue"), imag),
                "period": ("point", period),
                "range": (("point", "coordinate", "side"), ranges),
            },
            coords={
                "coordinate": list(self.names),
                "side": ["low", "high"],
                "branch": ("point", owner),
                "kind": ("point", np.array([branches[k].kind for k in owner], dtype="U16")),
                "parameter": ("point", np.concatenate([np.empty(0), *(b.parameter for b in branches)])),
            },
            attrs={
                "game": self.game,
                "parameter": self.parameter,
                "interval": list(self.interval),
                "events": [
                    {"branch": k, **event.to_dict()} for k, branch in enumerate(branches) for event in branch.events
                ],
                "ended": [list(branch.ended) for branch in branches],
                "notes": list(self.notes),
                "status": self.status.value,
                "provenance": dict(self.provenance),
                "versions": versions(),
            },
        )

    def save(self, path: str | Path) -> Path:
        """Write the branches as a Zarr store at ``path`` (which must not exist) and return the path."""
        from dynamics.core.storage import write_dataset

        return write_dataset(self.to_dataset(), path)
