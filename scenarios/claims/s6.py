"""S6: instance noise damps the Dirac-GAN like a gradient penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.registry import ARJOVSKY_2017, MESCHEDER_2018, ROTH_2017, SONDERBY_2017, Evidence, Measurement, Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGMAS = (0.2, 0.7, 1.0, 1.3)
ORIGIN = np.zeros(2)
#: Distance from the equilibrium at which trajectories start whose rate is measured.
NEAR = 1e-3


def _jacobian(**settings: Any) -> np.ndarray:
    """Return the Jacobian of a Dirac-GAN at its equilibrium."""
    from dynamics import games

    return np.asarray(games.get("dirac-gan", **settings).jacobian(ORIGIN))


def _predicted(sigma: float) -> np.ndarray:
    """Return ``-sigma²/4 ± sqrt(sigma⁴/16 - 1/4)``, sorted by real, then imaginary part."""
    root = np.sqrt(complex(sigma**4 / 16 - 1 / 4))
    return np.sort_complex(np.array([-(sigma**2) / 4 - root, -(sigma**2) / 4 + root]))


def _decay(sigma: float) -> Measurement:
    """Return the decay rate of an integrated trajectory near the equilibrium, over one turn of the linear flow.

    After a whole turn the linear flow has multiplied the state by ``exp(-sigma²/4 T)``, whatever the start.
    """
    from dynamics import games
    from dynamics.flow import integrate

    settings = {"instance_noise": sigma} if sigma else {}
    turn = 2 * np.pi / float(np.sqrt(1 / 4 - sigma**4 / 16))
    start = np.array([NEAR, 0.0])
    path = integrate(games.get("dirac-gan", **settings), start, [0.0, turn], rtol=1e-10, atol=1e-10 * NEAR)
    rate = -float(np.log(np.linalg.norm(path.final) / NEAR)) / turn
    # The flow shrinks by the factor in the logarithm's argument, and errors are absolute: they weigh more at the end.
    told = "noise stabilises" if sigma else "without noise nothing decays"
    grown = float(np.exp(sigma**2 / 4 * turn))
    error = 2e-10 * path.statistics["evaluations"] * grown / turn
    return Measurement(
        f"{told}: decay rate of a trajectory, sigma = {sigma:g}",
        rate,
        sigma**2 / 4,
        NEAR**2 * (1 + grown) + error,
        f"cubic terms of the field, at most r² = {NEAR**2:g} of the linear ones, and rtol per step of the integration",
        told=sigma > 0,
    )


def _best_slope(sigma: float) -> Measurement:
    """Return the slope of the best affine discriminator between N(0, sigma²) and N(1, sigma²).

    The optimal score, the log ratio of the densities, is affine, ``(1/2 - x) / sigma²``; without noise the
    discriminator's loss has no minimum and its slope grows for ever.
    """
    from dynamics import games

    game = games.get("dirac-gan", bias=True, instance_noise=sigma)
    part = game.players["discriminator"]
    y = np.array([1.0, -1.0, 0.5])
    # Newton's method on a strictly convex loss, from a score with the right zero; it doubles the digits in every round.
    for _ in range(30):
        y[part] -= np.linalg.solve(game.jacobian(y)[part, part], game.component("discriminator", y))
    conditioning = float(np.linalg.norm(np.linalg.inv(game.jacobian(y)[part, part]), 2))
    return Measurement(
        f"noise smooths the discriminator: slope of the best one at theta = 1, sigma = {sigma:g}",
        float(y[part][0]),
        -1 / sigma**2,
        10 * 1e-13 * conditioning,
        "the Gaussian expectations, good to 1e-13, times the norm of the inverse Hessian",
        told=True,
    )


def run(quick: bool) -> Evidence:
    """Measure decay and smoothing; compare the linearisation with its formula, with Roth's penalty and with R1."""
    noisy = {sigma: _jacobian(instance_noise=sigma) for sigma in SIGMAS}
    roth = {sigma: _jacobian(penalty="roth", gamma=sigma**2) for sigma in SIGMAS}
    r1 = {sigma: _jacobian(penalty="r1", gamma=sigma**2 / 2) for sigma in SIGMAS}
    spectra = {sigma: np.sort_complex(np.linalg.eigvals(matrix)) for sigma, matrix in noisy.items()}
    error = max(float(np.abs(spectra[sigma] - _predicted(sigma)).max()) for sigma in SIGMAS)
    # The engine chooses its quadrature nodes for 1e-13; the eigenvalue condition number is below 2 for these sigma.
    quadrature = 10 * 1e-13
    because = "the Gaussian expectations are Gauss-Hermite sums chosen for 1e-13; the spectrum's condition is below 2"
    measurements = (
        _decay(0.7),
        Measurement(
            "real part of the eigenvalues at sigma = 0.7",
            float(spectra[0.7].real.max()),
            -(0.7**2) / 4,
            quadrature,
            because,
        ),
        Measurement(
            "eigenvalues against -sigma²/4 ± sqrt(sigma⁴/16 - 1/4), largest distance",
            error,
            0.0,
            quadrature,
            because,
        ),
        *(_decay(sigma) for sigma in (0.2, 1.0, 0.0)),
        *(_best_slope(sigma) for sigma in (0.5, 0.7, 1.0)),
        Measurement(
            "Jacobian against that of Roth's penalty with gamma = sigma², largest entry",
            max(float(np.abs(noisy[s] - roth[s]).max()) for s in SIGMAS),
            0.0,
            quadrature,
            because,
        ),
        Measurement(
            "Jacobian against that of R1 with gamma = sigma²/2, largest entry",
            max(float(np.abs(noisy[s] - r1[s]).max()) for s in SIGMAS),
            0.0,
            quadrature,
            because,
        ),
    )
    return Evidence(measurements, {"paths": _paths(0.7, 40.0 if quick else 60.0)})


def _paths(sigma: float, horizon: float) -> dict[str, np.ndarray]:
    """Return the flow of four Dirac-GANs from (1, 0): equal linearisation, different far away."""
    from dynamics import games
    from dynamics.flow import integrate

    times = np.linspace(0.0, horizon, 601)
    chosen = {
        "no noise": {},
        f"instance noise σ = {sigma:g}": {"instance_noise": sigma},
        "Roth, γ = σ²": {"penalty": "roth", "gamma": sigma**2},
        "R1, γ = σ²/2": {"penalty": "r1", "gamma": sigma**2 / 2},
    }
    return {
        label: integrate(games.get("dirac-gan", **settings), np.array([1.0, 0.0]), times, rtol=1e-8).states
        for label, settings in chosen.items()
    } | {"times": times}


def draw(evidence: Evidence) -> Figure:
    """Draw the paths in the plane and their distance from the equilibrium."""
    from figures import labels, style

    paths = dict(evidence.arrays["paths"])
    times = paths.pop("times")
    lines = ("-", "-", "--", ":")
    with style.context():
        figure = style.new_figure(8.4, 3.8)
        left, right = figure.subplots(1, 2)
        for i, (label, states) in enumerate(paths.items()):
            look = {"color": style.GREY if i == 0 else style.series_style(i)["color"], "linestyle": lines[i]}
            left.plot(*states.T, lw=1.2, **look)
            right.plot(times, np.linalg.norm(states, axis=1), label=label, **look)
        left.set(xlabel="θ (generator)", ylabel="ψ (discriminator)", title="Flow from (1, 0)")
        left.set_aspect("equal")
        right.set(xlabel="time", ylabel="distance from the equilibrium", yscale="log", title="The same rate near it")
        right.legend()
        labels.add_caption(
            figure,
            "Dirac-GAN, minimax loss; one start, θ = 1, ψ = 0; expectations over the noise by Gauss-Hermite sums (no "
            f"sampling); DOP853 with rtol 1e−8, {len(times)} times up to {times[-1]:g}.",
        )
    return figure


scenario = Scenario(
    id="S6",
    title="Instance noise damps like a gradient penalty",
    statement="Gaussian noise on data and samples smooths the discriminator and stabilises training.",
    source="N1",
    truth=(
        "Noise bounds the slope of the best discriminator, by 1/sigma² for points one apart. Near the equilibrium of "
        "the Dirac-GAN trajectories decay at the rate sigma²/4: the eigenvalues are "
        "-sigma²/4 ± sqrt(sigma⁴/16 - 1/4), as with Roth's penalty at gamma = sigma² and with R1 at gamma = sigma²/2. "
        "Far from it the three differ."
    ),
    references=(
        SONDERBY_2017,
        ARJOVSKY_2017,
        ROTH_2017,
        MESCHEDER_2018,
    ),
    verdict="supported",
    run=run,
    draw=draw,
)
