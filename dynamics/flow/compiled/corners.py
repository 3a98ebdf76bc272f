"""What the compiled loop leaves to Python: starts on a surface, events where surfaces or bounds meet, tangency.

The rules are those of every other solver, :class:`dynamics.flow.pieces.Pieces`.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from dynamics.flow.compiled.batch import Batch
from dynamics.flow.modes import Mode
from dynamics.flow.pieces import Guard, Pieces
from dynamics.flow.switching import Switching, record
from dynamics.games.codegen.integrator import layout
from dynamics.games.field import Field

#: Events at one time after which a start is given over to the solver of :mod:`dynamics.flow.drive`.
_MOST_AT_ONCE = 8


class Corners:
    """Decides how starts go on that stand at a corner.

    Parameters
    ----------
    game : Field
    batch : Batch

    Attributes
    ----------
    switchings : mapping of start to list of Switching
        What was decided, in order.
    left : list of int
        Starts that slide along several surfaces at once, which the compiled loop does not follow.
    """

    def __init__(self, game: Field, batch: Batch) -> None:
        self.game = game
        self.batch = batch
        self.kinks = len(game.switches)
        self.pieces: dict[int, Pieces] = {}
        self.switchings: dict[int, list[Switching]] = defaultdict(list)
        self.left: list[int] = []
        self.last: dict[int, tuple[float, int]] = {}

    def __call__(self, i: int) -> None:
        """Decide about start i."""
        batch = self.batch
        t, y = float(batch.real[i, layout.NOW]), batch.y[i].copy()
        pieces = self.pieces.setdefault(i, Pieces(self.game, batch.way, batch.tolerances))
        which = int(batch.whole[i, layout.EVENT])
        with np.errstate(all="ignore"):
            if which < 0:
                mode = pieces.start(t, y)
            else:
                old = self._mode(i)
                pieces.scale = max(pieces.scale, float(np.abs(y).max()))
                guard = self._guard(pieces, old, which, y, t)
                mode, y = pieces.change(t, y, old, guard)
                switching = record(pieces, t, y, old, mode, guard)
                if switching is not None:
                    self.switchings[i].append(switching)
                    batch.whole[i, layout.SWITCHED] += 1
        batch.y[i] = y
        batch.modes[i] = (*mode.sides, *mode.ends)
        if mode.rests:
            batch.stay(i)
            return
        batch.whole[i, layout.STANDS] = layout.RUNNING
        before, times = self.last.get(i, (np.nan, 0))
        times = times + 1 if abs(t - before) <= 8 * np.spacing(abs(t)) else 0
        self.last[i] = t, times
        if mode.sides.count(0) > 1 or times > _MOST_AT_ONCE:
            self.left.append(i)
            batch.whole[i, layout.STANDS] = layout.CORNER

    def _mode(self, i: int) -> Mode:
        stands = tuple(int(stand) for stand in self.batch.modes[i])
        return Mode(stands[: self.kinks], stands[self.kinks :])

    def _guard(self, pieces: Pieces, mode: Mode, which: int, y: np.ndarray, t: float) -> Guard:
        """Return the guard that the loop found at zero."""
        if which < self.kinks:
            kinds, index = ("side", "exit"), which
        else:
            kinds, index = ("bound", "release", "halt", "return"), which - self.kinks
        found = [guard for guard in pieces.guards(mode) if guard.index == index and guard.kind in kinds]
        return min(found, key=lambda guard: abs(float(guard.at(y[None], np.array([t]))[0])))
