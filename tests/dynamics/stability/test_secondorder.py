"""Nash, local minimax, neither: examples from the literature with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.stability import second_order
from dynamics.stability.secondorder import leader_follower

ORIGIN = np.zeros(2)


def _minimax(value: str) -> games.SymbolicGame:
    return games.inline(minimax=value, minimise=["x"], maximise=["y"])


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x**2/2 - y**2/2 + x*y", "nash"),
        ("-x**2/8 - y**2/2 + 0.6*x*y", "local-minimax"),  # Schur complement -1/4 + 0.36 > 0
        ("-x**2/2 - y**2/2 + 0.6*x*y", "neither"),  # -1 + 0.36 < 0
        ("x**2/2 + y**2/2 + x*y", "neither"),  # the follower sits at a minimum of what it maximises
        ("x*y", "undecided"),
        ("x**4 - y**4 + x*y", "undecided"),
    ],
)
def test_zero_sum_classes(value: str, kind: str) -> None:
    assert second_order(_minimax(value), ORIGIN).kind == kind


def test_one_player_nash_is_a_strict_minimum() -> None:
    game = games.get("double-well")
    assert second_order(game, np.array([1.0])).kind == "nash"
    assert second_order(game, np.array([0.0])).kind == "neither"


def test_timescales_do_not_change_the_class() -> None:
    game = _minimax("-x**2/8 - y**2/2 + 0.6*x*y").with_timescales({"discriminator": 50.0})
    assert second_order(game, ORIGIN).kind == "local-minimax"


def test_the_total_second_derivative_includes_the_bend_of_the_best_response() -> None:
    # follower: (y - b x^2)^2 / 2 answers r(x) = b x^2; leader: -x^2/2 + 2 y has F(x) = (2 b - 1/2) x^2, and its
    # first-order condition holds at 0 although dL/dy = 2: only the third-derivative term sees b
    for bend, kind in ((0.3, "local-minimax"), (0.2, "neither")):
        game = games.define(
            players={
                "generator": (["x"], "-x**2/2 + 2*y"),
                "discriminator": (["y"], "(y - b*x**2)**2/2"),
            },
            parameters={"b": bend},
        )
        assert second_order(game, ORIGIN).kind == kind


def test_a_violated_stackelberg_first_order_condition_is_not_local_minimax() -> None:
    # r(x) = x, so the leader's total derivative at 0 is dL/dy = 1
    game = games.define(players={"generator": (["x"], "-x**2/2 + y"), "discriminator": (["y"], "(y - x)**2/2")})
    assert second_order(game, ORIGIN).kind == "neither"


@pytest.mark.parametrize(
    ("players", "expected"),
    [
        (["discriminator", "generator"], ("generator", "discriminator")),
        (["critic", "generator"], ("generator", "critic")),
        (["discriminator", "other"], ("other", "discriminator")),
        (["first", "second", "third"], ("first", "third")),
    ],
)
def test_roles_go_by_name_and_otherwise_by_position(players: list[str], expected: tuple[str, str]) -> None:
    game = games.define(players={name: ([f"x{i}"], f"x{i}**2") for i, name in enumerate(players)})
    assert leader_follower(game) == expected


def test_three_players_can_be_nash() -> None:
    game = games.define(players={name: ([c], f"{c}**2 + x*y*z") for name, c in (("a", "x"), ("b", "y"), ("c", "z"))})
    assert second_order(game, np.zeros(3)).kind == "nash"
