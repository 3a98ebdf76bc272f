"""A scalar C program, built with the system's compiler where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scenarios.bench.peers.sample import Sample

SOURCE = Path(__file__).with_name("euler_maruyama.c")
FLAGS = ("-std=c11", "-O3", "-march=native", "-fopenmp")


def build(folder: Path) -> Path | None:
    """Return the program, or None without a compiler that knows OpenMP."""
    program = folder / SOURCE.stem
    for compiler in ("cc", "gcc"):
        found = shutil.which(compiler)
        if found is None:
            continue
        done = subprocess.run([found, *FLAGS, str(SOURCE), "-o", str(program), "-lm"], capture_output=True)
        if done.returncode == 0:
            return program
    return None


def sample(
    program: Path, paths: int, steps: int, dt: float, sigma: float, threads: int, repeats: int, seed: int = 0
) -> Sample:
    """Return the moments of the fastest of several runs; each has other random numbers."""
    samples = []
    for run in range(repeats):
        arguments = [str(program), *map(repr, (paths, steps, dt, sigma, seed + run))]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(arguments, check=True, capture_output=True, text=True, env=environment)
        samples.append(Sample.parsed(done.stdout))
    return min(samples, key=lambda one: one.seconds)
