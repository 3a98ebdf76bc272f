"""The generated functions in loops over arrays, and their text run by Python itself."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dynamics.games.codegen import draws, elementary
from dynamics.games.codegen.modules import load_module

HEAD = """import math

import numpy as np
from numba import njit

from dynamics.games.codegen.fused import fma

INNER = {"error_model": "numpy"}


"""

# What each loop computes, from arrays of float64 or of words.
LOOPS = {
    **{name: f"out[i] = {name}(x[i])" for name in elementary.NAMES if name != "turn"},
    "turn": "out[i, 0], out[i, 1] = turn(x[i])",
    "unit": "out[i] = unit(x[i])",
    "two_point": "out[i] = two_point(x[i])",
    "three_point": "out[i] = three_point(x[i])",
    "normal_pair": "out[i, 0], out[i, 1] = normal_pair(x[i, 0], x[i, 1])",
    "threefry": "out[i, 0], out[i, 1] = threefry(x[i, 0], x[i, 1], x[i, 2], x[i, 3])",
}


def load(loops: dict[str, str], cache: bool) -> ModuleType:
    texts = [
        f'@njit(cache={cache}, error_model="numpy")\n'
        f"def many_{name}(x, out):\n    for i in range(x.shape[0]):\n        {line}"
        for name, line in loops.items()
    ]
    parts = [elementary.functions().rstrip(), draws.functions().rstrip(), *texts]
    return load_module(HEAD + "\n\n\n".join(parts) + "\n", "loops")


@pytest.fixture(scope="session")
def compiled() -> SimpleNamespace:
    """Functions of arrays, by the names of the generated functions."""
    module = load(LOOPS, cache=True)

    def arrays(name: str) -> Callable[..., np.ndarray]:
        many = getattr(module, f"many_{name}")

        def call(x: Any) -> np.ndarray:
            x = np.asarray(x)
            shape = (len(x), 2) if "0]" in LOOPS[name] else (len(x),)
            out = np.empty(shape, dtype=np.uint64 if name == "threefry" else np.float64)
            many(x, out)
            return out

        return call

    return SimpleNamespace(**{name: arrays(name) for name in LOOPS})


#: Functions of LLVM that are instructions; others, such as llvm.log, become calls lane by lane. The square root stands
#: under its library's name in the loop over what remains behind the last full vector.
INSTRUCTIONS = re.compile(r"sqrt$|llvm\.(fma|sqrt|fabs|copysign|minnum|maxnum|minimum|maximum)\.")


@pytest.fixture(scope="session")
def vectorised() -> Callable[..., bool]:
    """Whether LLVM makes vector instructions of ``for i in range(len(x)): <line>``, and no call on a number."""

    def look(line: str, x: np.ndarray, out: np.ndarray, vector: str = r"<\d+ x double> @llvm\.fma\.") -> bool:
        # Code that comes from Numba's cache cannot be looked at.
        many = load({"one": line}, cache=False).many_one
        many(x, out)
        code = "\n".join(many.inspect_llvm().values())
        called = re.findall(r"call (?:double|<\d+ x double>) @([\w.]+)", code)
        return bool(re.search(vector, code)) and all(INSTRUCTIONS.match(name) for name in called)

    return look


def fused_by_fractions(a: float, b: float, c: float) -> float:
    """Return ``a b + c``, rounded once."""
    if not all(map(math.isfinite, (a, b, c))):
        return np.float64(a) * np.float64(b) + np.float64(c)
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    # The exact zero has no sign; that of the rounded operations is right, since the product is then a number.
    return np.float64(float(exact)) if exact else np.float64(a) * np.float64(b) + np.float64(c)


@pytest.fixture(scope="session")
def interpreted() -> SimpleNamespace:
    """The same text run by Python, whose operations are those of IEEE 754 one after the other."""
    names: dict[str, Any] = {
        "math": math,
        "np": np,
        "njit": lambda **_: lambda function: function,
        "INNER": {},
        "exactly": fused_by_fractions,
    }
    exec(elementary.functions(fused="exactly") + "\n\n" + draws.functions(), names)
    return SimpleNamespace(**names)
