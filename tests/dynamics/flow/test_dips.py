"""Dips and touches: orbits that go beyond a surface for a small part of a step, or seem to."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.flow import integrate, solvers

FAMILIES = ["scipy:DOP853", "scipy:RK45", "scipy:Radau", "scipy:BDF", "scipy:LSODA", "torchdiffeq:dopri8",
            "torchdiffeq:dopri5", "torchdiffeq:rk4", "torchdiffeq:implicit_adams", "compiled:dop853"]  # fmt: skip


def errors(name: str) -> tuple[float, float]:
    """Return how far the orbit of the next test may be off, and how deep its dip has to be to count.

    Runge-Kutta methods of order two and more are exact there; others err by their tolerance, or their iteration's, in
    each of at most 1000 steps. A dip counts if it is deeper than the tolerance of a hundred steps, which with fixed
    steps is the default one.
    """
    fixed = solvers()[name].kind == "fixed"
    exact = name not in ("scipy:BDF", "scipy:LSODA", "torchdiffeq:implicit_adams")
    height = 1e-14 if exact else 1000 * (2e-8 if fixed else 2e-12)
    return height, max(100 * (3e-8 if fixed else 3e-12), 2 * height)


DIPS = [(name, depth) for name in FAMILIES for depth in (1e-3, 1e-6, 1e-9) if depth >= errors(name)[1]]


@pytest.mark.parametrize(("name", "depth"), DIPS)
def test_an_orbit_that_dips_below_a_surface_within_a_step_meets_it(name, depth):
    # x' = 1, y' = 2x above y = 0 and 2x - 1 below: the parabola x^2 - depth meets it at -sqrt(depth), and from there
    # on falls behind by the time. Seen from above nothing changes: the dip takes a small part of a step.
    field = games.define({"a": (["x"], "-x"), "b": (["y"], "-y*(2*x - step(-y))")})
    settings = {"step": 0.1} if solvers()[name].kind == "fixed" else {"rtol": 1e-12, "atol": 1e-12}
    height, _ = errors(name)
    result = integrate(field, [-1.0, 1.0 - depth], [0.0, 2.0], name, record_switchings=True, **settings)
    hit = 1 - np.sqrt(depth)
    # The orbit falls at the slope 2 sqrt(depth), at half of that or more where it is wrong by half of the depth.
    slack = height / np.sqrt(depth)
    assert [s.kind for s in result.switchings] == ["crossing"] and abs(result.switchings[0].time - hit) < slack
    np.testing.assert_allclose(result.final, [1.0, 1 - depth - (2 - hit)], atol=slack + height)


def test_a_touch_within_the_error_of_the_orbit_is_no_switching():
    clipped = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    # From the corner of the clip the orbit goes round on a circle that touches both bounds: it is stopped once and
    # released once, however often it comes back.
    result = integrate(clipped, [1.5, 0.4], [0.0, 40.0], record_switchings=True)
    assert [s.kind for s in result.switchings] == ["bound", "release"]
