"""Annealed noise on a game that turns: what it has added stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scenarios.chance import estimate, sampled
from scenarios.registry import Measurement, hardest

#: Strength of the noise at the start, start, time and step of the runs; exact sampling takes steps of any length.
STRENGTH, START, HORIZON, STEP = 0.1, (1.0, 0.0), 200.0, 4.0
#: Step and time of the runs whose roughness is measured.
FINE, SHORT = 0.02, 10.0
SEED = 6
#: Schedules by the name of their pictures.
SCHEDULES: dict[str, str | None] = {
    "constant": None,
    "power 1/2": "power:power=0.5,scale=1",
    "power 1": "power:power=1,scale=1",
    "exponential": "exponential:half_life=8",
    "cosine": "cosine:length=40",
    "piecewise": "piecewise:at=[20,40],factors=[0.5,0]",
}
#: What each adds up to, ``integral of g²`` from 0 to t, by hand.
ACCUMULATED: dict[str, Callable[[Any], Any]] = {
    "constant": lambda t: 1.0 * t,
    "power 1/2": lambda t: np.log1p(t),
    "power 1": lambda t: t / (1 + t),
    "exponential": lambda t: 4 / np.log(2) * (1 - 4 ** (-t / 8)),
    "cosine": lambda t: _cosine(np.minimum(t, 40.0)),
    "piecewise": lambda t: np.minimum(t, 20.0) + 0.25 * np.clip(t - 20.0, 0.0, 20.0),
}


def _cosine(t: Any) -> Any:
    """Return the integral of ``(1 + cos a)²/4 = 3/8 + cos(a)/2 + cos(2 a)/8`` with ``a = pi t/40``."""
    a = np.pi * t / 40
    return 3 / 8 * t + 40 / np.pi * (np.sin(a) / 2 + np.sin(2 * a) / 16)


def away(name: str, t: Any) -> Any:
    """Return ``E |Y - y|² = 2 s² integral of g²``, y the noise-free path: the flow keeps distances."""
    return 2 * STRENGTH**2 * ACCUMULATED[name](t)


def roughness(strength: float) -> float:
    """Return the expected sum of squared steps of length h over the time T, with constant noise on ``xy``.

    A step is ``(R - 1) Y`` and a noise of covariance ``s² h I``, R the rotation by h: ``(2 - 2 cos h) E r² + 2 s² h``.
    """
    count = round(SHORT / FINE)
    squares = 1 + 2 * strength**2 * FINE * np.arange(count)
    return float((2 - 2 * np.cos(FINE)) * squares.sum() + 2 * strength**2 * SHORT)


def distances(paths: int) -> tuple[list[Measurement], dict[str, Any]]:
    """Return how far the noise has led away from the noise-free orbit, for every schedule."""
    from scipy.linalg import expm

    from dynamics import games
    from dynamics.ensemble import Isotropic, simulate

    game = games.get("bilinear")
    end = expm(game.jacobian(np.zeros(2)) * HORIZON) @ START
    rows, curves, found = [], {}, {}
    for name, schedule in SCHEDULES.items():
        run = simulate(
            game, Isotropic(STRENGTH, schedule=schedule), paths=paths, dt=STEP, time=HORIZON, start=START,
            scheme="exact", observe=["x**2 + y**2"], seed=SEED,
        )  # fmt: skip
        assert run.final is not None
        found[name] = estimate(((run.final - end) ** 2).sum(axis=1))
        rows.append(
            sampled(
                f"bilinear game, {name} noise: E |Y - y|² from the noise-free orbit y after the time {HORIZON:g}, over "
                "2 s² times the integral of g²",
                found[name],
                1.0,
                scale=float(away(name, HORIZON)),
            )
        )
        curves[name] = {"times": run.times, "away": run.mean[:, 2] - 1.0}
    kept = sampled(
        "annealed noise lets training approach the noise-free one: on the bilinear game E |Y - y|² after the time "
        f"{HORIZON:g} over what exponential noise had made of it after {HORIZON / 2:g}",
        found["exponential"],
        0.5,
        "stated, not derived: half of it would count as an approach",
        scale=float(away("exponential", HORIZON / 2)),
        told=True,
        relation="at most",
    )
    return [hardest(rows, f"worst of {len(rows)} schedules"), kept], curves


def smoothness(paths: int) -> tuple[list[Measurement], dict[str, Any]]:
    """Return the roughness of noisy paths, the sum of their squared steps, beside that of the noise-free one."""
    from dynamics import games
    from dynamics.ensemble import trajectories

    game, free = games.get("bilinear"), roughness(0.0)
    rows, told, shown = [], [], {}
    for strength in (STRENGTH, STRENGTH / 10):
        states = trajectories(
            game, strength, paths=paths, dt=FINE, time=SHORT, start=START, scheme="exact", seed=SEED
        ).states  # fmt: skip
        found = estimate((np.diff(states, axis=1) ** 2).sum(axis=(1, 2)))
        name = f"sum of squared steps of {FINE:g} along a path of the bilinear game, over that of the noise-free path"
        rows.append(
            sampled(
                f"roughness: {name}, s = {strength:g}, against (2 - 2 cos h) E r² + 2 s² h per step",
                found,
                roughness(strength) / free,
                scale=free,
            )
        )
        told.append(
            sampled(
                f"the noisy path is the smoother one: {name}, s = {strength:g}",
                found, 1.0, scale=free, told=True, relation="at most",
            )
        )  # fmt: skip
        shown[f"s = {strength:g}"] = states[0]
    return [hardest(rows, "worst of 2 strengths"), hardest(told, "worst of 2 strengths")], shown
