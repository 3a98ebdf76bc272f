"""The static part of every integrator as a generated module, compiled once for smooth games and once for the others.

The functions of ``control``, ``search``, ``sides`` and ``loop`` are copied behind the numbers of ``layout``. What
belongs to a game is called through addresses in the integer array, so that a new game costs the compiler its field and
its stages only.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType

import numpy as np

from dynamics.games.codegen.integrator import control, layout, loop, search, sides
from dynamics.games.codegen.modules import load_module

#: What every module begins with. Nothing of fastmath but the contraction to fused operations, which keeps infinities
#: and NaN and helps accuracy; no wrappers for Python around what is called from compiled code only.
HEAD = """from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

INNER = {"error_model": "numpy", "fastmath": {"contract"}, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@intrinsic
def call(typing_context, address, a, s):
    def generate(context, builder, signature, arguments):
        pointers = []
        for kind, argument in zip(signature.args[1:], arguments[1:]):
            pointers.append(context.make_array(kind)(context, builder, argument).data)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type for pointer in pointers])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), pointers)
        return context.get_dummy_value()

    return types.void(types.int64, a, s), generate"""


def numbers() -> str:
    """Return the numbers of the layout as source."""
    return "\n".join(f"{name} = {value!r}" for name, value in vars(layout).items() if name.isupper())


def copies(module: ModuleType, *names: str) -> list[str]:
    """Return functions of a module as source to be compiled where it lands: those named, or all but ``field``."""
    chosen = names or [
        name
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and name not in ("field", "run")
    ]
    return [f"@njit(**INNER)\n{inspect.getsource(getattr(module, name))}".rstrip() for name in chosen]


def at_address(**names: str) -> list[str]:
    """Return functions that call what lies at an address in the integer array, by name and entry."""
    return [f"@njit(**INNER)\ndef {name}(a, s):\n    call(s[{entry}], a, s)" for name, entry in names.items()]


def entry(name: str, parts: Sequence[str]) -> str:
    """Return a function of two pointers, to be called at its address, that runs others one after the other.

    The arrays it makes of the pointers have no end that it knows of.
    """
    lines = [
        '@cfunc("void(CPointer(float64), CPointer(int64))", cache=True)',
        f"def {name}_entry(floats, integers):",
        "    a, s = carray(floats, (1 << 40,)), carray(integers, (1 << 40,))",
        *(f"    {part}(a, s)" for part in parts),
    ]
    return "\n".join(lines)


def module(parts: Sequence[str]) -> str:
    """Return the source of a module with these parts behind the common head and the numbers of the layout."""
    return "\n\n\n".join([HEAD, numbers(), *(part.strip("\n") for part in parts)]) + "\n"


def kernel_source(sided: bool) -> str:
    """Return the source of the static part, with ``run`` (see :func:`.loop.run`).

    Parameters
    ----------
    sided : bool
        Whether games may have kinks or bounds; the compiler takes half the time where they may not.
    """
    from scipy.integrate import RK45
    from scipy.integrate._ivp import dop853_coefficients

    weights = [
        f"{name} = np.array({np.asarray(matrix).tolist()!r})"
        for name, matrix in (("HIGH_WEIGHTS", dop853_coefficients.D), ("LOW_WEIGHTS", RK45.P.T))
    ]
    parts = ["\n".join([*weights, f"SIDED = {sided}"]), *at_address(field="FIELD"), *copies(control), *copies(search)]
    if sided:
        parts += at_address(raw="RAW", surfaces="SURFACE", gradients="GRADIENT", switches="SWITCH") + copies(sides)
    else:
        parts += copies(sides, "gauge", "touch", "present", "renew")
    parts.append(f'@njit(cache=True, nogil=True, error_model="numpy")\n{inspect.getsource(loop.run)}'.rstrip())
    return module(parts)


@lru_cache(maxsize=2)
def load_kernel(sided: bool) -> ModuleType:
    """Return the compiled static part, for games with kinks or bounds or without."""
    return load_module(kernel_source(sided), "integrator")
