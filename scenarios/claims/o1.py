"""O1: the bilinear game turns in circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scenarios.registry import GIDEL_2019, MESCHEDER_2017, Evidence, Measurement, Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGMAS = (0.5, 1.0, 2.0)
TURNS = 10
RTOL = 1e-10


def run(quick: bool) -> Evidence:
    """Follow the flow of ``V = sigma x y`` for ten turns, for several sigma (the same work when quick)."""
    from dynamics import games
    from dynamics.flow import integrate

    drifts, periods, spectra, orbits, allowed = [], [], [], [], []
    for sigma in SIGMAS:
        game = games.get("bilinear", sigma=sigma)
        # 100 points a turn: far below the half turn at which the unwrapped angle would become ambiguous.
        times = np.linspace(0.0, TURNS * 2 * np.pi / sigma, 100 * TURNS + 1)
        path = integrate(game, np.array([1.0, 0.0]), times, solver="scipy:DOP853", rtol=RTOL, atol=RTOL)
        x, y = path.states.T
        drifts.append(float(np.abs(x**2 + y**2 - 1).max()))
        angle = np.unwrap(np.arctan2(y, x))
        periods.append(float(times[-1] * 2 * np.pi / abs(angle[-1] - angle[0])))
        spectra.append(np.sort_complex(np.linalg.eigvals(game.jacobian(np.zeros(2)))))
        orbits.append(path.states)
        allowed.append(2 * RTOL * path.statistics["evaluations"])
    steps = (
        "each step errs by at most rtol (|y| + 1), the flow is an isometry so errors only add, and there are fewer "
        "steps than evaluations"
    )
    eigenvalue_error = max(
        float(np.abs(found - np.array([-1j * sigma, 1j * sigma])).max())
        for sigma, found in zip(SIGMAS, spectra, strict=True)
    )
    worst = int(np.argmax(np.abs(np.array(periods) * np.array(SIGMAS) / (2 * np.pi) - 1)))
    measurements = (
        Measurement("period at sigma = 1", periods[1], 2 * np.pi, allowed[1], f"angle error: {steps}"),
        Measurement(
            f"orbits close: largest distance from the start after {TURNS} turns of 2 pi / sigma",
            max(float(np.linalg.norm(orbit[-1] - orbit[0])) for orbit in orbits),
            0.0,
            2 * max(allowed),
            f"errors of radius and angle: {steps}",
            told=True,
        ),
        Measurement(
            "period times sigma / 2 pi, worst sigma",
            periods[worst] * SIGMAS[worst] / (2 * np.pi),
            1.0,
            allowed[worst],
            "as the period at sigma = 1",
        ),
        Measurement(
            f"orbits are circles: largest change of x² + y² over {TURNS} turns",
            max(drifts),
            0.0,
            2 * max(allowed),
            f"twice the error of the radius: {steps}",
            told=True,
        ),
        Measurement(
            "eigenvalues against ±i sigma, largest distance",
            eigenvalue_error,
            0.0,
            8 * max(SIGMAS) * np.finfo(float).eps,
            "eigenvalues of a normal 2x2 matrix are good to a few units of rounding",
        ),
    )
    return Evidence(measurements, {"orbits": orbits, "allowed": 2 * max(allowed)})


def draw(evidence: Evidence) -> Figure:
    """Draw the orbits from (1, 0) and the radius they keep."""
    from figures import labels, style

    with style.context():
        figure = style.new_figure(8.0, 3.6)
        left, right = figure.subplots(1, 2)
        left.plot(*evidence.arrays["orbits"][1].T, color=style.GREY)
        left.plot(1, 0, "o", color=style.BLACK, label="start")
        left.plot(0, 0, "+", color=style.BLACK, label="equilibrium")
        left.set(xlabel="x (generator)", ylabel="y (discriminator)", title="σ = 1: ten turns, one circle")
        left.set_aspect("equal")
        left.legend(loc="center", bbox_to_anchor=(0.5, 0.7))
        for i, (sigma, orbit) in enumerate(zip(SIGMAS, evidence.arrays["orbits"], strict=True)):
            turns = np.linspace(0, TURNS, len(orbit))
            largest = np.maximum.accumulate(np.abs((orbit**2).sum(axis=1) - 1))
            # The start itself is exact; a logarithmic axis begins with the first step.
            right.plot(turns[1:], largest[1:], color=style.series_style(i)["color"], label=f"σ = {sigma:g}")
        right.axhline(evidence.arrays["allowed"], color=style.GREY, lw=0.8, ls=":", label="allowed error")
        right.set(xlabel="turns", ylabel="largest |x² + y² − 1| so far", yscale="log")
        right.set_title(f"Conserved to the tolerance (rtol {RTOL:g})")
        right.legend(loc="lower right")
        labels.add_caption(
            figure,
            f"V = σ x y, no randomness; one start, (1, 0), for σ = {', '.join(f'{sigma:g}' for sigma in SIGMAS)}; "
            f"DOP853 with rtol and atol {RTOL:g}, {TURNS} turns, 100 points each.",
        )
    return figure


scenario = Scenario(
    id="O1",
    title="Circular orbits of the bilinear game",
    statement="V = theta_G theta_D gives circular orbits around the equilibrium.",
    source="N3",
    truth=(
        "The flow of V = sigma x y conserves x² + y² and turns once in the time 2 pi / sigma; its eigenvalues are "
        "±i sigma."
    ),
    references=(
        MESCHEDER_2017,
        GIDEL_2019,
    ),
    verdict="supported",
    run=run,
    draw=draw,
)
