"""The static part of the stepping loop: lanes are filled, steps chosen, judged and committed, starts put away.

Starts travel in lanes, in step with each other but each with its own time, step size and error; a lane whose start has
ended takes the next one. No number of one lane ever meets a number of another, so that a result depends neither on the
company of a start nor on the number of threads.

These functions are never called where they stand: :mod:`.kernel` copies them into one module and compiles that.
"""

from __future__ import annotations

import math

from dynamics.games.codegen.integrator.layout import (
    AIMS,
    ATOL,
    BEHIND,
    BEYOND_IT,
    BROKEN,
    CALLED,
    CALLS,
    CAPTURED,
    CENTRE,
    DIM,
    DUE,
    EARLY,
    END,
    EPS,
    EVENTS,
    EXHAUSTED,
    FINISHED,
    FIRST,
    FLAG,
    FRAME,
    FRESH,
    GOAL,
    HALF,
    HUGE,
    K0,
    LANE,
    LANES,
    LATE,
    LIMIT,
    LIVE,
    NEW,
    NEXT,
    NOW,
    ORDER,
    OUTPUT,
    OUTSIDE,
    PLAIN,
    REACH,
    REFUSED,
    REJECTED,
    RETRIED,
    ROW,
    RTOL,
    RUNNING,
    SIZE,
    STAGES,
    STANDING,
    STANDS,
    STATE,
    STATUS,
    STEPPED,
    STUCK,
    TAKEN,
    TARGET,
    TIME,
    TOO_MANY,
    TOO_SMALL,
    UNDERFLOW,
    WAY,
    WRITTEN,
    U,
    V,
    Y,
)
from dynamics.games.codegen.integrator.search import value, within


def number(s, which, lane):
    """Return the place of a number of a lane in the work array."""
    return s[LANE] + which * s[LANES] + lane


def fill(a, s, k, rows, place, chunks, times, y, real, whole, modes):
    """Put starts into empty lanes; returns the next place in ``rows`` and how many lanes are in use and new."""
    dim, lanes = s[DIM], s[LANES]
    live = new = 0
    for lane in range(lanes):
        k[FRESH, lane] = 0
        if k[ROW, lane] < 0 and place < rows.shape[0]:
            i = rows[place]
            place += chunks
            new += 1
            for d in range(dim):
                a[(Y * dim + d) * lanes + lane] = y[i, d]
            a[number(s, TIME, lane)], a[number(s, LIMIT, lane)] = real[i, NOW], real[i, REACH]
            a[number(s, SIZE, lane)] = abs(real[i, NEXT])
            a[number(s, RETRIED, lane)] = 1.0 if real[i, NEXT] < 0.0 else 0.0
            a[number(s, LIVE, lane)] = 1.0
            a[number(s, TAKEN, lane)], a[number(s, REFUSED, lane)] = whole[i, STEPPED], whole[i, REJECTED]
            steps = whole[i, STEPPED] + whole[i, REJECTED]
            a[number(s, CALLS, lane)] = whole[i, CALLED] - s[STAGES] * steps
            k[ROW, lane], k[FRESH, lane], k[STATUS, lane] = i, 1, whole[i, STANDS]
            k[OUTPUT, lane], k[STUCK, lane] = whole[i, WRITTEN], 0
            set_due(a, s, k, lane, times)
            for m in range(modes.shape[1]):
                s[STANDING + m] = modes[i, m]
        if k[ROW, lane] >= 0:
            live += 1
    return place, live, new


def set_due(a, s, k, lane, times):
    """Set the next output time of a lane, infinite if there is none."""
    n = k[OUTPUT, lane]
    a[number(s, DUE, lane)] = times[n] if n < times.shape[0] else a[s[FRAME] + WAY] * math.inf


def put_away(a, s, k, y, real, whole, modes, everything):
    """Write back the starts that have ended, or all, and empty their lanes; returns how many."""
    dim, lanes = s[DIM], s[LANES]
    gone = 0
    for lane in range(lanes):
        i = k[ROW, lane]
        if i >= 0 and (everything or k[STATUS, lane] != RUNNING):
            for d in range(dim):
                y[i, d] = a[(Y * dim + d) * lanes + lane]
            size = a[number(s, SIZE, lane)]
            real[i, NOW] = a[number(s, TIME, lane)]
            real[i, NEXT] = -size if a[number(s, RETRIED, lane)] > 0.0 else size
            whole[i, STANDS] = k[STATUS, lane]
            whole[i, STEPPED], whole[i, REJECTED] = a[number(s, TAKEN, lane)], a[number(s, REFUSED, lane)]
            steps = whole[i, STEPPED] + whole[i, REJECTED]
            whole[i, CALLED] = a[number(s, CALLS, lane)] + s[STAGES] * steps
            whole[i, WRITTEN] = k[OUTPUT, lane]
            for m in range(modes.shape[1]):
                modes[i, m] = s[STANDING + m]
            a[number(s, LIVE, lane)] = 0.0
            k[ROW, lane] = -1
            gone += 1
    return gone


def level(a, s, edges):
    """Choose the quadrature rule for the state of the one lane; True if it is another one than before."""
    reach = 1.0
    for d in range(s[DIM]):
        far = abs(a[Y * s[DIM] + d] - a[s[CENTRE] + d]) / a[s[HALF] + d]
        if far > reach:
            reach = far
    n = 0
    while n < edges.shape[0] - 2 and reach > 1.0:
        reach *= 0.5
        n += 1
    changed = s[FIRST] != edges[n]
    s[FIRST], s[BEHIND] = edges[n], edges[n + 1]
    return changed


def admit(a, s, k, whole):
    """Take the slopes of new lanes, and propose the states at which their curvature is probed.

    Returns how many starts still need a first step: Hairer, Norsett, Wanner (1993), II.4.
    """
    dim, lanes = s[DIM], s[LANES]
    size = dim * lanes
    waiting = 0
    for lane in range(lanes):
        guess = 0.0
        if k[FRESH, lane]:
            k[FRESH, lane] = 0
            finite = True
            near = speed = 0.0
            for d in range(dim):
                j = d * lanes + lane
                slope = a[V * size + j]
                a[K0 * size + j] = slope
                finite = finite and abs(slope) <= HUGE
                tolerance = a[s[FRAME] + ATOL] + a[s[FRAME] + RTOL] * abs(a[Y * size + j])
                near += (a[Y * size + j] / tolerance) ** 2
                speed += (slope / tolerance) ** 2
            if a[number(s, SIZE, lane)] == 0.0 and k[STATUS, lane] < FINISHED:
                k[STATUS, lane] = RUNNING
                a[number(s, CALLS, lane)] += 1.0
                hit = within(a, s, lane)
                if not finite:
                    k[STATUS, lane] = BROKEN
                elif hit >= 0:
                    k[STATUS, lane] = TARGET
                    whole[k[ROW, lane], CAPTURED] = hit
                else:
                    k[FRESH, lane] = 1
                    a[number(s, CALLS, lane)] += 1.0
                    waiting += 1
                    near, speed = math.sqrt(near / dim), math.sqrt(speed / dim)
                    guess = 1e-6 if near < 1e-5 or speed < 1e-5 else 0.01 * near / speed
                    guess = min(guess, abs(a[s[FRAME] + END] - a[number(s, TIME, lane)]))
                    a[number(s, SIZE, lane)] = guess
        for d in range(dim):
            j = d * lanes + lane
            a[U * size + j] = a[Y * size + j] + a[s[FRAME] + WAY] * guess * a[K0 * size + j]
    return waiting


def first_steps(a, s, k):
    """Choose the first step of the lanes that wait for it, from the slopes at the states proposed."""
    dim, lanes = s[DIM], s[LANES]
    size = dim * lanes
    for lane in range(lanes):
        if k[FRESH, lane]:
            k[FRESH, lane] = 0
            guess = a[number(s, SIZE, lane)]
            speed = bend = 0.0
            for d in range(dim):
                j = d * lanes + lane
                tolerance = a[s[FRAME] + ATOL] + a[s[FRAME] + RTOL] * abs(a[Y * size + j])
                speed += (a[K0 * size + j] / tolerance) ** 2
                bend += ((a[V * size + j] - a[K0 * size + j]) / tolerance) ** 2
            speed, bend = math.sqrt(speed / dim), math.sqrt(bend / dim) / guess
            most = max(speed, bend)
            if not bend <= HUGE:
                # A probe that left the domain of the field says nothing but "be careful".
                step = guess * 1e-3
            elif most <= 1e-15:
                step = max(1e-6, guess * 1e-3)
            else:
                step = (0.01 / most) ** (1.0 / (s[ORDER] + 1))
            a[number(s, SIZE, lane)] = min(abs(a[s[FRAME] + END] - a[number(s, TIME, lane)]), min(100.0 * guess, step))


def inspect(a, s, k):
    """Say how lanes stand that called for attention; True if any needs the dense output of its step."""
    dim, lanes = s[DIM], s[LANES]
    size = dim * lanes
    wanted = False
    for lane in range(lanes):
        flag = a[number(s, FLAG, lane)]
        if k[ROW, lane] < 0 or flag == PLAIN:
            continue
        if flag == TOO_SMALL:
            k[STATUS, lane] = UNDERFLOW
        elif flag == TOO_MANY:
            k[STATUS, lane] = EXHAUSTED
        else:
            total = 0.0
            finite = True
            for d in range(dim):
                part = a[NEW * size + d * lanes + lane]
                total += part * part
                finite = finite and abs(part) <= HUGE
            if not finite:
                k[STATUS, lane] = BROKEN
                a[number(s, TAKEN, lane)] -= 1.0
                a[number(s, REFUSED, lane)] += 1.0
                continue
            if not math.sqrt(total) <= a[number(s, LIMIT, lane)]:
                k[STATUS, lane] = OUTSIDE
            wanted = wanted or dense_needed(a, s, lane)
    return wanted


def dense_needed(a, s, lane):
    """Return whether a lane's step is to be searched, or has an output time inside."""
    ahead = a[s[FRAME] + WAY] * (a[number(s, DUE, lane)] - a[number(s, GOAL, lane)])
    return s[EVENTS] > 0 or s[AIMS] > 0 or ahead < 0.0


def retake(a, s, k, lane, x):
    """Take a step anew that met a surface at the fraction ``x`` of it, to end just beyond; False where it need not be.

    Within a long step the dense output is off by many times the tolerance, which the end of a step is not; near its
    ends it is as good as they are. Where stability limits the steps, it may cross a surface that the orbit never meets.
    """
    if not EARLY < x < LATE:
        return False
    length = abs(a[number(s, GOAL, lane)] - a[number(s, TIME, lane)])
    a[number(s, SIZE, lane)] = BEYOND_IT * x * length
    a[number(s, RETRIED, lane)] = 1.0
    a[number(s, TAKEN, lane)] -= 1.0
    a[number(s, REFUSED, lane)] += 1.0
    k[STATUS, lane] = RUNNING
    return True


def commit(a, s, k, lane, which, x, times, path, whole):
    """Move a lane to the end of its step, or to the fraction ``x`` where something happened, and write the outputs."""
    dim, lanes = s[DIM], s[LANES]
    size = dim * lanes
    before, goal, i = a[number(s, TIME, lane)], a[number(s, GOAL, lane)], k[ROW, lane]
    reached = goal if which < 0 else before + x * (goal - before)
    while a[s[FRAME] + WAY] * (a[number(s, DUE, lane)] - reached) <= 0.0:
        n = k[OUTPUT, lane]
        if times[n] == goal:
            for d in range(dim):
                path[i, n, d] = a[NEW * size + d * lanes + lane]
        else:
            value(a, s, lane, (times[n] - before) / (goal - before))
            for d in range(dim):
                path[i, n, d] = a[s[STATE] + d]
        k[OUTPUT, lane] = n + 1
        set_due(a, s, k, lane, times)
    if which < 0:
        last = (K0 + s[STAGES]) * size
        for d in range(dim):
            j = d * lanes + lane
            a[Y * size + j] = a[NEW * size + j]
            a[K0 * size + j] = a[last + j]
        if goal == a[s[FRAME] + END] and k[STATUS, lane] == RUNNING:
            k[STATUS, lane] = FINISHED
        k[STUCK, lane] = 0
    else:
        value(a, s, lane, x)
        for d in range(dim):
            a[Y * size + d * lanes + lane] = a[s[STATE] + d]
        k[STATUS, lane] = RUNNING
        if which >= s[EVENTS]:
            k[STATUS, lane] = TARGET
            whole[i, CAPTURED] = which - s[EVENTS]
        k[STUCK, lane] = k[STUCK, lane] + 1 if abs(reached - before) <= 10.0 * EPS * abs(reached) else 0
    a[number(s, TIME, lane)] = reached
