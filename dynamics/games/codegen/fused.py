"""The fused multiply-add as a function of Numba."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> tuple[Signature, Any]:
    """Return ``a b + c``, rounded once.

    The exact product is what error-free argument reductions stand on, and the single rounding is promised
    (IEEE 754-2008, 5.4.1) whether or not LLVM takes several lanes at a time: the bits are the same in the vectorised
    body of a loop, in its remainder and for one number alone. Contraction under fastmath promises neither.

    Parameters
    ----------
    a, b, c : float
        Double precision; other numbers are converted.

    Returns
    -------
    float
    """
    signature = types.float64(types.float64, types.float64, types.float64)

    def generate(context: Any, builder: ir.IRBuilder, signature: Signature, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return signature, generate
