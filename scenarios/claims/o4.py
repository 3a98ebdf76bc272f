"""O4: the combined Hessian is indefinite at saddles of the value, which need not be saddles of the flow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.registry import BERARD_2020, MESCHEDER_2018, NAGARAJAN_2017, Evidence, Measurement, Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPS = float(np.finfo(float).eps)
GAMMA = 0.3
#: Curvatures of the family p x²/2 + x y + q y²/2; no product of two of them is 1, where an eigenvalue would vanish.
CURVATURES = np.array([-2.0, -1.25, -0.6, -0.3, 0.0, 0.3, 0.6, 1.25, 2.0])
#: Distance from the equilibrium at which trajectories start whose rate is measured.
NEAR = 1e-3
SEED = 0
WIDTH, ATOMS, RATE = 6, 16, 0.5
#: Time over which displaced states of the network GAN are followed.
SPAN = 1.0


def _slope(z: float) -> float:
    """Return the second derivative of the forsaken game's ``z²/4 - z⁴/2 + z⁶/6``."""
    return 0.5 - 6 * z**2 + 5 * z**4


def _forsaken() -> np.ndarray:
    """Return the Jacobian of the forsaken game at its equilibrium, the real root of a polynomial in y.

    ``x = phi'(y)`` and ``y - 0.45 + phi'(x) = 0`` with ``phi'(z) = z/2 - 2 z³ + z⁵``.
    """
    z = np.polynomial.Polynomial([0.0, 1.0])
    x = z / 2 - 2 * z**3 + z**5
    roots = (z - 0.45 + x / 2 - 2 * x**3 + x**5).roots()
    y = float(min(roots, key=lambda root: abs(root.imag) + abs(root.real - 0.41)).real)
    return np.array([[-_slope(x(y)), -1.0], [1.0, -_slope(y)]])


def by_hand() -> dict[str, tuple[dict[str, Any], list[np.ndarray]]]:
    """Return, for every game of the catalogue, settings and the Jacobians at its equilibria, worked out by hand.

    Equilibria in the order of their coordinates. Signs: ``J = dv/dy`` of the descending field.
    """
    well, top = np.diag([-2.0]), np.diag([1.0])
    cycle = np.array([[0.0, 1.0], [-1.0, 0.0]])
    corners = [np.diag([2.0, -2.0]), np.diag([-2.0, 2.0])]
    table: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "bilinear": ({}, [-cycle]),
        "quadratic": ({}, [-cycle - np.eye(2)]),
        "dirac-gan": ({}, [cycle / 2]),
        "dirac-gan with R1": ({"penalty": "r1", "gamma": GAMMA}, [cycle / 2 - np.diag([0.0, GAMMA])]),
        "gaussian-gan": ({}, [[[0, 1 / 2, 0], [-1 / 2, -1 / 2, 0], [0, 0, -1 / 2]]]),
        "lq-wgan": ({}, [-2 / 3 * cycle, 2 / 3 * cycle]),
        "forsaken": ({}, [_forsaken()]),
        "almost-bilinear": ({}, [-cycle + np.diag([0.0, 0.1])]),
        "matching-pennies": ({}, [corners[0], corners[1], -cycle, corners[1], corners[0]]),
        "fiez-ratliff": ({}, [[[1, 0, 1, 0], [0, -1 / 2, 0, -1 / 2], [-1, 0, -1 / 2, 0], [0, 1 / 2, 0, -1]]]),
        "double-well": ({}, [well, top, well]),
        "strict-saddle": ({}, [np.diag([-1.0, -2.0]), np.diag([-1.0, 1.0]), np.diag([-1.0, -2.0])]),
        "rotated-double-well": ({}, [[[-2, -1], [2, -1]], [[1, -1], [-1, -1]], [[-2, -1], [2, -1]]]),
        "rotated-saddle": ({}, [[[-1, -2], [1, -2]], [[-1, 1], [1, 1]], [[-1, -2], [1, -2]]]),
    }
    return {name: (given, [np.array(matrix, dtype=float) for matrix in rows]) for name, (given, rows) in table.items()}


def combined_hessian(game: Any, at: np.ndarray) -> np.ndarray | None:
    """Return the Hessian of the value V that one player minimises and the other maximises, None if there is none.

    The generator's rows are those of its loss's Hessian, the discriminator's those of minus its loss's. If this is
    symmetric, there is a V with the same field; terms that move nobody (a penalty, in the generator's loss) are
    left out. At points where only a metric makes the field vanish V is not critical.
    """
    if len(game.players) != 2:
        return None
    rows = np.concatenate(
        [
            sign * game.loss_hessian(player, at)[part]
            for (player, part), sign in zip(game.players.items(), (1.0, -1.0), strict=True)
        ]
    )
    gradient = max(float(np.abs(game.gradient(player, player, at)).max()) for player in game.players)
    return rows if np.abs(rows - rows.T).max() < 1e-9 and gradient < 1e-9 else None


def _catalogue() -> list[dict[str, Any]]:
    """Return what every equilibrium of every game says: by hand, and measured."""
    from dynamics import games
    from dynamics.core.errors import AccuracyWarning
    from dynamics.stability import find_equilibria, spectrum

    rows: list[dict[str, Any]] = []
    for name, (given, expected) in by_hand().items():
        game = games.get(name.split(" ")[0], **given)
        with warnings.catch_warnings():
            # The search wanders far out of the box; what it finds lies inside, where the accuracy is the promised one.
            warnings.simplefilter("ignore", AccuracyWarning)
            found = find_equilibria(game).zeros
        if len(found) != len(expected):
            raise ValueError(f"{name}: found {len(found)} equilibria where there are {len(expected)}")
        for zero, matrix in zip(found, expected, strict=True):
            jacobian = np.asarray(game.jacobian(zero.at))
            rows.append(
                {
                    "name": name,
                    "at": dict(zip(game.names, zero.at.tolist(), strict=True)),
                    "expected": matrix,
                    "eigenvalues": np.linalg.eigvals(jacobian),
                    "symmetric": np.linalg.eigvalsh((jacobian + jacobian.T) / 2),
                    "flow": spectrum(jacobian).flow,
                    "hessian": combined_hessian(game, zero.at),
                }
            )
    return rows


def _spectrum_error(row: dict[str, Any]) -> float:
    """Return the largest distance of measured eigenvalues of J and of its symmetric part from those by hand."""
    matrix = row["expected"]
    errors = []
    for found, by_hand in (
        (row["eigenvalues"], np.linalg.eigvals(matrix)),
        (row["symmetric"], np.linalg.eigvalsh((matrix + matrix.T) / 2)),
    ):
        distances = np.abs(np.asarray(found)[:, None] - np.asarray(by_hand)[None, :])
        errors.append(float(max(distances.min(axis=0).max(), distances.min(axis=1).max())))
    return max(errors)


def _disagreements() -> tuple[int, int]:
    """Return in how many games p x²/2 + x y + q y²/2 a saddle of the flow and a definite Hessian do not coincide."""
    from dynamics import games

    game = games.inline("p*x**2/2 + x*y + q*y**2/2", ["x"], ["y"], {"p": 0.0, "q": 0.0})
    origin = np.zeros(2)
    wrong = 0
    for p, q in ((p, q) for p in CURVATURES for q in CURVATURES):
        member = game.with_parameters(p=float(p), q=float(q))
        real = np.linalg.eigvals(member.jacobian(origin)).real
        definite = np.linalg.det(member.loss_hessian("generator", origin)) > 0
        wrong += (real.min() < 0 < real.max()) != definite
    return wrong, len(CURVATURES) ** 2


def _decay(penalty_weight: float) -> Measurement:
    """Return the decay rate of a trajectory of the Dirac-GAN with R1 over a turn of its linear flow."""
    from dynamics import games
    from dynamics.flow import integrate

    turn = 4 * np.pi / float(np.sqrt(1 - penalty_weight**2))
    game = games.get("dirac-gan", penalty="r1", gamma=penalty_weight)
    path = integrate(game, np.array([NEAR, 0.0]), [0.0, turn], rtol=1e-10, atol=1e-10 * NEAR)
    grown = float(np.exp(penalty_weight / 2 * turn))
    return Measurement(
        f"Dirac-GAN with R1, gamma = {penalty_weight:g}, Hessian of both signs: decay rate of a trajectory",
        -float(np.log(np.linalg.norm(path.final) / NEAR)) / turn,
        penalty_weight / 2,
        NEAR**2 * (1 + grown) + 2e-10 * path.statistics["evaluations"] * grown / turn,
        "cubic terms, at most r² = 1e-6 of the linear ones, and rtol per step; absolute errors weigh more at the end",
    )


def network_game() -> Any:
    """Return a small minimax GAN, full batch: data of two modes, generator and discriminator 1-6-1 (tanh)."""
    from scipy.special import ndtri

    from dynamics.games.network import NetworkGame
    from dynamics.gan.networks import initialise, mlp

    latents = ndtri((np.arange(ATOMS) + 0.5) / ATOMS)[:, None]
    real = np.concatenate([-1.0 + 0.3 * latents[::2], 1.0 + 0.3 * latents[::2]])
    generator, discriminator = (initialise(mlp(1, [WIDTH], 1), SEED, member) for member in (0, 1))
    return NetworkGame(generator, discriminator, real=real, latents=latents, loss="minimax")


def _network(steps: int) -> dict[str, Any]:
    """Train the network GAN for a number of alternating steps, and take J, its symmetric part and H at the end."""
    import torch

    from dynamics import methods
    from dynamics.gan.threads import torch_threads

    # One thread: the networks are tiny, and sums keep their last bits on every machine.
    with torch_threads(1):
        game = network_game()
        method = methods.get("alternating", lr=RATE)
        y = methods.iterate(game, method, game.start, steps, every=steps).final
        value = torch.func.hessian(lambda flat: game.losses(flat)["generator"])(torch.from_numpy(y))
        jacobian = np.asarray(game.jacobian(y))
        hessian = np.asarray(value)
        curvatures, directions = np.linalg.eigh(hessian)
        return {
            "steps": steps,
            "y": y,
            "speed": float(np.linalg.norm(game(y))),
            "first": float(np.linalg.norm(game(game.start))),
            "split": game.players["discriminator"].start,
            "jacobian": jacobian,
            "hessian": hessian,
            "curvatures": curvatures,
            "symmetric": np.linalg.eigvalsh((jacobian + jacobian.T) / 2),
            "eigenvalues": np.linalg.eigvals(jacobian),
            "leaving": _leaving(game, y, directions[:, -1]),
        }


def _leaving(game: Any, y: np.ndarray, direction: np.ndarray) -> tuple[float, float]:
    """Return the growth rate of a small displacement that the flow carries along, and its uncertainty.

    Three states are followed together; the displacements forward and backward agree up to second order.
    """
    from dynamics.flow import integrate

    size, rtol = 1e-5, 1e-11
    starts = y + size * np.array([[0.0], [1.0], [-1.0]]) * direction
    states = integrate(game, starts, [0.0, SPAN], rtol=rtol, atol=rtol).final
    rates = np.log(np.linalg.norm(states[1:] - states[0], axis=1) / size) / SPAN
    return float(rates.mean()), float(abs(rates[1] - rates[0])) + 200 * rtol * float(np.linalg.norm(y)) / size


def _of_the_network(found: dict[str, Any]) -> Iterator[Measurement]:
    """Yield the measurements of the network GAN."""
    split = found["split"]
    hessian, jacobian = found["hessian"], found["jacobian"]
    signs = np.where(np.arange(len(hessian)) < split, -1.0, 1.0)
    blocks = signs[:, None] * hessian
    blocks[:split, split:] = blocks[split:, :split] = 0.0
    where = f"network GAN after {found['steps']} steps (|v| = {found['speed']:.2g}, {found['first']:.2g} at first)"
    curvatures, symmetric = found["curvatures"], found["symmetric"]
    rate, uncertainty = found["leaving"]
    rounding = 64 * EPS * len(hessian) * float(np.abs(hessian).max())
    yield Measurement(
        f"{where}: smallest times largest eigenvalue of the combined Hessian",
        float(curvatures[0] * curvatures[-1]),
        0.0,
        0.0,
        "a sign: below 0 the Hessian is not definite",
        told=True,
        relation="at most",
    )
    yield Measurement(
        f"network GAN: growth rate of states displaced along the Hessian's largest curvature, {curvatures[-1]:.3g}",
        rate,
        0.0,
        uncertainty,
        "difference of two opposite displacements, and the integrator's rtol over the displacement",
        told=True,
        relation="at least",
    )
    yield Measurement(
        "network GAN: symmetric part of J against the diagonal blocks of the Hessian, largest entry",
        float(np.abs((jacobian + jacobian.T) / 2 - blocks).max()),
        0.0,
        rounding,
        "rounding of two ways to differentiate the same loss",
    )
    yield Measurement(
        "network GAN: largest real part of J against the largest eigenvalue of its symmetric part",
        float(found["eigenvalues"].real.max()),
        float(symmetric[-1]),
        rounding,
        "Bendixson's inequality; rounding of a matrix of size 38",
        relation="at most",
    )


def run(quick: bool) -> Evidence:
    """Take the spectra of the catalogue, of a family of games and of a trained network GAN."""
    rows = _catalogue()
    zero_sum = [row for row in rows if row["hessian"] is not None]
    for row in zero_sum:
        row["curvatures"] = np.linalg.eigvalsh(row["hessian"])
    indefinite = [row for row in zero_sum if row["curvatures"][0] < 0 < row["curvatures"][-1]]
    saddles = [row for row in indefinite if row["flow"] == "saddle"]
    wrong, count = _disagreements()
    forsaken = next(row for row in rows if row["name"] == "forsaken")
    network = _network(200 if quick else 2000)
    measurements = (
        _decay(GAMMA),
        Measurement(
            f"catalogue: equilibria of zero-sum games with an indefinite Hessian, of {len(zero_sum)}",
            len(indefinite),
            len(zero_sum),
            0.0,
            "a count",
            told=True,
        ),
        Measurement(
            f"of these {len(indefinite)}: saddles of the flow, from which nearby states leave and which others reach",
            len(saddles),
            len(indefinite),
            0.0,
            "a count",
            told=True,
        ),
        Measurement(
            f"catalogue: spectra of J and of its symmetric part against those by hand, worst of {len(rows)} equilibria",
            max(map(_spectrum_error, rows)),
            0.0,
            1e-12,
            "the Gaussian expectations are good to 1e-13 relative to the largest output, and the condition numbers of "
            "these eigenvalues are below 3",
        ),
        Measurement(
            f"p x²/2 + x y + q y²/2: games of {count} in which 'saddle of the flow' differs from 'Hessian definite'",
            wrong,
            0.0,
            0.0,
            "a count: det J = -det H for one coordinate each",
        ),
        Measurement(
            "forsaken game, also the symmetric part of J indefinite: its largest eigenvalue",
            float(forsaken["symmetric"][-1]),
            float(np.linalg.eigvalsh((forsaken["expected"] + forsaken["expected"].T) / 2)[-1]),
            1e-12,
            "roots of a polynomial of degree 25 to about 1e-13",
        ),
        Measurement(
            "and yet its equilibrium attracts: largest real part of the eigenvalues of J",
            float(forsaken["eigenvalues"].real.max()),
            0.0,
            1e-12,
            "a sign, to rounding",
            told=True,
            relation="at least",
        ),
        *_of_the_network(network),
    )
    return Evidence(measurements, {"games": zero_sum, "network": network})


def draw(evidence: Evidence) -> Figure:
    """Draw curvatures of the value beside growth rates of the flow, for the catalogue and for the network GAN."""
    from figures import labels, layout, style

    shown, network = evidence.arrays["games"], evidence.arrays["network"]
    with style.context():
        figure = style.new_figure(10.0, 5.0)
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
        handles = _draw_games(left, shown)
        places = np.arange(1, len(network["curvatures"]) + 1)
        right.axhline(0, color=style.GREY, lw=0.8)
        right.plot(places, network["curvatures"], "s", ms=6, mfc="none", color=style.ORANGE)
        right.plot(places, np.sort(network["eigenvalues"].real), "o", ms=3.5, color=style.SKY)
        right.plot(places, network["symmetric"], "x", ms=4, color=style.BLACK)
        right.set(xlabel="number, in ascending order", ylabel="eigenvalue", title="Trained network GAN")
        layout.legend_above(figure, handles, [str(handle.get_label()) for handle in handles])
        labels.add_caption(
            figure,
            f"Left: equilibria of the zero-sum games of the catalogue at default settings, R1 with γ = {GAMMA:g}. "
            f"Right: minimax GAN on {ATOMS} points of two modes, both networks 1-{WIDTH}-1 (tanh, 38 parameters), "
            f"full batch, {network['steps']} alternating steps at rate {RATE:g}, seed {SEED}; |v| = "
            f"{labels.number(network['speed'])} at the end, so that it is near but not at an equilibrium.",
        )
    return figure


def _draw_games(axes: Axes, shown: list[dict[str, Any]]) -> list[Any]:
    """Draw one row per equilibrium, the first on top, and return the artists of the legend."""
    from figures import style

    looks: dict[str, dict[str, Any]] = {
        "curvatures": {
            "label": "Hessian of V: eigenvalues",
            "marker": "s",
            "ms": 7,
            "mfc": "none",
            "color": style.ORANGE,
        },
        "eigenvalues": {"label": "J: real parts (negative attracts)", "marker": "o", "ms": 4, "color": style.SKY},
        "symmetric": {"label": "symmetric part of J: eigenvalues", "marker": "x", "ms": 5, "color": style.BLACK},
    }
    handles = []
    axes.axvline(0, color=style.GREY, lw=0.8)
    for key, look in looks.items():
        values = [np.real(row[key]) for row in shown]
        places = np.repeat(np.arange(len(shown)), [len(row) for row in values])
        handles += axes.plot(np.concatenate(values), places, ls="none", **look)
    axes.set_yticks(range(len(shown)), _row_names(shown))
    axes.invert_yaxis()
    axes.set(xlabel="eigenvalue", title="Always of both signs; the flow decides for itself")
    return handles


def _row_names(shown: list[dict[str, Any]]) -> list[str]:
    """Return names and flows; several equilibria of one game are told apart by their first coordinate."""
    from figures import labels

    names = [row["name"] for row in shown]
    texts = []
    for row in shown:
        first, value = next(iter(row["at"].items()))
        where = f" at {labels.symbol(first)} = {labels.number(value)}" if names.count(row["name"]) > 1 else ""
        texts.append(f"{row['name']}{where}: {row['flow']}")
    return texts


scenario = Scenario(
    id="O4",
    title="The combined Hessian and saddle points",
    statement="The combined Hessian of a GAN is not definite, hence its equilibria are saddle points.",
    source="N3",
    truth=(
        "The Hessian of the value V is indefinite at the equilibria of zero-sum games: they are saddles of V, as they "
        "should be. They need not be saddles of the flow, whose Jacobian is that Hessian with the sign of the "
        "generator's rows turned: its symmetric part has only the diagonal blocks. With one coordinate each the flow "
        "has a saddle exactly where the Hessian is definite. An indefinite symmetric part of J decides nothing either: "
        "the forsaken game attracts. A trained network GAN has large curvatures of both signs, and states displaced "
        "along the largest come back."
    ),
    references=(
        MESCHEDER_2018,
        NAGARAJAN_2017,
        BERARD_2020,
    ),
    verdict="qualified",
    run=run,
    draw=draw,
)
