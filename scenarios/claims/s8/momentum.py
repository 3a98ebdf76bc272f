"""Heavy-ball momentum on x y: exact multipliers of simultaneous and alternating steps against their laws."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from scenarios.registry import Measurement, hardest

EPS = float(np.finfo(float).eps)
#: The game of the multipliers is V = SIGMA x y; a rate is a = lr SIGMA there.
SIGMA = 1.7
MOMENTA = np.array([-0.95, -0.7, -0.5, -0.3, -0.1, 0.0, 0.2, 0.5, 0.8, 0.9])
LARGEST, SEED = 3.0, 0
#: Rates at which laws for small rates are measured.
SMALL = 1e-4
#: Rounds over which the growth of iterates is averaged.
WINDOW = 20

#: Least spectral radius of alternating steps, with its momentum, its rate a and the multiplier that is not triple.
ROOT3 = float(np.sqrt(3))
BEST = {"radius": 2 * ROOT3 - 3, "beta": 4 * ROOT3 - 7, "a": 8 / 3 * float(np.sqrt(2 * ROOT3 - 3))}
BEST_OTHER = (ROOT3 - 2) / (3 * ROOT3)


def _game() -> Any:
    from dynamics import games

    return games.get("bilinear", sigma=SIGMA)


def heavy_ball(beta: float, order: str, a: np.ndarray) -> Any:
    """Return heavy-ball steps at many rates a at once, shape (m,)."""
    from dynamics import methods

    method = methods.get("heavy-ball", lr=1.0, beta=beta, order=order)
    return method.with_lr(method.lr * np.asarray(a)[:, None] / SIGMA)


def matrices(beta: float, order: str, a: np.ndarray) -> np.ndarray:
    """Return the exact Jacobians of the maps at the equilibrium of x y, shape (m, 4, 4)."""
    from dynamics import methods

    return methods.map_jacobian(heavy_ball(beta, order, a), _game(), np.zeros(2))


def radii(beta: float, order: str, a: np.ndarray) -> np.ndarray:
    """Return their spectral radii, shape (m,)."""
    return np.abs(np.linalg.eigvals(matrices(beta, order, a))).max(axis=-1)


def simultaneous(beta: float, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the larger and the smaller root in modulus of ``(mu - 1)(mu - beta) = i a mu``, shapes (m,).

    The larger is outside the unit circle: ``mu² - s mu + beta`` with ``s = 1 + beta + i a`` has both roots inside only
    if ``|s - beta conj(s)| < 1 - beta²`` (Schur and Cohn), and the left side is ``(1 + beta)|1 - beta + i a|``. For
    small rates its square is ``1 + a² (1 + beta)/(1 - beta)³``.
    """
    s = 1 + beta + 1j * a
    root = np.sqrt(s**2 - 4 * beta)
    larger = np.maximum(np.abs(s + root), np.abs(s - root)) / 2
    # the product of the roots is beta
    return larger, abs(beta) / larger


def _rounding(beta: float, a: np.ndarray) -> np.ndarray:
    """Return what rounding may do to a multiplier of simultaneous steps: 16 eps |M| times its condition number.

    The two multipliers of an eigenvalue lie ``|sqrt(s² - 4 beta)|`` apart, and the condition number of an eigenvalue of
    such a block is at most one plus the norm over that distance.
    """
    norm = np.linalg.norm(matrices(beta, "simultaneous", a), axis=(-2, -1))
    return 16 * EPS * norm * (1 + norm / np.abs(np.sqrt((1 + beta + 1j * a) ** 2 - 4 * beta)))


def growth(beta: float, a: np.ndarray) -> np.ndarray:
    """Return the growth of the iterates' radius per round of simultaneous steps, shape (m,).

    Measured once the smaller multiplier's share is below rounding.
    """
    from dynamics import methods

    larger, smaller = simultaneous(beta, a)
    settle = np.ceil(np.log(EPS) / np.log(np.maximum(smaller, 1e-16) / larger)).astype(int)
    start, count = np.tile([1.0, 0.0], (len(a), 1)), int(settle.max()) + WINDOW
    states = methods.iterate(_game(), heavy_ball(beta, "simultaneous", a), start, count, compiled=False).states
    norms, rows = np.linalg.norm(states, axis=-1), np.arange(len(a))
    return (norms[rows, settle + WINDOW] / norms[rows, settle]) ** (1 / WINDOW)


def simultaneous_rows() -> list[Measurement]:
    """Return how multipliers and iterates of simultaneous steps compare with the quadratic and its small rates."""
    rows, excess = [], []
    numbers, small = np.random.default_rng(SEED), np.array([SMALL])
    for beta in MOMENTA:
        a = numbers.uniform(0.01, LARGEST, 20)
        expected, allowed = simultaneous(beta, a)[0], _rounding(beta, a)
        rows += [
            Measurement(
                "simultaneous heavy-ball: spectral radius against the larger root of (μ - 1)(μ - β) = i a μ",
                float(value),
                float(right),
                float(slack),
                "16 roundings of the matrix times the condition number of the multiplier",
            )
            for values in (radii(beta, "simultaneous", a), growth(beta, a))
            for value, right, slack in zip(values, expected, allowed, strict=True)
        ]
        leading = SMALL**2 * (1 + beta) / (1 - beta) ** 3
        excess.append(
            Measurement(
                "simultaneous heavy-ball: excess of the squared radius over a² (1 + β)/(1 - β)³ at a = 0.0001",
                float(radii(beta, "simultaneous", small)[0] ** 2 - 1) / leading,
                1.0,
                _next_order(beta) + float(2 * _rounding(beta, small)[0]) / leading,
                "the next order in the rate, and rounding over a²",
            )
        )
    return [
        hardest(rows, f"worst of multipliers and iterates at {len(rows) // 2} random rates and {len(MOMENTA)} momenta"),
        hardest(excess, f"worst of {len(MOMENTA)} momenta"),
    ]


def _next_order(beta: float) -> float:
    """Return the relative size of the next term of laws for small rates, ``(a/(1 - beta)²)²`` times less than ten."""
    return 10 * (SMALL / (1 - abs(beta)) ** 2) ** 2


def polynomial(beta: float, a: float) -> np.ndarray:
    """Return the coefficients of ``(mu - 1)² (mu - beta)² + a² mu³``, from mu⁴ on: alternating steps."""
    square = np.polymul([1, -1], [1, -beta])
    return np.polyadd(np.polymul(square, square), [a**2, 0, 0, 0])


def _coefficients(name: str, beta: float, a: float, expected: np.ndarray) -> Measurement:
    """Return how far the characteristic polynomial of the map is from another one."""
    matrix = matrices(beta, "alternating", np.array([a]))[0]
    distance = float(np.abs(np.poly(matrix) - expected).max())
    allowed = 24 * 4 * EPS * float(np.maximum(np.linalg.norm(matrix), 1) ** 4)
    return Measurement(
        f"{name}, largest coefficient", distance, 0.0, allowed, "sums of up to 24 products of four entries"
    )


def alternating_rows() -> list[Measurement]:
    """Return how alternating steps compare with their quartic, its critical and fastest rates and its small rates."""
    from dynamics import methods
    from dynamics.stability import analyse

    name, words = "alternating heavy-ball", "characteristic polynomial against (μ - 1)² (μ - β)² + a² μ³"
    numbers, small = np.random.default_rng(SEED), np.array([SMALL])
    polynomials = [
        _coefficients(f"{name}: {words}", beta, a, polynomial(beta, a))
        for beta in MOMENTA
        for a in numbers.uniform(0.01, LARGEST, 5)
    ]
    negative = [float(beta) for beta in MOMENTA if -0.9 < beta < 0]
    built = [methods.get("heavy-ball", lr=1.0, beta=beta, order="alternating") for beta in negative]
    (equilibrium,) = analyse(_game(), methods=built).equilibria
    critical = [
        Measurement(
            f"{name}, β < 0: critical rate a against 2 (1 + β), where μ = -1",
            float("nan") if row.critical_lr is None else row.critical_lr * SIGMA,
            2 * (1 + beta),
            # It passes -1 with a slope of about 1, at 1 + beta or more from the others: a condition below 10.
            160 * EPS * float(np.linalg.norm(matrices(beta, "alternating", np.array([2 * (1 + beta)])))),
            "rounding of the multiplier over its slope",
        )
        for beta, row in zip(negative, equilibrium.methods, strict=True)
    ]
    law = [
        Measurement(
            f"{name}: 1 - radius² over -2 a² β/(1 - β)³ (largest at β = -1/2) at a = 0.0001",
            float((1 - radii(beta, "alternating", small)[0] ** 2) / (-2 * SMALL**2 * beta / (1 - beta) ** 3)),
            1.0,
            _next_order(beta)
            + 64 * EPS * float(np.linalg.norm(matrices(beta, "alternating", small))) / (SMALL**2 * abs(beta)),
            "the next order in the rate, and rounding over a²",
        )
        for beta in MOMENTA
        if 0 < abs(beta) < 0.9
    ]
    grid = radius_map()["radii"]
    return [
        hardest(polynomials, f"worst of {len(polynomials)}"),
        hardest(critical, f"worst of {len(negative)} momenta"),
        hardest(law, f"worst of {len(law)} momenta"),
        _coefficients(
            "fastest alternating heavy-ball, β = 4 sqrt(3) - 7, a = (8/3) sqrt(2 sqrt(3) - 3): characteristic "
            "polynomial against one with the triple root 3 - 2 sqrt(3)",
            BEST["beta"],
            BEST["a"],
            np.polymul(np.poly([-BEST["radius"]] * 3), [1, -BEST_OTHER]),
        ),
        Measurement(
            f"{name}: least spectral radius on a grid of {grid.size} momenta and rates",
            float(grid.min()),
            BEST["radius"],
            (96 * EPS * 4**4) ** (1 / 3),
            "2 sqrt(3) - 3; a triple multiplier moves by the cube root of the polynomial's rounding",
            relation="at least",
        ),
    ]


@cache
def radius_map() -> dict[str, np.ndarray]:
    """Return the spectral radius of alternating steps over momenta and rates."""
    betas, rates = np.linspace(-0.9, 0.6, 151), np.linspace(0.02, 2.4, 120)
    found = np.array([radii(float(beta), "alternating", rates) for beta in betas]).T
    return {"betas": betas, "rates": rates, "radii": found}
