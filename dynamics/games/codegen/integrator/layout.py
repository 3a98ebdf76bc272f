"""Where things lie: the numbers on which generated integrators, their static part and their callers agree.

The work array ``a`` begins with rows of ``dim * lanes`` numbers, ``row * dim * lanes + coordinate * lanes + lane``, and
ends with constants; the integer array ``s`` holds sizes, places in ``a`` and addresses of compiled functions. Integers
of the lanes are in ``k``, what is kept of the starts in ``real`` and ``whole``.
"""

from __future__ import annotations

#: Rows of the work array: state, argument and value of the field, state after the step, step size, error norm, factor
#: of the next step size, and from ``K0`` on the slopes.
Y, U, V, NEW, H, ERROR, OTHER, K0 = range(8)

#: Entries of ``s`` that describe the game and the method.
DIM, LANES, STAGES, EXTRA, ORDER, KINKS, BOUNDED, EVENTS, EXPECTS = range(9)
#: Entries of ``s`` with places in the work array: lanes, interpolant, a state, what ``sides`` computes, constants.
LANE, Q, STATE, PLUS, MINUS, NORMAL, VALUES, FRAME, PARAMETER, SIDE, SCALE, LOW, HIGH, CENTRE, HALF, NODE = range(9, 25)
#: Entries of ``s`` with addresses: field, step with its error, slopes of the dense output, and of games with kinks or
#: bounds the one-sided field, the switching functions continued from their sides, their gradients, and as they are.
FIELD, STEP, MORE, RAW, SURFACE, GRADIENT, SWITCH = range(25, 32)
#: Entries of ``s`` of a batch: number of targets, their place in the work array, number of quadrature nodes, place for
#: the terms of their sums, whether to stop at every event.
AIMS, AIM, NODES, TERMS, STOPPING = range(32, 37)
#: Entries of ``s`` that change: lanes to look at after a step, quadrature nodes in use, standings from there on.
ATTENTION, FIRST, BEHIND, STANDING = range(37, 41)

#: Numbers of a lane, ``s[LANE] + number * lanes + lane`` in the work array: time, size of the next step, time at which
#: it ends, bound on the norm, next output time, whether a step was just refused, whether the lane is in use, what a
#: step calls for, accepted and refused steps, evaluations besides those of the stages, about the length
#: of the path in the step.
TIME, SIZE, GOAL, LIMIT, DUE, RETRIED, LIVE, FLAG, TAKEN, REFUSED, CALLS, LENGTH = range(12)
LANE_NUMBERS = 12
#: Rows of ``k``: start in the lane (-1 for none), its status, whether it is new, next output, events at one time.
ROW, STATUS, FRESH, OUTPUT, STUCK = range(5)
LANE_INTEGERS = 5

#: What a step calls for: nothing (it is committed or refused), a look at it, or the end of the start.
PLAIN, LOOK, TOO_SMALL, TOO_MANY = range(4)

#: Columns of ``real``: time, next step (negative if one was just refused, 0 to choose one), bound on the norm.
NOW, NEXT, REACH = range(3)
#: Columns of ``whole``.
STANDS, CAPTURED, CALLED, STEPPED, REJECTED, WRITTEN, SWITCHED, EVENT = range(8)
REALS, WHOLES = 3, 8

#: Entries of the frame: 1 forward or -1 backward, the last time, tolerances, most evaluations of a start.
WAY, END, RTOL, ATOL, BUDGET = range(5)
FRAME_SIZE = 5

#: How a start stands. Below ``FINISHED`` it goes on; at a corner the caller has to decide how.
UNKNOWN, RUNNING, FINISHED, OUTSIDE, BROKEN, UNDERFLOW, EXHAUSTED, TARGET, CORNER = range(9)

#: How a bounded coordinate stands, with the sign of the bound: inside, held at the bound, beyond it and free.
FREE, HELD, BEYOND = range(3)

#: Fractions of a step at which its dense output is looked at. Where gauges dip between them, parabolas tell.
SAMPLES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)

#: Fractions of a step between which a surface that is met has the step taken anew, and how far beyond it that one goes:
#: it is met at 1 / 1.1 of the new step, behind the limit, so that one step is enough unless the dense output was wrong.
EARLY, LATE, BEYOND_IT = 0.05, 0.8, 1.1

#: Safety and limits of the factor between step sizes, as in SciPy.
SAFETY, LEAST, MOST = 0.9, 0.2, 10.0
EPS, TINY, HUGE = 2.0**-52, 1e-300, 1.7976931348623157e308

#: Distance from a surface, relative to the state, and speed across it, relative to its terms, that count as rounding.
NEAR, STILL = 1e-13, 1e-12
#: Part of the speed on one side of a surface below which an orbit of the other may rest there, as in
#: :mod:`dynamics.flow.rest`.
JUMP = 0.01
#: Steps whose tolerance a dip below a surface and back must exceed to be one, as in :mod:`dynamics.flow.pieces`.
TOUCH = 100.0
