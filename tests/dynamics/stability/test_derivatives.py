"""Contracted derivatives against the exact tensors, with the error they claim."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.stability import derivatives, normalform, spectrum

SMOOTH = {
    "dirac": lambda: games.get("dirac-gan", loss="non-saturating", bias=True),
    "forsaken": lambda: games.get("forsaken"),
    "waves": lambda: games.inline("sin(3*x*y) + exp(x - u)*v + x**4*y**2", ["x", "u"], ["y", "v"]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_contracted_forms_agree_with_the_tensors_within_their_error(name: str) -> None:
    game = SMOOTH[name]()
    generator = np.random.default_rng(0)
    y = 0.3 * generator.standard_normal(game.dim)
    exact, contracted = derivatives.Forms(game, y), derivatives.Forms(game, y, max_tensor=0)
    u, v, w = generator.standard_normal((3, game.dim)) + 1j * generator.standard_normal((3, game.dim))
    for known, found in (
        (exact.second(u, v), contracted.second(u, v)),
        (exact.third(u, v, w), contracted.third(u, v, w)),
        (exact.third(u, u.conj(), u), contracted.third(u, u.conj(), u)),
    ):
        assert (np.abs(found.value - known.value) <= found.error).all()
        # eps^(8/10) of the largest term: balance of rounding eps / h^2 and truncation h^8, times the field's scale
        assert found.error.max() <= 1e-9 * known.size.max()


def test_short_features_shorten_the_step() -> None:
    # derivatives of sin(50 x) at 0: the longest steps alias, the shorter ones resolve it
    first, error = derivatives.directional(lambda p: np.sin(50 * p), np.zeros(1), np.ones(1), 1)
    assert abs(first[0] - 50) <= error[0] <= 1e-6 * 50


def test_the_first_lyapunov_coefficient_without_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    game = games.get("dirac-gan", loss="non-saturating")
    found = spectrum(np.asarray(game.jacobian(np.zeros(2))))
    index = int(np.argmax(found.eigenvalues.imag))
    monkeypatch.setattr(derivatives.Forms.__init__, "__defaults__", (0,))
    form = normalform.hopf_form(game, np.zeros(2), found.right[:, index], found.left[:, index], 0.5)
    assert abs(form.amplitude_coefficient + 1 / 16) <= form.tolerance <= 1e-9


def test_many_coordinates_never_ask_for_whole_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    damped = [f"x{i}" for i in range(6)]
    value = "sin(x)*y + " + " + ".join(f"{name}**2/2 + x**2*{name}" for name in damped)
    game = games.define(players={"generator": (["x", *damped], value), "discriminator": (["y"], "-sin(x)*y + y**4/4")})
    asked = []
    derivative = type(game).derivative

    def recorded(self: games.SymbolicGame, y: np.ndarray, order: int) -> np.ndarray:
        asked.append(order)
        return derivative(self, y, order)

    monkeypatch.setattr(type(game), "derivative", recorded)
    origin = np.zeros(game.dim)
    found = spectrum(np.asarray(game.jacobian(origin)))
    index = int(np.argmax(found.eigenvalues.imag))
    form = normalform.hopf_form(game, origin, found.right[:, index], found.left[:, index], 1.0)
    assert max(asked) == 1
    monkeypatch.setattr(derivatives.Forms.__init__, "__defaults__", (game.dim,))
    exact = normalform.hopf_form(game, origin, found.right[:, index], found.left[:, index], 1.0)
    assert max(asked) == 3
    assert abs(form.c1 - exact.c1) <= form.tolerance <= 1e-8
