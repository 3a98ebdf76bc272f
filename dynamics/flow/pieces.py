"""What ends a smooth piece of a non-smooth flow, and which piece follows.

On a surface the one-sided fields decide (Filippov 1988, section 4): both point across, the orbit crosses; both point at
the surface, it slides; both point away, no orbit arrives, and one that begins there follows the field's own value on
the surface. At a bound the orbit stops while the field points outward. Where several surfaces meet, each combination
of sides, slides and stops is held against the field that it would have, and one that agrees with it is taken. An orbit
that converges to a point of a surface rests there (:mod:`dynamics.flow.rest`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.flow.modes import Branch, Mode
from dynamics.flow.rest import comes_to_rest
from dynamics.games.field import Field

State = NDArray[np.float64]

#: Distance, relative to the largest state so far, below which a state is on a surface: some units of rounding.
_NEAR = 1e-14

#: A speed across a surface below this part of its terms is rounding, and the acceleration decides instead.
_STILL, _STRAIGHT = 1e-12, 1e-9

#: An orbit that touches a surface from one side, and seems to go beyond it by less than the tolerance of this many
#: steps, has not been shown to cross.
_TOUCH = 100


@dataclass(frozen=True)
class Guard:
    """What ends a piece: a function of state and time that is positive on it.

    Attributes
    ----------
    kind : str
        "side": a switch changes its sign; "exit": an orbit stops sliding; "bound": a coordinate meets its bound;
        "release": it leaves the bound; "return", "halt": a coordinate beyond its bound comes back to it, or halts.
    index : int
        The switch, or the coordinate.
    target : int
        Sign of the side, or of the bound, that it leads to (0 back inside the bounds).
    at : callable
        ``(y, t) -> value``, shapes (..., dim), (...) -> (...).
    slack : float
        Rounding of the value. Along a surface that both fields are tangent to it may pass zero at any time, and means
        nothing.
    depth : float
        What the errors of the orbit may make of a touch without crossing, which is none then; at least the rounding.
    """

    kind: str
    index: int
    target: int
    at: Callable[[State, Any], NDArray[np.float64]]
    slack: float = 0.0
    depth: float = 0.0
    direction: float = -1.0


def nonsmooth(field: Field) -> bool:
    """Return whether a field has surfaces or bounds at which it is not smooth."""
    return bool(field.switches) or bool(field.bounds)


class Pieces:
    """The smooth pieces of one orbit.

    Parameters
    ----------
    field : Field
    direction : float
        1 forward, -1 backward in time. Backward, sliding and stops have no unique past: an orbit that meets a surface
        from which the flow departs on both sides slides there, and one at a bound stays while the field points outward.
    tolerances : (rtol, atol)
        Local error of the orbit.
    """

    def __init__(self, field: Field, direction: float, tolerances: tuple[float, float] = (0.0, 0.0)) -> None:
        self.field = field
        self.direction = direction
        self.tolerances = tolerances
        self.low, self.high = np.full(field.dim, -np.inf), np.full(field.dim, np.inf)
        for name, (low, high) in field.bounds.items():
            i = list(field.names).index(name)
            self.low[i], self.high[i] = low, high
        self.bounded = [int(i) for i in np.flatnonzero(np.isfinite(self.low) | np.isfinite(self.high))]
        self.scale = 0.0
        self._branches: dict[Mode, Branch] = {}

    def branch(self, mode: Mode) -> Branch:
        """Return the smooth field of a mode."""
        if mode not in self._branches:
            self._branches[mode] = Branch(self.field, mode)
        return self._branches[mode]

    def guards(self, mode: Mode, t: float = 0.0, y: State | None = None) -> tuple[Guard, ...]:
        """Return what ends a piece of this mode that begins at a state, from which the rounding is taken."""
        guards = self._guards(mode, self.branch(mode))
        return tuple(guards if y is None else (self._measured(guard, mode, t, y) for guard in guards))

    def _measured(self, guard: Guard, mode: Mode, t: float, y: State) -> Guard:
        """Return a guard with its rounding, and what counts as a touch."""
        branch, size, error = self.branch(mode), float(np.linalg.norm(y)), self._error(y)
        if guard.kind == "side":
            steepness = float(np.linalg.norm(branch.normals(y)[guard.index]))
            slack, depth = _NEAR * size * steepness, error * steepness
        elif guard.kind in ("bound", "return"):
            slack, depth = _NEAR * size, error
        else:
            slack = _STILL * (1.0 if guard.kind == "exit" else float(np.abs(branch.free(y, t)).max()))
            depth = slack
        return replace(guard, slack=slack, depth=max(slack, depth))

    def _error(self, y: State) -> float:
        """Return how far an orbit may be off: the tolerance of so many steps."""
        return _TOUCH * (self.tolerances[0] * float(np.linalg.norm(y)) + self.tolerances[1])

    def _guards(self, mode: Mode, branch: Branch) -> Iterator[Guard]:
        if mode.rests:
            return
        for k, side in enumerate(mode.sides):
            if side:
                yield Guard("side", k, -side, lambda y, t, k=k, s=side: s * branch.surfaces(y)[..., k])
        if branch.sliding:
            numbers = _each(branch.sliding.combination)
            for j, k in enumerate(branch.sliding.surfaces):
                yield Guard("exit", k, 1, lambda y, t, j=j: 1 - numbers(y, t)[..., j])
                yield Guard("exit", k, -1, lambda y, t, j=j: 1 + numbers(y, t)[..., j])
        free = _each(branch.free)
        for i in self.bounded:
            low, high, end = self.low[i], self.high[i], mode.ends[i]
            if end == 0:
                if np.isfinite(high):
                    yield Guard("bound", i, 1, lambda y, t, i=i, edge=high: edge - y[..., i])
                if np.isfinite(low):
                    yield Guard("bound", i, -1, lambda y, t, i=i, edge=low: y[..., i] - edge)
                continue
            side = int(np.sign(end))
            if abs(end) == 1:
                yield Guard("release", i, 0, lambda y, t, i=i, s=side: s * free(y, t)[..., i])
                continue
            yield Guard("halt", i, side, lambda y, t, i=i, s=side: -s * free(y, t)[..., i])
            if self.direction > 0:
                edge = high if side > 0 else low
                yield Guard("return", i, 0, lambda y, t, i=i, s=side, edge=edge: s * (y[..., i] - edge))

    # Which piece follows ------------------------------------------------------------------------------------------

    def start(self, t: float, y: State) -> Mode:
        """Return the mode of an orbit that begins at ``y``, shape (dim,)."""
        self.scale = float(np.abs(y).max())
        values = np.array([float(switch(y)) for switch in self.field.switches])
        nearby = tuple(int(sign) for sign in np.where(values < 0, -1, 1))
        normals = self.branch(Mode(nearby, (0,) * self.field.dim)).normals(y)
        own = self.direction * np.asarray(self.field(y, t), dtype=np.float64)
        speeds, size = normals @ own, np.abs(normals) @ np.abs(own)
        heading = np.where(np.abs(speeds) <= _STILL * size, 0, np.sign(speeds)).astype(int)
        sides = np.where(self._on(values, normals), 0, np.sign(values)).astype(int)
        active = [k for k, side in enumerate(sides) if side == 0]
        preferred = tuple(int(heading[k]) if k in active else int(side) for k, side in enumerate(sides))
        mode = self._settle(t, y, Mode(preferred, self._reached(y)), active, None)
        # One that comes to rest here does not leave because it is looked at anew.
        sides = (_turned(mode, k, side) for k in active[:1] for side in (1, -1) if len(active) == 1)
        resting = (replace(side, rests=True) for side in sides if self._rests(side, active[0], t, y))
        return next(resting, mode)

    def change(self, t: float, y: State, mode: Mode, guard: Guard) -> tuple[Mode, State]:
        """Return the mode that follows when a guard ends one, and the state, put exactly where the guard says.

        Parameters
        ----------
        t : float
        y : ndarray, shape (dim,)
        mode : Mode
        guard : Guard
        """
        y = self._placed(y, mode, guard)
        self.scale = max(self.scale, float(np.abs(y).max()))
        if guard.kind in ("side", "exit") and self._rests(mode, guard.index, t, y):
            return replace(mode, rests=True), y
        branch = self.branch(mode)
        active = {k for k, side in enumerate(mode.sides) if side == 0}
        active |= set(np.flatnonzero(self._on(branch.surfaces(y), branch.normals(y))).tolist())
        sides, ends = list(mode.sides), list(mode.ends)
        if guard.kind in ("side", "exit"):
            active.add(guard.index)
            sides[guard.index] = guard.target
        else:
            ends[guard.index] = guard.target
        return self._settle(t, y, Mode(tuple(sides), tuple(ends)), sorted(active), guard), y

    def gather(self, t: float, y: State, mode: Mode) -> Mode | None:
        """Return the mode that slides on every surface the state lies on, None if the fields around do not allow that.

        Where switchings accumulate at one time, this is what follows them.
        """
        branch = self.branch(mode)
        on = self._on(branch.surfaces(y), branch.normals(y))
        gathered = Mode(tuple(0 if k else side for side, k in zip(mode.sides, on, strict=True)), mode.ends)
        sliding = self.branch(gathered).sliding
        if gathered == mode or sliding is None or np.abs(sliding.combination(y, t)).max() > 1:
            return None
        return gathered

    def _rests(self, mode: Mode, k: int, t: float, y: State) -> bool:
        """Return whether an orbit of a mode that reaches surface k, or leaves it after sliding, rests there."""
        sides = [self.branch(_turned(mode, k, side)) for side in (1, -1)]
        error = max(self._error(y), _NEAR * self.scale)
        return comes_to_rest(self.branch(mode), sides, t, y, self.direction, error)

    def _on(self, values: State, normals: State) -> NDArray[np.bool_]:
        """Return which surfaces a state lies on to within rounding."""
        return np.abs(values) <= _NEAR * self.scale * np.linalg.norm(normals, axis=-1)

    def _reached(self, y: State) -> tuple[int, ...]:
        """Return 1 or -1 for coordinates at or beyond their upper or lower bound, 0 for the others."""
        near = _NEAR * self.scale
        return tuple(int(at) for at in np.where(y >= self.high - near, 1, np.where(y <= self.low + near, -1, 0)))

    def _loose(self, y: State, i: int, at: int) -> int:
        """Return the end of a coordinate that moves freely at a bound: 0, or 2 or -2 where it is or goes beyond."""
        gap = y[i] - self.high[i] if at > 0 else self.low[i] - y[i]
        return 2 * at if at and (self.direction < 0 or gap > _NEAR * self.scale) else 0

    def _placed(self, y: State, mode: Mode, guard: Guard) -> State:
        """Return the state on the bound that was met, or on the surface that is left after sliding."""
        y = y.copy()
        if guard.kind in ("bound", "return"):
            side = guard.target or int(np.sign(mode.ends[guard.index]))
            y[guard.index] = self.high[guard.index] if side > 0 else self.low[guard.index]
        if guard.kind == "exit":
            # Along a curved surface the orbit drifts off it within the tolerance.
            branch = self.branch(mode)
            for _ in range(3):
                normal = branch.normals(y)[guard.index] * branch.moving
                y = y - branch.surfaces(y)[guard.index] * normal / max(float(normal @ normal), 1e-300)
        return y

    def _settle(self, t: float, y: State, wish: Mode, active: list[int], guard: Guard | None) -> Mode:
        """Return the mode nearest to the wish whose own field agrees with it.

        Parameters
        ----------
        wish : Mode
        active : list of int
            Switches that the state lies on; the sides of the others stay as wished.
        guard : Guard or None
            What ended the last piece. Where an orbit lets go of a surface or a bound, there is nothing to decide.
        """
        at = self._reached(y)
        switches, coordinates = list(active), [i for i in self.bounded if at[i]]
        choices = [[1, -1, 0] if k in active else [side] for k, side in enumerate(wish.sides)]
        ends = [[side, self._loose(y, i, side)] if side else [0] for i, side in enumerate(at)]
        if guard is not None and guard.kind == "exit":
            switches.remove(guard.index)
            choices[guard.index] = [guard.target]
        elif guard is not None and guard.kind in ("release", "return", "halt"):
            coordinates = [i for i in coordinates if i != guard.index]
            ends[guard.index] = [guard.target or (0 if guard.kind == "return" else ends[guard.index][-1])]
        wanted = (*wish.sides, *wish.ends)
        candidates = sorted(product(*choices, *ends), key=lambda c: sum(a != b for a, b in zip(c, wanted, strict=True)))
        last = None
        for candidate in candidates:
            mode = Mode(candidate[: len(choices)], candidate[len(choices) :])
            branch = self.branch(mode)
            if not self._agrees(branch, t, y, switches, coordinates):
                continue
            if branch.sliding is None or branch.sliding.determined(y, t):
                return mode
            # Where the fields do not determine how to slide, that is taken only if nothing else agrees.
            last = last or mode
        return last or Mode(candidates[0][: len(choices)], candidates[0][len(choices) :])

    def _agrees(self, branch: Branch, t: float, y: State, switches: list[int], coordinates: list[int]) -> bool:
        """Return whether the field of a mode keeps an orbit in that mode."""
        if branch.sliding is not None and np.abs(branch.sliding.combination(y, t)).max() > 1 + _STRAIGHT:
            return False
        value = np.asarray(branch(y, t))
        speeds, sizes = branch.speeds(y, t)
        gradients, terms = branch.speed_gradients(y, t)
        # Rounding of the sum, and of the state at which it is taken.
        still = _STILL * sizes + _NEAR * self.scale * terms.sum(axis=-1)
        rates, straight = gradients @ value, _STRAIGHT * (terms @ np.abs(value))
        for k in switches:
            side = branch.mode.sides[k]
            if abs(speeds[k]) > still[k]:
                if side * self.direction * speeds[k] < 0:
                    return False
            elif abs(rates[k]) > straight[k] and side * rates[k] < 0:
                return False
        at = self._reached(y)
        free = np.asarray(branch.free(y, t))
        for i in coordinates:
            stopped = abs(branch.mode.ends[i]) == 1
            push, size = at[i] * free[i], np.abs(free).max()
            if abs(push) <= _STILL * size:
                slope = np.asarray(branch.free.jacobian(y, t))[i]
                push, size = self.direction * at[i] * (slope @ value), np.abs(slope) @ np.abs(value)
                if abs(push) <= _STRAIGHT * size:
                    continue
            if stopped != (push > 0):
                return False
        return True


def _turned(mode: Mode, k: int, side: int) -> Mode:
    """Return the mode on this side of surface k."""
    return replace(mode, sides=(*mode.sides[:k], side, *mode.sides[k + 1 :]))


def _each(function: Callable[[State, float], Any]) -> Callable[[State, Any], State]:
    """Return a function of state and time for states of any shape that each have their own time.

    The last answer is kept: several guards ask for different entries of it, one after the other.
    """
    last: dict[str, Any] = {"y": None}

    def value(y: State, t: Any) -> State:
        if last["y"] is not y:
            states = y.reshape(-1, y.shape[-1])
            times = np.broadcast_to(t, y.shape[:-1]).ravel()
            if (times == times[0]).all():
                rows = np.asarray(function(states, float(times[0])), dtype=np.float64)
            else:
                rows = np.stack([np.asarray(function(y, float(time))) for y, time in zip(states, times, strict=True)])
            last.update(y=y, value=rows.reshape(*y.shape[:-1], -1))
        return last["value"]

    return value
