"""Throughput as ratios to peers, both measured in the same run.

A ratio is the peer's time over ours: above 1 we are faster. Each row has a floor below which something is wrong; it
leaves room for a busy machine. Seconds are the best of several, which says what the program needs; a mean would also
say what else the machine was doing.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

RTOL, ATOL, HORIZON = 1e-8, 1e-10, 50.0
#: Single integrations behind the extrapolated peer of the batches.
SINGLES = 20
#: Time that each measurement of a step fills, in seconds.
FILL = 1.0


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
        What was measured.
    value, peer : float
        Our time and the peer's, in ``unit``.
    unit : str
    floor : float
        Least ratio accepted.
    remark : str
        What the peer is and how the times were taken.
    """

    name: str
    value: float
    peer: float
    unit: str
    floor: float
    remark: str

    @property
    def ratio(self) -> float:
        """The peer's time over ours."""
        return self.peer / self.value

    @property
    def ok(self) -> bool:
        """Whether the ratio reaches its floor."""
        return self.ratio >= self.floor

    def to_dict(self) -> dict[str, Any]:
        """Return the row, JSON-able."""
        return {**asdict(self), "ratio": self.ratio, "ok": self.ok}


def measure(starts: int = 10_000, advance: Callable[[str], None] = lambda text: None) -> list[Row]:
    """Return all rows.

    Parameters
    ----------
    starts : int
        Size of the batch of initial states.
    advance : callable
        Called with the name of each row that is done.
    """
    rows = []
    sized = (_batches, _iterations, _basins)
    for rows_of in (_start_up, _compilation, *(partial(source, starts) for source in sized), _training_step):
        for row in rows_of():
            rows.append(row)
            advance(row.name)
    return rows


def best(function: Callable[[], Any], repeats: int) -> float:
    """Return the least of several times of ``function()``, in seconds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def _process(*arguments: str) -> Callable[[], None]:
    """Return a function that runs Python with these arguments to its end."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    return run


def _start_up() -> Iterator[Row]:
    command = ("-c", "from scenarios.cli import main; main()")
    bare = best(_process("-c", "pass"), 7)
    # 0.4 s is promised; a bare interpreter takes 10 ms or more.
    yield Row(
        "gandyn --help", best(_process(*command, "--help"), 5), bare, "s", 1 / 40, "peer: python -c pass; best of 5"
    )
    stability = _process(*command, "stability", "dirac-gan", "--json")
    stability()  # compiled code is stored now
    imports = best(_process("-c", "import numpy, scipy.integrate, scipy.optimize, sympy, numba"), 3)
    yield Row(
        "gandyn stability dirac-gan, second process", best(stability, 3), imports, "s", 0.25,
        "peer: python importing numpy, scipy, sympy and numba; best of 3",
    )  # fmt: skip


def _compilation() -> Iterator[Row]:
    size = 10
    # A loss in which every coordinate meets several others, so that Jacobian entries are not trivial.
    terms = [f"x{i}*y{i} - x{i}**2*y{(i + 1) % size}**2/9 + sigmoid(x{i}*y{(i + 3) % size})" for i in range(size)]
    loss = " + ".join(terms)
    ours = (
        "import time, numpy as np\n"
        "from dynamics import games\n"
        f"names = [[f'{{letter}}{{i}}' for i in range({size})] for letter in 'xy']\n"
        f"loss = {loss!r}\n"
        "began = time.perf_counter()\n"
        "game = games.define(players={'generator': (names[0], loss), 'discriminator': (names[1], f'-({loss})')})\n"
        f"y = np.linspace(-1, 1, {2 * size})\n"
        f"for kind, count in (('field', {2 * size}), ('jacobian', {4 * size * size})):\n"
        "    game.compiled(kind)(y, *game.arguments, np.empty(count))\n"
        "print(time.perf_counter() - began)\n"
    )
    theirs = (
        "import time, numba, numpy as np, sympy\n"
        f"x, y = (sympy.symbols(f'{{letter}}:{size}') for letter in 'xy')\n"
        f"loss = sympy.sympify({loss!r}, locals={{'sigmoid': lambda z: 1 / (1 + sympy.exp(-z))}})\n"
        "began = time.perf_counter()\n"
        "field = [-sympy.diff(loss, v) for v in x] + [sympy.diff(loss, v) for v in y]\n"
        "jacobian = [sympy.diff(entry, v) for entry in field for v in (*x, *y)]\n"
        "for entries in (field, jacobian):\n"
        "    function = numba.njit(sympy.lambdify((*x, *y), tuple(map(sympy.sympify, entries)), 'math', cse=True))\n"
        f"    function(*np.linspace(-1, 1, {2 * size}))\n"
        "print(time.perf_counter() - began)\n"
    )
    with tempfile.TemporaryDirectory() as cache:
        value = _reported(ours, {"GANDYN_CACHE": cache})
    yield Row(
        f"first compile of a {2 * size}-coordinate game", value, _reported(theirs, {}), "s", 0.5,
        "field and Jacobian to machine code, empty cache; peer: sympy.diff, lambdify with cse, numba.njit; once each",
    )  # fmt: skip


def _reported(code: str, environment: dict[str, str]) -> float:
    """Return the number that a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    return float(done.stdout)


def _batches(starts: int) -> Iterator[Row]:
    from scipy.integrate import solve_ivp

    from dynamics import games
    from dynamics.flow import integrate

    game = games.get("dirac-gan")
    y0 = np.random.default_rng(0).uniform(-2, 2, (starts, 2))
    times = np.array([0.0, HORIZON])

    def right_hand_side(t: float, y: np.ndarray) -> list[float]:
        # What a user would write down by hand: theta' = psi s, psi' = -theta s.
        s = 1 / (1 + np.exp(-y[0] * y[1]))
        return [y[1] * s, -y[0] * s]

    singles = y0[:SINGLES]
    each = best(
        lambda: [solve_ivp(right_hand_side, (0, HORIZON), y, method="DOP853", rtol=RTOL, atol=ATOL) for y in singles], 2
    )
    scaled = each / len(singles) * starts
    for solver in ("scipy:DOP853", "torchdiffeq:dopri8"):
        integrate(game, singles, times, solver=solver, rtol=RTOL, atol=ATOL)  # imports and compiles
        value = best(lambda name=solver: integrate(game, y0, times, solver=name, rtol=RTOL, atol=ATOL), 2)
        yield Row(
            f"{starts:,} Dirac-GANs over {HORIZON:g} time units, {solver}", value, scaled, "s", 5.0,
            f"one batch, rtol {RTOL:g}; peer: a loop over solve_ivp DOP853 of the field by hand, {len(singles)} starts "
            "measured and scaled up; best of 2",
        )  # fmt: skip
    yield from _compiled(starts, y0, scaled)


def _compiled(starts: int, y0: np.ndarray, scaled: float) -> Iterator[Row]:
    """Measure the compiled solver against the loop over single starts and, where it is installed, against diffrax."""
    from dynamics import games
    from dynamics.flow.compiled import integrate_many

    game = games.get("dirac-gan")
    integrate_many(game, y0[:SINGLES], HORIZON)  # compiles
    name = f"{starts:,} Dirac-GANs over {HORIZON:g} time units, compiled:dop853"
    value = best(lambda: integrate_many(game, y0, HORIZON, rtol=RTOL, atol=ATOL), 20)
    yield Row(
        name, value, scaled, "s", 500.0,
        f"every start its own steps, rtol {RTOL:g}; peer: the loop over solve_ivp DOP853 above; best of 20",
    )  # fmt: skip
    if importlib.util.find_spec("diffrax") is None:
        return
    value = best(lambda: integrate_many(game, y0, HORIZON, rtol=RTOL, atol=RTOL), 20)
    theirs = (
        "import time, jax, numpy as np, jax.numpy as jnp, diffrax\n"
        "jax.config.update('jax_enable_x64', True)\n"
        "def field(t, y, args):\n"
        "    s = jax.nn.sigmoid(y[0] * y[1])\n"
        "    return jnp.stack([y[1] * s, -y[0] * s])\n"
        "def solve(y):\n"
        f"    control = diffrax.PIDController(rtol={RTOL}, atol={RTOL})\n"
        "    save, term = diffrax.SaveAt(t1=True), diffrax.ODETerm(field)\n"
        f"    return diffrax.diffeqsolve(term, diffrax.Dopri8(), 0.0, {HORIZON}, None, y, saveat=save,\n"
        "                               stepsize_controller=control, max_steps=100_000).ys[-1]\n"
        "run = jax.jit(jax.vmap(solve))\n"
        f"y0 = jnp.asarray(np.random.default_rng(0).uniform(-2, 2, ({starts}, 2)))\n"
        "run(y0).block_until_ready()\n"
        "times = []\n"
        "for _ in range(3):\n"
        "    began = time.perf_counter()\n"
        "    run(y0).block_until_ready()\n"
        "    times.append(time.perf_counter() - began)\n"
        "print(min(times))\n"
    )
    yield Row(
        f"{name}, against diffrax", value, _reported(theirs, {}), "s", 5.0,
        f"rtol and atol {RTOL:g}; peer: diffrax Dopri8 under jit and vmap, compiled before; best of 20 and of 3",
    )  # fmt: skip


def _iterations(starts: int) -> Iterator[Row]:
    """Measure compiled simultaneous descent against what was asked for, and against a plain parallel Numba loop."""
    from math import exp

    from numba import njit, prange

    from dynamics import games, methods
    from dynamics.methods import iterate

    count, asked, lr = 1000, 1e8, 0.01
    game, method = games.get("dirac-gan"), methods.get("simultaneous", lr=lr)
    y0 = np.random.default_rng(0).uniform(-1, 1, (starts, 2))

    @njit(parallel=True)
    def plain(y0: np.ndarray, lr: float, count: int, last: np.ndarray) -> None:
        for i in prange(len(y0)):
            theta, psi = y0[i]
            for _ in range(count):
                s = lr / (1 + exp(-theta * psi))
                theta, psi = theta + s * psi, psi - s * theta
            last[i] = theta, psi

    def run() -> Any:
        return iterate(game, method, y0, count, every=count, compiled=True)

    theirs = np.empty_like(y0)
    plain(y0, lr, count, theirs)  # compiles, as the next line does
    # Steps of 1e-2 over ten units of time stretch rounding errors by little: a thousand times a few ulp.
    np.testing.assert_allclose(run().final, theirs, rtol=0, atol=1e-11)
    value, peer = best(run, 10), best(lambda: plain(y0, lr, count, theirs), 10)
    name = f"{starts:,} Dirac-GANs, {count} steps of simultaneous descent"
    yield Row(
        name, value, starts * count / asked, "s", 1.0,
        f"one kernel, the last state recorded, {starts * count / value / 1e6:.0f} million steps a second; "
        f"peer: {asked / 1e6:g} million, as asked for; best of 10",
    )  # fmt: skip
    yield Row(
        f"{name}, against a plain loop", value, peer, "s", 2.0,
        "the same; peer: a loop by hand under numba.njit with prange; best of 10",
    )  # fmt: skip


def _basins(starts: int) -> Iterator[Row]:
    """Measure a picture of basins, 512 x 512 cells for 10,000 starts."""
    from dynamics import games
    from dynamics.stability.basins import find_basins

    game, asked = games.get("forsaken"), 15.0
    cells = max(2, round(512 * (starts / 10_000) ** 0.5))
    find_basins(game, cells=4)  # compiles
    value = best(lambda: find_basins(game, cells=cells), 2)
    yield Row(
        f"basins of the forsaken game, {cells} x {cells} cells", value, asked * (cells / 512) ** 2, "s", 1.0,
        "attractors found first, every start its own steps; peer: 15 s for 512 x 512 cells, as asked for; best of 2",
    )  # fmt: skip


def _training_step() -> Iterator[Row]:
    import torch
    from torch.nn import functional

    from dynamics.gan.configuration import configure
    from dynamics.gan.objective import build_game, build_method
    from dynamics.gan.threads import torch_threads

    config = configure("digits-mlp")
    game, method = build_game(config), build_method(config)
    state = method.init(torch.as_tensor(game.start, dtype=game.dtype), game)
    modules = game.modules(state.y)
    generator, discriminator = modules["generator"], modules["discriminator"]
    real, latents = game.source.real, game.source.latents
    players = [
        (modules[name], torch.optim.SGD(modules[name].parameters(), lr=method.rate(name)))
        for name in ("discriminator", "generator")
    ]

    def ours() -> None:
        nonlocal state
        state, _ = method.step(state, game)

    def theirs() -> None:
        for module, optimiser in players:
            optimiser.zero_grad()
            if module is discriminator:
                fake = discriminator(generator(latents).detach())
                loss = functional.softplus(-discriminator(real)).mean() + functional.softplus(fake).mean()
            else:
                loss = functional.softplus(-discriminator(generator(latents))).mean()
            loss.backward()
            optimiser.step()

    with torch_threads(1):
        ours()  # imports and first allocations
        theirs()
        value, peer = (1e3 * _per_call(step) for step in (ours, theirs))
    yield Row(
        "one training step of digits-mlp", value, peer, "ms", 0.5,
        "alternating, full batch, one thread; peer: the same step in plain eager torch; best of 3 averages",
    )  # fmt: skip


def _per_call(step: Callable[[], None]) -> float:
    """Return the seconds of one call: the best of three averages that together fill :data:`FILL` seconds."""
    calls = max(1, int(FILL / 3 / best(step, 3)))
    return best(lambda: [step() for _ in range(calls)], 3) / calls
