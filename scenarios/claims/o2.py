"""O2: simultaneous and alternating descent on the bilinear game, for every rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.registry import GIDEL_2019, HAIRER_2006, MESCHEDER_2018, Evidence, Measurement, Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES = (0.01, 0.1, 0.5, 1.0, 1.9, 1.99)
#: Rates on the unstable side of 2.
BEYOND = (2.01, 2.1)
#: Rate of the picture.
SHOWN = 0.7
EPS = float(np.finfo(float).eps)


def _orbit(name: str, rate: float, iterations: int, **settings: Any) -> np.ndarray:
    """Return the states of ``iterations`` rounds from (1, 0) on V = x y, shape (iterations + 1, 2)."""
    from dynamics import games, methods

    method = methods.get(name, lr=rate, **settings)
    return methods.iterate(games.get("bilinear", sigma=1.0), method, np.array([1.0, 0.0]), iterations).states


def _energy_drift(rate: float, first: str, iterations: int) -> tuple[float, float]:
    """Return the largest relative change of the skewed energy, and the rounding it may have."""
    x, y = _orbit("alternating", rate, iterations, first=first).T
    sign = 1.0 if first == "discriminator" else -1.0
    energy = x**2 + y**2 + sign * rate * x * y
    # Each round makes a few roundings of size eps times the squared radius, and they add up.
    allowed = 8 * EPS * iterations * float((x**2 + y**2).max()) / energy[0]
    return float(np.abs(energy / energy[0] - 1).max()), allowed


def _radius(name: str, rate: float) -> float:
    """Return the spectral radius of a method's map at the equilibrium of V = x y."""
    from dynamics import games, methods

    game = games.get("bilinear", sigma=1.0)
    jacobian = methods.map_jacobian(methods.get(name, lr=rate), game, np.zeros(2))
    return float(np.abs(np.linalg.eigvals(jacobian)).max())


def _dominant(rate: float) -> float:
    """Return the larger of two real multipliers, of product 1 and sum ``a² - 2`` in size, for ``a > 2``."""
    return (rate**2 - 2 + rate * float(np.sqrt(rate**2 - 4))) / 2


def _eigenvalue_rounding(rate: float) -> float:
    """Return what rounding may do to a multiplier of alternating updates: 8 eps |M| times its condition number.

    The map is [[1, -a], [a, 1 - a²]] up to signs and order, and the multipliers lie ``a sqrt(|a² - 4|)`` apart; the
    condition number of an eigenvalue is at most the norm over that distance (or 1).
    """
    norm = float(np.sqrt(1 + 2 * rate**2 + (1 - rate**2) ** 2))
    return 8 * EPS * norm * max(1.0, norm / (rate * float(np.sqrt(abs(rate**2 - 4)))))


def _growth(rate: float) -> Measurement:
    """Return the growth per round of alternating updates beyond 2, once the smaller multiplier has died out."""
    dominant = _dominant(rate)
    settle, count = int(np.ceil(18 / np.log(dominant))), 20
    norms = np.linalg.norm(_orbit("alternating", rate, settle + count), axis=1)
    return Measurement(
        f"alternating: growth per round of the iterates at a = {rate:g}",
        float((norms[-1] / norms[settle]) ** (1 / count)),
        dominant,
        dominant * (settle + count) * _eigenvalue_rounding(rate),
        f"e^-36 of the other multiplier is left after {settle} rounds; the rounding of one eigenvalue in every round",
    )


def run(quick: bool) -> Evidence:
    """Measure growth per step and conserved energies at rates from 0.01 to beyond 2."""
    iterations = 200 if quick else 1000
    # 20 rounds are enough: the factor is exact at every single one.
    growth = [float(np.linalg.norm(_orbit("simultaneous", a, 20)[-1])) ** (1 / 20) for a in RATES]
    worst = int(np.argmax([abs(g - np.sqrt(1 + a * a)) for g, a in zip(growth, RATES, strict=True)]))
    drifts = {first: [_energy_drift(a, first, iterations) for a in RATES] for first in ("discriminator", "generator")}
    eigenvalues = "rounding of the 2x2 matrix times the eigenvalue's condition number"
    rounding = "a few roundings per round, taken to the power 1/20"
    measurements = [
        Measurement(
            f"simultaneous: growth of the radius per step at a = {RATES[worst]:g} (worst of {len(RATES)} rates)",
            growth[worst],
            float(np.sqrt(1 + RATES[worst] ** 2)),
            16 * EPS * growth[worst],
            rounding,
        )
    ]
    for first, sign in (("discriminator", "+"), ("generator", "-")):
        drift, allowed = max(drifts[first], key=lambda pair: pair[0] / pair[1])
        measurements.append(
            Measurement(
                f"alternating, {first} first: relative change of x² + y² {sign} a x y, {iterations} rounds, worst a",
                drift,
                0.0,
                allowed,
                "8 eps per round times the largest squared radius over the energy",
            )
        )
    measurements += [
        *map(_growth, BEYOND),
        Measurement(
            "alternating: spectral radius at a = 1.99",
            _radius("alternating", 1.99),
            1.0,
            _eigenvalue_rounding(1.99),
            eigenvalues,
        ),
        Measurement(
            "alternating: spectral radius at a = 2.01",
            _radius("alternating", 2.01),
            _dominant(2.01),
            _eigenvalue_rounding(2.01),
            eigenvalues,
        ),
        Measurement(
            "a rate can be tuned for alternating updates: spectral radius at a = 0.5",
            _radius("alternating", 0.5),
            1.0,
            _eigenvalue_rounding(0.5),
            eigenvalues,
            told=True,
        ),
        Measurement(
            "without tuning alternating updates diverge: spectral radius at a = 2.1",
            _radius("alternating", 2.1),
            _dominant(2.1),
            _eigenvalue_rounding(2.1),
            f"the larger root, above 1; {eigenvalues}",
            told=True,
        ),
        Measurement(
            "a rate can be tuned for simultaneous updates: spectral radius at a = 0.01",
            _radius("simultaneous", 0.01),
            1.0,
            8 * EPS,
            "rounding of a 2x2 eigenvalue",
            told=True,
            relation="at most",
        ),
    ]
    arrays = {
        "iterations": iterations,
        "simultaneous": _orbit("simultaneous", 0.2, 40),
        "discriminator": _orbit("alternating", SHOWN, 40),
        "generator": _orbit("alternating", SHOWN, 40, first="generator"),
        "rates": np.linspace(0.01, 2.4, 120),
    }
    arrays["radii"] = {
        name: np.array([_radius(name, a) for a in arrays["rates"]]) for name in ("simultaneous", "alternating")
    }
    return Evidence(tuple(measurements), arrays)


def draw(evidence: Evidence) -> Figure:
    """Draw three orbits and the spectral radius of both methods against the rate."""
    from figures import labels, style

    arrays = evidence.arrays
    with style.context():
        figure = style.new_figure(8.6, 4.2)
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        angle = np.linspace(0, 2 * np.pi, 200)
        for i, (key, label, sign) in enumerate(
            (
                ("simultaneous", "simultaneous, a = 0.2", None),
                ("discriminator", f"alternating, y first, a = {SHOWN:g}", 1),
                ("generator", f"alternating, x first, a = {SHOWN:g}", -1),
            )
        ):
            look = style.series_style(i)
            left.plot(*arrays[key].T, look["marker"], color=look["color"], ms=3.5, label=label)
            if sign is not None:
                radius = 1 / np.sqrt(1 + sign * SHOWN * np.sin(angle) * np.cos(angle))
                left.plot(radius * np.cos(angle), radius * np.sin(angle), color=look["color"], lw=0.8)
        left.set(xlabel="x (generator)", ylabel="y (discriminator)", title="40 rounds from (1, 0), and the ellipses")
        left.set_aspect("equal")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=3, fontsize=8)
        for i, (name, radii) in enumerate(arrays["radii"].items()):
            right.plot(arrays["rates"], radii, color=style.series_style(i)["color"], label=name)
        right.axhline(1, color=style.GREY, lw=0.8)
        right.axvline(2, color=style.GREY, lw=0.8, ls=":")
        right.set(xlabel="a = rate × σ", ylabel="spectral radius", title="Only alternating updates have a safe range")
        right.legend()
        labels.add_caption(
            figure,
            "V = x y (σ = 1), no randomness. Left: 40 rounds from (1, 0). The ellipses were also tested over "
            f"{arrays['iterations']} rounds at a = {', '.join(f'{rate:g}' for rate in RATES)}. Right: exact Jacobian "
            f"of one round at the equilibrium, {len(arrays['rates'])} rates; the dotted line is a = 2.",
        )
    return figure


scenario = Scenario(
    id="O2",
    title="Simultaneous and alternating descent, rate by rate",
    statement="These updates oscillate or diverge unless the rates are tuned.",
    source="N2",
    truth=(
        "On V = x y with rate a, simultaneous descent multiplies the radius by sqrt(1 + a²) at every rate: no tuning "
        "helps. Alternating descent stays on the ellipse x² + y² + a x y = const (y first; minus with x first) for "
        "every a below 2. At a = 2 the ellipse has opened to a pair of lines along which the iterates grow linearly; "
        "beyond, they diverge."
    ),
    references=(
        GIDEL_2019,
        MESCHEDER_2018,
        HAIRER_2006,
    ),
    verdict="qualified",
    run=run,
    draw=draw,
)
