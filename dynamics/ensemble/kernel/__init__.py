"""The compiled loop of an ensemble: a step of a scheme as straight-line code, run over paths side by side.

Paths go in lanes, and the innermost loops are those over the lanes; they have no branches, so that the compiler fills
the widest registers with them. Random words, normal numbers, the step and what is watched are loops of their own, which
keeps the registers from spilling. A path that ends gives its lane to the last one. Blocks of lanes are nodes of the
dyadic tree of path numbers (:mod:`dynamics.ensemble.tree`). Every path sees the operations it would see alone, so that
its bits depend neither on the others nor on chunks and threads.

``parts``   what a kernel is made of, and where its rows lie
``lines``   the source lines of code in loops over lanes
``events``  the functions that end paths and note what they met, one lane at a time
``loop``    the loop itself
``cuda``    the same for graphics cards, one thread for each path
"""

from dynamics.ensemble.kernel.loop import source
from dynamics.ensemble.kernel.parts import DIVERGED, FINISHED, LANES, MISSING, STOPPED, UNFINISHED, WIDTH, Parts

__all__ = ["DIVERGED", "FINISHED", "LANES", "MISSING", "STOPPED", "UNFINISHED", "WIDTH", "Parts", "source"]
