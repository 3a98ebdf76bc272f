"""What a stored ensemble says of itself."""

from __future__ import annotations

from dynamics import games, methods
from dynamics.ensemble import GradientNoise, simulate

SIGMA = [[0.3, 0.1], [0.1, 0.2]]


def test_rates_and_schedules_of_noise_and_algorithm_stay_apart():
    noise = GradientNoise(SIGMA, lr=0.3, schedule="exponential:half_life=2")
    method = methods.get("alternating", lr=0.05, schedule="cosine:iterations=10", first="generator")
    found = simulate(
        games.get("bilinear"), noise, scheme=method, paths=2, dt=0.05, time=0.1, first=7, compiled=False
    ).provenance
    assert found["noise"] == noise.settings()
    assert found["scheme"] == {"scheme": "noisy-map", **method.settings()}
    assert (found["noise"]["lr"], found["scheme"]["lr"]) == (0.3, 0.05)
    assert (found["first"], found["scheme"]["first"]) == (7, "generator")
