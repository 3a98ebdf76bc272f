"""S1: gradient penalties damp the Dirac-GAN, best at gamma = 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scenarios.registry import MESCHEDER_2018, ROTH_2017, Evidence, Measurement, Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAMMAS = (0.1, 0.3, 0.7, 1.5, 3.0, 10.0)
LARGE = 100.0
EPS = float(np.finfo(float).eps)


def spectrum(penalty: str, gamma: float) -> np.ndarray:
    """Return the eigenvalues of the penalised Dirac-GAN at its equilibrium, sorted by real, then imaginary part."""
    from dynamics import games

    game = games.get("dirac-gan", penalty=penalty, gamma=gamma)
    return np.sort_complex(np.linalg.eigvals(game.jacobian(np.zeros(2))))


def predicted(gamma: float) -> np.ndarray:
    """Return the roots of ``l² + gamma l + 1/4``, sorted in the same way."""
    root = np.sqrt(complex(gamma**2 / 4 - 1 / 4))
    return np.sort_complex(np.array([-gamma / 2 - root, -gamma / 2 + root]))


def _critical() -> float:
    """Return the weight at which the eigenvalues turn real, by bisection on the measured spectrum."""
    low, high = 0.5, 2.0
    # 40 halvings of 1.5 leave 1.4e-12.
    for _ in range(40):
        middle = (low + high) / 2
        if np.abs(spectrum("r1", middle).imag).max() > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def run(quick: bool) -> Evidence:
    """Compare the spectrum with its formula, find the critical weight and the slow root (the same work when quick)."""
    errors = {
        penalty: max(float(np.abs(spectrum(penalty, gamma) - predicted(gamma)).max()) for gamma in GAMMAS)
        for penalty in ("r1", "r2")
    }
    slow = float(np.real(spectrum("r1", LARGE)).max())
    rate = {gamma: -float(np.real(spectrum("r1", gamma)).max()) for gamma in (0.25, 0.5, 1.0, 3.0)}
    # A double root moves by the square root of the rounding of the coefficients; away from it the condition number is
    # |l| / |l1 - l2| <= 1/sqrt(1 - 1/gamma²) < 2, times the norm of the matrix (the largest gamma).
    allowed = 8 * 2 * EPS * max(GAMMAS)
    double = 4 * float(np.sqrt(EPS))
    formula = "rounding of the matrix (norm 10) times the eigenvalue condition number, below 2 for these gamma"
    measurements = (
        Measurement("critical weight of R1", _critical(), 1.0, double, "a double root moves by sqrt(eps)"),
        *(
            Measurement(
                f"{penalty.upper()}: eigenvalues against -gamma/2 ± sqrt(gamma²/4 - 1/4), largest distance",
                error,
                0.0,
                allowed,
                formula,
            )
            for penalty, error in errors.items()
        ),
        *(
            Measurement(
                f"it damps: decay rate at gamma = {gamma:g}",
                rate[gamma],
                gamma / 2,
                allowed,
                f"gamma/2 below the critical weight, 0 without penalty; {formula}",
                told=True,
            )
            for gamma in (0.25, 0.5)
        ),
        Measurement(
            "folklore (the more, the better): slowest decay rate at gamma = 3 over that at gamma = 1",
            rate[3.0] / rate[1.0],
            1.0,
            2 * double,
            "two double roots moved by rounding",
            told=True,
            relation="at least",
        ),
        Measurement(
            "what holds instead: slowest decay rate at gamma = 3 over that at gamma = 1",
            rate[3.0] / rate[1.0],
            3 - 2 * float(np.sqrt(2)),
            2 * double,
            "(3/2 - sqrt(2)) / (1/2); a double root moves by sqrt(eps)",
        ),
        Measurement(
            f"slow root at gamma = {LARGE:g}, times 4 gamma",
            slow * 4 * LARGE,
            -1.0,
            1 / LARGE**2,
            "the expansion of the root is -1/(4 gamma) (1 + 1/(4 gamma²) + ...)",
        ),
    )
    grid = np.linspace(0.0, 3.0, 301)
    arrays = {"gamma": grid, "eigenvalues": np.array([spectrum("r1", gamma) for gamma in grid])}
    return Evidence(measurements, arrays)


def draw(evidence: Evidence) -> Figure:
    """Draw both eigenvalues against the weight."""
    from figures import labels, style

    gamma, eigenvalues = evidence.arrays["gamma"], evidence.arrays["eigenvalues"]
    with style.context():
        figure = style.new_figure(9.0, 3.6)
        left, right = figure.subplots(1, 2)
        for k in range(2):
            left.plot(gamma, eigenvalues[:, k].real, color=style.SKY, label="measured" if k == 0 else None)
            right.plot(gamma, eigenvalues[:, k].imag, color=style.SKY, label="measured" if k == 0 else None)
        tail = gamma[gamma > 1.2]
        left.plot(tail, -1 / (4 * tail), "--", color=style.BLACK, lw=1, label="−1/(4γ)")
        left.plot(gamma[gamma < 1], -gamma[gamma < 1] / 2, ":", color=style.VERMILLION, lw=2, label="−γ/2")
        for axis, part in ((left, "real part"), (right, "imaginary part")):
            axis.axvline(1, color=style.GREY, lw=0.8, ls=":")
            axis.set(xlabel="penalty weight γ", ylabel=f"{part} of the eigenvalues")
        left.set_title("Damping is fastest at γ = 1")
        right.set_title("No oscillation beyond γ = 1")
        left.legend(loc="lower left")
        labels.add_caption(
            figure,
            "Dirac-GAN, minimax loss, penalty R1; exact Jacobian at θ = ψ = 0, no randomness; sample of "
            f"{len(gamma)} weights γ from {gamma[0]:g} to {gamma[-1]:g}; the grey dotted line is γ = 1.",
        )
    return figure


scenario = Scenario(
    id="S1",
    title="Gradient penalties damp the oscillation",
    statement=("Regularisation damps the oscillation. Folklore, which no note states, adds: the more, the better."),
    source="N3",
    truth=(
        "R1 and R2 give the Dirac-GAN the eigenvalues -gamma/2 ± sqrt(gamma²/4 - 1/4). The damping grows up to the "
        "critical gamma = 1 only: beyond it the slow root tends to -1/(4 gamma), so more is not better. At gamma = 3 "
        "the slow decay is 0.17 of that at 1."
    ),
    references=(
        MESCHEDER_2018,
        ROTH_2017,
    ),
    verdict="qualified",
    run=run,
    draw=draw,
)
