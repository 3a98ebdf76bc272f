"""Steps of a training algorithm from many starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from scenarios.bench.common import Row, best


def rows(starts: int) -> Iterator[Row]:
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
