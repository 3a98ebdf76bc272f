"""Ensembles of a stochastic differential equation: one path-step, against the same step by other means.

The Dirac-GAN under isotropic noise, Euler-Maruyama steps from (1, 1) in double precision. Ours takes moments at 101
times; the peers keep last states. A peer is timed on as many paths as fill a second or so, and its means and variances
must be ours within their standard errors.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenarios.bench.common import Row, best, printed, reported
from scenarios.bench.peers import c_program, numba_loop
from scenarios.bench.peers.sample import Sample, check_agreement

if TYPE_CHECKING:
    from dynamics.ensemble import Ensemble

STEPS, DT, SIGMA = 1_000, 0.01, 0.1
#: Paths of a batch of torchsde and diffrax: more fall out of the caches, and fewer leave the cost of a call.
BATCH = 20_000
#: Fewest paths of an ensemble whose time and moments mean something.
LEAST = 1_000
#: What so many paths times 10 may take, in MiB: 500 for ten million.
MEMORY = 500.0

NAME = "Dirac-GAN under noise, a path-step"


def run(paths: int, threads: int | None = None, records: int = 101) -> Ensemble:
    """Return the ensemble that is measured."""
    from dynamics import games
    from dynamics.ensemble import simulate

    return simulate(
        games.get("dirac-gan"), SIGMA, paths=paths, dt=DT, time=STEPS * DT, start=[1.0, 1.0], records=records,
        threads=threads,
    )  # fmt: skip


def rows(paths: int) -> Iterator[Row]:
    """Measure a path-step against all peers that are there, threads, records and memory."""
    from numba import get_num_threads

    threads = get_num_threads()
    run(1)  # compiles
    ours, value = _ours(paths, threads)
    yield from _by_hand(paths, threads, ours, value)
    yield from _libraries(paths, threads, ours, value)
    # HERE: the row of the graphics card, where there is one (the same ensemble through its kernel, against `value`).
    if threads > 1:
        yield _scaling(paths)
    yield _records(paths)
    if importlib.util.find_spec("resource") is not None:
        yield _memory(10 * paths)


def _ours(paths: int, threads: int) -> tuple[Sample, float]:
    """Return our moments, and nanoseconds of a path-step."""
    found: list[Ensemble] = []
    seconds = best(lambda: found.append(run(paths, threads)), 5)
    last = found[0]
    variance, error = (np.diagonal(of[-1]) for of in (last.covariance, last.covariance_error))
    return Sample(seconds, last.mean[-1], variance, last.mean_error[-1], error), _nanoseconds(seconds, paths)


def _nanoseconds(seconds: float, paths: int) -> float:
    return 1e9 * seconds / (paths * STEPS)


def _by_hand(paths: int, threads: int, ours: Sample, value: float) -> Iterator[Row]:
    """Measure against loops as users write them."""
    fewer = max(paths // 10, BATCH)
    about = f"{paths:,} paths of {STEPS:,} steps, {threads} threads; peer"
    theirs = numba_loop.sample(fewer, STEPS, DT, SIGMA, repeats=3)
    check_agreement("plain Numba loop", theirs, ours)
    yield Row(
        f"{NAME}, against a plain Numba loop", value, _nanoseconds(theirs.seconds, fewer), "ns", 7.0,
        f"{about}: numba.njit with prange and np.random.normal, {fewer:,} paths; best of 5 and of 3",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        program = c_program.build(Path(folder))
        if program is None:
            return
        theirs = c_program.sample(program, fewer, STEPS, DT, SIGMA, threads, repeats=3)
    check_agreement("scalar C program", theirs, ours)
    yield Row(
        f"{NAME}, against scalar C", value, _nanoseconds(theirs.seconds, fewer), "ns", 3.0,
        f"{about}: {c_program.SOURCE.name} ({' '.join(c_program.FLAGS)}), xoshiro256++ and a ziggurat, {fewer:,} "
        "paths; best of 5 and of 3",
    )  # fmt: skip


def _libraries(paths: int, threads: int, ours: Sample, value: float) -> Iterator[Row]:
    """Measure against the libraries that are installed, each in a process of its own."""
    ways = [("torchsde", "", "euler on one batch", threads, 15.0), ("diffrax", "", "Euler under jit and vmap", 1, 15.0)]
    if threads > 1:
        ways.append(("diffrax", " on all cores", f"the same, shared out over {threads} devices", threads, 7.0))
    for library, where, manner, count, floor in ways:
        if importlib.util.find_spec(library) is None:
            continue
        arguments = map(str, (BATCH, STEPS, DT, SIGMA, count, 3))
        theirs = Sample.parsed(printed("-m", f"scenarios.bench.peers.{library}_run", *arguments))
        check_agreement(library, theirs, ours)
        yield Row(
            f"{NAME}, against {library}{where}", value, _nanoseconds(theirs.seconds, BATCH), "ns", floor,
            f"{paths:,} paths of {STEPS:,} steps, {threads} threads; peer: {manner}, double precision, {BATCH:,} "
            "paths; best of 5 and of 3",
        )  # fmt: skip


def _scaling(paths: int) -> Row:
    """Measure two threads against one, in turns."""
    seconds = {1: np.inf, 2: np.inf}
    for _ in range(3):
        for threads in seconds:
            seconds[threads] = min(seconds[threads], best(lambda count=threads: run(paths, count), 1))
    return Row(
        f"{NAME}, two threads against one", _nanoseconds(seconds[2], paths), _nanoseconds(seconds[1], paths), "ns", 1.8,
        f"{paths:,} paths of {STEPS:,} steps; peer: the same with one thread; best of 3",
    )  # fmt: skip


def _records(paths: int) -> Row:
    """Measure what it costs to take moments at 101 times."""
    seconds = {2: np.inf, 101: np.inf}
    for _ in range(3):
        for records in seconds:
            seconds[records] = min(seconds[records], best(lambda count=records: run(paths, records=count), 1))
    return Row(
        f"{NAME}, moments at 101 times against 2", _nanoseconds(seconds[101], paths), _nanoseconds(seconds[2], paths),
        "ns", 0.5, f"{paths:,} paths of {STEPS:,} steps; peer: the same with moments at start and end; best of 3",
    )  # fmt: skip


def _memory(paths: int) -> Row:
    """Measure the most memory that a process takes for an ensemble."""
    value = reported(f"from scenarios.bench import ensemble; print(ensemble.peak({paths}))", {})
    return Row(
        f"memory of {paths:,} paths of {STEPS:,} steps", value, MEMORY, "MiB", 1.0,
        "largest resident set of a process of its own, interpreter and libraries included; peer: what was asked for",
    )  # fmt: skip


def peak(paths: int) -> float:
    """Run an ensemble and return the largest resident set of this process so far, in MiB."""
    import resource

    run(paths)
    try:
        # On Linux a process inherits the maximum that getrusage tells from the one that started it.
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1024**2 if sys.platform == "darwin" else 1024)
