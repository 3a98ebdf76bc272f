"""What holds in every test: floating-point errors raise, one thread per process, no display."""

from __future__ import annotations

import os

# Before any numerical library is imported. Two OpenMP runtimes in one process can hang, so Numba gets its own pool;
# under xdist each worker keeps to one thread, or workers fight for the cores.
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"
os.environ["MPLBACKEND"] = "Agg"
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

# The time of one example says nothing on a shared machine, and a failure must be repeatable.
settings.register_profile("gan-dynamics", deadline=None, derandomize=True)
settings.load_profile("gan-dynamics")


@pytest.fixture(autouse=True)
def floating_point_errors_raise() -> Iterator[None]:
    with np.errstate(all="raise", under="ignore"):
        yield
