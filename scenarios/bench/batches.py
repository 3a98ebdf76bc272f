"""Flows of many starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import numpy as np

from scenarios.bench.common import Row, best, reported

RTOL, ATOL, HORIZON = 1e-8, 1e-10, 50.0
#: Single integrations behind the extrapolated peer of the batches.
SINGLES = 20


def rows(starts: int) -> Iterator[Row]:
    """Measure all solvers against a loop over single starts."""
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
        f"{name}, against diffrax", value, reported(theirs, {}), "s", 5.0,
        f"rtol and atol {RTOL:g}; peer: diffrax Dopri8 under jit and vmap, compiled before; best of 20 and of 3",
    )  # fmt: skip
