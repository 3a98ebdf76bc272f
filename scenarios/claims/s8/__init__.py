"""S8: momentum of either sign on x y, and the cycles on which Adam and RMSProp settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scenarios.claims.s8.adaptive import ADAM, RATE, RMSPROP, STARTS, cycle_rows, paths, sizes
from scenarios.claims.s8.momentum import BEST, LARGEST, MOMENTA, alternating_rows, radii, radius_map, simultaneous_rows
from scenarios.registry import (
    DASKALAKIS_2018,
    FENG_2026,
    GIDEL_2019,
    KINGMA_2015,
    MESCHEDER_2018,
    TIELEMAN_2012,
    ZHANG_2020,
    Evidence,
    Measurement,
    Scenario,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _told() -> list[Measurement]:
    rates = np.linspace(0.01, LARGEST, 60)
    least = min(float(radii(beta, "simultaneous", rates).min()) for beta in MOMENTA)
    found = [
        (
            f"momentum helps simultaneous steps: least spectral radius at {len(MOMENTA)} momenta, {len(rates)} rates",
            least,
            "far from 1 in units of rounding: 1e9 of them",
        ),
        *(
            (
                f"momentum helps alternating steps: spectral radius at β = {beta:g}, a = {a:g}",
                float(radii(beta, "alternating", np.array([a]))[0]),
                "far from 1 in units of rounding",
            )
            for beta, a in ((0.9, 0.1), (-0.5, 0.5))
        ),
        (
            "adaptive rates help: distance of RMSProp at the end over that of its start, theta = 1, lr = 0.01, where "
            "simultaneous descent goes out",
            float(sizes(RMSPROP, 0.01)[STARTS.index(1.0)]),
            "far from 1",
        ),
        (
            "adaptive rates help: distance of Adam at the end over lr = 0.001, from the start theta = 0.1",
            float(sizes(ADAM, RATE)[STARTS.index(0.1)]) / RATE,
            "a run that converges ends within a step of the equilibrium",
        ),
        (
            "adaptive rates help the non-saturating loss: radius of Adam's cycle over sqrt(2 lr), that of plain "
            "descent, lr = 0.01",
            float(sizes(ADAM, 0.01, "non-saturating").max() / np.sqrt(2 * 0.01)),
            "far from 1",
        ),
    ]
    return [Measurement(name, value, 1.0, 0.0, why, told=True, relation="at most") for name, value, why in found]


def run(quick: bool) -> Evidence:
    """Measure multipliers with momentum, and the cycles of adaptive methods."""
    for remembered in (sizes, radius_map):
        remembered.cache_clear()
    measurements = (*simultaneous_rows(), *alternating_rows(), *cycle_rows(quick), *_told())
    betas = np.linspace(-0.95, 0.95, 77)
    curves = {
        order: np.array([radii(float(beta), order, np.array([0.5]))[0] for beta in betas])
        for order in ("simultaneous", "alternating")
    }
    return Evidence(measurements, {"betas": betas, "curves": curves, "map": radius_map(), "paths": paths()})


def draw(evidence: Evidence) -> Figure:
    """Draw the spectral radius against the momentum, its map, and the way of adaptive methods to their cycles."""
    from figures import labels, style

    arrays = evidence.arrays
    with style.context():
        figure = style.new_figure(12.4, 4.2)
        left, middle, right = figure.subplots(1, 3)
        for order, values in arrays["curves"].items():
            left.plot(arrays["betas"], values, color=style.method_style(order)["color"], label=order)
        left.axhline(1, color=style.GREY, lw=0.8)
        left.set(xlabel="momentum β", ylabel="spectral radius", title="Heavy-ball at a = 0.5", ylim=(0.85, 1.6))
        left.legend()
        _draw_map(middle, arrays["map"])
        for label, values in arrays["paths"].items():
            colour, dashes = style.method_style(label.split(" ")[0])["color"], ":" if label.endswith("turn") else "-"
            for i, row in enumerate(values):
                right.plot(20 * np.arange(len(row)), row, dashes, color=colour, lw=1, label=None if i else label)
        for which in (ADAM, RMSPROP):
            right.axhline(which.radius, color=style.GREY, lw=0.8, ls="--")
        right.set(xlabel="round", ylabel="distance from the equilibrium / lr", yscale="log")
        right.set_title("Adaptive rates on the Dirac-GAN")
        right.legend(loc="center right", bbox_to_anchor=(1.0, 0.36))
        labels.add_caption(
            figure,
            "Left and middle: V = σ x y, exact Jacobian of one round, a = lr σ; the star is the fastest, the dashed "
            "line a = 2 (1 + β), grey: above 1, no randomness. Right: minimax Dirac-GAN, usual settings, lr = "
            f"{RATE:g}, two starts, θ = 0.001 and 1 (ψ = 0), every 20th of 40,000 rounds; dashed: predicted radii.",
        )
    return figure


def _draw_map(axes: Axes, grid: dict[str, np.ndarray]) -> None:
    """Draw the spectral radius of alternating steps over momentum and rate."""
    from matplotlib import colormaps

    from figures import style

    levels = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    colours = colormaps["viridis"].with_extremes(over="#F2F2F2")
    shown = axes.contourf(grid["betas"], grid["rates"], grid["radii"], levels, cmap=colours, extend="both")
    axes.figure.colorbar(shown, ax=axes, label="spectral radius")
    axes.plot(BEST["beta"], BEST["a"], "*", color=style.VERMILLION, ms=12, mec="white")
    negative = grid["betas"][grid["betas"] <= 0]
    axes.plot(negative, 2 * (1 + negative), "--", color=style.BLACK, lw=1)
    axes.set(xlabel="momentum β", ylabel="a = lr σ", title="Alternating heavy-ball", ylim=(grid["rates"][0], 2.4))


scenario = Scenario(
    id="S8",
    title="Momentum and adaptive rates",
    statement="Momentum and adaptive learning rates help to stabilise the training of GANs.",
    source="N3, N4",
    truth=(
        "On x y no momentum helps simultaneous steps: one multiplier is outside the unit circle at every momentum and "
        "rate. Alternating steps contract with negative momentum below a = 2 (1 + β), at best by 2 sqrt(3) - 3 = 0.464 "
        "a round; positive momentum drives them out. On the Dirac-GAN Adam and RMSProp do not converge: from any start "
        "they settle on a cycle whose radius is proportional to the rate, 2 sqrt(2) lr T/sqrt(T/N - 1) for a memory of "
        "T rounds and a lag N: 28 lr for simultaneous RMSProp, 391 lr for Adam, while RMSProp in turn ends within two "
        "steps. With Adam at a rate of 0.1 both gradients vanish before the cycle is reached, and training stops there."
    ),
    references=(GIDEL_2019, ZHANG_2020, MESCHEDER_2018, KINGMA_2015, TIELEMAN_2012, DASKALAKIS_2018, FENG_2026),
    verdict="qualified",
    run=run,
    draw=draw,
)
