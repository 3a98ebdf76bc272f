from __future__ import annotations

import numpy as np
import pytest

from dynamics.games.catalogue import scores
from scenarios import registry, runner
from scenarios.claims import s9

CLAIM = "S9"


CONTROLS = {
    "label b 1 % off": lambda wrong: wrong.setting("b", 1.01),
    "label c 1 % off": lambda wrong: wrong.setting("c", 1.01),
    "generator loss 1 % off": lambda wrong: wrong.generator_loss(scores, 1.01),
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


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((0.0, 1.0, 1.0), [-2.0, -0.5j, 0.5j]),
        ((-1.0, 1.0, 0.0), [-2.0, 0.0, 0.0]),
        ((0.0, 1.0, 0.0), [-2.0, -0.5, 0.5]),
    ],
)
def test_usual_labels_are_a_centre_pearson_labels_degenerate_and_the_fake_label_a_saddle(labels, expected):
    np.testing.assert_allclose(s9.predicted(*labels), np.sort_complex(np.array(expected)), atol=1e-15)


def test_a_jacobian_of_differences_agrees_with_the_derivation():
    # dv_theta/dpsi = c - bias and dv_psi/dtheta = a - bias at theta = psi = 0, by central differences of the field
    labels = {"a": 0.2, "b": 0.9, "c": 0.7}
    game, at, h = s9.least_squares(labels), np.array([0.0, 0.0, 0.55]), 1e-6
    columns = [(game(at + h * unit) - game(at - h * unit)) / (2 * h) for unit in np.eye(3)]
    expected = [[0.0, 0.7 - 0.55, 0.0], [0.2 - 0.55, 0.0, 0.0], [0.0, 0.0, -2.0]]
    np.testing.assert_allclose(np.stack(columns, axis=1), expected, atol=1e-9)


def test_attraction_is_supported_and_both_anywheres_are_refuted(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    assert sum(told.values()) == 1
    assert next(holds for name, holds in told.items() if name.startswith("more stable"))


def test_the_line_of_equilibria_without_bias_needs_a_fake_label_of_zero():
    # with a = -1 the discriminator moves on psi = 0: v_psi = -(psi theta - a) theta
    game = s9.least_squares({"a": -1.0, "b": 1.0, "c": 1.0}, bias=False)
    assert game([0.5, 0.0])[1] == pytest.approx(-0.5)
