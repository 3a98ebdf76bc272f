r"""Rotated double well: V = x^4/4 - x^2/2 + y^2/2 turned into a two-player game by omega.

Field ``-(I + omega R) grad V`` (:mod:`dynamics.games.catalogue.rotation`): wells at ``x = +-1, y = 0`` and a saddle
at the origin for every omega; omega = 0 is the gradient flow.
"""

from __future__ import annotations

from dynamics.games.catalogue.options import Options
from dynamics.games.catalogue.rotation import rotated
from dynamics.games.definition import Definition
from dynamics.games.expressions import symbol


class Settings(Options):
    """Strength ``omega`` of the rotation."""

    omega: float = 1.0


def build(settings: Settings) -> Definition:
    """Return the definition."""
    x, y = symbol("x"), symbol("y")
    return rotated("rotated-double-well", x**4 / 4 - x**2 / 2, y**2 / 2, settings.omega, {"x": 0.1, "y": 1.0})
