"""N4: the stationary law of a noisy linear game is normal, and goes round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenarios.chance import ERRORS, FALSE_ALARM, combined, estimate, sampled
from scenarios.registry import (
    CHAUDHARI_2018,
    HWANG_2005,
    MANDT_2017,
    RISKEN_1989,
    Evidence,
    Measurement,
    Scenario,
    hardest,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRENGTH, SEED = 0.4, 8
#: Damping of both players in the isotropic games, and their rotations.
DAMPING, ROTATIONS = 0.5, (0.0, 0.5, 1.0, 2.0, 4.0)
#: Rotation of the isotropic game that is looked at closely.
SHOWN = 1.0
#: Time after which a start is forgotten, up to exp(-20), and lags of the correlations.
SETTLED, LAGS = 40.0, (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Linear:
    """``V = omega x y + a x²/2 - b y²/2``: x' = -a x - omega y, y' = omega x - b y, noise of strength s in both.

    Attributes
    ----------
    omega, a, b : float
        Rotation, and damping of the generator and of the discriminator.
    """

    omega: float
    a: float
    b: float

    def game(self) -> Any:
        """Return the game."""
        from dynamics import games

        parameters = {"omega": self.omega, "a": self.a, "b": self.b}
        return games.inline("omega*x*y + a*x**2/2 - b*y**2/2", ["x"], ["y"], parameters)

    def drift(self) -> NDArray[np.float64]:
        """Return A, by hand."""
        return np.array([[-self.a, -self.omega], [self.omega, -self.b]])

    def covariance(self) -> NDArray[np.float64]:
        """Return the solution of ``A S + S A^T + s² I = 0``, by hand.

        Its entries are ``-2 a S11 - 2 omega S12 + s² = 0``, ``2 omega S12 - 2 b S22 + s² = 0`` and ``omega (S11 - S22)
        = (a + b) S12``.
        """
        a, b, omega, square = self.a, self.b, self.omega, STRENGTH**2
        cross = omega * square * (b - a) / (2 * (a + b) * (a * b + omega**2))
        return np.array(
            [[(square - 2 * omega * cross) / (2 * a), cross], [cross, (square + 2 * omega * cross) / (2 * b)]]
        )

    def turning(self, lag: float) -> float:
        """Return ``E [x(t) y(t+u) - y(t) x(t+u)]``, from ``E Y(t+u) Y(t)^T = exp(A u) S``; 0 for reversible laws."""
        from scipy.linalg import expm

        matrix = expm(self.drift() * lag) @ self.covariance()
        return float(matrix[1, 0] - matrix[0, 1])

    def gibbs(self) -> NDArray[np.float64]:
        """Return the covariance of ``exp(-2 U/s²)``, U the losses' own part ``a x²/2 + b y²/2``."""
        return STRENGTH**2 / 2 * np.diag([1 / self.a, 1 / self.b])


#: Damped alike, with and without rotation, and damped unlike.
ALIKE, STILL, UNLIKE = Linear(SHOWN, DAMPING, DAMPING), Linear(0.0, DAMPING, DAMPING), Linear(1.0, 0.1, 1.0)


def _settled(chosen: Linear, paths: int) -> NDArray[np.float64]:
    """Return states of the stationary law, shape (paths, 2)."""
    from dynamics.ensemble import Isotropic, simulate

    run = simulate(
        chosen.game(), Isotropic(STRENGTH), paths=paths, dt=SETTLED / 8, time=SETTLED, start=[1.0, 0.0],
        scheme="exact", records=2, seed=SEED,
    )  # fmt: skip
    return np.asarray(run.final)


def _later(chosen: Linear, states: NDArray[np.float64], lag: float) -> NDArray[np.float64]:
    """Return the states that paths come to from ``states`` in the time ``lag``, with noise of their own."""
    from dynamics.ensemble import Isotropic, simulate

    run = simulate(
        chosen.game(), Isotropic(STRENGTH), paths=len(states), dt=lag, time=lag, start=states, scheme="exact",
        records=2, seed=SEED + 1,
    )  # fmt: skip
    return np.asarray(run.final)


def _covariances(chosen: Linear, states: NDArray[np.float64], title: str) -> list[Measurement]:
    """Return the entries of the covariance, over the geometric mean of the variances that they belong to."""
    expected, rows = chosen.covariance(), []
    for i, j in ((0, 0), (0, 1), (1, 1)):
        scale = float(np.sqrt(expected[i, i] * expected[j, j]))
        rows.append(
            sampled(
                f"covariance from Lyapunov's equation, {title}: entry {'xy'[i]}{'xy'[j]} of the sample's over the "
                "scale of its variances",
                estimate(states[:, i] * states[:, j]),
                float(expected[i, j]) / scale,
                scale=scale,
                told=True,
            )
        )
    return rows


def normality(states: NDArray[np.float64], covariance: NDArray[np.float64], title: str) -> list[Measurement]:
    """Return distances of Kolmogorov and Smirnov of x, y and the Mahalanobis distance from the normal law's."""
    from scipy import stats

    squares = np.einsum("pi,ij,pj->p", states, np.linalg.inv(covariance), states)
    found = {
        "x": stats.kstest(states[:, 0] / np.sqrt(covariance[0, 0]), "norm").statistic,
        "y": stats.kstest(states[:, 1] / np.sqrt(covariance[1, 1]), "norm").statistic,
        "y^T S^-1 y": stats.kstest(squares, "chi2", args=(2,)).statistic,
    }
    bound = float(stats.kstwobign.isf(FALSE_ALARM))
    return [
        Measurement(
            f"the law is normal, {title}: distance of Kolmogorov and Smirnov of {name}, times the square root of the "
            "sample",
            float(distance) * float(np.sqrt(len(states))),
            bound,
            0.0,
            f"exceeded by chance with probability {FALSE_ALARM:.1e} (Kolmogorov's law)",
            told=True,
            relation="at most",
        )
        for name, distance in found.items()
    ]


def _turning(chosen: Linear, states: NDArray[np.float64], title: str) -> tuple[list[Measurement], dict[str, Any]]:
    """Return the part of the correlations that changes its sign with time, and the pace at which they turn."""
    rows, told, paces, curve = [], [], [], []
    scale = float(np.trace(chosen.covariance()))
    for lag in LAGS:
        later = _later(chosen, states, lag)
        across = states[:, 0] * later[:, 1] - states[:, 1] * later[:, 0]
        found, along = estimate(across), estimate((states * later).sum(axis=1))
        name = f"E [x(t) y(t+u) - y(t) x(t+u)] over E r², {title}, u = {lag:g}"
        rows.append(sampled(name, found, chosen.turning(lag) / scale, scale=scale))
        told.append(sampled(f"the law is at rest: {name}", found, 0.0, scale=scale, told=True))
        angle = float(np.arctan2(found[0], along[0]))
        size = found[0] ** 2 + along[0] ** 2
        error = combined(found[1] * along[0], along[1] * found[0]) / size
        paces.append(
            sampled(
                f"angular velocity of the correlations, {title}, u = {lag:g}",
                (angle / lag, error / lag),
                chosen.omega,
            )
        )
        curve.append((lag, found[0] / scale, found[1] / scale))
    return [
        hardest(rows, f"worst of {len(LAGS)} lags"),
        hardest(told, f"worst of {len(LAGS)} lags"),
        hardest(paces, f"worst of {len(LAGS)} lags"),
    ], {"curve": np.array(curve), "states": states[:2000]}


def _engine() -> list[Measurement]:
    """Return what the engine's closed forms say, against those by hand."""
    from dynamics.ensemble import SDE, Isotropic, LinearSDE

    covariances, currents = [], []
    for chosen in (ALIKE, STILL, UNLIKE):
        linear = LinearSDE.of(SDE(chosen.game(), Isotropic(STRENGTH)))
        covariances.append(float(np.abs(linear.stationary_covariance - chosen.covariance()).max()))
        by_hand = chosen.drift() + STRENGTH**2 / 2 * np.linalg.inv(chosen.covariance())
        currents.append(float(np.abs(linear.stationary_current - by_hand).max()))
        if chosen is ALIKE:
            turn = float(np.abs(linear.stationary_current - SHOWN * np.array([[0, -1], [1, 0]])).max())
            currents.append(turn)
    because = "rounding times the condition of 2x2 and 3x3 systems, below 100"
    return [
        Measurement("solution of Lyapunov's equation against that by hand, largest distance", max(covariances), 0.0,
                    400 * EPS, because),
        Measurement(
            "probability current Q y p(y) against A + s² S^-1/2 by hand, and omega times a quarter turn for players "
            "damped alike, largest distance",
            max(currents), 0.0, 400 * EPS, because,
        ),
    ]  # fmt: skip


def run(quick: bool) -> Evidence:
    """Sample stationary laws, and go on from them to see which way they turn."""
    paths = 400_000 if quick else 4_000_000
    settled = {chosen: _settled(chosen, paths) for chosen in (ALIKE, STILL, UNLIKE)}
    titles = {ALIKE: "players damped alike", STILL: "no rotation", UNLIKE: "players damped unlike"}
    alike, arrays = _turning(ALIKE, settled[ALIKE], titles[ALIKE])
    still, resting = _turning(STILL, settled[STILL], titles[STILL])
    unlike, skewed = _turning(UNLIKE, settled[UNLIKE], titles[UNLIKE])
    free, variances = _independence(paths)
    covariances = [row for chosen, states in settled.items() for row in _covariances(chosen, states, titles[chosen])]
    normal = [
        row for chosen, states in settled.items() for row in normality(states, chosen.covariance(), titles[chosen])
    ]
    measurements = (
        alike[0],
        alike[1],
        alike[2],
        hardest([unlike[0], still[0]], "worst of 2 games"),
        free,
        *_engine(),
        hardest(covariances, f"worst of {len(covariances)} entries"),
        hardest(normal, f"worst of {len(normal)} samples"),
        sampled(
            "the law is that of Gibbs for the players' own damping, damped alike: variance of x over s²/(2 a)",
            estimate(settled[ALIKE][:, 0] ** 2), 1.0, scale=ALIKE.gibbs()[0, 0], told=True,
        ),
        sampled(
            "the law is that of Gibbs for the players' own damping, damped unlike: variance of x over s²/(2 a)",
            estimate(settled[UNLIKE][:, 0] ** 2), 1.0, scale=UNLIKE.gibbs()[0, 0], told=True,
        ),
    )  # fmt: skip
    return Evidence(
        measurements,
        {"alike": arrays, "still": resting, "unlike": skewed, "variances": variances, "paths": paths},
    )


def _independence(paths: int) -> tuple[Measurement, dict[float, tuple[float, float]]]:
    """Return the variance of x for several rotations, over ``s²/(2 a)``, which knows nothing of them."""
    found = {}
    for omega in ROTATIONS:
        found[omega] = estimate(_settled(Linear(omega, DAMPING, DAMPING), paths // 2)[:, 0] ** 2)
    scale = STRENGTH**2 / (2 * DAMPING)
    rows = [
        sampled(f"players damped alike: variance of x over s²/(2 a), omega = {omega:g}", value, 1.0, scale=scale)
        for omega, value in found.items()
    ]
    variances = {omega: (value / scale, error / scale) for omega, (value, error) in found.items()}
    return hardest(rows, f"worst of {len(rows)} rotations"), variances


def draw(evidence: Evidence) -> Figure:
    """Draw the law of players damped unlike with its current, the correlations, and variances against the rotation."""
    from figures import labels, style

    arrays = evidence.arrays
    with style.context():
        figure = style.new_figure(11.4, 4.2)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.2, 1.0))
        _draw_law(left, arrays["unlike"]["states"])
        lags = np.linspace(0.0, max(LAGS), 121)
        for i, (name, chosen, key) in enumerate(
            (("damped alike", ALIKE, "alike"), ("damped unlike", UNLIKE, "unlike"), ("no rotation", STILL, "still"))
        ):
            look = style.series_style(i)
            scale = np.trace(chosen.covariance())
            middle.plot(lags, [chosen.turning(lag) / scale for lag in lags], color=look["color"], lw=1)
            u, value, error = arrays[key]["curve"].T
            middle.errorbar(
                u, value, ERRORS * error, fmt=look["marker"], ms=4, color=look["color"], mfc="none", label=name
            )
        middle.set(xlabel="lag u", ylabel="E [x(t) y(t+u) − y(t) x(t+u)] / E r²", title="It turns one way")
        middle.legend()
        rotations, values = zip(*arrays["variances"].items(), strict=True)
        value, error = np.array(values).T
        right.errorbar(rotations, value, ERRORS * error, fmt="o", ms=4, color=style.ORANGE, mfc="none")
        right.axhline(1.0, color=style.BLACK, lw=1, ls="--")
        right.set(xlabel="rotation ω", ylabel="variance of x / (s²/2a)", ylim=(0.9, 1.1), title="Damped alike")
        labels.add_caption(
            figure,
            f"V = ωxy + ax²/2 − by²/2, noise of strength {STRENGTH:g}, exact sampling, {arrays['paths']:,} paths, "
            f"seeds {SEED} and {SEED + 1}; ω = 1, a = b = {DAMPING:g} or a = {UNLIKE.a:g}, b = {UNLIKE.b:g} (left). "
            "Left: 2,000 of the states, ellipses of one and two standard deviations, arrows of the current. Bars of "
            f"{ERRORS:g} standard errors; lines are theory.",
        )
    return figure


def _draw_law(axes: Axes, states: NDArray[np.float64]) -> None:
    """Draw states, the ellipses of the normal law, and its current ``Q y p(y)``."""
    from figures import style

    covariance = UNLIKE.covariance()
    axes.plot(*states.T, ".", ms=1.5, color=style.LIGHT_GREY)
    angles = np.linspace(0.0, 2 * np.pi, 121)
    root = np.linalg.cholesky(covariance)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    for radius in (1.0, 2.0):
        axes.plot(*(radius * root @ circle), color=style.ORANGE, lw=1.2)
    gibbs = np.sqrt(UNLIKE.gibbs())
    axes.plot(*(gibbs @ circle), ":", color=style.VERMILLION, lw=1.2, label="Gibbs, one deviation")
    places = np.linspace(-1.2, 1.2, 11)
    grid = np.stack(np.meshgrid(places, places)).reshape(2, -1)
    density = np.exp(-0.5 * np.einsum("ip,ij,jp->p", grid, np.linalg.inv(covariance), grid))
    current = (UNLIKE.drift() + STRENGTH**2 / 2 * np.linalg.inv(covariance)) @ grid * density
    shown = density > 0.02
    axes.quiver(*grid[:, shown], *current[:, shown], color=style.BLACK, width=0.006, pivot="mid")
    axes.set(xlabel="x (generator)", ylabel="y (discriminator)", title="Normal, and not at rest")
    axes.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
    axes.set_aspect("equal")
    axes.legend(loc="lower right")


scenario = Scenario(
    id="N4",
    title="Stationary law of a noisy linear game",
    statement=(
        "Noisy training near an equilibrium settles on a normal law whose covariance solves Lyapunov's equation; "
        "folklore, which goes back to minimisation, adds: it is the Gibbs law of the loss, at rest."
    ),
    source="Mandt 2017",
    truth=(
        "Normal with the covariance of A S + S A^T + B B^T = 0, yes. At rest only without rotation: there is a "
        "probability current Q y p(y), Q = A + B B^T S^-1/2, and correlations that tell the direction of time, E "
        "[x(t) y(t+u) - y(t) x(t+u)] from exp(A u) S. With players damped alike and isotropic noise Q is the rotation "
        "itself, and the variance s²/(2 a) knows nothing of it: the density is that of a Gibbs law and still flows. "
        "With players damped unlike not even the density is: the rotation shares the damping, and x has a quarter of "
        "the variance that its own damping would leave."
    ),
    references=(RISKEN_1989, MANDT_2017, CHAUDHARI_2018, HWANG_2005),
    verdict="qualified",
    run=run,
    draw=draw,
)
