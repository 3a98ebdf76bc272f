"""The loop over steps of the starts in the lanes.

Never called where it stands: :mod:`.kernel` copies it into one module with the functions it calls, and compiles that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynamics.games.codegen.integrator.control import (
    admit,
    commit,
    dense_needed,
    fill,
    first_steps,
    inspect,
    level,
    number,
    put_away,
    retake,
)
from dynamics.games.codegen.integrator.layout import (
    AIMS,
    ATTENTION,
    BROKEN,
    CALLS,
    DIM,
    EVENTS,
    EXPECTS,
    EXTRA,
    FIELD,
    FLAG,
    LANE_INTEGERS,
    LANES,
    LOOK,
    MORE,
    ROW,
    RUNNING,
    SAMPLES,
    STATUS,
    STEP,
)
from dynamics.games.codegen.integrator.search import dense, first_violation
from dynamics.games.codegen.integrator.sides import enter, happened, present, renew

# Bound where this is compiled: how an address is called, and whether games have kinks or bounds.
call: Any = None
SIDED = True


def run(chunk, chunks, rows, rounds, times, y, real, whole, modes, base, constants, shape, edges, path):
    """Integrate the starts ``rows[chunk::chunks]`` to their ends, or for so many rounds of steps of the lanes.

    Parameters
    ----------
    chunk, chunks : int
    rows : int array
        Starts that go on.
    rounds : int
    times : array, shape (output,)
        Output times in the order of integration, without the first.
    y, real, whole, modes : arrays with a row per start
        State, and what :mod:`.layout` says; they are changed.
    base : int
        Length of the work array before the constants.
    constants : array
        Frame, parameters, sides, time scales, bounds, box, quadrature nodes and weights, targets with their radii.
    shape : int array
        The integer array as a lane starts with it.
    edges : int array
        Begin of each quadrature rule among the nodes, and the end of the last.
    path : array, shape (start, output, dim)
        Receives the states at the output times.
    """
    a = np.zeros(base + constants.shape[0])
    a[base:] = constants
    s = shape.copy()
    lanes = s[LANES]
    k = np.zeros((LANE_INTEGERS, lanes), dtype=np.int64)
    k[ROW] = -1
    e = np.zeros(len(SAMPLES) * (s[DIM] + 1))
    place, live, vacant = chunk, 0, True
    for _ in range(rounds):
        if vacant:
            place, live, new = fill(a, s, k, rows, place, chunks, times, y, real, whole, modes)
            if live == 0:
                break
            if new > 0:
                if s[EXPECTS]:
                    level(a, s, edges)
                if SIDED:
                    enter(a, s, k)
                present(a, s)
                call(s[FIELD], a, s)
                if admit(a, s, k, whole) > 0:
                    call(s[FIELD], a, s)
                    first_steps(a, s, k)
            vacant = put_away(a, s, k, y, real, whole, modes, False) > 0
        call(s[STEP], a, s)
        if s[ATTENTION] > 0:
            if inspect(a, s, k):
                call(s[MORE], a, s)
            for lane in range(lanes):
                if k[ROW, lane] >= 0 and a[number(s, FLAG, lane)] == LOOK and k[STATUS, lane] != BROKEN:
                    which, x = -1, 1.0
                    if dense_needed(a, s, lane):
                        a[number(s, CALLS, lane)] += s[EXTRA]
                        dense(a, s, lane)
                        if SIDED or s[AIMS] > 0:
                            which, x = first_violation(a, s, lane, e)
                    if SIDED and 0 <= which < s[EVENTS] and retake(a, s, k, lane, x):
                        continue
                    commit(a, s, k, lane, which, x, times, path, whole)
                    if SIDED:
                        happened(a, s, k, which, whole)
                    if s[EXPECTS] and level(a, s, edges) and k[STATUS, lane] == RUNNING:
                        renew(a, s, k)
            vacant = put_away(a, s, k, y, real, whole, modes, False) > 0 or vacant
    put_away(a, s, k, y, real, whole, modes, True)
