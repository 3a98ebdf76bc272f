"""The dialects: for each target, how every operation is written, and the stable primitives it needs.

A new target is one more :class:`Dialect` table here plus its function shell in ``render``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ARITHMETIC = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "pow": "{0} ** {1}",
}


@dataclass(frozen=True)
class Dialect:
    """How a target writes operations.

    Attributes
    ----------
    name : str
    operations : mapping of str to str
        Operation name to a format template over its operands.
    prelude : str
        Code before the functions: imports and primitives.
    """

    name: str
    operations: Mapping[str, str]
    prelude: str

    def write(self, operation: str, *arguments: str) -> str:
        """Return the text of one operation."""
        return self.operations[operation].format(*arguments)


NUMPY = Dialect(
    "numpy",
    {
        **_ARITHMETIC,
        "sigmoid": "special.expit({0})",
        "softplus": "np.logaddexp(0.0, {0})",
        "log_sigmoid": "-np.logaddexp(0.0, -{0})",
        "tanh": "np.tanh({0})",
        "exp": "np.exp({0})",
        "log": "np.log({0})",
        "sqrt": "np.sqrt({0})",
        "sin": "np.sin({0})",
        "cos": "np.cos({0})",
        "relu": "np.maximum({0}, 0.0)",
        "step": "np.heaviside({0}, 0.0)",
        "abs": "np.abs({0})",
        "sign": "np.sign({0})",
        "clip": "np.minimum(np.maximum({0}, {1}), {2})",
        "gaussian_kernel": "gaussian_kernel({0}, {1}, {2})",
    },
    """import numpy as np
from scipy import special


def gaussian_kernel(k, m, s):
    width = np.maximum(np.abs(s), 1e-150)
    ratio = np.clip(m / width, -40.0, 40.0)
    density = np.exp(-0.5 * ratio * ratio) * 0.3989422804014327
    if k == -2:
        return width * density + m * special.ndtr(ratio)
    if k == -1:
        return special.ndtr(ratio)
    previous, current = 0.0 * ratio, 1.0 + 0.0 * ratio
    for j in range(int(k)):
        previous, current = current, ratio * current - j * previous
    sign = -1.0 if int(k) % 2 else 1.0
    singular = np.abs(s) < 1e-150
    power = np.where(singular, 1.0, width) ** (int(k) + 1)
    return np.where(singular, 0.0, sign * current * density / power)
""",
)

TORCH = Dialect(
    "torch",
    {
        **_ARITHMETIC,
        "sigmoid": "torch.sigmoid({0})",
        # torch's own softplus turns linear beyond 20, an error of 2e-9.
        "softplus": "torch.logaddexp({0}, torch.zeros_like({0}))",
        "log_sigmoid": "torch.nn.functional.logsigmoid({0})",
        "tanh": "torch.tanh({0})",
        "exp": "torch.exp({0})",
        "log": "torch.log({0})",
        "sqrt": "torch.sqrt({0})",
        "sin": "torch.sin({0})",
        "cos": "torch.cos({0})",
        "relu": "torch.relu({0})",
        "step": "({0} > 0).to(y.dtype)",
        "abs": "torch.abs({0})",
        "sign": "torch.sign({0})",
        "clip": "torch.minimum(torch.maximum({0}, tensor({1}, y)), tensor({2}, y))",
        "gaussian_kernel": "gaussian_kernel({0}, tensor({1}, y), tensor({2}, y))",
    },
    """import torch


def tensor(value, like):
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


def normal_cdf(x):
    # torch.special.ndtr is 0 below -9; erfc keeps the tail.
    return 0.5 * torch.special.erfc(-0.7071067811865476 * x)


def gaussian_kernel(k, m, s):
    width = torch.clamp(torch.abs(s), min=1e-150)
    ratio = torch.clamp(m / width, -40.0, 40.0)
    density = torch.exp(-0.5 * ratio * ratio) * 0.3989422804014327
    if k == -2:
        return width * density + m * normal_cdf(ratio)
    if k == -1:
        return normal_cdf(ratio)
    previous, current = torch.zeros_like(ratio), torch.ones_like(ratio)
    for j in range(int(k)):
        previous, current = current, ratio * current - j * previous
    sign = -1.0 if int(k) % 2 else 1.0
    singular = torch.abs(s) < 1e-150
    power = torch.where(singular, torch.ones_like(width), width) ** (int(k) + 1)
    return torch.where(singular, torch.zeros_like(ratio), sign * current * density / power)
""",
)

_NUMBA_IMPORTS = """import math

from numba import njit, prange


"""

#: Through the mathematical library, whose calls keep loops from being vectorised.
_NUMBA_LIBRARY = """@njit(cache=True)
def sigmoid(x):
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@njit(cache=True)
def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


"""

#: What Numba's dialects have in common; needs ``math`` and ``njit``.
NUMBA_SHARED = """@njit(cache=True)
def step(x):
    return 1.0 if x > 0.0 else 0.0


@njit(cache=True)
def sign(x):
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)


@njit(cache=True)
def gaussian_kernel(k, m, s):
    width = max(abs(s), 1e-150)
    ratio = min(max(m / width, -40.0), 40.0)
    density = math.exp(-0.5 * ratio * ratio) * 0.3989422804014327
    if k == -2.0:
        return width * density + m * 0.5 * math.erfc(-ratio * 0.7071067811865476)
    if k == -1.0:
        return 0.5 * math.erfc(-ratio * 0.7071067811865476)
    if abs(s) < 1e-150:
        return 0.0
    previous = 0.0
    current = 1.0
    for j in range(int(k)):
        following = ratio * current - j * previous
        previous = current
        current = following
    if int(k) % 2:
        current = -current
    return current * density / width ** (int(k) + 1)
"""

NUMBA = Dialect(
    "numba",
    {
        **_ARITHMETIC,
        "sigmoid": "sigmoid({0})",
        "softplus": "softplus({0})",
        "log_sigmoid": "-softplus(-{0})",
        "tanh": "math.tanh({0})",
        "exp": "math.exp({0})",
        "log": "math.log({0})",
        "sqrt": "math.sqrt({0})",
        "sin": "math.sin({0})",
        "cos": "math.cos({0})",
        "relu": "max({0}, 0.0)",
        "step": "step({0})",
        "abs": "abs({0})",
        "sign": "sign({0})",
        "clip": "min(max({0}, {1}), {2})",
        "gaussian_kernel": "gaussian_kernel({0}, {1}, {2})",
        # What methods need besides the operations of games.
        "equal": "1.0 if {0} == {1} else 0.0",
        "max": "max({0}, {1})",
        "nan_above": "{0} if {1} <= {2} else math.nan",
    },
    _NUMBA_IMPORTS + _NUMBA_LIBRARY + NUMBA_SHARED,
)

DIALECTS = {dialect.name: dialect for dialect in (NUMPY, TORCH, NUMBA)}
