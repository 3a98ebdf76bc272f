"""A plain parallel loop under Numba, as a user would write it by hand."""

from __future__ import annotations

import time
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from scenarios.bench.peers.sample import Sample


def sample(paths: int, steps: int, dt: float, sigma: float, repeats: int) -> Sample:
    """Return the moments, and the best of several times."""
    from numba import njit, prange

    @njit(parallel=True)
    def loop(steps: int, dt: float, scale: float, last: NDArray[np.float64]) -> None:
        for p in prange(len(last)):
            theta, psi = 1.0, 1.0
            for _ in range(steps):
                s = dt / (1 + exp(-theta * psi))
                # Numba knows no other generator that is safe here: this one has a state for each thread.
                dw0, dw1 = np.random.normal(), np.random.normal()  # noqa: NPY002
                theta, psi = theta + s * psi + scale * dw0, psi - s * theta + scale * dw1
            last[p] = theta, psi

    last = np.empty((paths, 2))
    loop(1, dt, sigma * sqrt(dt), last)  # compiles
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        loop(steps, dt, sigma * sqrt(dt), last)
        times.append(time.perf_counter() - began)
    return Sample.of(last, min(times))
