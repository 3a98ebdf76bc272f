r"""Rotated saddle: V = x^2/2 - y^2/2 + y^4/4, a gradient saddle turned into a game saddle by omega.

Field ``-(I + omega R) grad V`` (:mod:`dynamics.games.catalogue.rotation`): the saddle at the origin has the
eigenvalues ``+-sqrt(1 + omega^2)``, the wells ``x = 0, y = +-1`` stay; omega = 0 is the strict saddle.
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
    return rotated("rotated-saddle", x**2 / 2, -(y**2) / 2 + y**4 / 4, settings.omega, {"x": 1.0, "y": 0.05})
