"""S7: two time scales stabilise some games and undo others; the well-known toy only exceeds Euler's limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.claims.o4 import by_hand
from scenarios.registry import (
    FIEZ_2021,
    HEUSEL_2017,
    MESCHEDER_2018,
    Evidence,
    Measurement,
    Relation,
    Scenario,
    hardest,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPS = float(np.finfo(float).eps)
TAUS = (0.04, 0.25, 1.0, 4.0, 25.0)
RTOL = 1e-10
#: The toy of the authors of TTUR, its published start and rate.
TOY = "(1 + x**2)*(100 - y**2)"
START = (0.5, -0.4)
PUBLISHED = 0.01
#: Rates (x, y) of the toy's runs.
RUNS = ((0.009, 0.009), (0.01, 0.01), (0.0001, 0.01), (0.011, 0.0001))
STEPS = 2000


def predicted(gamma: float, tau: float) -> np.ndarray:
    """Return the roots of ``l² + tau gamma l + tau/4``, sorted by real, then imaginary part."""
    root = np.sqrt(complex((tau * gamma) ** 2 - tau)) / 2
    return np.sort_complex(np.array([-tau * gamma / 2 - root, -tau * gamma / 2 + root]))


def spectrum(gamma: float, tau: float) -> np.ndarray:
    """Return the eigenvalues of the Dirac-GAN with R1 whose discriminator is tau times as fast, sorted likewise."""
    from dynamics import games

    game = games.get("dirac-gan", penalty="r1", gamma=gamma).with_timescales({"discriminator": tau})
    return np.sort_complex(np.linalg.eigvals(game.jacobian(np.zeros(2))))


def _critical_penalty(tau: float) -> Measurement:
    """Return the weight at which the measured eigenvalues turn real, times sqrt(tau), by bisection."""
    low, high = 0.5 / np.sqrt(tau), 2.0 / np.sqrt(tau)
    # 30 halvings of 1.5 / sqrt(tau) leave 1.4e-9 of it.
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if np.abs(spectrum(middle, tau).imag).max() > 0 else (low, middle)
    return Measurement(
        f"R1: critical weight times sqrt(tau), tau = {tau:g}",
        float((low + high) / 2 * np.sqrt(tau)),
        1.0,
        4 * float(np.sqrt(EPS)),
        "a double root moves by sqrt(eps)",
    )


def _formula(tau: float) -> Measurement:
    weights = np.array([0.3, 0.7, 1.5, 3.0]) / np.sqrt(tau)
    errors = [float(np.abs(spectrum(g, tau) - predicted(g, tau)).max()) for g in weights]
    return Measurement(
        f"R1: eigenvalues against -tau gamma/2 ± sqrt(tau² gamma² - tau)/2, largest distance, tau = {tau:g}",
        max(errors),
        0.0,
        # Entries up to 3 sqrt(tau) + tau; off the double root the condition number is below 2 sqrt(tau + 1/tau).
        16 * EPS * (3 * np.sqrt(tau) + tau) * np.sqrt(tau + 1 / tau),
        "rounding of the matrix times the condition number of its eigenvalues",
    )


def _rate(tau: float) -> float:
    """Return the decay rate of a trajectory of the Fiez-Ratliff game in the plane of its slower pair, over a turn.

    The pair has the trace ``1 - tau/2`` and the determinant ``tau/2``; after a whole turn a linear flow has
    multiplied the state by a number.
    """
    from dynamics import games
    from dynamics.flow import integrate

    game = games.get("fiez-ratliff").with_timescales({"discriminator": tau})
    turn = 2 * np.pi / float(np.sqrt(tau / 2 - (1 - tau / 2) ** 2 / 4))
    start = np.array([1.0, 0.0, 0.0, 0.0])
    return -float(np.log(np.linalg.norm(integrate(game, start, [0.0, turn], rtol=RTOL, atol=RTOL).final))) / turn


def _abscissas(name: str, ratios: Iterable[float]) -> list[float]:
    """Return the largest real part at the one equilibrium of a catalogue game, for several ratios."""
    from dynamics import games
    from dynamics.stability import find_equilibria

    game = games.get(name)
    (zero,) = find_equilibria(game).zeros
    matrices = [game.with_timescales({"discriminator": tau}).jacobian(zero.at) for tau in ratios]
    return [float(np.real(np.linalg.eigvals(matrix)).max()) for matrix in matrices]


def _games() -> list[Measurement]:
    """Return what a time scale does to games: one that it stabilises, one that it destroys, one that it leaves."""
    from dynamics import games
    from dynamics.flow import integrate
    from dynamics.stability import analyse

    def critical(name: str) -> float:
        found = analyse(games.get(name), methods=()).equilibria[0].critical_timescales
        return found[0] if len(found) == 1 else float("nan")

    matrix = by_hand()["forsaken"][1][0]
    tau = 100.0
    game = games.get("dirac-gan").with_timescales({"discriminator": tau})
    path = integrate(game, [0.1, 0.0], np.linspace(0.0, 80 * np.pi / np.sqrt(tau), 2001), rtol=RTOL, atol=RTOL)
    theta, psi = path.states.T
    energy = tau * theta**2 + psi**2
    return [
        Measurement("Fiez-Ratliff game: critical ratio", critical("fiez-ratliff"), 2.0, 1e-12, "rounding of a root"),
        Measurement(
            "Fiez-Ratliff game: decay rate of a trajectory, one time scale",
            _rate(1.0),
            -0.25,
            1e-6,
            "a linear flow over one turn of 10 time units at rtol 1e-10 per step",
        ),
        Measurement(
            "Fiez-Ratliff game: decay rate of a trajectory, tau = 3",
            _rate(3.0),
            0.25,
            1e-6,
            "a linear flow over one turn of 5 time units at rtol 1e-10 per step",
            told=True,
        ),
        Measurement(
            "forsaken game, whose equilibrium attracts at tau = 1: critical ratio",
            critical("forsaken"),
            -float(matrix[0, 0] / matrix[1, 1]),
            1e-11,
            "where the trace vanishes; roots of a polynomial of degree 25 to 1e-13, divided by a trace of 0.4",
        ),
        Measurement(
            "forsaken game: decay rate of its linear part at tau = 2",
            -_abscissas("forsaken", [2.0])[0],
            0.0,
            0.0,
            "a sign",
            told=True,
            relation="at least",
        ),
        Measurement(
            f"minimax Dirac-GAN, tau = {tau:g}: amplitude of theta in the last of 20 turns over that in the first",
            float(np.abs(theta[-100:]).max() / np.abs(theta[:100]).max()),
            0.9,
            0.0,
            "stated, not derived: a loss of a tenth in twenty turns would count as converging",
            told=True,
            relation="at most",
        ),
        Measurement(
            f"minimax Dirac-GAN, tau = {tau:g}: largest relative change of tau theta² + psi² over 20 turns",
            float(np.abs(energy / energy[0] - 1).max()),
            0.0,
            # rtol |y| + atol per step, and fewer steps than evaluations; the smaller coordinate is weighted by tau.
            4 * RTOL * 11 * float(np.sqrt(tau)) * path.statistics["evaluations"],
            "rtol per step, fewer steps than evaluations; errors of theta weigh sqrt(tau) times those of psi",
        ),
    ]


def _toy() -> Any:
    from dynamics import games

    return games.inline(TOY, ["x"], ["y"])


def _method(name: str, rates: tuple[float, float]) -> Any:
    from dynamics import methods

    return methods.get(name, lr={"generator": rates[0], "discriminator": rates[1]})


def _threshold(name: str, slow: float) -> Measurement:
    """Return the rate of x at which the iterates' growth factor on the line y = 0 crosses 1, for one rate of y.

    There x is multiplied by ``1 - 200 lr`` in every step, whatever the rate of y: the factor's size is a linear
    function of the rate beyond 1/200, and two rates tell where it is 1.
    """
    from dynamics import methods

    game, count = _toy(), 20
    start, rates = np.array([1e-3, 0.0]), np.array([0.008, 0.012])
    ends = [methods.iterate(game, _method(name, (rate, slow)), start, count, every=count).final for rate in rates]
    factors = (np.linalg.norm(ends, axis=1) / start[0]) ** (1 / count)
    return Measurement(
        f"toy: rate of x beyond which {name} iterates grow, rate of y {slow:g}",
        float(rates[0] + (1 - factors[0]) / (factors[1] - factors[0]) * (rates[1] - rates[0])),
        2 / 200,
        64 * EPS * 0.01,
        "64 roundings of the factor",
    )


def _of_the_toy() -> tuple[list[Measurement], dict[tuple[float, float], np.ndarray]]:
    """Return what the toy's iterates do at several pairs of rates."""
    from dynamics import methods

    game = _toy()
    paths = {rates: methods.iterate(game, _method("simultaneous", rates), START, STEPS) for rates in RUNS}
    norm = float(np.linalg.norm(START))

    def travelled(rates: tuple[float, float]) -> float:
        return float(np.log10(max(np.linalg.norm(paths[rates].final), 1e-300) / norm))

    jacobian = game.jacobian(np.zeros(2))
    multipliers = np.linalg.eigvals(
        methods.map_jacobian(_method("simultaneous", (PUBLISHED, PUBLISHED)), game, np.zeros(2))
    )
    because = "a sign: below 0 it converges, above 0 it does not"
    words = f"toy: decimal logarithm of the distance after {STEPS} steps over that of the start"
    told: tuple[tuple[str, tuple[float, float], Relation], ...] = (
        (", two scales 0.0001 and 0.01", (0.0001, 0.01), "at most"),
        (", one scale 0.009", (0.009, 0.009), "at least"),
        (" (where it stopped), two scales 0.011 and 0.0001", (0.011, 0.0001), "at most"),
    )
    rows = [
        hardest(
            [_threshold(name, slow) for name in ("simultaneous", "alternating") for slow in (0.0001, 0.01, 0.5)],
            "worst of 2 methods and 3 rates of y",
        ),
        Measurement(
            f"toy: smallest multiplier at the published rate {PUBLISHED:g}",
            float(np.real(multipliers).min()),
            -1.0,
            8 * EPS,
            "rounding of 1 - 200 lr",
        ),
        Measurement(
            "toy: largest coupling of the two players in J at the equilibrium",
            float(np.abs(jacobian - np.diag(np.diag(jacobian))).max()),
            0.0,
            0.0,
            "products with x = 0 or y = 0",
        ),
        *(
            Measurement(f"{words}{how}", travelled(rates), 0.0, 0.0, because, told=True, relation=relation)
            for how, rates, relation in told
        ),
    ]
    return rows, {rates: np.abs(path.states[:, 0]) for rates, path in paths.items()}


def run(quick: bool) -> Evidence:
    """Take spectra, critical weights and ratios, and iterate the toy (the same work when quick)."""
    toy, paths = _of_the_toy()
    measurements = (
        hardest([_critical_penalty(tau) for tau in TAUS], f"worst of {len(TAUS)} ratios"),
        hardest([_formula(tau) for tau in TAUS], f"worst of {len(TAUS)} ratios"),
        *_games(),
        *toy,
    )
    weights, ratios = np.linspace(0.0, 3.0, 61), np.geomspace(0.25, 8.0, 41)
    arrays = {
        "weights": weights,
        "damping": {tau: [-float(np.real(spectrum(g, tau)).max()) for g in weights] for tau in (0.25, 1.0, 4.0)},
        "ratios": ratios,
        "abscissas": {name: _abscissas(name, ratios) for name in ("fiez-ratliff", "forsaken")},
        "paths": paths,
    }
    return Evidence(measurements, arrays)


def draw(evidence: Evidence) -> Figure:
    """Draw the damping against the weight, the growth rate against the ratio, and the toy's iterates."""
    from figures import labels, style

    arrays = evidence.arrays
    with style.context():
        figure = style.new_figure(11.4, 4.2)
        left, middle, right = figure.subplots(1, 3)
        for i, (tau, damping) in enumerate(arrays["damping"].items()):
            colour = style.series_style(i)["color"]
            left.plot(arrays["weights"], damping, color=colour, label=f"τ = {tau:g}")
            left.plot(1 / np.sqrt(tau), np.sqrt(tau) / 2, "o", mfc="none", color=colour)
        left.set(xlabel="penalty weight γ", ylabel="slowest decay rate", title="Dirac-GAN with R1")
        left.plot([], [], "o", mfc="none", color=style.GREY, label="γ = 1/√τ")
        left.legend()
        middle.axhline(0, color=style.GREY, lw=0.8)
        for i, (name, values) in enumerate(arrays["abscissas"].items()):
            middle.plot(arrays["ratios"], values, color=style.series_style(i)["color"], label=name)
        middle.set(xlabel="ratio τ", ylabel="largest real part", xscale="log", title="Below 0 the flow attracts")
        middle.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
        middle.minorticks_off()
        middle.legend()
        _draw_toy(right, arrays["paths"])
        labels.add_caption(
            figure,
            "No randomness. Left and middle: exact Jacobians at the equilibrium, the discriminator τ times as fast. "
            f"Right: simultaneous steps on min over x, max over y of (1 + x²)(100 − y²), start x = {START[0]:g}, "
            f"y = {labels.number(START[1])}; rates of x and y in the legend; the limit of x is 2/200.",
        )
    return figure


def _draw_toy(axes: Axes, paths: dict[tuple[float, float], np.ndarray]) -> None:
    """Draw the size of x along the toy's iterates."""
    from figures import style

    for i, (rates, sizes) in enumerate(paths.items()):
        seen = sizes[np.isfinite(sizes) & (sizes > 1e-12) & (sizes < 1e12)]
        look = style.series_style(i)
        axes.plot(np.arange(1, len(seen) + 1), seen, color=look["color"], label=f"{rates[0]:g}, {rates[1]:g}")
    axes.set(xlabel="step", ylabel="|x|", xscale="log", yscale="log", ylim=(1e-8, 1e8), title="The toy of TTUR")
    axes.legend(title="rates of x, y")


scenario = Scenario(
    id="S7",
    title="Two time scales",
    statement=(
        "Two time scales (TTUR) make training converge; the toy of its authors diverges with one rate and converges "
        "with two."
    ),
    source="N2",
    truth=(
        "A ratio tau of the discriminator's pace moves the critical penalty of R1 on the Dirac-GAN to 1/sqrt(tau) and "
        "the fastest decay to sqrt(tau)/2. The local minimax point of the Fiez-Ratliff game attracts only beyond "
        "tau = 2. But the attracting point of the forsaken game, no local minimax, is lost beyond tau = 1.239, and the "
        "plain Dirac-GAN conserves tau theta² + psi² at every ratio. In the toy, (1 + x²)(100 - y²), the players are "
        "not even coupled at the equilibrium: x needs a rate below Euler's limit 2/200, whatever the rate of y. At "
        "the published 0.01 its multiplier is -1, one small rate converges, and two scales do not if x is too fast."
    ),
    references=(
        HEUSEL_2017,
        FIEZ_2021,
        MESCHEDER_2018,
    ),
    verdict="qualified",
    run=run,
    draw=draw,
)
