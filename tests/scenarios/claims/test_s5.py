from __future__ import annotations

import numpy as np
import pytest

from dynamics import games, methods
from scenarios import registry, runner
from scenarios.claims import s5

CLAIM = "S5"


CONTROLS = {
    "weight 0.01 % off": lambda wrong: wrong.method_setting("gamma", lambda gamma: 1.0001 * gamma),
    "a weight of hardly any effect": lambda wrong: wrong.method_setting("gamma", lambda gamma: 0.05 * gamma),
    "rate 0.1 % off": lambda wrong: wrong.rate(1.001),
    "non-saturating loss": lambda wrong: wrong.asked_for(
        games, lambda name, given: (name, {"loss": "non-saturating", **given})
    ),
    # it has the same spectrum and adds no points
    "symplectic adjustment instead": lambda wrong: wrong.asked_for(
        methods, lambda name, given: ("symplectic-adjustment", given)
    ),
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


@pytest.mark.parametrize("gamma", [1e-3, 0.1, 1.0, 10.0, 1e3])
def test_the_closed_form_solves_consensus_and_not_the_game(gamma):
    theta, psi = s5.added(gamma)
    g = 1 / (1 + np.exp(-theta * psi))
    c = gamma * g * (1 - g) * (theta**2 + psi**2)
    # psi (1 - c) = gamma g theta and theta (1 + c) = -gamma g psi; c - 1 = (gamma g)²/2 cancels at small weights
    assert psi * (1 - c) == pytest.approx(gamma * g * theta, abs=1e-13 * psi)
    assert theta * (1 + c) == pytest.approx(-gamma * g * psi, rel=1e-12)
    assert 2 * abs(theta * psi) * (1 - g) == pytest.approx(1.0, rel=1e-14)
    assert np.linalg.norm(s5._game()(np.array([theta, psi]))) > 0.1


def test_large_weights_move_the_added_points_to_those_of_hamiltonian_descent():
    root = np.sqrt(-s5.added(1.0).prod())
    np.testing.assert_allclose(s5.added(1e6), [-root, root], rtol=1e-5)
    still = methods.iterate(games.get("dirac-gan"), methods.get("hamiltonian", lr=0.1), [-root, root], 10)
    # a saddle of the slow descent: ten steps amplify the rounding by less than ten
    np.testing.assert_allclose(still.final, [-root, root], rtol=0, atol=1e-14)


def test_runs_between_networks_arrive_or_go_off_like_those_on_formulas(tmp_path):
    torch = pytest.importorskip("torch")
    from dynamics.games.network import NetworkGame

    class Point(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.theta = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))

        def forward(self, z):
            return self.theta.expand(len(z), 1)

    slope = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    network = NetworkGame(Point(), slope, real=np.zeros((1, 1)), latents=np.zeros((1, 1)))
    starts = np.outer([0.8, 1.2], s5.added(1.0))
    trained = methods.iterate(network, s5.consensus(1.0), starts, 300).final
    expected = methods.iterate(games.get("dirac-gan"), s5.consensus(1.0), starts, 300).final
    np.testing.assert_allclose(trained, expected, rtol=0, atol=1e-9)
    assert np.linalg.norm(trained[0]) < 0.01
    assert np.linalg.norm(trained[1]) > np.linalg.norm(starts[1])
