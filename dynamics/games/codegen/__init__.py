"""One printer, several dialects: SymPy expressions become straight-line code.

``program``  lowers expressions to a list of let-bound operations (shared subexpressions appear once)
``dialects`` one table per target: NumPy, torch, Numba (a further target is one more table)
``lanes``    Numba's dialect for loops over many states side by side, which the compiler vectorises; its functions are
             in ``elementary``, random numbers in ``draws``, the fused multiply-add in ``fused``
``device``   the same for one state in a thread of a graphics card
``render``   writes a program in a dialect
``modules``  keeps the written code as files named by a hash of their content
"""

from dynamics.games.codegen.modules import load_module
from dynamics.games.codegen.program import Assign, GaussianSum, Program, lower
from dynamics.games.codegen.render import render

__all__ = ["Assign", "GaussianSum", "Program", "load_module", "lower", "render"]
