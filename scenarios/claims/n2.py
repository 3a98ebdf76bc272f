"""N2: noise on the parameters smooths averages over runs and stabilises none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.chance import ERRORS, estimate, recorded, sampled
from scenarios.registry import (
    ARJOVSKY_2017,
    KLOEDEN_1992,
    MESCHEDER_2018,
    RISKEN_1989,
    SONDERBY_2017,
    Evidence,
    Measurement,
    Scenario,
    hardest,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dynamics.ensemble import Ensemble

#: Strength of the noise on the games that turn, start on the first axis, and time of their runs.
STRENGTH, R0, HORIZON = 0.3, 1.0, 30.0
#: Step of Euler-Maruyama on the bilinear game, and of the Runge-Kutta scheme on the minimax Dirac-GAN.
EULER, FINE = 0.1, 0.1
SEED = 4
#: With R1 the noise is small, so that the linear theory holds, and steps and runs are as follows.
SMALL, STEP = 0.01, 0.1
#: Of the slowest mode, over which an ensemble forgets its start up to exp(-9).
LIFETIMES = 4.5
RADIUS = "theta**2 + psi**2"


def growth(times: Any) -> Any:
    """Return ``E r² = r0² + 2 s² t``: the game turns, and the noise adds ``s²`` per coordinate and unit of time."""
    return R0**2 + 2 * STRENGTH**2 * times


def euler_growth(times: Any, h: float) -> Any:
    """Return ``E r²`` of Euler-Maruyama on the bilinear game: times ``1 + h²``, plus ``2 s² h``, in every step."""
    factor = (1 + h**2) ** (times / h)
    return factor * R0**2 + 2 * STRENGTH**2 * (factor - 1) / h


def theta_variance(gamma: Any) -> Any:
    """Return the stationary variance of theta with R1, over s².

    With ``A = [[0, 1/2], [-1/2, -gamma]]`` in (theta, psi) and noise of strength s, ``A S + S A^T + s² I = 0`` has the
    entries ``S12 + s² = 0``, ``(S22 - S11)/2 - gamma S12 = 0`` and ``-S12 - 2 gamma S22 + s² = 0``.
    """
    return 1 / gamma + 2 * gamma


def psi_variance(gamma: Any) -> Any:
    """Return the stationary variance of psi with R1, over s²."""
    return 1 / gamma


def _turning(paths: int) -> tuple[list[Measurement], dict[str, Any]]:
    """Return what noise does to games that turn: the bilinear one, exactly and by Euler's method, and the minimax GAN.

    On both the field is at right angles to the state, so that ``d E r²/dt = 2 s²`` whatever the law.
    """
    from dynamics import games
    from dynamics.ensemble import simulate

    xy, gan = games.get("bilinear"), games.get("dirac-gan", penalty="r1", gamma=0.0)
    start: dict[str, Any] = {"start": [R0, 0.0], "time": HORIZON, "records": 61}
    exact = simulate(
        xy, STRENGTH, paths=paths, dt=0.5, scheme="exact", seed=SEED, observe=["x**2 + y**2"], **start
    )  # fmt: skip
    euler = simulate(xy, STRENGTH, paths=paths, dt=EULER, seed=SEED, observe=["x**2 + y**2"], **start)
    runs = {
        "bilinear, exact": (exact, "x**2 + y**2"),
        "bilinear, Euler-Maruyama": (euler, "x**2 + y**2"),
        "minimax Dirac-GAN": (_minimax(gan, paths // 2, FINE, start), RADIUS),
    }
    found = {name: recorded(run, quantity) for name, (run, quantity) in runs.items()}
    # The scheme has weak order 2, so that its error at the step h is 4/3 of what halving the step changes.
    pair = [_minimax(gan, max(paths // 16, 1000), h, start, brownian_dt=FINE / 2) for h in (FINE, FINE / 2)]
    changed, error = estimate(np.subtract(*((np.asarray(run.final) ** 2).sum(axis=1) for run in pair)))
    bias = 4 / 3 * abs(changed) + ERRORS * error
    law = growth(HORIZON)
    title = f"E r² after the time {HORIZON:g}, s = {STRENGTH:g}"
    rows = [
        sampled(f"bilinear game, exact sampling: {title}, against r0² + 2 s² t", found["bilinear, exact"], law),
        sampled(
            f"minimax Dirac-GAN: {title}, against the same r0² + 2 s² t",
            found["minimax Dirac-GAN"],
            law,
            "4/3 of what halving the step changes on the same Brownian paths",
            allowance=bias,
        ),
        sampled(
            f"bilinear game, Euler-Maruyama of step {EULER:g}: {title}, against (1 + h²) r² + 2 s² h per step",
            found["bilinear, Euler-Maruyama"],
            float(euler_growth(HORIZON, EULER)),
        ),
        Measurement(
            f"bilinear game: what Euler-Maruyama of step {EULER:g} makes of E r², over what the game makes of it",
            found["bilinear, Euler-Maruyama"][0] / found["bilinear, exact"][0],
            float(euler_growth(HORIZON, EULER) / law),
            ERRORS * sum(e / v for v, e in list(found.values())[:2]) * float(euler_growth(HORIZON, EULER) / law),
            f"{ERRORS:g} standard errors of both; the scheme's bias is no behaviour of the game",
        ),
        *(
            sampled(
                f"noise stabilises: E r² of the {name} after the time {HORIZON:g} over that without noise",
                found[key],
                1.0,
                scale=R0**2,
                told=True,
                relation="at most",
            )
            for name, key in (("bilinear game", "bilinear, exact"), ("minimax Dirac-GAN", "minimax Dirac-GAN"))
        ),
        sampled(
            "bilinear game: length of the mean state over that without noise, after the time "
            f"{HORIZON:g}: noise leaves means of linear games alone",
            _length(exact),
            R0,
        ),
        sampled(
            "noise smooths averages over runs: length of the mean state of the minimax Dirac-GAN after the time "
            f"{HORIZON:g} over that without noise",
            _length(runs["minimax Dirac-GAN"][0]),
            0.5,
            "stated, not derived: half of it would count as smoothed",
            told=True,
            relation="at most",
        ),
    ]
    arrays = {
        name: {
            "times": run.times,
            "square": run.mean[:, run.index(quantity)],
            "length": np.hypot(run.mean[:, 0], run.mean[:, 1]),
        }
        for name, (run, quantity) in runs.items()
    }
    return rows, arrays


def _minimax(game: Any, paths: int, dt: float, start: dict[str, Any], **more: Any) -> Ensemble:
    """Return an ensemble of the minimax Dirac-GAN (R1 of weight 0, which shares a kernel with the other weights)."""
    from dynamics.ensemble import simulate

    return simulate(
        game,
        STRENGTH,
        paths=paths,
        dt=dt,
        scheme="stochastic-runge-kutta",
        observe=[RADIUS],
        seed=SEED,
        **start,
        **more,
    )


def _length(run: Ensemble) -> tuple[float, float]:
    """Return the length of the mean state at the end; its standard error is at most that of the coordinates."""
    return float(np.hypot(*run.mean[-1, :2])), float(run.mean_error[-1, :2].max())


def _penalised(gamma: float, paths: int) -> dict[str, Any]:
    """Return variances with R1 over s², their standard errors, and how far they may be off beside chance."""
    from dynamics import games
    from dynamics.ensemble import SDE, Isotropic, LinearSDE, simulate
    from dynamics.ensemble.recursion import scheme_moments
    from dynamics.ensemble.schemes import get
    from scenarios.closure import closed_moments

    game = games.get("dirac-gan", penalty="r1", gamma=gamma)
    sde, zero = SDE(game, Isotropic(SMALL)), np.zeros(2)
    linear = LinearSDE.about(sde, zero)
    slowest = -float(np.linalg.eigvals(linear.drift).real.max())
    steps = int(np.ceil(LIFETIMES / slowest / STEP))
    end = STEP * steps
    run = simulate(
        game, SMALL, paths=paths, dt=STEP, time=end, start=zero, scheme="stochastic-runge-kutta", records=2,
        observe=[RADIUS], seed=SEED + 1,
    )  # fmt: skip
    assert run.final is not None
    (_, (law,)), (_, (closed,)) = linear.moments([end], zero), closed_moments(sde, [end], zero, 0 * linear.drift)
    own, cross = linear.drift[1, 1], linear.drift[0, 1]
    twin = games.get(
        "quadratic", generator_own=0.0, generator_cross=-cross, discriminator_own=-own, discriminator_cross=cross
    )
    scheme = scheme_moments(SDE(twin, Isotropic(SMALL)), get("stochastic-runge-kutta"), STEP, steps, zero)
    stationary = linear.stationary_covariance
    # What the start, the step and the field's cubic terms change; these to twice the first power of the covariance.
    allowance = np.abs(law - stationary) + np.abs(scheme.covariance[-1] - law) + 2 * np.abs(closed - law)
    squares = [estimate(run.final[:, i] ** 2) for i in range(2)]
    return {
        "gamma": gamma,
        "found": np.array([value for value, _ in squares]) / SMALL**2,
        "error": np.array([error for _, error in squares]) / SMALL**2,
        "allowance": np.diagonal(allowance) / SMALL**2,
        "lyapunov": np.diagonal(stationary) / SMALL**2,
    }


def _stationary(weights: tuple[float, ...], paths: int) -> tuple[list[Measurement], list[dict[str, Any]]]:
    """Return what noise leaves with R1: variances against their closed forms, and the weight of the least of theta."""
    runs = [_penalised(gamma, paths) for gamma in weights]
    beside = "start, step and nonlinearity by the linear theory, the scheme's recursion and Gaussian closure"
    rows = []
    for i, (name, formula, text) in enumerate(
        (("theta", theta_variance, "1/gamma + 2 gamma"), ("psi", psi_variance, "1/gamma"))
    ):
        compared = [
            sampled(
                f"R1: stationary variance of {name} over s², against {text}, gamma = {run['gamma']:g}",
                (run["found"][i], run["error"][i]),
                formula(run["gamma"]),
                beside,
                allowance=run["allowance"][i],
            )
            for run in runs
        ]
        rows.append(hardest(compared, f"worst of {len(runs)} weights"))
    best, error, off = _least(runs)
    # A formula of three operations on a solution of a 3x3 system of condition below 100.
    exact = [abs(run["lyapunov"][0] - theta_variance(run["gamma"])) for run in runs]
    rows += [
        Measurement(
            "R1: weight of the least variance of theta, by Lyapunov's equation and minimisation",
            _minimum(),
            float(np.sqrt(0.5)),
            1e-6,
            "a minimum is found to the square root of rounding",
        ),
        sampled("R1: weight of the least variance of theta, from the samples", (best, error), float(np.sqrt(0.5)),
                "what the variances may be off", allowance=off),
        Measurement(
            "R1: solution of Lyapunov's equation against 1/gamma + 2 gamma, largest distance",
            max(exact), 0.0, 1e-12, "rounding times the condition of a small linear system",
        ),
        sampled(
            "noise is least where damping is fastest: weight of the least variance of theta over the critical one",
            (best, error), 1.0, "a tenth, stated", allowance=0.1, told=True,
        ),
    ]  # fmt: skip
    return rows, runs


def _least(runs: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Return ``sqrt(a/b)`` of the fit ``a/gamma + b gamma`` to the variances, its error, and what it may be off."""
    weights = np.array([run["gamma"] for run in runs])
    found, error, off = (np.array([run[key][0] for run in runs]) for key in ("found", "error", "allowance"))
    design = np.stack([1 / weights, weights], axis=1) / error[:, None]
    inverse = np.linalg.pinv(design)
    a, b = inverse @ (found / error)
    best = float(np.sqrt(a / b))
    gradient = best / 2 * np.array([1 / a, -1 / b]) @ inverse
    return best, float(np.linalg.norm(gradient)), float(np.abs(gradient) @ (off / error))


def _minimum() -> float:
    """Return the weight at which the stationary variance of theta is least, by the solver of Lyapunov's equation."""
    from scipy.optimize import minimize_scalar

    from dynamics import games
    from dynamics.ensemble import SDE, Isotropic, LinearSDE

    def variance(gamma: float) -> float:
        sde = SDE(games.get("dirac-gan", penalty="r1", gamma=float(gamma)), Isotropic(1.0))
        return float(LinearSDE.about(sde, np.zeros(2)).stationary_covariance[0, 0])

    return float(minimize_scalar(variance, bounds=(0.3, 2.0), method="bounded", options={"xatol": 1e-8}).x)


def run(quick: bool) -> Evidence:
    """Follow ensembles of turning games, and take stationary variances with R1 for several weights."""
    paths = 200_000 if quick else 1_000_000
    turning, curves = _turning(paths)
    weights = (0.35, 0.7, 1.0, 2.0) if quick else (0.25, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
    stationary, runs = _stationary(weights, paths)
    return Evidence((*turning, *stationary), {"curves": curves, "runs": runs, "paths": paths})


def draw(evidence: Evidence) -> Figure:
    """Draw E r² over time, the length of the mean, and the variances against the penalty's weight."""
    from figures import labels, style

    curves, runs = evidence.arrays["curves"], evidence.arrays["runs"]
    with style.context():
        figure = style.new_figure(11.4, 4.2)
        left, middle, right = figure.subplots(1, 3)
        for i, (name, curve) in enumerate(curves.items()):
            colour = style.series_style(i)["color"]
            every = slice(i, None, 4)
            left.plot(curve["times"][every], curve["square"][every], style.SERIES_MARKERS[i], ms=4, color=colour,
                      mfc="none", label=name)  # fmt: skip
            if "Euler" not in name:
                middle.plot(curve["times"], curve["length"], color=colour, label=name)
        times = np.linspace(0.0, HORIZON, 301)
        left.plot(times, growth(times), color=style.BLACK, lw=1, label="r₀² + 2s²t")
        left.plot(times, euler_growth(times, EULER), "--", color=style.BLACK, lw=1, label="Euler's recursion")
        left.set(xlabel="time", ylabel="E r²", yscale="log", title="No noise bounds a game that turns")
        left.legend()
        middle.set(xlabel="time", ylabel="length of E y", ylim=(0, 1.15), title="Averages may calm down")
        middle.legend(loc="lower left")
        _draw_variances(right, runs)
        labels.add_caption(
            figure,
            f"Left and middle: s = {STRENGTH:g}, start r₀ = {R0:g}, {evidence.arrays['paths']:,} paths (half of them "
            f"for the Dirac-GAN), seed {SEED}; Euler's step {EULER:g}, Dirac-GAN by a stochastic Runge-Kutta scheme of "
            f"step {FINE:g}. Right: Dirac-GAN with R1, s = {SMALL:g}, bars of {ERRORS:g} standard errors.",
        )
    return figure


def _draw_variances(axes: Axes, runs: list[dict[str, Any]]) -> None:
    """Draw the variances with R1 over s², measured and predicted."""
    from figures import style

    weights = np.linspace(0.2, 3.0, 281)
    colours = style.player_colours(["generator", "discriminator"])
    for i, (name, formula, colour) in enumerate(
        (("θ", theta_variance, colours["generator"]), ("ψ", psi_variance, colours["discriminator"]))
    ):
        axes.plot(weights, formula(weights), color=colour, lw=1)
        axes.errorbar(
            [run["gamma"] for run in runs], [run["found"][i] for run in runs],
            [ERRORS * run["error"][i] for run in runs], fmt="o", ms=4, color=colour, mfc="none",
            label=f"var {name} / s²",
        )  # fmt: skip
    axes.axvline(np.sqrt(0.5), color=style.GREY, lw=0.8, ls=":")
    axes.axvline(1.0, color=style.GREY, lw=0.8, ls="--")
    axes.text(0.69, 0.2, "1/√2", ha="right", color=style.GREY)
    axes.text(1.03, 0.2, "critical", color=style.GREY)
    axes.set(xlabel="penalty weight γ", ylabel="stationary variance / s²", ylim=(0, 7), title="R1 balances the noise")
    axes.legend(loc="upper center")


scenario = Scenario(
    id="N2",
    title="Noise smooths and stabilises",
    statement="Noise on the parameters smooths and stabilises training; folklore adds: best where damping is fastest.",
    source="N1",
    truth=(
        "On games that turn, the bilinear one and the minimax Dirac-GAN alike, E r² = r0² + 2 s² t grows without "
        "bound; Euler-Maruyama adds a factor 1 + h² per step, which is the scheme's and not the game's. Averages over "
        "runs of the Dirac-GAN do calm down, because its paths get out of phase; on a linear game not even they do. "
        "With R1 the damping, not the noise, keeps the variances finite: 1/gamma + 2 gamma for theta and 1/gamma for "
        "psi, in units of s². Theta is quietest at gamma = 1/sqrt(2), with 2 sqrt(2) s², and not at the critical "
        "weight 1. Noise on the data is another matter: it changes the drift and does damp (S6)."
    ),
    references=(MESCHEDER_2018, RISKEN_1989, KLOEDEN_1992, ARJOVSKY_2017, SONDERBY_2017),
    verdict="qualified",
    run=run,
    draw=draw,
)
