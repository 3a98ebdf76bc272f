"""The field over the angle of one amplitude."""

from __future__ import annotations

import numpy as np

from dynamics import games
from dynamics.stability.amplitude import AngleField
from dynamics.stability.normalform import hopf_form


def test_the_jacobian_of_an_angle_field_is_its_derivative():
    game, origin = games.get("dirac-gan", loss="non-saturating"), np.zeros(2)
    values, right = np.linalg.eig(game.jacobian(origin))
    left_values, left = np.linalg.eig(game.jacobian(origin).T)
    q = right[:, np.argmax(values.imag)]
    p = left[:, np.argmin(left_values.imag)]
    field = AngleField(game, origin, hopf_form(game, origin, q, p, 0.5))
    for y in np.array([[0.4, 0.3], [-0.7, 0.2], [0.1, -0.9]]):
        numerical = np.stack([(field(y + 1e-5 * e) - field(y - 1e-5 * e)) / 2e-5 for e in np.eye(2)], axis=-1)
        # Central differences: truncation 1e-10 times third derivatives of order 10, rounding 1e-11.
        np.testing.assert_allclose(field.jacobian(y), numerical, atol=1e-8)
