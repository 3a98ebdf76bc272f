"""S5: consensus optimisation damps the Dirac-GAN, and adds points of rest that border the equilibrium's basin."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.registry import BALDUZZI_2018, MESCHEDER_2017, Evidence, Measurement, Scenario, hardest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPS = float(np.finfo(float).eps)
#: Weights at which points are sought, and those of the shares (all of them, and when quick).
GAMMAS = (0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
SHARES = (0.3, 0.5, 0.7, 1.0, 2.0, 3.0, 10.0)
QUICK_SHARES = (0.3, 1.0, 10.0)
#: Starts are uniform in the square of this half edge.
HALF, STARTS, SEED = 3.0, 2000, 0
#: Distance from the equilibrium at which iterates start whose decay is measured, and below which a run has arrived.
NEAR, ARRIVED = 1e-3, 0.1
#: Start, weight and rate of the run that goes off.
OFF = (-1.0, 2.0)
RATE = 0.1
#: Curvature of the one-player example: its loss is x³/3.
EXAMPLE = "x**3/3"


def _game() -> Any:
    from dynamics import games

    return games.get("dirac-gan")


def consensus(gamma: float, lr: float = RATE) -> Any:
    """Return consensus optimisation."""
    from dynamics import methods

    return methods.get("consensus", lr=lr, gamma=gamma)


def rate(gamma: float) -> float:
    """Return a rate at which the regulariser's steps are small: its slope grows with the weight."""
    return min(RATE, 0.3 / gamma)


def added(gamma: float) -> np.ndarray:
    """Return the point with psi > 0 where consensus rests and the players would move; the other is minus it.

    With ``u = theta psi`` and ``g = sigmoid(u)`` the field is ``v = g (psi, -theta)``, and ``v = gamma J^T v`` reads
    ``psi (1 - c) = gamma g theta``, ``theta (1 + c) = -gamma g psi`` with ``c = gamma g (1 - g) r²``. The product gives
    ``c² = 1 + (gamma g)²``, so u < 0, and the sum of squares ``r² = 2 c |u|/(gamma g)``; with c put in, ``2 |u| (1 - g)
    = 1`` whatever gamma, that is ``|u| = 1/2 + W(e^(-1/2)/2)`` with Lambert's function W.
    """
    from scipy.special import lambertw

    u = 0.5 + float(lambertw(np.exp(-0.5) / 2).real)
    weight = gamma / (1 + np.exp(u))
    psi = np.sqrt(u * (np.sqrt(1 + weight**2) + 1) / weight)
    return np.array([-u / psi, psi])


def slopes(gamma: float, at: np.ndarray) -> np.ndarray:
    """Return the Jacobian of the direction ``v - gamma J^T v``, from that of the map."""
    from dynamics import methods

    return (methods.map_jacobian(consensus(gamma), _game(), at) - np.eye(2)) / RATE


def _spectrum(gamma: float) -> Measurement:
    found = np.linalg.eigvals(slopes(gamma, np.zeros(2)))
    expected = np.array([-gamma / 4 - 0.5j, -gamma / 4 + 0.5j])
    distance = max(float(np.abs(found - value).min()) for value in expected)
    # The map is a scaled rotation, so that its multipliers are as well known as its entries.
    allowed = 16 * EPS * (1 + gamma) / RATE
    because = "rounding of the map's Jacobian over the rate"
    return Measurement("eigenvalues against -gamma/4 ± i/2, largest distance", distance, 0.0, allowed, because)


def _decay(gamma: float) -> Measurement:
    """Return the factor per round of the distance of iterates near the equilibrium."""
    from dynamics import methods

    rounds = 100
    start = NEAR * np.array([0.6, -0.8])
    final = methods.iterate(_game(), consensus(gamma), start, rounds).final
    return Measurement(
        f"it damps: factor per round of the distance from the equilibrium, gamma = {gamma:g}, lr = {RATE:g}",
        float((np.linalg.norm(final) / NEAR) ** (1 / rounds)),
        float(np.hypot(1 - RATE * gamma / 4, RATE / 2)),
        RATE * (1 + gamma) * NEAR**2 + 16 * EPS,
        f"cubic terms of the direction, at most r² = {NEAR**2:g} of the linear ones, and rounding",
        told=True,
    )


def _search(gamma: float) -> tuple[Measurement, Measurement]:
    """Return what the general search for added points finds: how many, and how far from the formula."""
    from dynamics.stability.spurious import spurious_fixed_points

    point = added(gamma)
    reach = 1.5 * float(point[1])
    # Not so wide that theta psi saturates, where all gradients vanish to rounding.
    found = spurious_fixed_points(_game(), consensus(gamma), {"theta": (-1.5, 1.5), "psi": (-reach, reach)})
    places = np.array([[entry.at["theta"], entry.at["psi"]] for entry in found]).reshape(-1, 2)
    distance = max(float(np.linalg.norm(places - at, axis=1).min(initial=np.inf)) for at in (point, -point))
    matrix = slopes(gamma, point)
    condition = float(np.linalg.norm(matrix, 2) * np.linalg.norm(np.linalg.inv(matrix), 2))
    return (
        Measurement("number of added points found", float(len(found)), 2.0, 0.0, "a count"),
        Measurement(
            "added points found by search against their closed form, largest distance",
            distance,
            0.0,
            64 * EPS * reach * condition * (1 + gamma),
            "rounding of the direction times the condition number of its Jacobian",
        ),
    )


def _nature(gamma: float) -> tuple[Measurement, Measurement]:
    """Return what the added points are: an eigenvalue 1/gamma of the game's Jacobian, a saddle of the method."""
    at = added(gamma)
    jacobian = np.asarray(_game().jacobian(at))
    found = np.linalg.eigvals(jacobian)
    distance = max(float(np.abs(found - value).min()) for value in (1 / gamma, 0.0))
    size = float(np.linalg.norm(jacobian))
    # The two eigenvalues lie 1/gamma apart: condition at most one plus the norm over that.
    allowed = 64 * EPS * size * (1 + size * gamma)
    return (
        Measurement(
            "added points: eigenvalues of the game's own Jacobian against 1/gamma and 0, largest distance",
            distance,
            0.0,
            allowed,
            "rounding of the matrix times the condition number",
        ),
        Measurement(
            "added points: determinant of the method's direction (negative: saddles, which no run ends at)",
            float(np.linalg.det(slopes(gamma, at))),
            0.0,
            0.0,
            "far from 0 in units of rounding",
            relation="at most",
        ),
    )


def outcomes(gamma: float, starts: np.ndarray) -> np.ndarray:
    """Return 1 for starts that reach the equilibrium, 0 for those that go off, and -1 else, shape (start,).

    A run is followed for 15 times as long as decay to a tenth takes near the equilibrium, and some more. Going off
    means to be farther out than the added points, on their side: theta psi < -|u|, from where the radius only grows,
    ``d(r²)/dt = 2 gamma g² r² (2 |theta psi| (1 - g) - 1)``.
    """
    from dynamics import methods

    lr = rate(gamma)
    rounds = int((60 / gamma + 400) / lr)
    final = methods.iterate(_game(), consensus(gamma, lr), starts, rounds, every=rounds, compiled=True).final
    point, radius = added(gamma), np.linalg.norm(final, axis=-1)
    off = (final.prod(axis=-1) < point.prod()) & (radius > np.linalg.norm(point))
    return np.where(radius < ARRIVED, 1, np.where(off, 0, -1))


@cache
def shares(gammas: tuple[float, ...]) -> np.ndarray:
    """Return shares of random starts that arrive, go off, and do neither, with weights along the first axis."""
    starts = np.random.default_rng(SEED).uniform(-HALF, HALF, (STARTS, 2))
    found = [outcomes(gamma, starts) for gamma in gammas]
    return np.array([[(row == kind).mean() for kind in (1, 0, -1)] for row in found])


def _border(gamma: float) -> Measurement:
    """Return where, on the ray through an added point, the starts that arrive end and those that go off begin."""
    point = added(gamma)
    low, high = 0.9, 1.1
    for _ in range(4):
        scales = np.linspace(low, high, 129)
        arrived = outcomes(gamma, scales[:, None] * point) == 1
        last = int(np.flatnonzero(arrived).max(initial=0))
        low, high = scales[last], scales[min(last + 1, len(scales) - 1)]
    return Measurement(
        "border between starts that reach the equilibrium and those that go off, in distances of an added point",
        float((low + high) / 2),
        1.0,
        float(high - low) + 64 * EPS * float(np.linalg.cond(slopes(gamma, point))),
        "the interval left, and rounding of the rounds spent at the saddle",
    )


def _runaway(quick: bool) -> tuple[Measurement, dict[str, np.ndarray]]:
    """Return the law of the run that goes off, and the run.

    Far out the direction along theta vanishes at once, ``gamma g r² = 1``, and what is left of the other is ``d psi/dt
    = (2 |u| - 1)/(gamma psi³)``.
    """
    from dynamics import methods

    rounds = 400_000 if quick else 4_000_000
    run = methods.iterate(_game(), consensus(1.0), np.array(OFF), rounds, every=1000, compiled=True)
    states, times = run.states, RATE * run.times
    growth = (states[-1, 1] ** 4 - states[-3, 1] ** 4) / (times[-1] - times[-3])
    predicted = 4 * (2 * abs(float(states[-2].prod())) - 1)
    field = float(np.linalg.norm(_game()(states[-1])))
    row = Measurement(
        f"runs that go off, gamma = 1: growth of psi⁴ over 4 (2 |theta psi| - 1)/gamma after {rounds} rounds, where "
        f"psi = {states[-1, 1]:.3g}, theta = {states[-1, 0]:.2g} and the field is {field:.1g}",
        float(growth / predicted),
        1.0,
        # a run that did not go off, after all, has no such order
        2 / max(float(states[-2, 1]) ** 2, 10.0),
        "the next order, of the relative size sigmoid(theta psi), about 1/(gamma psi²)",
    )
    return row, {"times": times, "states": states}


def _attracted(gamma: float) -> Measurement:
    """Return where consensus stops on a loss that has no minimum, x³/3."""
    from dynamics import games, methods

    game = games.define({"player": (["x"], EXAMPLE)})
    rounds = int(100 * gamma / RATE)
    end = methods.iterate(game, consensus(gamma), np.array([-0.1 / gamma]), rounds).final
    return Measurement(
        "added points may attract: where runs on the loss x³/3 stop, over -1/(2 gamma), where its slope is not 0",
        float(end[0]) * -2 * gamma,
        1.0,
        # the factor per round is 1 - lr/(2 gamma) in the end, and half the rounds are more than enough to get there
        float(np.exp(-25)) * 10 + 16 * EPS * (1 + gamma) / RATE,
        "e^-25 of the start is left; rounding over the rate",
    )


def run(quick: bool) -> Evidence:
    """Compare spectrum and added points with their formulas; find the basin's share and border."""
    shares.cache_clear()
    gammas = QUICK_SHARES if quick else SHARES
    found = shares(gammas)
    mild, strong = found[gammas.index(0.3), 0], found[gammas.index(1.0), 0]
    error = float(np.sqrt(strong * (1 - strong) / STARTS))
    runaway, path = _runaway(quick)
    of = f"worst of {len(GAMMAS)} weights"
    counts, places = zip(*map(_search, GAMMAS), strict=True)
    eigen, saddles = zip(*map(_nature, GAMMAS), strict=True)
    near = [_decay(gamma) for gamma in (0.3, 1.0)]
    measurements = (
        *near,
        Measurement(
            f"it reaches the equilibrium: share of {STARTS} starts in the square of half edge {HALF:g}, gamma = 1",
            float(strong),
            1.0,
            4 * error,
            "four standard errors",
            told=True,
            relation="at least",
        ),
        hardest([_spectrum(gamma) for gamma in GAMMAS], of),
        hardest(counts, of),
        hardest(places, of),
        hardest(eigen, of),
        max(saddles, key=lambda row: row.measured),
        hardest([_border(gamma) for gamma in gammas], f"worst of {len(gammas)} weights"),
        Measurement(
            "starts that neither arrive nor go off, largest share of the weights tried",
            float(found[:, 2].max()),
            0.0,
            3 / STARTS,
            "a start or two next to the border",
        ),
        Measurement(
            f"more is not better: share of starts that arrive at gamma = 1, against {mild:.3g} at gamma = 0.3",
            float(strong),
            float(mild),
            0.0,
            f"standard error {error:.2g}",
            relation="at most",
        ),
        runaway,
        hardest([_attracted(gamma) for gamma in (0.5, 1.0, 2.0)], "worst of 3 weights"),
    )
    arrays = {"gammas": gammas, "shares": found, "off": path, "plane": _plane(), "paths": _paths()}
    return Evidence(measurements, arrays)


def _plane() -> dict[str, np.ndarray]:
    """Return the outcome of starts on a grid at gamma = 1."""
    axis = (np.arange(60) + 0.5) / 60 * 2 * HALF - HALF
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    return {"axis": axis, "outcome": outcomes(1.0, grid.reshape(-1, 2)).reshape(grid.shape[:-1])}


def _paths() -> list[np.ndarray]:
    """Return runs from both sides of an added point and from farther away, at gamma = 1 and a small rate."""
    from dynamics import methods

    point = added(1.0)
    starts = np.array([0.99 * point, 1.01 * point, -0.99 * point, -1.01 * point, [2.5, 2.5], [-2.8, -2.8]])
    states = methods.iterate(_game(), consensus(1.0, 0.02), starts, 4000, every=5, compiled=True).states
    return list(states)


def draw(evidence: Evidence) -> Figure:
    """Draw basin, added points and runs; the share of the basin; and where the added points are."""
    from figures import labels, style

    arrays = evidence.arrays
    with style.context():
        figure = style.new_figure(12.4, 4.3)
        left, middle, right = figure.subplots(1, 3)
        _draw_plane(left, arrays["plane"], arrays["paths"])
        gammas, share = np.array(arrays["gammas"]), arrays["shares"][:, 0]
        error = np.sqrt(share * (1 - share) / STARTS)
        middle.errorbar(gammas, share, 2 * error, fmt="o", color=style.BLACK, ms=4, capsize=3)
        middle.set(xlabel="weight γ", ylabel="share that reaches the equilibrium", xscale="log", ylim=(0, 1.03))
        middle.set_xticks(gammas, [f"{gamma:g}" for gamma in gammas])
        middle.minorticks_off()
        middle.set_title("More is not better")
        grid = np.geomspace(0.03, 300, 200)
        points = np.array([added(gamma) for gamma in grid])
        for i, (name, colour) in enumerate(zip("θψ", (style.BLUE, style.VERMILLION), strict=True)):
            right.plot(grid, np.abs(points[:, i]), color=colour, label=f"|{name}|")
        right.plot(grid, np.linalg.norm(points, axis=1), "--", color=style.BLACK, lw=1, label="distance")
        right.set(xlabel="weight γ", ylabel="coordinates of the added points", xscale="log", yscale="log")
        right.set_title("They exist at every weight; θψ = −0.739")
        right.legend()
        labels.add_caption(
            figure,
            f"Minimax Dirac-GAN under consensus optimisation. Left: γ = 1, lr = {RATE:g}, one start in each of "
            f"{arrays['plane']['outcome'].size} cells; runs at lr = 0.02. Middle: {STARTS} random starts in the same "
            f"square (seed {SEED}), lr up to {RATE:g}, bars of two standard errors. Right: closed form.",
        )
    return figure


def _draw_plane(axes: Axes, plane: dict[str, np.ndarray], paths: list[np.ndarray]) -> None:
    """Draw which starts arrive, the added points, and runs."""
    from matplotlib.colors import ListedColormap

    from figures import style

    axis = plane["axis"]
    colours = ListedColormap(["#FFFFFF", "#F3DFC2", "#CFE6F5"])
    axes.pcolormesh(axis, axis, plane["outcome"], cmap=colours, vmin=-1.5, vmax=1.5, rasterized=True)
    for states in paths:
        axes.plot(*states.T, color=style.GREY, lw=0.9)
    axes.plot(0, 0, "o", color=style.BLACK, ms=6)
    for sign in (1, -1):
        axes.plot(*(sign * added(1.0)), "X", color=style.VERMILLION, ms=8, mec="white")
    axes.set(xlabel="θ (generator)", ylabel="ψ (discriminator)", xlim=(-HALF, HALF), ylim=(-HALF, HALF))
    axes.set_aspect("equal")
    axes.set_title("Blue arrives, sand goes off; ✕ added points")


scenario = Scenario(
    id="S5",
    title="Consensus optimisation",
    statement="Consensus optimisation damps the rotation, so that training reaches the equilibrium.",
    source="N2",
    truth=(
        "On the minimax Dirac-GAN the eigenvalues become -gamma/4 ± i/2, so it damps. At every gamma it also rests at "
        "two points that are not the game's, with theta psi = -1/2 - W(1/(2 sqrt(e))) = -0.739: there the game's own "
        "Jacobian has the eigenvalue 1/gamma. They are saddles: no run ends at them, but they lie on the border of the "
        "equilibrium's basin. Beyond it psi grows without bound, like the fourth root of time up to a logarithm, while "
        "theta and both gradients fade. A larger weight draws them in: 98 % of the starts in a square reach the "
        "equilibrium at gamma = 0.3, 46 % at 1. In other games added points attract: on the loss x³/3 runs stop at "
        "-1/(2 gamma)."
    ),
    references=(MESCHEDER_2017, BALDUZZI_2018),
    verdict="qualified",
    run=run,
    draw=draw,
)
