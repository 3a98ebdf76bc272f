"""Kinks and bounds inside the loop: one-sided fields, sliding, coordinates held at a bound, and what follows an event.

Such games have one lane. Like those of ``control``, these functions are copied, some of them into the modules of games
too. The standings hold the side (1 or -1) from which each kink is continued (:mod:`dynamics.games.sided`), 0 while the
state slides along its surface, and behind the kinks how each coordinate stands at its bounds. Between two events the
field is smooth, so that a step may end beyond a surface; the crossing is then found on its dense output.

On a surface with one-sided normal speeds ``up`` (from its positive side) and ``down``, both of one sign mean crossing.
Where both lead to it the state slides with ``s f+ + (1 - s) f-``, ``s = down / (down - up)``, until one of the two
vanishes (Filippov 1988, section 4). Only these plain cases are decided here. Where surfaces or bounds meet, where the
field is tangent to a surface or may rest on it, or where a start begins on one, the start stops at a corner, and the
caller, who has :mod:`dynamics.flow.pieces`, decides.
"""

from __future__ import annotations

import math
from typing import Any

from dynamics.games.codegen.integrator.layout import (
    AIM,
    ATOL,
    BEYOND,
    BOUNDED,
    CALLS,
    CORNER,
    DIM,
    EVENT,
    EVENTS,
    FRAME,
    FREE,
    HELD,
    HIGH,
    JUMP,
    K0,
    KINKS,
    LANE,
    LANES,
    LOW,
    MINUS,
    NEAR,
    NORMAL,
    PLUS,
    ROW,
    RTOL,
    RUNNING,
    SIDE,
    STANDING,
    STATE,
    STATUS,
    STILL,
    STOPPING,
    STUCK,
    SWITCHED,
    TOUCH,
    UNKNOWN,
    VALUES,
    WAY,
    U,
    V,
    Y,
)

# The game's own functions, and whether there are kinks or bounds; bound where this is compiled.
SIDED = True
raw: Any = None
surfaces: Any = None
gradients: Any = None
switches: Any = None


def sliding(s):
    """Return the kink along which the state slides, -1 for none."""
    for n in range(s[KINKS]):
        if s[STANDING + n] == 0:
            return n
    return -1


def held(s, d):
    """Return whether a coordinate is held at a bound."""
    return s[BOUNDED] and abs(s[STANDING + s[KINKS] + d]) == HELD


def across(a, s, n, at):
    """Return the speed of the field in row ``at`` along the gradient of kink n, and the size of its terms."""
    speed = size = 0.0
    for d in range(s[DIM]):
        if not held(s, d):
            part = a[s[NORMAL] + n * s[DIM] + d] * a[at + d]
            speed += part
            size += abs(part)
    return speed, size


def both_fields(a, s, n):
    """Write the fields on both sides of kink n to their rows, and the gradients of all kinks."""
    kept = a[s[SIDE] + n]
    a[s[SIDE] + n] = -1.0
    raw(a, s)
    for d in range(s[DIM]):
        a[s[MINUS] + d] = a[V * s[DIM] + d]
    a[s[SIDE] + n] = 1.0
    raw(a, s)
    for d in range(s[DIM]):
        a[s[PLUS] + d] = a[V * s[DIM] + d]
    gradients(a, s)
    a[s[SIDE] + n] = kept


def velocity(a, s):
    """Write to row ``V`` the field at row ``U``: of its side, or along the surface; bounds do not hold it."""
    n = sliding(s)
    if n < 0:
        raw(a, s)
    else:
        both_fields(a, s, n)
        up, down = across(a, s, n, s[PLUS])[0], across(a, s, n, s[MINUS])[0]
        share = down / (down - up) if down != up else 0.5
        for d in range(s[DIM]):
            a[V * s[DIM] + d] = share * a[s[PLUS] + d] + (1.0 - share) * a[s[MINUS] + d]


def field(a, s):
    """Write to row ``V`` the velocity at row ``U``, zero for coordinates that a bound holds."""
    velocity(a, s)
    for d in range(s[DIM]):
        if held(s, d):
            a[V * s[DIM] + d] = 0.0


def gauge(a, s, m):
    """Return a number that is positive while nothing happens: no crossing, no end of sliding, no bound, no target."""
    if SIDED:
        if m < s[KINKS]:
            return gauge_side(a, s, m)
        if m < s[EVENTS]:
            return gauge_end(a, s, m - s[KINKS])
    place = s[AIM] + (m - s[EVENTS]) * (s[DIM] + 1)
    gap = 0.0
    for d in range(s[DIM]):
        gap += (a[s[STATE] + d] - a[place + d]) ** 2
    return gap - a[place + s[DIM]] ** 2


def touch(a, s, m):
    """Return how far below zero a gauge may dip within a step where the errors of the orbit explain it."""
    if SIDED:
        return touch_depth(a, s, m)
    return 0.0


def touch_depth(a, s, m):
    """Return the tolerance of so many steps at the state, in units of the gauge; 0 unless that is a distance."""
    if m >= s[EVENTS]:
        return 0.0
    total = square = 0.0
    for d in range(s[DIM]):
        total += a[s[STATE] + d] ** 2
    error = TOUCH * (a[s[FRAME] + RTOL] * math.sqrt(total) + a[s[FRAME] + ATOL])
    if m >= s[KINKS]:
        return error if s[STANDING + m] == FREE else 0.0
    if s[STANDING + m] == 0:
        return 0.0
    for d in range(s[DIM]):
        a[U * s[DIM] + d] = a[s[STATE] + d]
    gradients(a, s)
    for d in range(s[DIM]):
        square += a[s[NORMAL] + m * s[DIM] + d] ** 2
    return error * math.sqrt(square)


def gauge_side(a, s, n):
    """Return the distance from a surface on the side of the start, or what falls to zero where sliding ends."""
    for d in range(s[DIM]):
        a[U * s[DIM] + d] = a[s[STATE] + d]
    if s[STANDING + n] != 0:
        surfaces(a, s)
        return s[STANDING + n] * a[s[VALUES] + n]
    both_fields(a, s, n)
    return -across(a, s, n, s[PLUS])[0] * across(a, s, n, s[MINUS])[0]


def gauge_end(a, s, d):
    """Return the distance from the bounds, the push against the bound that holds, or what keeps a coordinate beyond."""
    stands = s[STANDING + s[KINKS] + d]
    above, below = a[s[HIGH] + d] - a[s[STATE] + d], a[s[STATE] + d] - a[s[LOW] + d]
    if stands == FREE:
        return min(above, below)
    for c in range(s[DIM]):
        a[U * s[DIM] + c] = a[s[STATE] + c]
    velocity(a, s)
    push = a[V * s[DIM] + d] if stands > 0 else -a[V * s[DIM] + d]
    if abs(stands) == HELD:
        return push
    if a[s[FRAME] + WAY] < 0.0:
        return -push
    return min(-push, -above if stands > 0 else -below)


def largest(a, s, row):
    """Return the largest magnitude in a row."""
    found = 0.0
    for d in range(s[DIM]):
        found = max(found, abs(a[row * s[DIM] + d]))
    return found


def on_kink(a, s, except_for):
    """Return whether the state lies on a surface, within rounding, besides the one that is met."""
    near = NEAR * largest(a, s, U)
    surfaces(a, s)
    gradients(a, s)
    for n in range(s[KINKS]):
        square = 0.0
        for d in range(s[DIM]):
            square += a[s[NORMAL] + n * s[DIM] + d] ** 2
        if n != except_for and a[s[VALUES] + n] ** 2 <= near**2 * square:
            return True
    return False


def close(a, s, except_for):
    """Return whether the state lies on a kink or at a bound that does not hold it, besides the one that is met."""
    if s[BOUNDED]:
        near = NEAR * largest(a, s, U)
        for d in range(s[DIM]):
            beyond = a[U * s[DIM] + d] >= a[s[HIGH] + d] - near or a[U * s[DIM] + d] <= a[s[LOW] + d] + near
            if s[KINKS] + d != except_for and beyond and not held(s, d):
                return True
    return on_kink(a, s, except_for)


def begin(a, s):
    """Take the sides of a new start and how it stands at its bounds; False where that is not clear."""
    for d in range(s[DIM]):
        a[U * s[DIM] + d] = a[Y * s[DIM] + d]
        s[STANDING + s[KINKS] + d] = FREE
    switches(a, s)
    for n in range(s[KINKS]):
        s[STANDING + n] = -1 if a[s[VALUES] + n] < 0.0 else 1
        a[s[SIDE] + n] = s[STANDING + n]
    if on_kink(a, s, -1):
        return False
    if s[BOUNDED]:
        near = NEAR * largest(a, s, U)
        raw(a, s)
        least = STILL * largest(a, s, V)
        for d in range(s[DIM]):
            y, low, high = a[U * s[DIM] + d], a[s[LOW] + d], a[s[HIGH] + d]
            if low + near < y < high - near:
                continue
            side = 1 if y > 0.5 * (low + high) else -1
            edge = high if side > 0 else low
            push = side * a[V * s[DIM] + d]
            if (abs(y - edge) <= near and y != edge) or (abs(push) <= least and push != 0.0):
                return False
            if push >= 0.0:
                s[STANDING + s[KINKS] + d] = side * HELD
            elif y != edge or a[s[FRAME] + WAY] < 0.0:
                s[STANDING + s[KINKS] + d] = side * BEYOND
    return True


def enter(a, s, k):
    """Put a start that comes into the lane where it stands."""
    for n in range(s[KINKS]):
        a[s[SIDE] + n] = s[STANDING + n] if s[STANDING + n] != 0 else 1.0
    if k[STATUS, 0] == UNKNOWN and not begin(a, s):
        k[STATUS, 0] = CORNER


def decide(a, s, which, way):
    """Set the standing after an event at row ``Y``; False where more than one thing happens, or nothing clearly."""
    for d in range(s[DIM]):
        a[U * s[DIM] + d] = a[Y * s[DIM] + d]
    if which < s[KINKS]:
        clear = decide_side(a, s, which, way)
    else:
        clear = way > 0.0 and sliding(s) < 0 and decide_end(a, s, which - s[KINKS])
    return clear and keeps_held(a, s)


def pace(a, s, at):
    """Return the speed of the field in row ``at``."""
    square = 0.0
    for d in range(s[DIM]):
        if not held(s, d):
            square += a[at + d] ** 2
    return math.sqrt(square)


def decide_side(a, s, which, way):
    """Cross a surface, begin or end to slide along it; False where it is tangent, or may rest, or surfaces meet."""
    stands = s[STANDING + which]
    if close(a, s, which) or (stands != 0 and sliding(s) >= 0):
        return False
    both_fields(a, s, which)
    up, upper = across(a, s, which, s[PLUS])
    down, lower = across(a, s, which, s[MINUS])
    if stands == 0:
        # The side whose field has become tangent takes over.
        side = 1 if abs(up) < abs(down) else -1
        clear = max(abs(up), abs(down)) > STILL * max(upper, lower)
    else:
        here, there = (up, down) if stands > 0 else (down, up)
        side = -stands if way * stands * there < 0.0 else 0
        clear = abs(up) > STILL * upper and abs(down) > STILL * lower and way * stands * here < 0.0
    s[STANDING + which] = side
    a[s[SIDE] + which] = side if side != 0 else 1.0
    slow, fast = pace(a, s, s[MINUS]), pace(a, s, s[PLUS])
    return clear and min(slow, fast) > JUMP * max(slow, fast)


def decide_end(a, s, d):
    """Stop a coordinate at the bound it meets, release it, or let it in; False where it halts beyond."""
    place = STANDING + s[KINKS] + d
    stands, low, high, y = s[place], a[s[LOW] + d], a[s[HIGH] + d], a[U * s[DIM] + d]
    if abs(stands) == HELD:
        if y < low or y > high:
            return False
        s[place] = FREE
    else:
        side = stands if stands != FREE else 1 if high - y < y - low else -1
        edge = high if side > 0 else low
        if abs(y - edge) > NEAR * largest(a, s, U):
            return False
        a[Y * s[DIM] + d] = a[U * s[DIM] + d] = edge
        s[place] = FREE if stands != FREE else side * HELD
    return not close(a, s, s[KINKS] + d)


def keeps_held(a, s):
    """Return whether every coordinate that is held at a bound is clearly pushed against it, or not at all."""
    if s[BOUNDED]:
        velocity(a, s)
        least = STILL * largest(a, s, V)
        for d in range(s[DIM]):
            stands = s[STANDING + s[KINKS] + d]
            push = stands * a[V * s[DIM] + d]
            if abs(stands) == HELD and not (push > least or push == 0.0):
                return False
    return True


def happened(a, s, k, which, whole):
    """Pass what happened at the end of the step of the one lane, and keep a sliding state on its surface."""
    moved = False
    if 0 <= which < s[EVENTS]:
        i = k[ROW, 0]
        stood = s[STANDING + which]
        a[s[LANE] + CALLS * s[LANES]] += 2.0
        if s[STOPPING] == 0 and k[STUCK, 0] <= 8 * s[EVENTS] and decide(a, s, which, a[s[FRAME] + WAY]):
            whole[i, SWITCHED] += 1
        else:
            s[STANDING + which] = stood
            whole[i, EVENT] = which
            k[STATUS, 0] = CORNER
        moved = True
    n = sliding(s)
    if n >= 0:
        for d in range(s[DIM]):
            a[U * s[DIM] + d] = a[Y * s[DIM] + d]
        surfaces(a, s)
        gradients(a, s)
        square = 0.0
        for d in range(s[DIM]):
            if held(s, d):
                a[s[NORMAL] + n * s[DIM] + d] = 0.0
            square += a[s[NORMAL] + n * s[DIM] + d] ** 2
        if square > 0.0:
            for d in range(s[DIM]):
                a[Y * s[DIM] + d] -= a[s[VALUES] + n] * a[s[NORMAL] + n * s[DIM] + d] / square
        moved = True
    if moved and k[STATUS, 0] == RUNNING:
        renew(a, s, k)


def present(a, s):
    """Make the states the argument of the field."""
    size = s[DIM] * s[LANES]
    for j in range(size):
        a[U * size + j] = a[Y * size + j]


def renew(a, s, k):
    """Take the slope anew where the state or the field has changed."""
    present(a, s)
    field(a, s)
    for j in range(s[DIM]):
        a[K0 * s[DIM] + j] = a[V * s[DIM] + j]
    a[s[LANE] + CALLS * s[LANES]] += 1.0
