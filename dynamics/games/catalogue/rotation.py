r"""Turning a separable potential into a two-player game with the same equilibria.

For ``V = u(x) + w(y)`` the losses ``L_G = V + omega x w'(y)`` and ``L_D = V - omega y u'(x)`` give the field

    ``v = -(I + omega R) grad V``, ``R = [[0, 1], [-1, 0]]``,

a gradient plus ``omega`` times a divergence-free rotation of it. Equilibria do not move with omega, and under noise
of isotropic strength s the density ``exp(-2 V / s^2)`` stays stationary for every omega (the rotation adds the
probability current ``omega R grad V`` times it), so what rotation changes is motion, not where the mass lies.
Source: the non-reversible diffusions of Hwang, Hwang-Ma and Sheu 2005.
"""

from __future__ import annotations

import sympy as sp

from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol


def rotated(name: str, u: sp.Expr, w: sp.Expr, omega: float, start: dict[str, float]) -> Definition:
    """Return the rotated game of ``V = u(x) + w(y)`` on the box [-2, 2]^2."""
    x, y, turn = symbol("x"), symbol("y"), symbol("omega")
    potential = u + w
    generator = potential + turn * x * sp.diff(w, y)
    discriminator = potential - turn * y * sp.diff(u, x)
    return Definition(
        name,
        (Player("generator", ("x",), generator), Player("discriminator", ("y",), discriminator)),
        {"omega": omega},
        box={"x": (-2.0, 2.0), "y": (-2.0, 2.0)},
        start=start,
    )
