r"""What methods without multipliers do next to an equilibrium: measured, since no linearisation tells.

Steps divided by the root of an average of squares (Adam, RMSProp) have a length of about the rate however close the
equilibrium is: they settle on orbits whose size is proportional to the rate. A running mean converges like 1/k or
follows its iterates away. Both are run as compiled kernels from a few starts close by, and the end of the run is
classified. Where the game is close to linear, sizes in units of the rate do not depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Game
from dynamics.games.symbolic import SymbolicGame
from dynamics.methods.base import Method
from dynamics.methods.iterate import iterate
from dynamics.methods.linearise import map_jacobian
from dynamics.methods.moments import Normalised
from dynamics.stability.intervals import moduli

#: Rate of normalised steps where none was given (the usual default of Adam), in units of the coordinates.
RATE = 1e-3
#: Rate of other methods where none was given, in units of the inverse norm of the Jacobian.
SHARE = 0.1
#: Iterations of a run: forty memories of a thousand steps, such as Adam's, so that most spirals have settled.
ITERATIONS = 40_000
#: The last part of a run that is looked at, and the part before its middle that it is compared with.
WINDOW = 4_000
#: Starts, and their distance from the equilibrium in units of the rate (normalised steps) or of the box.
STARTS, DISTANCE, SHARE_OF_BOX = 4, 10.0, 1e-3
#: Exponents of ``distance ~ k^p`` between the two windows closer to zero than this count as settled.
SETTLED = 0.05
#: Normalised steps are run at a fourth of the rate too: an orbit that belongs to the equilibrium shrinks by about as
#: much (less where the game is far from linear), one that has left for something else not at all, or by everything
#: where the lower rate stays.
SLOWER = 4.0
BELONGS = (1.1, 8.0)
#: Games of more coordinates are not tried.
MOST_COORDINATES = 20


@dataclass(frozen=True)
class MeasuredAttractor:
    """What a method was seen to do from starts close to an equilibrium.

    Attributes
    ----------
    kind : str
        ``converges`` (to rounding), ``approaches`` (closer with every step, like a power of their number),
        ``period-2``, ``bounded``, ``rests elsewhere``, ``departs`` (farther with every step) or ``diverges``.
    low, high : float
        Range of the distances from the equilibrium at the end of the run, over all starts.
    exponent : float
        ``p`` of ``distance ~ k^p`` over the second half of the run.
    lr : float or mapping
        Rate of the run.
    iterations : int
    leaves : bool
        What is met does not belong to the equilibrium: its size does not follow the rate, or grows with the steps.
    note : str
        What multipliers of the iterates say where an average is measured.
    """

    kind: str
    low: float
    high: float
    exponent: float
    lr: Any
    iterations: int
    leaves: bool
    note: str = ""

    def __str__(self) -> str:
        near = f"{self.low:.3g}" if self.high <= self.low * 1.005 else f"{self.low:.3g} to {self.high:.3g}"
        text = {
            "converges": "converges to it",
            "approaches": f"approaches it like k^{self.exponent:.2g}, to {self.high:.2g}",
            "period-2": f"orbit of period 2 at distance {near}",
            "bounded": f"bounded, at distance {near}",
            "rests elsewhere": f"rests at distance {near}",
            "departs": f"departs, to {self.high:.2g}",
            "diverges": "diverges",
        }[self.kind]
        rates = self.lr.items() if isinstance(self.lr, Mapping) else [("", self.lr)]
        rate = ", ".join(f"{value:.3g} {player}".strip() for player, value in rates)
        note = f"; {self.note}" if self.note else ""
        return f"{'leaves: ' if self.leaves else ''}{text} (lr {rate}, {self.iterations} steps){note}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description."""
        return {
            "kind": self.kind,
            "distance": [self.low, self.high] if np.isfinite(self.high) else None,
            "exponent": self.exponent if np.isfinite(self.exponent) else None,
            "lr": dict(self.lr) if isinstance(self.lr, Mapping) else self.lr,
            "iterations": self.iterations,
            "leaves": self.leaves,
            "text": str(self),
        }


def measured_attractor(
    game: Game,
    method: Method,
    y: NDArray[np.float64],
    box: Mapping[str, tuple[float, float]] | None = None,
    lr: float | Mapping[str, float] | None = None,
    iterations: int = ITERATIONS,
) -> MeasuredAttractor | None:
    """Return what a method does next to an equilibrium; None for games that are not compiled, or too large.

    Parameters
    ----------
    game : Game
    method : Method
    y : ndarray, shape (dim,)
        The equilibrium.
    box : mapping of str to (float, float), optional
        Sets the scale of the starts; the game's own box by default.
    lr : float or mapping of player to float, optional
        By default 1e-3 for normalised steps, and a tenth of the inverse norm of the Jacobian for others.
    iterations : int
        At least a few thousand.
    """
    if not isinstance(game, SymbolicGame) or game.dim > MOST_COORDINATES:
        return None
    normalised = isinstance(getattr(method, "inner", method), Normalised)
    if lr is None:
        size = float(np.linalg.norm(np.asarray(game.jacobian(y)), 2))
        lr = RATE if normalised or size == 0 else float(f"{SHARE / size:.3g}")
    sides = box or game.box
    width = min(high - low for low, high in sides.values())
    largest = max(lr.values()) if isinstance(lr, Mapping) else lr
    distance = min(DISTANCE * largest, 0.1 * width) if normalised else SHARE_OF_BOX * width
    found = _run(game, method, y, lr, distance, iterations)
    base = getattr(method, "inner", None)
    if base is not None and not base.no_multipliers:
        radii, states = moduli(map_jacobian(base.with_schedule(None).with_lr(lr), game, y)[None])
        if states[0] > 0:
            # the average follows them in the end, unless they settle on an orbit around the equilibrium
            return replace(found, note=f"its iterates leave, with spectral radius {radii[0]:.9g}")
    if not normalised or found.kind not in ("period-2", "bounded", "rests elsewhere"):
        return found
    slower = {p: v / SLOWER for p, v in lr.items()} if isinstance(lr, Mapping) else lr / SLOWER
    other = _run(game, method, y, slower, distance / SLOWER, iterations)
    belongs = BELONGS[0] * other.high <= found.high <= BELONGS[1] * other.high
    return replace(found, leaves=not belongs)


def _run(
    game: SymbolicGame, method: Method, y: NDArray[np.float64], lr: Any, distance: float, iterations: int
) -> MeasuredAttractor:
    """Return the class of a run from a few starts at a distance from the equilibrium."""
    starts = game.project(y + distance * _directions(game.dim))
    with np.errstate(all="ignore"):
        states = iterate(game, method.with_lr(lr), starts, iterations, compiled=True).states
        distances = np.linalg.norm(states - y, axis=-1)
    return _classified(states, distances, lr, 1 + float(np.abs(y).max()))


def _directions(dim: int) -> NDArray[np.float64]:
    """Return a few unit vectors in general position, shape (m, dim), the same every time."""
    vectors = np.random.default_rng(7).standard_normal((STARTS, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _classified(
    states: NDArray[np.float64], distances: NDArray[np.float64], lr: Any, scale: float
) -> MeasuredAttractor:
    """Return the class of a run, shape (m, k + 1, dim), from its last steps and those before its middle."""
    count = distances.shape[1] - 1
    if not np.isfinite(distances).all():
        reached = int(np.isfinite(distances).all(axis=0).sum()) - 1
        return MeasuredAttractor("diverges", np.inf, np.inf, np.nan, lr, reached, True)
    width = min(WINDOW, count // 4)
    late, middle = distances[:, -width:], distances[:, count // 2 - width : count // 2]
    low, high, before = float(late.min()), float(late.max()), float(middle.max())
    rounding = 1e3 * np.finfo(float).eps * scale
    # monotone distances are largest where the windows begin
    ratio = (count - width) / (count // 2 - width)
    exponent = float(np.log(high / before) / np.log(ratio)) if min(high, before) > rounding else 0.0
    tail = states[:, -width:]
    start = float(distances[:, 0].max())
    if high <= rounding:
        kind = "converges"
    elif exponent < -SETTLED and high < start:
        kind = "approaches"
    elif exponent > SETTLED:
        kind = "departs"
    elif np.abs(tail[:, 1:] - tail[:, :-1]).max() <= 1e-6 * high:
        kind = "rests elsewhere"
    elif np.abs(tail[:, 2:] - tail[:, :-2]).max() <= 0.01 * np.abs(tail[:, 1:] - tail[:, :-1]).max():
        kind = "period-2"
    else:
        kind = "bounded"
    leaves = kind in ("departs", "rests elsewhere") or (kind == "bounded" and low > start)
    return MeasuredAttractor(kind, low, high, exponent, lr, count, leaves)
