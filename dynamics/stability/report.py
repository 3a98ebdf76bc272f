"""The stability report: every equilibrium in a box with everything this room can say about it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import AccuracyWarning, GanDynamicsError, InputError, check_positive, unknown
from dynamics.games.field import Field, Game
from dynamics.stability import duality, timescales
from dynamics.stability.attractors import measured_attractor
from dynamics.stability.equilibria import Searched, Zero, find_equilibria
from dynamics.stability.multipliers import MethodRow, method_row
from dynamics.stability.resting import drift, multiplier_stack, rests
from dynamics.stability.secondorder import Solution, leader_follower, second_order
from dynamics.stability.spectra import spectrum
from dynamics.stability.spurious import Spurious, spurious_fixed_points
from dynamics.stability.verdict import nonlinear_verdict


@dataclass(frozen=True, repr=False)
class Equilibrium:
    """One equilibrium, or one continuum of them by a representative.

    Attributes
    ----------
    names : tuple of str
    at : ndarray, shape (dim,)
    eigenvalues : ndarray of complex, shape (dim,)
        Of ``J = dv/dy`` (negative real parts attract); empty where the field is not smooth.
    eigenvectors : ndarray of complex, shape (dim, dim)
        Columns.
    flow, verdict, solution : str
        Class of the linear flow; what the nonlinear flow does; second-order class.
    critical_timescales : tuple of float
        Every factor of the follower (discriminator, else last player) at which stability changes, ascending
        (absolute, not relative to the present).
    continuum : ndarray, shape (k, dim), or None
        Null directions of a continuum; None if isolated.
    methods : tuple of MethodRow
    evidence : str
        How the verdict and the solution were decided, with numbers.
    numbers : mapping of str to float
        Coefficients behind the evidence: omega, l1, amplitude_coefficient (``dr/dt = a r^3``), a2, a3.
    error : float
        Estimated distance to the exact equilibrium.
    duality_gap : float or None
        On the box searched; None where best responses cannot be computed.
    """

    names: tuple[str, ...]
    at: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    eigenvectors: NDArray[np.complex128]
    flow: str
    verdict: str
    solution: str
    critical_timescales: tuple[float, ...] = ()
    continuum: NDArray[np.float64] | None = None
    methods: tuple[MethodRow, ...] = ()
    evidence: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    error: float = 0.0
    duality_gap: float | None = None

    def __repr__(self) -> str:
        at = ", ".join(f"{name}={value:.6g}" for name, value in zip(self.names, self.at, strict=True))
        solution = "" if self.solution == "undecided" else f", {self.solution}"
        extent = "" if self.continuum is None else f", one of a continuum of dimension {len(self.continuum)}"
        return f"<Equilibrium {at}: {self.verdict} ({self.flow}){solution}{extent}>"

    @property
    def critical_timescale(self) -> float | None:
        """The critical time scale nearest to 1 in ratio, None if there is none."""
        return timescales.critical_timescale(self.critical_timescales)

    def to_dict(self) -> dict[str, Any]:
        """Return the row of the command line's answer (JSON-serialisable)."""
        directions = self.continuum
        return {
            "at": dict(zip(self.names, self.at.tolist(), strict=True)),
            "eigenvalues": [{"re": float(v.real) + 0.0, "im": float(v.imag) + 0.0} for v in self.eigenvalues],
            "flow": self.flow,
            "verdict": self.verdict,
            "solution": self.solution,
            "critical_timescale": self.critical_timescale,
            "critical_timescales": list(self.critical_timescales),
            "continuum": None
            if directions is None
            else [dict(zip(self.names, row.tolist(), strict=True)) for row in directions],
            "methods": [row.to_dict() for row in self.methods],
            "evidence": self.evidence,
            "numbers": dict(self.numbers),
            "duality_gap": self.duality_gap,
        }


@dataclass(frozen=True, repr=False)
class StabilityReport:
    """Answer of :func:`analyse`.

    Attributes
    ----------
    game : str
    equilibria : tuple of Equilibrium
        In lexicographic order of their coordinates; empty if the box holds none.
    searched : Searched
    lr : float, mapping or None
    spurious : mapping of method to tuple of Spurious
        Fixed points in the box that methods add to the equilibria, of the methods that have some.
    methods : tuple of mapping
        Name, rates and settings of the methods, in the order of every equilibrium's rows.
    not_applicable : mapping of method to str
        Why methods that exist are not in the rows; empty where the methods were chosen.
    """

    game: str
    equilibria: tuple[Equilibrium, ...]
    searched: Searched
    lr: float | Mapping[str, float] | None = None
    spurious: Mapping[str, tuple[Spurious, ...]] = field(default_factory=dict)
    methods: tuple[Mapping[str, Any], ...] = ()
    not_applicable: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        count = f"{len(self.equilibria)} {'equilibrium' if len(self.equilibria) == 1 else 'equilibria'}"
        box = ", ".join(f"{name}={low:g}:{high:g}" for name, (low, high) in self.searched.box.items())
        return "\n  ".join([f"<StabilityReport of {self.game}: {count} in {box}", *map(repr, self.equilibria)]) + ">"

    def to_dict(self) -> dict[str, Any]:
        """Return the result of ``gandyn stability --json``."""
        equilibria = [row.to_dict() for row in self.equilibria]
        for equilibrium in equilibria:
            for row, chosen in zip(equilibrium["methods"], self.methods, strict=True):
                row["settings"] = {key: value for key, value in chosen.items() if key not in ("method", "lr")}
        return {
            "equilibria": equilibria,
            "not_applicable": dict(self.not_applicable),
            "spurious": {name: [point.to_dict() for point in points] for name, points in self.spurious.items()},
            "searched": self.searched.to_dict(),
        }


def analyse(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    lr: float | Mapping[str, float] | None = None,
    methods: Iterable[Any] | None = None,
    *,
    starts: int | None = None,
    seed: int = 0,
    attractors: bool = False,
) -> StabilityReport:
    """Return every equilibrium of a game in a box with spectra, verdicts, critical rates and time scales.

    Parameters
    ----------
    game : Game, or Field
        A field without players, such as a modified flow, has spectra and verdicts; its rows have no methods, no time
        scales and no duality gap, and their solution is undecided.
    box : mapping of str to (float, float), optional
        The field's own box by default; needed where it has none.
    lr : float or mapping of player to float, optional
        Learning rate for the methods' spectral radii, instead of their own. With one rate per player, ``critical_lr``
        and all other rates are the largest of them, their ratio kept.
    methods : iterable of str or Method, optional
        Names (at default settings) or configured methods; all known ones by default.
    starts : int, optional
        Quasi-random starts of the search besides its grid.
    seed : int
        Of the quasi-random starts; the same seed gives the same report.
    attractors : bool
        Run methods without multipliers (compiled) to see what they do next to each equilibrium.

    Returns
    -------
    StabilityReport

    Raises
    ------
    InputError
        For bad input, before any computation.

    Examples
    --------
    >>> from dynamics import games
    >>> report = analyse(games.get("dirac-gan", penalty="r1", gamma=0.3))
    >>> row = report.equilibria[0]
    >>> row.flow, row.verdict, [round(value.imag, 6) for value in row.eigenvalues.tolist()]
    ('stable focus', 'attracting', [-0.47697, 0.47697])
    """
    chosen, not_applicable = _methods(game, methods, lr)
    with warnings.catch_warnings():
        # The search wanders far out of the box; what it finds lies inside, where the accuracy is the promised one.
        warnings.simplefilter("ignore", AccuracyWarning)
        search = find_equilibria(game, box, starts=starts, seed=seed)
    added = [_spurious(game, method, search.searched.box) for method in chosen] if isinstance(game, Game) else []
    rows = tuple(_row(game, zero, search.searched.box, chosen, lr, added) for zero in search.zeros)
    if attractors and isinstance(game, Game):
        rows = tuple(_with_attractors(game, row, search.searched.box, chosen, lr) for row in rows)
    name = getattr(game, "name", type(game).__name__)
    told = tuple(method.settings() for method in chosen)
    named: dict[str, tuple[Spurious, ...]] = {}
    for method, points in zip(chosen, added, strict=True):
        if points:
            named[method.name] = named.get(method.name, ()) + points
    return StabilityReport(name, rows, search.searched, lr, named, told, not_applicable)


def _spurious(game: Game, method: Any, box: Mapping[str, tuple[float, float]]) -> tuple[Spurious, ...]:
    """Return what a method adds to the equilibria at every rate."""
    if method.adds_fixed_points and not method.init(game.start).memory:
        # a game without second derivatives has no such methods
        with suppress(GanDynamicsError):
            return spurious_fixed_points(game, method, box)
    return ()


def _methods(game: Field, given: Iterable[Any] | None, lr: Any) -> tuple[list[Any], dict[str, str]]:
    """Return configured methods, their rates checked, and why others do not apply; none for a field without players."""
    from dynamics import methods

    if not isinstance(game, Game):
        if given is not None or lr is not None:
            raise InputError(
                f"A {type(game).__name__} is a field without players, which no training algorithm runs on: "
                "leave methods and rates out, or analyse the game itself."
            )
        return [], {}
    if isinstance(lr, Mapping):
        for player, rate in lr.items():
            if player not in game.players:
                raise unknown("player in the learning rate", player, game.players)
            check_positive(f"The learning rate of '{player}'", rate)
        missing = [player for player in game.players if player not in lr]
        if missing:
            raise InputError(f"The learning rate lacks the player '{missing[0]}': give one number, or one per player.")
    elif lr is not None:
        check_positive("The learning rate", lr)
    rate = 1.0 if lr is None else lr
    chosen = methods.names() if given is None else list(given)
    found = [methods.get(item, lr=rate) if isinstance(item, str) else item for item in chosen]
    found = found if lr is None else [method.with_lr(lr) for method in found]
    # of all methods those that apply; one that was asked for says why it does not
    for method in () if given is None else found:
        method.check(game)
    reasons = {method.name: method.applies(game) for method in found}
    return [method for method in found if not reasons[method.name]], {n: why for n, why in reasons.items() if why}


def _with_attractors(
    game: Game, row: Equilibrium, box: Mapping[str, tuple[float, float]], methods: list[Any], lr: Any
) -> Equilibrium:
    """Return an equilibrium with the measured attractors of methods that have no multipliers."""
    if not len(row.eigenvalues):
        return row
    rows = tuple(
        replace(entry, attractor=measured_attractor(game, method, row.at, box, lr)) if method.no_multipliers else entry
        for entry, method in zip(row.methods, methods, strict=True)
    )
    return replace(row, methods=rows)


def _row(
    game: Field,
    zero: Zero,
    box: Mapping[str, tuple[float, float]],
    methods: list[Any],
    lr: Any,
    spurious: list[tuple[Spurious, ...]],
) -> Equilibrium:
    y = zero.at
    gap = _gap(game, y, box) if isinstance(game, Game) else None
    if zero.surface:
        n = len(y)
        reason = f"undecided: {zero.surface}, so there is no linearisation"
        silent = tuple(
            MethodRow(method.name, None, None, None, f"{zero.surface}: no multipliers") for method in methods
        )
        return Equilibrium(
            game.names, y, np.empty(0, complex), np.empty((n, 0), complex), "undecided", "undecided", "undecided",
            methods=silent, evidence=reason, error=zero.error, duality_gap=gap,
        )  # fmt: skip
    jacobian = np.asarray(game.jacobian(y), dtype=float)
    dimension = len(zero.directions)
    uncertainty = 0.0
    if zero.error > 0:
        moved = np.asarray(game.jacobian(y + zero.error * np.array([[1.0], [-1.0]])))
        uncertainty = float(np.abs(moved - jacobian).max())
    found = spectrum(jacobian, uncertainty, zeros=dimension)
    extent = min(high - low for low, high in box.values()) / 2
    verdict = nonlinear_verdict(game, y, found, zero.directions, zero.members, extent)
    if dimension:
        solution = Solution("undecided", "not isolated: no strict second-order condition can hold along the continuum")
    else:
        solution = second_order(game, y, zero.error)
    critical: tuple[float, ...] = ()
    rows: tuple[MethodRow, ...] = ()
    if isinstance(game, Game):
        critical = _critical_timescales(game, jacobian, dimension)
        found_rows = (_method(game, y, method, jacobian, lr, dimension) for method in methods)
        rows = tuple(replace(row, spurious=points) for row, points in zip(found_rows, spurious, strict=True))
    return Equilibrium(
        game.names, y, found.eigenvalues, found.right, found.flow, verdict.kind, solution.kind, critical,
        zero.directions if dimension else None, rows, f"{verdict.evidence}. {solution.reason}.", verdict.numbers,
        zero.error, gap,
    )  # fmt: skip


def _gap(game: Game, y: NDArray[np.float64], box: Mapping[str, tuple[float, float]]) -> float | None:
    """Return the duality gap on the box, None where it cannot be computed."""
    if duality.not_computable(game) or not getattr(game, "zero_sum", False):
        return None
    inside = all(low - 1e-9 <= value <= high + 1e-9 for value, (low, high) in zip(y, box.values(), strict=True))
    return duality.duality_gap(game, y, box).gap if inside else None


def _critical_timescales(game: Game, jacobian: NDArray[np.float64], dimension: int) -> tuple[float, ...]:
    """Return the critical time scales of the following player, of games of several players."""
    if len(game.players) < 2:
        return ()
    follower = leader_follower(game)[1]
    part = game.players[follower]
    unscaled = jacobian.copy()
    unscaled[part] /= game.timescales[follower]
    return timescales.critical_timescales(unscaled, part, zeros=dimension)


def method_at(game: Game, y: NDArray[np.float64], method: Any) -> MethodRow:
    """Return the row of one method at an isolated equilibrium, without a rate asked for."""
    return _method(game, y, method, np.asarray(game.jacobian(y), dtype=float), None, 0)


def _method(
    game: Game, y: NDArray[np.float64], method: Any, jacobian: NDArray[np.float64], lr: Any, dimension: int
) -> MethodRow:
    """Return one method's row; what has no multipliers says why."""
    reason = method.no_multipliers
    if reason:
        return MethodRow(method.name, None, None, None, reason)
    given = method.lr
    largest = max(given.values()) if isinstance(given, Mapping) else float(given)
    weights = np.ones(len(y))
    if isinstance(given, Mapping):
        for player, part in game.players.items():
            weights[part] = given[player] / largest
    size = float(np.linalg.norm(weights[:, None] * jacobian, 2))
    try:
        moved = drift(game, method, y, size)
        if not rests(moved, y):
            reason = f"does not rest at this equilibrium: it moves away at a speed of {moved:.3g}"
            return MethodRow(method.name, None, None, None, reason)
        return method_row(
            method.name, multiplier_stack(game, method, y), size, None if lr is None else largest, dimension
        )
    except GanDynamicsError as error:
        return MethodRow(method.name, None, None, None, str(error))
