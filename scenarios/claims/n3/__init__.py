"""N3: as the noise goes to zero training approaches the noise-free one, but it keeps what a centre has added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.claims.n3 import attracting, centre
from scenarios.registry import (
    ARJOVSKY_2017,
    FREIDLIN_2012,
    MESCHEDER_2018,
    RISKEN_1989,
    ROBBINS_1951,
    SONDERBY_2017,
    Evidence,
    Measurement,
    Scenario,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Start and turns of the run whose noise on the data is halved in every turn.
NEAR, TURNS = 1e-3, 6


def _instance_noise() -> Measurement:
    """Return the radius that is left when noise on the data is halved in every turn of the Dirac-GAN.

    Its eigenvalues are ``-sigma²/4 ± i sqrt(1/4 - sigma⁴/16)`` (S6): a turn multiplies the radius by a number, and the
    numbers tend to 1 so fast that their product stays away from 0.
    """
    from dynamics import games
    from dynamics.flow import integrate

    state, exponent, evaluations = np.array([NEAR, 0.0]), 0.0, 0
    for k in range(TURNS):
        sigma = 0.5**k
        turn = 2 * np.pi / float(np.sqrt(1 / 4 - sigma**4 / 16))
        size = float(np.linalg.norm(state))
        path = integrate(
            games.get("dirac-gan", instance_noise=sigma), state, [0.0, turn], rtol=1e-10, atol=1e-10 * size
        )
        state, exponent = path.final, exponent + sigma**2 / 4 * turn
        evaluations += path.statistics["evaluations"]
    return Measurement(
        f"noise on the data, halved in every turn: log of the radius after {TURNS} turns over the start's, against "
        "minus the integral of sigma²/4",
        float(np.log(np.linalg.norm(state) / NEAR)),
        -exponent,
        # A step errs by rtol and atol of the radius at the start of its turn, which shrinks by exp(3.7) in the first.
        2e-10 * evaluations * float(np.exp(4)) + 100 * NEAR**2,
        "rtol per step, which weighs exp(4) at the end of the first turn, and cubic terms of the field over 75 units "
        "of time",
    )


def run(quick: bool) -> Evidence:
    """Take the limit of weak noise, anneal it on a game that attracts and on one that turns, and measure roughness."""
    paths = 100_000 if quick else 1_000_000
    limit, weak = attracting.from_afar(paths // 2)
    rates, runs = attracting.rates(paths)
    distances, curves = centre.distances(2 * paths)
    smoothness, shown = centre.smoothness(1000 if quick else 10_000)
    return Evidence(
        (*limit, *rates, *distances, *smoothness, _instance_noise()),
        {"runs": runs, "curves": curves, "shown": shown, "weak": weak, "paths": paths},
    )


def draw(evidence: Evidence) -> Figure:
    """Draw what is left of annealed noise on the game that attracts and on the one that turns, and a rough path."""
    from figures import labels, layout, style

    arrays = evidence.arrays
    runs: dict[str, Any] = arrays["runs"]
    with style.context():
        figure = style.new_figure(11.4, 4.6)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1.2, 1.0))
        handles, looks = [], {name: style.series_style(i) for i, name in enumerate(runs)}
        looks["exponential"] = looks["slow exponential"]
        for name, found in runs.items():
            unit = attracting.STATIONARY * attracting.STRENGTH**2
            look = looks[name] | {"linestyle": ""}
            handles += left.plot(found["times"][1::2], found["square"][1::2] / unit, ms=4, mfc="none", **look,
                                 label=name)  # fmt: skip
            left.plot(found["times"][1:], found["law"][1:] / unit, color=look["color"], lw=1)
        left.set(xlabel="time", ylabel="E r² over its value at constant noise", yscale="log", ylim=(1e-6, 3))
        left.set_title("Attracting: it goes")
        times = np.linspace(0.0, centre.HORIZON, 401)[1:]
        for name, curve in arrays["curves"].items():
            look, at = (
                looks[name] | {"linestyle": ""},
                np.unique(np.geomspace(1, len(curve["times"]) - 1, 12).astype(int)),
            )
            middle.plot(curve["times"][at], curve["away"][at], ms=4, mfc="none", **look)
            middle.plot(times, centre.away(name, times), color=look["color"], lw=1)
        middle.set(xlabel="time", ylabel="E |Y − y|²", xscale="log", yscale="log", title="Turning: it stays")
        for colour, (name, states) in zip((style.SKY, style.BLACK), arrays["shown"].items(), strict=True):
            right.plot(*states.T, color=colour, lw=1, label=name)
        right.set(xlabel="x (generator)", ylabel="y (discriminator)", title="No path is smoother")
        right.set_aspect("equal")
        right.legend(loc="center")
        layout.legend_above(figure, handles, [str(handle.get_label()) for handle in handles])
        labels.add_caption(
            figure,
            f"Left: Dirac-GAN with R1, γ = {attracting.GAMMA:g}, from its equilibrium, s = {attracting.STRENGTH:g}, "
            f"{arrays['paths']:,} paths, seed {attracting.SEED}; half-lives {attracting.SLOW:g} and "
            f"{attracting.FAST:g}. Middle: xy from (1, 0), s = {centre.STRENGTH:g}, {2 * arrays['paths']:,} paths, "
            f"seed {centre.SEED}; Y − y is the distance from the noise-free orbit. Lines are theory. Right: one path "
            f"of constant noise each, time {centre.SHORT:g}.",
        )
    return figure


scenario = Scenario(
    id="N3",
    title="Annealed noise",
    statement="As sigma -> 0 training approaches the noise-free one, along a smoother path.",
    source="N1",
    truth=(
        "At a fixed time yes, with a distance of order s. Noise that is annealed while training goes on is forgotten "
        "only where the game attracts. On the Dirac-GAN with R1 the variance follows g² while g² falls more slowly "
        "than exp(-gamma t): a power law times the stationary covariance, an exponential times that of the shifted "
        "Lyapunov equation, which is larger. Noise that falls faster, or stops, leaves the flow's own rate gamma; "
        "constant noise leaves its stationary variance. On the bilinear game E |Y - y|² = 2 s² times the integral of "
        "g² is kept for ever: finite for exponentials and powers above 1/2, logarithmic at 1/2. Smoother, read as the "
        "sum of squared steps, the noisy path is at no sigma: it is rougher by 2 s² per unit of time, and tends to "
        "the noise-free one from above. Noise on the data, the other reading, damps with the rate sigma²/4 (S6): "
        "annealed with a finite integral of sigma² it stops short of the equilibrium, so that it must go slowly where "
        "noise on the parameters must go fast."
    ),
    references=(FREIDLIN_2012, RISKEN_1989, ROBBINS_1951, MESCHEDER_2018, ARJOVSKY_2017, SONDERBY_2017),
    verdict="qualified",
    run=run,
    draw=draw,
)
