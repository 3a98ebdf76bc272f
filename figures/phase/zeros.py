"""Zero sets of functions on a plane: sign changes located by bisection, and the factors of a formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from figures.phase.plane import Plane

#: A function of states (..., dim) with values (...).
Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]

#: Halvings of a lattice edge: what is left of it is a millionth of a millionth of a pixel.
HALVINGS = 40
#: A continuous function that changes sign within ``2**-40`` of an edge is that much smaller there than at the edge's
#: ends, the root of a linear one a millionth; a function that jumps or has a pole is not smaller at all.
SMALL = 1e-3
#: How far lattice lines are moved off even spacing, in cells: an exact zero on a line (an axis of symmetry) would
#: have no sign. The middle moves by this much, the sides of the box stay.
WARP = 0.37


def zero_lines(
    function: Function, plane: Plane, points: int = 201, noise: float = 0.0
) -> tuple[NDArray[np.float64], ...]:
    """Return the curves across which a function changes sign by passing through zero.

    Only the sign is contoured, so that the magnitudes on the two sides, which may differ by hundreds of orders,
    do not matter. Jumps and poles are left out, and so are regions where the function is exactly zero.

    Parameters
    ----------
    function : callable
        Maps states (..., dim) to (...).
    plane : Plane
    points : int
        Lattice lines per side.
    noise : float
        Magnitude, relative to the largest on the lattice, below which the sign means nothing.

    Returns
    -------
    tuple of ndarray, each of shape (points, 2)
        Vertices are zeros to the last bits of their lattice edge.
    """
    from contourpy import contour_generator

    x, y = (_warped(low, high, points) for low, high in plane.box)
    lattice = np.stack(np.meshgrid(x, y), axis=-1)

    def values(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(function(plane.lift(places)), dtype=np.float64)

    sample = values(lattice)
    largest = float(np.max(np.abs(sample), initial=0.0, where=np.isfinite(sample)))
    # Strictly inside the bounds: on them a clipped component vanishes because it is clipped.
    known = np.isfinite(sample) & (np.abs(sample) > noise * largest) & plane.admissible(lattice, margin=-1e-9)
    sign = np.ma.masked_array(np.where(sample > 0, 1.0, -1.0), mask=~known)
    found: list[NDArray[np.float64]] = []
    # Half-way between -1 and 1 every vertex is in the middle of its edge, whose ends are then known exactly.
    for line in contour_generator(z=sign, corner_mask=False).lines(0.0):
        column, row = np.asarray(line).T
        first = np.stack([x[np.floor(column).astype(int)], y[np.floor(row).astype(int)]], axis=-1)
        second = np.stack([x[np.ceil(column).astype(int)], y[np.ceil(row).astype(int)]], axis=-1)
        places, good = _bisect(values, first, second)
        ends = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
        found += [places[a:b] for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a >= 2]
    return tuple(found)


def _warped(low: float, high: float, points: int) -> NDArray[np.float64]:
    """Return slightly uneven lattice lines from side to side."""
    s = np.linspace(0.0, 1.0, points)
    lines = low + (high - low) * (s + 4 * WARP / (points - 1) * s * (1 - s))
    lines[0], lines[-1] = low, high
    return lines


def _bisect(
    values: Function, first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return where edges (n, 2) to (n, 2) change sign, and whether the function goes to zero there."""
    a, b = first.copy(), second.copy()
    at_a, at_b = values(a), values(b)
    largest = np.maximum(np.abs(at_a), np.abs(at_b))
    for _ in range(HALVINGS):
        middle = (a + b) / 2
        at_middle = values(middle)
        left = np.sign(at_middle) == np.sign(at_a)
        a[left], at_a[left] = middle[left], at_middle[left]
        b[~left], at_b[~left] = middle[~left], at_middle[~left]
    good = np.maximum(np.abs(at_a), np.abs(at_b)) <= SMALL * largest
    return (a + b) / 2, good


def zeros_of_component(
    component: Function, factors: tuple[Function, ...], plane: Plane, points: int = 201, noise: float = 0.0
) -> tuple[NDArray[np.float64], ...]:
    """Return the zero lines of a function, those of its factors where it is known as a product.

    Without factors, lines that a function touches without changing sign, such as ``x = 0`` for ``x**2``, are not
    found. Lines of a factor count where the function itself vanishes.
    """
    if not factors:
        return zero_lines(component, plane, points, noise)
    lines: list[NDArray[np.float64]] = []
    step = plane.size / (points - 1)
    for factor in factors:
        for line in zero_lines(factor, plane, points):
            here = np.abs(component(plane.lift(line)))
            around = np.max(
                [
                    np.abs(component(plane.lift(np.clip(line + np.array(way) * step, *plane.box.T))))
                    for way in ((1, 0), (-1, 0), (0, 1), (0, -1))
                ],
                axis=0,
            )
            good = (here <= SMALL * around) & (around > 0)
            ends = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
            lines += [line[a:b] for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a >= 2]
    return tuple(lines)


def rounding(field: Any) -> float:
    """Return the magnitude, relative to its largest value, below which a field's sign means nothing.

    A formula evaluated in float64 has the right sign however small it is; sums over quadrature nodes, data or
    networks carry rounding errors of their largest terms.
    """
    expressions = getattr(field, "expressions", None)
    return 0.0 if expressions is not None and not expressions.has_expectations else 1e-12


#: Operations in a formula up to which its factors are looked for.
FACTORED = 300


def factors_of(game: Any, index: int) -> tuple[Function, ...]:
    """Return the factors of one component of a game's field as functions of the state, none if it has no formula.

    Each factor is given once, whatever its power: the zeros of ``x**2`` are those of ``x``. Parameters enter by
    their values, because many formulas factor only then.
    """
    import sympy as sp

    from dynamics import games

    expressions = getattr(game, "expressions", None)
    if expressions is None or expressions.has_expectations:
        return ()
    names = {symbol: sp.Rational(repr(game.parameters[symbol.name])) for symbol in game.definition.parameter_symbols}
    formula = expressions.field[index].xreplace(names)
    if formula.is_number or formula.count_ops() > FACTORED:
        return ()
    found = []
    try:
        for factor, _ in sp.factor_list(formula)[1]:
            alone = games.define(players={"factor": (list(game.names), factor)}, parameters={})
            found.append(lambda y, alone=alone: np.asarray(alone.losses(y)["factor"]))
    # SymPy raises NotImplementedError for formulas in which it knows no factors.
    except (InputError, sp.PolynomialError, NotImplementedError):
        return ()
    return tuple(found)
