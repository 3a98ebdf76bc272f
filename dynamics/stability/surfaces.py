"""Equilibria on surfaces where a field is not smooth: kinks of the losses and clipping bounds.

Newton's method does not see them, since the field jumps there; the search is repeated within each surface, with the
field's own value on it, and with the convex hull of the fields on its sides (Filippov 1988: a state where the hull
contains zero is an equilibrium of the differential inclusion, whatever value the formula takes on the surface). Such
equilibria have no linearisation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.flow.rest import settles, slowest_rate
from dynamics.games.field import Field
from dynamics.stability import continua, newton


def surface_functions(game: Field) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return (reason, function) for every surface on which the field is not smooth: switches, then clipping bounds."""
    found: list[tuple[str, Callable[[Any], Any]]] = [
        (f"the field is not smooth there ({game.surface_label(k)})", switch) for k, switch in enumerate(game.switches)
    ]
    for name, (low, high) in game.bounds.items():
        column = list(game.names).index(name)
        for edge in (low, high):
            if np.isfinite(edge):
                reason = f"it lies on the clipping bound {name} = {edge:g}"
                found.append((reason, lambda y, i=column, e=float(edge): y[..., i] - e))
    return found


def admissible(game: Field, sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sides of a box cut to the clipping bounds of the game, which no state may leave, shape (dim, 2).

    Raises
    ------
    InputError
        For a box outside the bounds.
    """
    cut = sides.copy()
    for name, (low, high) in game.bounds.items():
        i = list(game.names).index(name)
        cut[i] = max(cut[i, 0], low), min(cut[i, 1], high)
        if not cut[i, 0] < cut[i, 1]:
            raise InputError(
                f"The box has {name} in [{sides[i, 0]:g}, {sides[i, 1]:g}], outside its clipping bounds "
                f"[{low:g}, {high:g}]: choose a box that meets them."
            )
    return cut


def surface_gradient(
    problem: newton.ScaledField, function: Callable[[Any], Any], u: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return central differences of a switching function in box coordinates, shape (m, dim)."""
    step = 1e-6
    shifts = step * np.eye(u.shape[-1])
    with np.errstate(all="ignore"):
        forward = np.asarray(function(problem.states(u[:, None] + shifts)))
        backward = np.asarray(function(problem.states(u[:, None] - shifts)))
    gradient = (forward - backward) / (2 * step)
    return np.where(np.isfinite(gradient), gradient, 0.0)


def near_surface(
    problem: newton.ScaledField, function: Callable[[Any], Any], u: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which points lie on a switching surface to within rounding (1e-10 box widths), shape (m,)."""
    if len(u) == 0:
        return np.zeros(0, dtype=bool)
    slope = np.linalg.norm(surface_gradient(problem, function, u), axis=1)
    return np.abs(np.asarray(function(problem.states(u)))) <= 1e-10 * np.maximum(slope, 1e-300)


def on_switch(
    problem: newton.ScaledField, function: Callable[[Any], Any], starts: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return the distinct zeros of the field (with its own value on the surface) on one switching surface.

    Newton steps along the surface alternate with projections onto it; points are kept where field and switch vanish.
    """

    def project(u: NDArray[np.float64]) -> NDArray[np.float64]:
        for _ in range(4):
            gradient = surface_gradient(problem, function, u)
            square = np.maximum((gradient * gradient).sum(axis=1), 1e-300)
            u = u - (np.asarray(function(problem.states(u))) / square)[:, None] * gradient
        # a coordinate that is zero on the surface up to rounding must be exactly zero for the switch to be
        y = problem.states(u)
        return np.where(np.abs(y) < 1e-13 * problem.width, -problem.low / problem.width, u)

    u = project(starts)
    for _ in range(40):
        gradient = surface_gradient(problem, function, u)
        normal = gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-300)
        value = problem(u)
        # a component that is zero on the surface (its outward part on a bound) has other slopes beside it
        slopes = np.where((value == 0)[..., None], 0.0, problem.jacobian(u))
        stacked = np.concatenate([slopes, normal[:, None, :]], axis=1)
        target = np.concatenate([np.where(np.isfinite(value), value, 0.0), np.zeros((len(u), 1))], axis=1)
        step = -np.einsum("mij,mj->mi", np.linalg.pinv(stacked, rcond=1e-12), target)
        length = newton.norms(step)
        u = project(u + step * np.minimum(1.0, 0.5 / np.maximum(length, 1e-300))[:, None])
        if (length < 1e-14).all():
            break
    exact = np.abs(np.asarray(function(problem.states(u)))) <= 1e-13 * np.linalg.norm(
        surface_gradient(problem, function, u), axis=1
    )
    u = u[exact & problem.vanishes(u) & ((u >= -newton.EDGE) & (u <= 1 + newton.EDGE)).all(axis=1)]
    found: list[NDArray[np.float64]] = []
    while len(u):
        u_here = u[0]
        close = np.abs(u - u_here).max(axis=1) < 1e-7
        close |= continua.same_zero(problem, u_here, u)
        found.append(u_here)
        u = u[~close]
    return found


#: Distance from a surface, in box widths, at which one-sided fields are taken (twice, to extrapolate to the surface).
SIDE = 1e-9


def sided_fields(
    problem: newton.ScaledField, normals: NDArray[np.float64], u: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the limits of the field from every side of k surfaces that meet in ``u``, shape (m, 2^k, dim).

    Parameters
    ----------
    problem : ScaledField
    normals : ndarray, shape (m, k, dim)
        Dual to the gradients of the switches: one step along the j-th changes the j-th switch alone.
    u : ndarray, shape (m, dim)
    """
    signs = np.array(list(product((-1.0, 1.0), repeat=normals.shape[1])))
    steps = SIDE * np.einsum("sk,mki->msi", signs, normals)
    near, far = problem(u[:, None] + steps), problem(u[:, None] + 2 * steps)
    return np.nan_to_num(2 * near - far)


def hull_zeros(
    problem: newton.ScaledField, functions: Sequence[Callable[[Any], Any]], starts: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    r"""Return distinct states where switching surfaces meet and the one-sided fields contain zero in their hull.

    Newton steps of minimal length in ``(u, w)`` for ``sum_s w_s v_s(u) = 0``, ``sum_s w_s = 1`` and every switch
    zero; points are kept where zero is a convex combination of fields that are not zero themselves (a vanishing side
    is found without the surface), and where it is so along a segment, one point stands for all.

    Parameters
    ----------
    problem : ScaledField
    functions : sequence of callables
        The switches that vanish.
    starts : ndarray, shape (m, dim)
    """
    from scipy.optimize import nnls

    count, sides = len(functions), 2 ** len(functions)
    weights = np.full((len(starts), sides), 1.0 / sides)
    u = starts

    def geometry(u: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        gradients = np.stack([surface_gradient(problem, function, u) for function in functions], axis=1)
        values = np.stack([np.asarray(function(problem.states(u))) for function in functions], axis=1)
        dual = np.swapaxes(np.linalg.pinv(gradients, rcond=1e-10), 1, 2)
        dual /= np.maximum(np.linalg.norm(dual, axis=2, keepdims=True), 1e-300)
        return gradients, np.nan_to_num(values), dual

    for _ in range(30):
        gradients, values, dual = geometry(u)
        fields = sided_fields(problem, dual, u)
        signs = np.array(list(product((-1.0, 1.0), repeat=count)))
        slopes = problem.jacobian(u[:, None] + SIDE * np.einsum("sk,mki->msi", signs, dual))
        matrix = np.zeros((len(u), u.shape[1] + 1 + count, u.shape[1] + sides))
        matrix[:, : u.shape[1], : u.shape[1]] = np.einsum("ms,msij->mij", weights, slopes)
        matrix[:, : u.shape[1], u.shape[1] :] = np.swapaxes(fields, 1, 2)
        matrix[:, u.shape[1], u.shape[1] :] = 1.0
        matrix[:, u.shape[1] + 1 :, : u.shape[1]] = gradients
        target = np.concatenate(
            [np.einsum("ms,msi->mi", weights, fields), weights.sum(axis=1, keepdims=True) - 1, values], axis=1
        )
        step = -np.einsum("mij,mj->mi", np.linalg.pinv(matrix, rcond=1e-10), target)
        length = np.abs(step[:, : u.shape[1]]).max(axis=1)
        step *= np.minimum(1.0, 0.5 / np.maximum(length, 1e-300))[:, None]
        u, weights = u + step[:, : u.shape[1]], weights + step[:, u.shape[1] :]
        if (length < 1e-14).all():
            break
    inside = ((u >= -newton.EDGE) & (u <= 1 + newton.EDGE)).all(axis=1)
    u = u[inside]
    if not len(u):
        return []
    # rounding of the shift by the corner of the box
    u = np.where(np.abs(problem.states(u)) < 1e-13 * problem.width, -problem.low / problem.width, u)

    def contains_zero(u: NDArray[np.float64]) -> NDArray[np.bool_]:
        gradients, values, dual = geometry(u)
        on = (np.abs(values) <= 1e-12 * np.maximum(np.linalg.norm(gradients, axis=2), 1e-300)).all(axis=1)
        fields = sided_fields(problem, dual, u)
        answer = np.zeros(len(u), dtype=bool)
        for i in np.flatnonzero(on):
            size = np.abs(fields[i]).max(axis=1)
            # extrapolation over SIDE leaves its square; 1e-8 of the field tells such a side from a vanishing one
            if size.min() <= 1e-8 * max(float(size.max()), 1e-300):
                continue
            system = np.vstack([fields[i].T / size.max(), np.ones(sides)])
            residual = nnls(system, np.append(np.zeros(u.shape[1]), 1.0))[1]
            answer[i] = residual <= 1e-9
        return answer

    # typical points first: nearest to the centre of gravity, so that the middle of a segment stands for it
    u = u[contains_zero(u)]
    found: list[NDArray[np.float64]] = []
    while len(u):
        here = u[np.argmin(np.abs(u - u.mean(axis=0)).max(axis=1))]
        close = np.abs(u - here).max(axis=1) < 1e-7
        for i in np.flatnonzero(~close):
            between = here + np.linspace(0.0, 1.0, 7)[1:-1, None] * (u[i] - here)
            close[i] = bool(contains_zero(between).all())
        found.append(here)
        u = u[~close]
    return found


def sliding_equilibria(
    problem: newton.ScaledField, starts: NDArray[np.float64], known: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], str]]:
    """Return states where zero lies in the hull of the fields around the kinks of the losses, with the reason.

    Intersections of up to three switches are searched, at most forty of them.

    Parameters
    ----------
    problem : ScaledField
    starts : ndarray, shape (m, dim)
    known : ndarray, shape (k, dim)
        Zeros on switching surfaces found by the field's own value; a set that contains one of them is left out.
    """
    switches = list(enumerate(problem.field.switches))
    chosen = [c for size in (1, 2, 3) if size <= len(problem.low) for c in combinations(switches, size)][:40]
    found: list[tuple[NDArray[np.float64], str]] = []
    for subset in chosen:
        functions = [function for _, function in subset]
        values = np.array([[abs(float(np.asarray(f(problem.states(u))))) for f in functions] for u in known])
        if len(known) and (values.reshape(len(known), -1) <= 1e-12).all(axis=1).any():
            continue
        which = " and ".join(str(index + 1) for index, _ in subset)
        plural = "switches" if len(subset) > 1 else "switch"
        verb = "are" if len(subset) > 1 else "is"
        reason = (
            f"the field is not smooth there ({plural} {which} {verb} zero; zero lies in the convex hull of the fields "
            "on its sides)"
        )
        for u in hull_zeros(problem, functions, starts):
            if all(np.abs(u - other).max() > 1e-7 for other, _ in found):
                found.append((u, reason))
    return found


def one_sided_equilibria(
    problem: newton.ScaledField, starts: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], str]]:
    """Return states on a switching surface at which the field of one side vanishes, with the reason.

    The field jumps there, and its own value is not zero; but orbits that come from that side without turning around
    the state come to rest at it. At most three switches are searched, with all combinations of their sides.

    Parameters
    ----------
    problem : ScaledField
    starts : ndarray, shape (m, dim)
    """
    field = problem.field
    count = len(field.switches)
    if not 1 <= count <= 3:
        return []
    box = np.stack([problem.low, problem.low + problem.width], axis=1)
    found: list[tuple[NDArray[np.float64], str]] = []
    for signs in product((1.0, -1.0), repeat=count):
        side = replace(newton.scaled(field.sided(signs), box, problem.states(starts)), counter=problem.counter)
        ends = newton.solve(side, starts)
        ends = ends[((ends >= -newton.EDGE) & (ends <= 1 + newton.EDGE)).all(axis=1)]
        ends = ends[side.vanishes(ends)]
        if not len(ends):
            continue
        ends = newton.polish(side, ends)
        on = np.array([near_surface(side, function, ends) for function in field.switches])
        with np.errstate(all="ignore"):
            values = np.array([np.asarray(function(side.states(ends))) for function in field.switches])
        kept = on.any(axis=0) & (on | (np.sign(values) == np.array(signs)[:, None])).all(axis=0)
        # where the field itself vanishes it is an equilibrium of the whole, found already
        kept &= ~problem.vanishes(ends)
        for u, touched in zip(ends[kept], on.T[kept], strict=True):
            if any(np.abs(u - other).max() <= 1e-7 for other, _ in found):
                continue
            words = [
                f"{field.surface_label(k).removesuffix(' = 0')} {'>' if signs[k] > 0 else '<'} 0"
                for k in np.flatnonzero(touched).tolist()
            ]
            values_there = np.linalg.eigvals(np.asarray(side.field.jacobian(side.states(u))))
            found.append((u, _one_sided(" and ".join(words), values_there)))
    return found


def _one_sided(where: str, eigenvalues: NDArray[Any]) -> str:
    """Return what an equilibrium of the field where ``where`` holds is, on the border of that side."""
    slowest = slowest_rate(eigenvalues)
    if settles(slowest):
        does = f"it attracts orbits that stay there (slowest real part {slowest.real:.6g})"
    elif slowest.real < 0:
        does = "its slowest eigenvalues there are complex: orbits cross the surface around it"
    else:
        does = "it does not attract them"
    return f"the field is not smooth there (an equilibrium of the side {where}, on its border; {does})"
