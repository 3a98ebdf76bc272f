"""The dense output of a step, and the search in it for what happens first.

A *gauge* is a number that is positive while nothing happens (:func:`.sides.gauge`). Like those of ``control``, these
functions are copied.
"""

from __future__ import annotations

import math
from typing import Any

from dynamics.games.codegen.integrator.layout import (
    AIM,
    AIMS,
    DIM,
    EVENTS,
    K0,
    LANE,
    LANES,
    LENGTH,
    NEW,
    ORDER,
    SAMPLES,
    STAGES,
    STATE,
    H,
    Q,
    Y,
)
from dynamics.games.codegen.integrator.sides import gauge, touch

#: Weights of the stages in the dense outputs of order 7 and 4, one row per coefficient; bound where this is compiled.
HIGH_WEIGHTS: Any = None
LOW_WEIGHTS: Any = None


def dense(a, s, lane):
    """Compute the interpolant of the step of lane ``lane``: Hairer, Norsett, Wanner (1993), II.6; Dormand, Prince."""
    dim, lanes, q = s[DIM], s[LANES], s[Q]
    size = dim * lanes
    for d in range(dim):
        j = d * lanes + lane
        h = a[H * size + j]
        if s[ORDER] == 7:
            change = a[NEW * size + j] - a[Y * size + j]
            first = a[K0 * size + j]
            a[q + d] = change
            a[q + dim + d] = h * first - change
            a[q + 2 * dim + d] = 2.0 * change - h * (a[(K0 + s[STAGES]) * size + j] + first)
            for r in range(HIGH_WEIGHTS.shape[0]):
                total = 0.0
                for i in range(HIGH_WEIGHTS.shape[1]):
                    total += HIGH_WEIGHTS[r, i] * a[(K0 + i) * size + j]
                a[q + (3 + r) * dim + d] = h * total
        else:
            for r in range(LOW_WEIGHTS.shape[0]):
                total = 0.0
                for i in range(LOW_WEIGHTS.shape[1]):
                    total += LOW_WEIGHTS[r, i] * a[(K0 + i) * size + j]
                a[q + r * dim + d] = h * total


def value(a, s, lane, x):
    """Write to ``STATE`` the state of lane ``lane`` at the fraction ``x`` of its step."""
    dim, q = s[DIM], s[Q]
    for d in range(dim):
        total = 0.0
        if s[ORDER] == 7:
            # Seven coefficients, x and 1 - x in turn.
            for r in range(6, -1, -1):
                total = (total + a[q + r * dim + d]) * (x if r % 2 == 0 else 1.0 - x)
        else:
            for r in range(3, -1, -1):
                total = (total + a[q + r * dim + d]) * x
        a[s[STATE] + d] = a[(Y * dim + d) * s[LANES] + lane] + total


def within(a, s, lane):
    """Return the first target that holds the state of a lane, -1 if none does."""
    for n in range(s[AIMS]):
        place = s[AIM] + n * (s[DIM] + 1)
        gap = 0.0
        for d in range(s[DIM]):
            gap += (a[(Y * s[DIM] + d) * s[LANES] + lane] - a[place + d]) ** 2
        if math.sqrt(gap) <= a[place + s[DIM]]:
            return n
    return -1


def gauge_at(a, s, lane, m, x):
    """Return a gauge at the fraction ``x`` of the step."""
    value(a, s, lane, x)
    return gauge(a, s, m)


def passes_by(a, s, lane, n):
    """Return whether a step is too short to have touched a target (see :func:`.steps.aim`)."""
    dim, lanes = s[DIM], s[LANES]
    place = s[AIM] + n * (dim + 1)
    before = after = 0.0
    for d in range(dim):
        before += (a[(Y * dim + d) * lanes + lane] - a[place + d]) ** 2
        after += (a[(NEW * dim + d) * lanes + lane] - a[place + d]) ** 2
    length = a[s[LANE] + LENGTH * lanes + lane]
    return math.sqrt(before) + math.sqrt(after) > length + 2.0 * a[place + dim]


def first_violation(a, s, lane, e):
    """Return what happens first in the step, -1 for nothing, and at which fraction of it.

    ``e`` has room for the samples of the dense output, and behind them for a gauge at each.
    """
    dim = s[DIM]
    for i in range(len(SAMPLES)):
        value(a, s, lane, SAMPLES[i])
        for d in range(dim):
            e[i * dim + d] = a[s[STATE] + d]
    which, when = -1, 2.0
    for m in range(s[EVENTS] + s[AIMS]):
        if m >= s[EVENTS] and passes_by(a, s, lane, m - s[EVENTS]):
            continue
        left, right = bracket(a, s, lane, m, e)
        if right >= 0.0 and left < when:
            x = root(a, s, lane, m, left, right)
            if x < when:
                which, when = m, x
    return which, when


def bracket(a, s, lane, m, e):
    """Return two fractions between which a gauge falls below zero for the first time, negative ones if it does not.

    Between two samples of which a parabola says that the gauge may dip below zero, its minimum is searched, so that an
    orbit that grazes a surface is not stepped across. A dip that is no deeper than a touch is none.
    """
    dim, last = s[DIM], len(SAMPLES) - 1
    g = len(SAMPLES) * dim
    for i in range(last + 1):
        for d in range(dim):
            a[s[STATE] + d] = e[i * dim + d]
        e[g + i] = gauge(a, s, m)
    for i in range(last):
        here, there = e[g + i], e[g + i + 1]
        x0, x1 = SAMPLES[i], SAMPLES[i + 1]
        if there < 0.0:
            return x0, x1
        # The parabola through this interval and a neighbouring sample.
        n = i - 1 if i > 0 else 2
        slope = (there - here) / (x1 - x0)
        bend = ((e[g + n] - here) / (SAMPLES[n] - x0) - slope) / (SAMPLES[n] - x1)
        if bend > 0.0:
            lowest = 0.5 * (x0 + x1) - 0.5 * slope / bend
            depth = here + (lowest - x0) * (slope + bend * (lowest - x1))
            if x0 < lowest < x1 and depth < 0.5 * min(here, there):
                x = lowest_point(a, s, lane, m, x0, x1, -touch(a, s, m))
                if x >= 0.0:
                    return x0, x
    return -1.0, -1.0


def lowest_point(a, s, lane, m, left, right, level):
    """Return a fraction between two where a gauge is below a level, found by golden sections; -1 if it is nowhere."""
    golden = 0.6180339887498949
    x0, x1 = right - golden * (right - left), left + golden * (right - left)
    e0, e1 = gauge_at(a, s, lane, m, x0), gauge_at(a, s, lane, m, x1)
    # The depth that is missed falls with the square of the width: 40 sections narrow it to 4e-9.
    for _ in range(40):
        if e0 < level:
            return x0
        if e1 < level:
            return x1
        if e0 < e1:
            right, x1, e1 = x1, x0, e0
            x0 = right - golden * (right - left)
            e0 = gauge_at(a, s, lane, m, x0)
        else:
            left, x0, e0 = x0, x1, e1
            x1 = left + golden * (right - left)
            e1 = gauge_at(a, s, lane, m, x1)
    return -1.0


def root(a, s, lane, m, left, right):
    """Return the fraction at which a gauge passes zero between two, to rounding (regula falsi, Illinois rule)."""
    e1 = gauge_at(a, s, lane, m, right)
    e0 = gauge_at(a, s, lane, m, left)
    if not e0 > 0.0:
        # The step begins on the surface: look for a time at which it has been left.
        x, found = right, False
        for _ in range(45):
            x = left + 0.5 * (x - left)
            e0 = gauge_at(a, s, lane, m, x)
            if e0 > 0.0:
                found = True
                break
            right, e1 = x, e0
        if not found:
            return left
        left = x
    side = 0
    for turn in range(200):
        if right - left <= 4e-16 * right or e1 == 0.0:
            break
        x = (left * e1 - right * e0) / (e1 - e0)
        if turn % 4 == 3 or not left < x < right:
            x = 0.5 * (left + right)
        if not left < x < right:
            break
        middle = gauge_at(a, s, lane, m, x)
        if middle > 0.0:
            left, e0 = x, middle
            if side == 1:
                e1 *= 0.5
            side = 1
        else:
            right, e1 = x, middle
            if side == -1:
                e0 *= 0.5
            side = -1
    return right
