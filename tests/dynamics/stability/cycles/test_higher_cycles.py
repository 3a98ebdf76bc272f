"""Cycles beyond the plane, found by close returns of trajectories."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.stability.cycles import find_cycles
from dynamics.stability.cycles.trajectories import near_returns
from dynamics.stability.equilibria import halton

# Local errors of 1e-12 of the state over some hundred steps, times the condition of the cycle.
CLOSE = 1e-9


@pytest.mark.parametrize("rate", [-0.5, 0.5])
def test_the_hopf_form_beside_a_line_has_both_multipliers_exact_attracting_or_of_saddle_type(fields, rate):
    (cycle,) = find_cycles(fields.hopf_and_line(rate), starts=48 if rate > 0 else 8).cycles
    assert cycle.period == pytest.approx(2 * np.pi, rel=CLOSE)
    exact = sorted([np.exp(-4 * np.pi), np.exp(2 * np.pi * rate)], reverse=True)
    assert cycle.multipliers == pytest.approx(exact, rel=CLOSE, abs=CLOSE)
    assert cycle.stable is (rate < 0)
    assert cycle.range["z"] == pytest.approx((0.0, 0.0), abs=CLOSE)


def test_a_centre_beside_a_decaying_line_is_one_family(fields):
    search = find_cycles(fields.centre_and_line(), starts=8)
    assert search.cycles == ()
    assert len(search.families) == 1
    for member in search.families[0].members:
        assert member.period == pytest.approx(2 * np.pi, rel=CLOSE)
        # the null direction of the family, and exp(-2 pi) along z
        assert sorted(np.abs(member.multipliers)) == pytest.approx([np.exp(-2 * np.pi), 1.0], abs=1e-6)


def test_the_shortest_lorenz_orbit_has_viswanaths_period(fields):
    # The orbit AB of the classical parameters, T = 1.558652210716174747 (Viswanath 2003, table 1). Its multipliers
    # multiply to exp(-(10 + 1 + 8/3) T) by Liouville: the divergence is constant.
    field = fields.lorenz()
    cycles = find_cycles(field, period=1.7, starts=8).cycles
    (cycle,) = [cycle for cycle in cycles if cycle.period < 1.7]
    # the condition of this orbit is some hundred
    assert cycle.period == pytest.approx(1.558652210716174747, abs=1e-10)
    assert cycle.stable is False
    assert np.prod(cycle.multipliers).real == pytest.approx(np.exp(-(10 + 1 + 8 / 3) * cycle.period), rel=1e-5)


def test_trajectories_that_settle_or_escape_give_an_empty_answer(fields):
    settle = fields.Formula(
        ("x", "y", "z"),
        lambda x, y, z: (-x - 5 * y, 5 * x - y, -2 * z),
        lambda x, y, z: ((-1, -5, 0), (5, -1, 0), (0, 0, -2)),
        {"x": (-1.0, 1.0), "y": (-1.0, 1.0), "z": (-1.0, 1.0)},
    )
    search = find_cycles(settle, starts=8)
    assert search.cycles == () and search.families == ()
    assert search.searched.starts == 16


@pytest.fixture(scope="module")
def roessler(fields):
    """Return Roessler's system past its first period doubling, whose trajectories shoot out of most of this box."""
    return fields.Formula(
        ("x", "y", "z"),
        lambda x, y, z: (-y - z, x + y / 5, 1 / 5 + z * (x - 3)),
        lambda x, y, z: ((0, -1, -1), (1, 1 / 5, 0), (z, 0, x - 3)),
        {"x": (-12.0, 12.0), "y": (-12.0, 12.0), "z": (-5.0, 25.0)},
    )


def test_returns_are_sought_to_states_in_the_box(roessler):
    sides = np.array(list(roessler.box.values()))
    starts = sides[:, 0] + (sides[:, 1] - sides[:, 0]) * halton(8, 3, 0)
    found = near_returns(roessler, sides, starts, 2.0, 8.0, 1)
    assert found
    for item in found:
        assert (item.guess.point >= sides[:, 0]).all() and (item.guess.point <= sides[:, 1]).all()


@pytest.mark.slow
def test_orbits_far_outside_the_box_do_not_crowd_out_the_cycles_inside(roessler):
    # out at z = 100 trajectories nearly return thousands of times and never close
    (cycle,) = find_cycles(roessler, period=8.0).cycles
    assert cycle.stable is False and cycle.multipliers[0].real < -1
    # Liouville with the divergence 1/5 + x - 3; the smaller multiplier, 1e-7, is known to 1e-12 at best
    mean = np.trapezoid(cycle.states[:, 0], cycle.times) / cycle.period
    assert np.log(np.prod(cycle.multipliers).real) == pytest.approx((mean - 2.8) * cycle.period, rel=1e-4)
