"""Equilibria on surfaces where a field is not smooth: kinks of the losses and clipping bounds.

Newton's method does not see them, since the field jumps there; the search is repeated within each surface, with the
field's own value on it. Such equilibria have no linearisation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field
from dynamics.stability import continua, newton


def surface_functions(game: Field) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return (reason, function) for every surface on which the field is not smooth: switches, then clipping bounds."""
    found: list[tuple[str, Callable[[Any], Any]]] = [
        (f"the field is not smooth there (switch {k + 1} is zero)", switch) for k, switch in enumerate(game.switches)
    ]
    for name, (low, high) in dict(getattr(game, "bounds", None) or {}).items():
        column = list(game.names).index(name)
        for edge in (low, high):
            if np.isfinite(edge):
                reason = f"it lies on the clipping bound {name} = {edge:g}"
                found.append((reason, lambda y, i=column, e=float(edge): y[..., i] - e))
    return found


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
        stacked = np.concatenate([problem.jacobian(u), normal[:, None, :]], axis=1)
        value = problem(u)
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
