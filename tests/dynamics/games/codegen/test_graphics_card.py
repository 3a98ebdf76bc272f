"""The text as device functions, run by Numba's simulator of graphics cards in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

from dynamics.core.random import BLOCKS, Stream, three_points, two_points, uniforms, words

PROGRAM = """
import json
import math

import numpy as np
from numba import cuda

from dynamics.games.codegen import draws, elementary

njit, INNER = cuda.jit, {"device": True}
exec(elementary.functions(fused="cuda.fma") + draws.functions())


@cuda.jit
def kernel(x, out):
    i = cuda.grid(1)
    out[0, i] = exp(x[i])
    out[1, i] = log(x[i])
    out[2, i] = sin(x[i])
    out[3, i] = cos(x[i])
    out[4, i] = tanh(x[i])
    out[5, i] = sigmoid(x[i])
    out[6, i] = softplus(x[i])
    first, second = threefry(i, 65536 * 9, 5, 1)
    out[7, i], out[8, i] = normal_pair(first, second)
    out[9, i], out[10, i], out[11, i] = unit(first), two_point(first), three_point(second)


x = np.array([-745.0, -3.0, -1e-9, 0.0, 0.3, 1.5, 8.0, 700.0])
out = np.empty((12, 8))
kernel[1, 8](x, out)
print(json.dumps([x.tolist(), np.nan_to_num(out, nan=-99.0, neginf=-98.0).tolist()]))
"""

NAMES = ("exp", "log", "sin", "cos", "tanh", "sigmoid", "softplus")


def test_device_functions_give_what_compiled_functions_give(compiled) -> None:
    assert BLOCKS == 65536
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    x, out = map(np.array, json.loads(run.stdout))
    pairs = words(5, np.arange(8), 9, Stream.BROWNIAN, 2)
    normal = compiled.normal_pair(pairs)
    expected = [np.nan_to_num(getattr(compiled, name)(x), nan=-99.0, neginf=-98.0) for name in NAMES]
    # The simulator's fused operation rounds twice: of the angle 700, 700 2^-53 = 8e-14.
    np.testing.assert_allclose(out[:9], [*expected, normal[:, 0], normal[:, 1]], rtol=1e-13, atol=1e-13)
    address = 5, np.arange(8), 9, Stream.BROWNIAN, 2
    for row, made, which in ((9, uniforms, 0), (10, two_points, 0), (11, three_points, 1)):
        np.testing.assert_array_equal(out[row], made(*address)[:, which])
