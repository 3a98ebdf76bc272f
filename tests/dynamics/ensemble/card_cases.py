"""Runs cases on the processor and on a graphics card, and writes what both give; a program of its own.

Numba must know before it is imported whether it is to simulate the card (NUMBA_ENABLE_CUDASIM=1), hence the process.
The simulator's fused operation rounds twice, in contrast to a card's; with the rounding ``once`` it is replaced by that
of the processor.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import config, njit

from dynamics import games, methods
from dynamics.ensemble import Coloured, Diagonal, Histogram, Isotropic, StateDependent, cuda, frontier, simulate
from dynamics.ensemble.kernel import cuda as kernel
from dynamics.games.codegen.fused import fma


@dataclass(frozen=True)
class Case:
    """A run: game, noise, settings of ``simulate``, threads of a block and path-steps of a launch."""

    game: Any
    noise: Any
    settings: dict[str, Any] = field(default_factory=dict)
    threads: int = 16
    launch: int = 2**31


# With one batch, 45 paths from number 3 on are blocks of 1, 4, 8, 16 and 16: partial blocks and whole ones.
frontier.BATCHES = 1
COMMON = {"paths": 45, "first": 3, "dt": 0.1, "time": 0.6, "records": 4, "seed": 11}
LOGARITHM = games.inline("x*log(x) - x", ["x"], [], start={"x": 0.5}, box={"x": (0.1, 2.0)})
CASES = {
    # Sums over quadrature nodes.
    "additive": Case(
        games.get("dirac-gan", instance_noise=0.5), 0.4,
        {"paths": 21, "first": 11, "time": 0.3, "spread": 0.2, "observe": ["theta**2"]}, threads=64,
    ),
    "milstein": Case(
        games.get("bilinear"), Diagonal({"x": "0.5*x", "y": "0.3*y + 0.1"}, schedule="exponential:half_life=0.5"),
        {"scheme": "milstein"},
    ),
    "runge-kutta": Case(
        games.get("forsaken"), Isotropic(0.3, schedule="cosine:length=1,final=0.2"),
        {"scheme": "stochastic-runge-kutta", "brownian_dt": 0.05}, launch=100,
    ),
    "weak": Case(
        games.get("almost-bilinear"), StateDependent([["0.3*y", "0.1"], ["-0.3*x", "0.2*x"]]),
        {"scheme": "weak-order-2"},
    ),
    "exits": Case(
        games.get("dirac-gan", penalty="r1", gamma=0.3), 0.8,
        {
            "start": [0.9, 0.1], "spread": 0.1, "until": ["abs(theta) > 1.1", "psi < -1"],
            "watch": ["psi > 0.3", "theta > 0.5"], "maxima": ["theta**2 + psi**2", "psi"],
            "histograms": [Histogram({"theta": (-1.0, 1.0, 4), "psi": (-1.0, 1.0, 3)}, times=(0.0, 0.3, 0.6)),
                           Histogram({"psi": (-0.5, 0.5, 7)})],
        },
        launch=100,
    ),
    # Exits at the steps alone, and paths that explode.
    "lost": Case(
        games.get("double-well"), 0.9,
        {"start": [0.0], "spread": 3.0, "dt": 0.5, "time": 4.0, "until": "x > 2 and x < 9", "maxima": ["x"],
         "bridge": False},
    ),
    "undefined": Case(LOGARITHM, 0.9),
    "adam": Case(
        games.get("dirac-gan", loss="non-saturating"), 0.2, {"scheme": methods.get("adam", lr=0.1)}, launch=100,
    ),
    "exact": Case(
        games.get("bilinear"), Coloured(Isotropic(0.4, schedule="exponential:half_life=1"), tau=0.5),
        {"scheme": "exact"},
    ),
}  # fmt: skip


def numbers(result: Any) -> dict[str, Any]:
    """Return the arrays of a result."""
    found = {
        "status": result.status_codes, "count": result.count, "final": result.final,
        "moments": result.summary.rows, "path_steps": result.statistics["path_steps"],
    }  # fmt: skip
    for name, largest in result.largest.items():
        found[f"largest {name}"] = largest.total().rows
    for i, event in enumerate(result.events):
        found |= {
            f"event {i}": event.summary.rows,
            f"times {i}": result.event_times[:, i],
            f"open {i}": event.open_paths,
        }
    for i, filled in enumerate(result.histograms):
        found |= {f"cells {i}": filled.counts, f"outside {i}": filled.outside}
    return found


def run(name: str, device: str, **changed: Any) -> dict[str, Any]:
    """Return the arrays of a case."""
    case = CASES[name]
    kernel.MOST_THREADS, cuda.LAUNCH = case.threads, case.launch
    chunk = {"chunk": 16} if device == "cpu" else {}
    return numbers(simulate(case.game, case.noise, device=device, **{**COMMON, **chunk, **case.settings, **changed}))


def interrupted() -> dict[str, Any]:
    """Return what is left of a run that is interrupted after its first paths."""

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    return run("milstein", "cuda", advance=stop, chunk=4)


def round_once() -> None:
    """Let the simulator's fused operation round once."""
    from numba.cuda.simulator.kernelapi import FakeCUDAModule

    @njit
    def fused(a, b, c):
        return fma(a, b, c)

    FakeCUDAModule.fma = lambda self, a, b, c: fused(float(a), float(b), float(c))


def main(target: str, rounding: str, *names: str) -> None:
    """Run cases and write their arrays to a file, names as ``case/device/array``."""
    # Words of random numbers wrap around.
    warnings.simplefilter("ignore", RuntimeWarning)
    if config.ENABLE_CUDASIM and rounding == "once":
        round_once()
    found = {}
    chosen = names or (*CASES, "interrupted")
    for name in (name for name in chosen if name in CASES):
        for device in ("cpu", "cuda"):
            found |= {f"{name}/{device}/{key}": value for key, value in run(name, device).items()}
    if "interrupted" in chosen:
        found |= {f"interrupted/cuda/{key}": value for key, value in interrupted().items()}
    np.savez(target, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
