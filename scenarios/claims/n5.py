"""N5: stochastic gradient steps against their modified equations, of weak orders 1 and 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenarios.chance import ERRORS, FALSE_ALARM, estimate
from scenarios.registry import LI_2017, LI_2019, ROSCA_2021, Evidence, Measurement, Scenario, hardest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Matrix = NDArray[np.float64]

#: Rates of the exact recursions, time of comparison, start, and covariance of the gradients.
RATES, TIME, START = (0.02, 0.01, 0.005, 0.0025), 2.0, (1.0, 0.5)
COVARIANCE = np.array([[1.0, 0.3], [0.3, 0.5]])
#: Orders are fitted on four rates; what is left of the next order moves them by at most this.
WITHIN = 0.05
#: Rate and time of the long run.
COARSE, LONG = 0.1, 50.0
#: The nonlinear game: weight of R1, variance of the gradients, rates, and fine steps in each step of the descent.
GAMMA, VARIANCE, SAMPLED, FINE = 0.3, 0.25, (0.4, 0.2, 0.1, 0.05), 4
SEED = 9


def first_order(a: Matrix, h: float) -> tuple[Matrix, Matrix]:
    """Return drift and noise covariance per time of the first equation, ``dY = v dt + sqrt(h) Sigma^(1/2) dW``."""
    return a, h * COVARIANCE


def second_order(a: Matrix, h: float) -> tuple[Matrix, Matrix]:
    """Return those of the second, ``dY = (v - (h/2) J v) dt + sqrt(h) Sigma^(1/2) dW``.

    A step ``y + h (v + e)`` has the mean change ``h v``. Over the time h an equation with the drift ``v + h b`` changes
    by ``h v + h² (b + J v/2) + O(h³)``, which asks for ``b = -J v/2``; J is the derivative of the field and need not be
    symmetric. Both have the second moments ``h² (v v^T + Sigma)`` to the same order.
    """
    return a - h / 2 * a @ a, h * COVARIANCE


def printed(a: Matrix, h: float) -> tuple[Matrix, Matrix]:
    """Return those of the second equation as it is printed, ``-grad (f + (h/4) |grad f|²)``, with v for ``-grad f``.

    ``-grad (h/4) |v|²`` is ``-(h/2) J^T v``.
    """
    return a - h / 2 * a.T @ a, h * COVARIANCE


def corrected(a: Matrix, h: float) -> tuple[Matrix, Matrix]:
    """Return those of the second equation with ``Sigma - (h/2) (J Sigma + Sigma J^T)`` for the covariance.

    The drift carries the noise on within a step, which adds ``h/2`` times the bracket to its covariance.
    """
    drift, covariance = second_order(a, h)
    return drift, covariance - h / 2 * (a @ covariance + covariance @ a.T)


def _games() -> dict[str, Any]:
    from dynamics import games

    return {
        "minimisation": games.define({"player": (["x", "y"], "x**2 + x*y/2 + y**2/2")}),
        "bilinear game": games.get("bilinear"),
        "Dirac-GAN with R1, linearised": games.get(
            "quadratic", generator_own=0.0, generator_cross=-0.5, discriminator_own=GAMMA, discriminator_cross=0.5
        ),
    }


def descent(game: Any, name: str, h: float) -> tuple[Matrix, Matrix]:
    """Return mean and covariance of noisy gradient steps of rate h at the time :data:`TIME`, exactly."""
    from dynamics import methods
    from dynamics.ensemble import SDE, GradientNoise
    from dynamics.ensemble.recursion import scheme_moments
    from dynamics.ensemble.schemes import read_scheme

    sde = SDE(game, GradientNoise(COVARIANCE, lr=h))
    found = scheme_moments(sde, read_scheme(methods.get(name, lr=h)), h, round(TIME / h), START)
    return found.mean[-1], found.covariance[-1]


def moments(drift: Matrix, covariance: Matrix, time: float = TIME) -> tuple[Matrix, Matrix]:
    """Return mean and covariance of a linear equation, from its drift and the covariance of its noise per time."""
    from dynamics.ensemble import LinearSDE

    linear = LinearSDE(drift, np.zeros(2), np.asarray(np.linalg.cholesky(covariance), dtype=np.float64))
    (mean,), (spread,) = linear.moments([time], START)
    return mean, spread


def errors(found: tuple[Matrix, Matrix], of: tuple[Matrix, Matrix]) -> tuple[float, float]:
    """Return the largest weak error, of means and second moments, and that of the covariance alone."""
    (m, s), (n, t) = found, of
    seconds = np.abs(s + np.outer(m, m) - t - np.outer(n, n)).max()
    return max(float(np.abs(m - n).max()), float(seconds)), float(np.abs(s - t).max())


def order(rates: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of the logarithms."""
    return float(np.polyfit(np.log(rates), np.log(values), 1)[0])


def _linear() -> tuple[list[Measurement], dict[str, dict[str, list[float]]]]:
    """Return weak orders on linear games, where both sides are known exactly."""
    rows, shown = [], {}
    because = (
        f"fitted on {len(RATES)} rates from {RATES[0]:g} to {RATES[-1]:g}, the next power of the rate left in; no "
        "sampling"
    )

    def row(name: str, value: float, expected: float, told: bool = False) -> Measurement:
        return Measurement(name, value, expected, WITHIN, because, told)

    equations: dict[str, Callable[[Matrix, float], tuple[Matrix, Matrix]]] = {
        "first order": first_order, "second order": second_order, "as printed": printed, "corrected": corrected,
    }  # fmt: skip
    fitted: dict[str, dict[str, tuple[float, float]]] = {}
    for title, game in _games().items():
        a = np.asarray(game.jacobian(np.zeros(2)))
        steps = {h: descent(game, "simultaneous", h) for h in RATES}
        found = {
            name: [errors(moments(*equation(a, h)), steps[h]) for h in RATES] for name, equation in equations.items()
        }
        shown[title] = {name: [weak for weak, _ in pairs] for name, pairs in found.items()}
        fitted[title] = {
            name: (order(RATES, [weak for weak, _ in pairs]), order(RATES, [spread for _, spread in pairs]))
            for name, pairs in found.items()
        }
    every = f"worst of {len(fitted)} games"
    rows += [
        hardest([row(f"weak order of v - (lr/2) J v, exact moments, {title}", of["second order"][0], 2.0)
                 for title, of in fitted.items()], every),
        hardest([row(f"weak order of the first equation, exact moments, {title}", of["first order"][0], 1.0, True)
                 for title, of in fitted.items()], every),
        row("weak order of the second equation as printed, with the gradient of |grad f|², minimisation",
            fitted["minimisation"]["as printed"][0], 2.0, True),
        *(
            row(f"weak order of the second equation as printed, {title}", of["as printed"][0], 2.0, True)
            for title, of in fitted.items()
            if title == "bilinear game"
        ),
        hardest([row(f"what holds instead: weak order of the second equation as printed, {title}", of["as printed"][0],
                     1.0) for title, of in fitted.items() if title != "minimisation"], "worst of 2 games"),
        hardest([row(f"order of the covariance under the second equation, {title}", of["second order"][1], 2.0)
                 for title, of in fitted.items()], every),
        hardest([row("order of the covariance when Sigma - (lr/2) (J Sigma + Sigma J^T) is taken for Sigma, "
                     f"{title}", of["corrected"][1], 3.0) for title, of in fitted.items()], every),
        *_alternating(row),
    ]  # fmt: skip
    return rows, shown


def _alternating(row: Callable[..., Measurement]) -> list[Measurement]:
    """Return weak orders for steps in turn, whose players see samples of their own: no covariance between them."""
    from dynamics.flow import modified_flow

    game = _games()["bilinear game"]
    a, own = np.asarray(game.jacobian(np.zeros(2))), np.diag(np.diagonal(COVARIANCE))
    found: dict[str, list[float]] = {"own": [], "simultaneous": [], "shared": []}
    for h in RATES:
        steps = descent(game, "alternating", h)
        drift = np.asarray(modified_flow(game, "alternating", lr=h).jacobian(np.zeros(2)))
        found["own"].append(errors(moments(drift, h * own), steps)[0])
        found["simultaneous"].append(errors(moments(a - h / 2 * a @ a, h * own), steps)[0])
        found["shared"].append(errors(moments(drift, h * COVARIANCE), steps)[0])
    return [
        row(f"players in turn, bilinear game: weak order with {text}", order(RATES, found[name]), expected)
        for name, text, expected in (
            ("own", "their own modified field and no covariance between players", 2.0),
            ("simultaneous", "v - (lr/2) J v instead", 1.0),
            ("shared", "their own field and the covariance of one shared sample", 1.0),
        )
    ]


def _long() -> list[Measurement]:
    """Return what both equations make of the spiral of descent on the bilinear game, where the rate is fixed."""
    a, h, noise = np.array([[0.0, -1.0], [1.0, 0.0]]), COARSE, COARSE * np.trace(COVARIANCE)
    count, start = round(LONG / h), float(np.dot(START, START))
    grown = (1 + h**2) ** count
    steps = grown * start + noise * (grown - 1) / h

    def square(drift: Matrix, covariance: Matrix) -> float:
        mean, spread = moments(drift, covariance, LONG)
        return float(mean @ mean + np.trace(spread))

    flat, spiral = start + noise * LONG, np.exp(h * LONG) * start + noise * (np.exp(h * LONG) - 1) / h
    name = f"bilinear game, rate {h:g}, after the time {LONG:g}: E r² of the steps over that of the"
    return [
        Measurement(f"{name} first equation", steps / square(*first_order(a, h)), steps / flat,
                    1e-11 * steps / flat, "rounding: r0² + lr t tr Sigma against (1 + lr²) r² + lr² tr Sigma per step"),
        Measurement(f"{name} second equation", steps / square(*second_order(a, h)), steps / spiral,
                    1e-11, "rounding: it grows like exp(lr t), the steps like (1 + lr²)^(t/lr)"),
    ]  # fmt: skip


def _functions(states: Matrix | None) -> Matrix:
    """Return theta, psi and r² of each path."""
    assert states is not None
    return np.column_stack([states, (states**2).sum(axis=1)])


def _sampled(paths: int) -> tuple[list[Measurement], dict[str, Any]]:
    """Return weak orders on the Dirac-GAN with R1; all see the same Brownian paths, so that differences vary little.

    Simultaneous descent with noisy gradients is Euler-Maruyama of step lr for the first equation.
    """
    from dynamics import games
    from dynamics.ensemble import GradientNoise, simulate
    from dynamics.flow import modified_flow

    game = games.get("dirac-gan", penalty="r1", gamma=GAMMA)
    found: dict[str, list[list[tuple[float, float]]]] = {"first order": [], "second order": []}
    for h in SAMPLED:
        noise = GradientNoise(VARIANCE * np.eye(2), lr=h)
        common: dict[str, Any] = {"paths": paths, "time": TIME, "start": START, "seed": SEED, "records": 2}
        fine: dict[str, Any] = {"dt": h / FINE, "scheme": "stochastic-runge-kutta", **common}
        steps = simulate(game, noise, dt=h, scheme="euler-maruyama", brownian_dt=h / FINE, **common).final
        flows = {"first order": game, "second order": modified_flow(game, "simultaneous", lr=h)}
        for name, field in flows.items():
            change = _functions(steps) - _functions(simulate(field, noise, **fine).final)
            found[name].append([estimate(column) for column in change.T])
    rows, curves = [], {}
    for name, expected in (("first order", 1.0), ("second order", 2.0)):
        table = np.array(found[name])
        curves[name] = table[:, 2]
        each = []
        for i, quantity in enumerate(("theta", "psi", "r²")):
            slope, error = _fit(table[:, i], expected)
            each.append(
                Measurement(
                    f"weak order of the equation of {name} in E {quantity}, Dirac-GAN with R1, by sampling",
                    slope,
                    expected,
                    0.15 + ERRORS * error,
                    f"the next power of rates up to {SAMPLED[0]:g}, stated, and {ERRORS:g} standard errors of "
                    f"{error:.1e} (false alarms {FALSE_ALARM:.1e})",
                )
            )
        rows.append(hardest(each, f"worst of {len(each)} quantities"))
    return rows, curves


def _fit(table: Matrix, expected: float) -> tuple[float, float]:
    """Return the slope of the logarithms of estimates, shape (rate, 2), and its standard error if it is the expected.

    The relative errors are those of ``c h^p`` with the expected p and the c of the largest rate: an estimate that is
    too small for its rate does not excuse itself.
    """
    values = np.abs(table[:, 0])
    relative = table[:, 1] / (values[0] * (np.array(SAMPLED) / SAMPLED[0]) ** expected)
    design = np.stack([np.log(SAMPLED), np.ones(len(SAMPLED))], axis=1)
    inverse = np.linalg.pinv(design)
    return float(inverse[0] @ np.log(values)), float(np.linalg.norm(inverse[0] * relative))


def run(quick: bool) -> Evidence:
    """Fit weak orders from exact moments on linear games, and by sampling on a nonlinear one."""
    paths = 10_000 if quick else 200_000
    linear, shown = _linear()
    rows, curves = _sampled(paths)
    return Evidence((*linear, *_long(), *rows), {"linear": shown, "sampled": curves, "paths": paths})


def draw(evidence: Evidence) -> Figure:
    """Draw weak errors against the rate: minimisation, a game, and the nonlinear one."""
    from figures import labels, style

    arrays = evidence.arrays
    with style.context():
        figure = style.new_figure(11.4, 4.2)
        left, middle, right = figure.subplots(1, 3)
        for axes, title in ((left, "minimisation"), (middle, "bilinear game")):
            _draw_linear(axes, arrays["linear"][title])
            axes.set_title(title.capitalize())
        left.legend(loc="lower right")
        for i, (name, table) in enumerate(arrays["sampled"].items()):
            look = style.series_style(i)
            right.errorbar(SAMPLED, np.abs(table[:, 0]), ERRORS * table[:, 1], fmt=look["marker"], color=look["color"],
                           ms=5, mfc="none", label=name)  # fmt: skip
            power = (1.0, 2.0)[i]
            line = abs(table[-1, 0]) * (np.array(SAMPLED) / SAMPLED[-1]) ** power
            right.plot(SAMPLED, line, color=style.BLACK, lw=1, ls=("-", "--")[i], label=f"slope {power:g}")
        right.set(xlabel="rate h", ylabel="weak error in E r²", xscale="log", yscale="log", title="Dirac-GAN with R1")
        right.set_xticks(SAMPLED, [f"{rate:g}" for rate in SAMPLED])
        right.minorticks_off()
        right.legend()
        labels.add_caption(
            figure,
            f"Weak errors of stochastic gradient steps after the time {TIME:g} from ({START[0]:g}, {START[1]:g}). Left "
            "and middle: largest of means and second moments, exact, no randomness. Right: "
            f"γ = {GAMMA:g}, gradients of variance {VARIANCE:g}, {arrays['paths']:,} paths that share their Brownian "
            f"motion, seed {SEED}, bars of {ERRORS:g} standard errors.",
        )
    return figure


def _draw_linear(axes: Axes, found: dict[str, list[float]]) -> None:
    """Draw the errors of three equations against the rate."""
    from figures import style

    words = {"first order": "v", "second order": "v − (h/2) J v", "as printed": "v − (h/4) ∇|v|²"}
    for i, (name, text) in enumerate(words.items()):
        look = style.series_style(i)
        axes.plot(RATES, found[name], look["marker"], ms=(5, 5, 8)[i], mfc="none", color=look["color"], label=text)
    for power, dashes, name in ((1, "-", "first order"), (2, "--", "second order")):
        line = found[name][-1] * (np.array(RATES) / RATES[-1]) ** power
        axes.plot(RATES, line, color=style.BLACK, lw=1, ls=dashes, label=f"slope {power}")
    axes.set(xlabel="rate h", ylabel="weak error", xscale="log", yscale="log")
    axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes.minorticks_off()


scenario = Scenario(
    id="N5",
    title="Stochastic modified equations",
    statement=(
        "Stochastic gradient descent of rate lr follows dY = v dt + sqrt(lr) Sigma^(1/2) dW, v = -grad f, to weak "
        "order 1, and with the drift -grad (f + (lr/4) |grad f|²) to weak order 2."
    ),
    source="Li 2017",
    truth=(
        "Both orders hold, for games too, if the second drift is read rightly: it is v - (lr/2) J v, J the derivative "
        "of the field. Written as the gradient of |v|² it becomes v - (lr/2) J^T v, which is the same for "
        "minimisation and of order 1 only for a game. Sigma needs no correction for order 2; with Sigma - (lr/2) (J "
        "Sigma + Sigma J^T) the covariance alone is right to order 3 instead of 2. Players in turn have a modified "
        "field of their own, and no covariance between them, each having a sample of its own. The orders are for a "
        "fixed time: on the bilinear game the first equation never sees the spiral exp(lr t), the second does."
    ),
    references=(LI_2017, LI_2019, ROSCA_2021),
    verdict="qualified",
    run=run,
    draw=draw,
)
