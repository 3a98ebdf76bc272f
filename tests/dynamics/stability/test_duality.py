"""Duality gaps known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.stability import duality_gap


def test_the_gap_of_the_bilinear_game_is_the_sum_of_absolute_values() -> None:
    # max_y x y - min_x x y over [-3, 3]^2 = 3 |x| + 3 |y|
    game = games.get("bilinear")
    for x, y in ((0.0, 0.0), (1.0, -0.5), (-2.0, 3.0)):
        found = duality_gap(game, [x, y])
        np.testing.assert_allclose(found.gap, 3 * abs(x) + 3 * abs(y), atol=1e-14)


def test_interior_best_responses_are_found() -> None:
    # V = x^2/2 - y^2/2 + x y: max_y V(x, .) = x^2, min_x V(., y) = -y^2
    game = games.inline(minimax="x**2/2 - y**2/2 + x*y", minimise=["x"], maximise=["y"])
    found = duality_gap(game, [0.7, -0.4])
    np.testing.assert_allclose(found.gap, 0.49 + 0.16, rtol=1e-14)
    np.testing.assert_allclose(found.responses["discriminator"]["y"], 0.7, atol=1e-7)


def test_the_gap_is_never_negative() -> None:
    game = games.get("forsaken")
    for point in np.random.default_rng(3).uniform(-1.5, 1.5, (20, 2)):
        assert duality_gap(game, point).gap >= 0


def test_a_local_minimax_that_is_not_nash_has_a_gap() -> None:
    game = games.inline(minimax="-x**2/8 - y**2/2 + 0.6*x*y", minimise=["x"], maximise=["y"])
    # at 0: max_y = 0, min_x -x^2/8 at the edge 3
    np.testing.assert_allclose(duality_gap(game, [0.0, 0.0]).gap, 9 / 8, rtol=1e-14)


def test_answers_respect_the_clipping_bounds() -> None:
    # V = -theta psi up to sign: at theta = 1 the clipped discriminator gains |theta| clip, not |theta| 3
    game = games.get("dirac-gan", loss="wasserstein", clip=0.5)
    found = duality_gap(game, [1.0, 0.0])
    np.testing.assert_allclose(found.gap, 0.5, rtol=1e-14)
    assert abs(found.responses["discriminator"]["psi"]) == 0.5
    with pytest.raises(InputError, match="clipping bounds"):
        duality_gap(game, [1.0, 2.0], box={"theta": (-3.0, 3.0), "psi": (1.0, 3.0)})


def test_points_outside_the_box_and_single_players_are_refused() -> None:
    with pytest.raises(InputError, match="outside the box"):
        duality_gap(games.get("bilinear"), [4.0, 0.0])
    with pytest.raises(InputError, match="two players"):
        duality_gap(games.get("double-well"), [0.0])
