"""Fields without players: modified and high-resolution flows through everything this room offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.flow import high_resolution_flow, modified_flow
from dynamics.games.field import Field
from dynamics.stability import (
    analyse,
    continue_branches,
    duality_gap,
    find_cycles,
    find_equilibria,
    find_map_cycles,
    lyapunov_exponents,
    recurrence,
    spurious_fixed_points,
)
from dynamics.stability.basins import find_basins

RATE = 0.1


class Decay(Field):
    """``dx/dt = -x``, all that a field must have."""

    names = ("x",)

    def __call__(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        return -np.asarray(y, dtype=float)

    def jacobian(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        return np.broadcast_to([[-1.0]], (*np.shape(y)[:-1], 1, 1))


def _modified(method: str, order: int) -> Any:
    return modified_flow(games.get("dirac-gan"), method, order, lr=RATE)


def _velocities(half: float = 1.0) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(("theta", "psi", "theta_velocity", "psi_velocity"), (-half, half))


@pytest.mark.parametrize("order", [2, 3])
def test_the_modified_flow_of_simultaneous_descent_leaves_the_dirac_equilibrium(order: int) -> None:
    (row,) = analyse(_modified("simultaneous", order)).equilibria
    assert (row.flow, row.verdict) == ("unstable focus", "repelling")
    np.testing.assert_array_equal(row.at, [0.0, 0.0])
    # the map has the multipliers 1 +- i h / 2, whose logarithm over h is h/8 + i/2 (1 - h^2/12) + O(h^3); the truncated
    # series has exactly these terms, the second correction the frequency's only
    frequency = 0.5 * (1 - (RATE**2 / 12 if order == 3 else 0.0))
    expected = RATE / 8 + 1j * frequency
    np.testing.assert_allclose(row.eigenvalues[row.eigenvalues.imag > 0], [expected], rtol=1e-14)
    # exp(h lambda) is the modulus sqrt(1 + h^2/4) of the map up to its next term, h^4 / 64
    assert abs(np.exp(RATE * row.eigenvalues[0].real) - np.sqrt(1 + RATE**2 / 4)) < 1.01 * RATE**4 / 64


@pytest.mark.parametrize("order", [2, 3])
def test_the_modified_flow_of_alternating_descent_keeps_the_linear_centre(order: int) -> None:
    (row,) = analyse(_modified("alternating", order)).equilibria
    assert row.flow == "centre"
    assert abs(row.eigenvalues.real).max() < 1e-15
    # two multipliers of product one with cos(phi) = 1 - h^2/8: phi / h = (1 + h^2/96) / 2 + O(h^4)
    moved = 1 + RATE**2 / 96 if order == 3 else np.sqrt(1 - RATE**2 / 16)
    # the truncated matrix has the determinant of the series up to the square of its correction, (h^2 / 16)^2
    assert abs(abs(row.eigenvalues[0].imag) - 0.5 * moved) < (RATE**2 / 16) ** 2


def test_rows_without_players_have_no_methods_and_no_class() -> None:
    (row,) = analyse(_modified("simultaneous", 2)).equilibria
    answer = row.to_dict()
    assert answer["solution"] == "undecided"
    assert "a field without players" in row.evidence
    assert (answer["methods"], answer["critical_timescales"], answer["duality_gap"]) == ([], [], None)


@pytest.mark.parametrize(
    ("method", "flow", "verdict"),
    # velocities die out in both: what leaves slowly makes a saddle
    [("extragradient", "stable focus", "attracting"), ("simultaneous", "saddle", "saddle")],
)
def test_high_resolution_flows_of_second_order_are_analysed_with_their_velocities(
    method: str, flow: str, verdict: str
) -> None:
    field = high_resolution_flow(games.get("dirac-gan"), method, lr=0.5)
    (row,) = analyse(field, _velocities()).equilibria
    # the characteristic polynomial at the origin: l^2 + beta l = beta m + 2 m^2 (W = w'w) or beta m, m = +-i/2
    beta, m = 4.0, 0.5j
    second = 2 * m**2 if method == "extragradient" else 0.0
    for value in row.eigenvalues:
        # both sides are of order 16, with rounding of a few hundred units
        assert min(abs(value**2 + beta * value - beta * s - second) for s in (m, -m)) < 1e-12
    assert (row.flow, row.verdict) == (flow, verdict)


def test_search_cycles_exponents_and_recurrence_take_a_modified_flow() -> None:
    field = _modified("simultaneous", 2)
    assert len(find_equilibria(field).zeros) == 1
    assert find_cycles(field).cycles == ()
    assert recurrence(field, [0.5, 0.5], 20.0).verdict == "diverging"
    # at the origin the exponents are the real parts
    found = lyapunov_exponents(_modified("simultaneous", 2), [0.0, 0.0], 200.0)
    np.testing.assert_allclose(found.exponents, RATE / 8, atol=1 / 200.0)


def test_basins_of_the_modified_flow_that_attracts_are_the_box() -> None:
    field = high_resolution_flow(games.get("dirac-gan"), "extragradient", lr=0.5)
    basins = find_basins(field, _velocities(), 8, at={"theta_velocity": 0.0, "psi_velocity": 0.0})
    assert basins.fractions["diverged"] == basins.fractions["undecided"] == 0.0
    assert [attractor.kind for attractor in basins.attractors] == ["equilibrium"]


def test_a_family_of_modified_flows_is_continued_to_its_hopf_point() -> None:
    game = games.get("dirac-gan", penalty="r1", gamma=0.1)

    def field(rate: float) -> Any:
        return modified_flow(game, "simultaneous", lr=rate)

    found = continue_branches(field, "lr", (0.1, 1.0), box=game.box, cycles=False)
    # J = [[0, -1/2], [1/2, -g]]: V_h has J - h/2 J^2, of trace -g - h/2 (g^2 - 1/2), zero at h = 2 g / (1/2 - g^2)
    events = [event for event in found.events if event.kind in ("hopf", "center")]
    assert len(events) == 1
    np.testing.assert_allclose(events[0].parameter, 2 * 0.1 / (0.5 - 0.01), rtol=1e-9)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda field: analyse(field, lr=0.1), "leave methods and rates out"),
        (lambda field: find_basins(field, method=methods.get("alternating", lr=0.1)), "needs a game with players"),
        (lambda field: find_map_cycles(field, methods.get("alternating", lr=0.1), 2), "needs a game with players"),
        (lambda field: spurious_fixed_points(field, methods.get("consensus", lr=0.1)), "needs a game with players"),
        (lambda field: duality_gap(field, [0.0, 0.0]), "field without players"),
        (lambda field: continue_branches(field, "gamma", (0.0, 1.0)), "give a function"),
    ],
)
def test_what_needs_players_or_parameters_says_so(ask: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ask(_modified("simultaneous", 2))


def test_a_field_without_a_box_asks_for_one() -> None:
    for ask in (analyse, find_equilibria, find_cycles):
        with pytest.raises(InputError, match="box lacks a side for x"):
            ask(Decay())
    (row,) = analyse(Decay(), {"x": (-1.0, 2.0)}).equilibria
    assert (row.flow, row.verdict, row.at.tolist()) == ("stable node", "attracting", [0.0])
