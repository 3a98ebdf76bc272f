r"""What the iterated maps do near equilibria against their predicted spectral radii.

From a start ``y* + d`` the deviations ``z_k`` of the extended state obey ``z_{k+1} = M z_k + O(|z_k|^2)``. In
coordinates ``c = V^{-1} z`` of the eigenvectors every mode is multiplied by its own multiplier in every step, so that a
pair of complex multipliers does not blur the growth of the leading mode: ``(|c_k| / |c_0|)^{1/k}`` is its modulus. The
map is iterated from both sides of the equilibrium, where terms of even order cancel, from a distance of 1e-5 until that
has changed tenfold, or for a hundred steps: cubic terms are of the order of (1e-4)^2, and rounding of the last distance
is eps |y*| / 1e-6 = 2e-10, both divided by the number of steps and multiplied by the condition of the eigenvectors (ten
at most) and by coefficients of the game (some tens).
"""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.methods.linearise import extended, map_jacobian, unpacked
from dynamics.stability import analyse, find_equilibria, spectral_radii

GAMES = {
    "damped Dirac-GAN": games.get("dirac-gan", penalty="r1", gamma=0.5),
    "noisy Dirac-GAN": games.get("dirac-gan", instance_noise=0.7),
    "forsaken": games.get("forsaken"),
    "three coordinates": games.get("dirac-gan", loss="non-saturating", bias=True, penalty="r2", gamma=0.7),
    "two time scales": games.get("fiez-ratliff").with_timescales({"discriminator": 3.0}),
}
POINTS = {key: find_equilibria(game, starts=32).zeros[0].at for key, game in GAMES.items()}
VARIANTS = {
    **{name: (name, {}) for name in methods.names() if not methods.get(name, lr=1.0).no_multipliers},
    "alternating heavy-ball": ("heavy-ball", {"order": "alternating", "beta": -0.4, "d_steps": 2}),
    "alternating nesterov": ("nesterov", {"order": "alternating", "beta": 0.3}),
    "separate extragradient": ("extragradient", {"extrapolation": 2.0}),
    "aligned adjustment": ("symplectic-adjustment", {"align": True}),
    "lookahead of optimistic": ("lookahead", {"base": "optimistic", "k": 3}),
    "exponential average": ("averaging", {"kind": "ema", "beta": 0.5}),
    "detached unrolled": ("unrolled", {"detached": True, "k": 3}),
}
SIZE, STEPS, FACTOR = 1e-5, 100, 10.0


def configured(variant, key):
    """Return a method at a rate that suits a game."""
    name, settings = VARIANTS[variant]
    if "d_steps" in settings and "discriminator" not in GAMES[key].players:
        settings = {**settings, "d_steps": 1}
    return methods.get(name, lr=0.1 / np.linalg.norm(GAMES[key].jacobian(POINTS[key]), 2), **settings)


def iterated(game, method, y, predicted, seed=5):
    """Return multipliers and the moduli of all modes before and after some steps from two opposite starts."""
    rest = method.init(y, game)
    fixed = np.asarray(extended(rest))
    values, vectors = np.linalg.eig(map_jacobian(method, game, y))
    modes = np.linalg.inv(vectors)
    direction = np.random.default_rng(seed).standard_normal(len(fixed))
    direction /= np.linalg.norm(direction)
    steps = int(min(STEPS, max(5, np.log(FACTOR) / abs(np.log(predicted)))))
    before, after = [], []
    for sign in (1, -1):
        state = unpacked(rest, fixed + sign * SIZE * direction)
        before.append(np.abs(modes @ (extended(state) - fixed)))
        for _ in range(steps):
            state, _ = method.step(state, game)
        after.append(np.abs(modes @ (extended(state) - fixed)))
    return values, np.array(before), np.array(after), steps


def contraction(game, method, y, predicted, seed=5):
    """Return the observed contraction of the leading mode in a step."""
    values, before, after, steps = iterated(game, method, y, predicted, seed)
    leading = int(np.argmax(np.abs(values)))
    return float(np.exp(np.log(after[:, leading] / before[:, leading]).mean() / steps))


@pytest.mark.parametrize("key", GAMES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_iterated_map_contracts_by_the_predicted_radius(variant, key):
    game, y, method = GAMES[key], POINTS[key], configured(variant, key)
    predicted = spectral_radii(game, method, y, [method.lr])[0]
    assert contraction(game, method, y, predicted) == pytest.approx(predicted, abs=1e-7)
    # and no mode grows faster
    _, before, after, steps = iterated(game, method, y, predicted)
    assert (np.linalg.norm(after, axis=1) <= (predicted + 1e-6) ** steps * np.linalg.norm(before, axis=1) + 1e-9).all()


def test_a_prediction_that_is_off_by_a_millionth_would_be_noticed():
    # negative control of the tolerance: the contraction repeats to much better than 1e-7 from other starts
    game, y, method = GAMES["forsaken"], POINTS["forsaken"], configured("extragradient", "forsaken")
    predicted = spectral_radii(game, method, y, [method.lr])[0]
    found = [contraction(game, method, y, predicted, seed) for seed in range(3)]
    assert np.ptp(found) < 1e-8
    assert abs(found[0] - predicted * (1 + 1e-6)) > 9e-7


def test_distances_of_a_plain_run_fall_by_the_radius_to_the_power_of_the_steps():
    # no eigenvectors at all: 4,000 steps from 1e-3, the ratio over 2,000 of them; the condition of the modes and the
    # phase of the rotation change a distance by a factor below 3, its 2,000th root by log(3) / 2,000
    game, y = GAMES["damped Dirac-GAN"], POINTS["damped Dirac-GAN"]
    for name in ("simultaneous", "alternating", "extragradient", "optimistic", "heavy-ball", "consensus"):
        method = methods.get(name, lr=0.01)
        path = methods.iterate(game, method, y + 1e-3 * np.array([0.6, -0.8]), 4000, every=2000)
        distances = np.linalg.norm(path.states - y, axis=-1)
        measured = (distances[2] / distances[1]) ** (1 / 2000)
        assert measured == pytest.approx(spectral_radii(game, method, y, [0.01])[0], abs=np.log(3) / 2000)


def test_methods_that_are_not_differentiable_say_so_and_give_what_was_measured():
    rows = {row.method: row for row in analyse(games.get("dirac-gan"), attractors=True).equilibria[0].methods}
    for name, reason in (
        ("adam", "not differentiable at an equilibrium"),
        ("optimistic-adam", "not differentiable at an equilibrium"),
        ("rmsprop", "not differentiable at an equilibrium"),
        ("averaging", "errors fade like 1/k"),
    ):
        assert reason in rows[name].reason
        assert rows[name].spectral_radius is None
        assert rows[name].attractor is not None
        assert rows[name].attractor.kind in ("bounded", "approaches")
