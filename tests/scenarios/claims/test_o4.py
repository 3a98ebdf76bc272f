from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.games import network
from scenarios import registry, runner
from scenarios.claims import o4

CLAIM = "O4"


def _two_minimisers(wrong):
    """Let both players of an inline game minimise V: J is then minus the Hessian, and indefinite means a saddle."""
    wrong.replace(
        games,
        "inline",
        lambda _: (
            lambda value, first, second, parameters: games.define(
                {"generator": (first, value), "discriminator": (second, value)}, parameters
            )
        ),
    )


CONTROLS = {
    "gamma 1 % off": lambda wrong: wrong.setting("gamma", 1.01),
    "a penalty of hardly any effect": lambda wrong: wrong.setting("gamma", 1e-3),
    "both players minimise": _two_minimisers,
    "generator loss of networks 1 % off": lambda wrong: wrong.generator_loss(network, 1.01),
}


def test_the_quick_audit_holds(outcome, holds):
    holds(outcome)
    assert outcome.picture.read_bytes().startswith(b"\x89PNG")


def test_wrong_physics_does_not_hold(wrong_outcome):
    assert wrong_outcome.error is None
    assert not wrong_outcome.holds


@pytest.mark.slow
def test_the_full_audit_holds(holds):
    (found,) = runner.run(registry.select([CLAIM]))
    holds(found)


def test_the_indefinite_hessian_holds_and_the_saddle_of_the_flow_does_not(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    assert [holds for name, holds in told.items() if "indefinite Hessian" in name] == [True]
    assert [holds for name, holds in told.items() if "saddles of the flow" in name] == [False]


def test_the_forsaken_equilibrium_by_hand_is_a_zero_of_its_field():
    # x = phi'(y) and y - 0.45 + phi'(x) = 0, from the trace and determinant of the Jacobian at the root
    game = games.get("forsaken")
    jacobian = o4.by_hand()["forsaken"][1][0]
    at = np.array([0.07802667, 0.41193385])
    assert np.abs(game(at)).max() < 1e-7
    np.testing.assert_allclose(game.jacobian(at), jacobian, atol=1e-6)


def test_a_general_sum_game_has_no_combined_hessian():
    assert o4.combined_hessian(games.get("rotated-saddle"), np.zeros(2)) is None
    # V = x²/2 + x y - y²/2 moves both players as the quadratic game's own losses do
    hessian = o4.combined_hessian(games.get("quadratic"), np.zeros(2))
    assert hessian is not None
    np.testing.assert_allclose(hessian, [[1.0, 1.0], [1.0, -1.0]])


def test_no_member_of_the_family_sits_on_a_boundary():
    products = np.outer(o4.CURVATURES, o4.CURVATURES)
    assert np.abs(products - 1).min() > 0.05


def test_every_row_of_the_picture_has_a_name_of_its_own_and_all_three_spectra(outcome):
    evidence = outcome.evidence
    left, _ = o4.draw(evidence).axes
    names = [label.get_text() for label in left.get_yticklabels()]
    assert len(set(names)) == len(names) == len(evidence.arrays["games"])
    places = [set(line.get_ydata()) for line in left.lines if line.get_linestyle() == "None"]
    assert places == [set(range(len(names)))] * 3
