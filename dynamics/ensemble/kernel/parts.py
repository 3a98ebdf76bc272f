"""What a kernel is made of, and where its rows lie."""

from __future__ import annotations

from dataclasses import dataclass

from dynamics.ensemble.increments import Increments
from dynamics.ensemble.trace import Code

#: Paths that go side by side in one loop: enough to fill the registers of AVX-512 four times over. The number is built
#: into the loops, since a loop of any length ends in one that is not vectorised.
LANES = 32

#: Paths of a block. Lanes that paths have left are computed along until their group is empty: the more groups, the
#: less of that. With exponential exit times, 8 groups of 32 take 1.5 times the steps needed, 2 groups 2.7 times.
WIDTH = 8 * LANES

#: How a path ended, as the kernel counts: to its end, beyond every bound, at NaN, at a condition, not at all.
FINISHED, DIVERGED, MISSING, STOPPED, UNFINISHED = range(5)

#: Beyond this exponent a Brownian bridge cannot have crossed: exp(-37) is below the least uniform number, 2^-53.
NEVER = 37.0


@dataclass(frozen=True)
class Parts:
    """What a kernel is made of.

    Attributes
    ----------
    dim : int
        Coordinates that are recorded and tested against the bound; the rest of the state is memory.
    step : Code
        From ``m0..`` and ``w0..`` to the next state.
    increments : Increments
    observables : Code
        From ``m0..`` to what is recorded.
    conditions : Code
        From ``m0..`` to the functions whose sign tells whether conditions hold (positive where they do).
    slopes : Code, optional
        From ``m0..``, for each condition, the variance ``|B^T grad|^2`` and then ``B B^T grad``, shape (1 + dim), and
        last the entries of B; None if crossings between the steps are not looked for.
    maxima : Code
        From ``m0..`` to the quantities whose largest value is kept.
    variances : Code, optional
        From ``m0..`` to ``|B^T grad|^2`` of each of these; None if only the values at the steps count.
    stops : tuple of bool
        Which conditions end a path.
    strengths, columns, constants, values : int
        Numbers of the arguments (see :class:`dynamics.ensemble.trace.TracedEquation`).
    noise_dim : int
    """

    dim: int
    step: Code
    increments: Increments
    observables: Code
    conditions: Code
    slopes: Code | None
    maxima: Code
    variances: Code | None
    stops: tuple[bool, ...]
    strengths: int
    columns: int
    constants: int
    values: int
    noise_dim: int


class Rows:
    """Places of named rows in the scratch array of a group of lanes."""

    def __init__(self, parts: Parts) -> None:
        self.size = len(parts.step.outputs)
        self.first: dict[str, int] = {}
        self.count = 0
        conditions = len(parts.stops)
        for name, rows in (
            ("state", self.size), ("next", self.size), ("draw", parts.increments.rows), ("old", conditions),
            ("new", conditions), ("var", conditions), ("met", conditions), ("active", conditions),
            ("most", len(parts.maxima.outputs)),
        ):  # fmt: skip
            self.first[name] = self.count
            self.count += rows

    def at(self, name: str, i: int | str = 0) -> str:
        """Return the place of a row in the loop over the lanes of a group; ``i`` may be ``{i}``."""
        if isinstance(i, int):
            return f"s[{(self.first[name] + i) * LANES} + lane]"
        return f"s[{self.first[name] * LANES} + {i} * LANES + lane]"

    def of(self, name: str, i: int | str = 0) -> str:
        """Return the place of a row of any lane."""
        place = f"{self.first[name] + i}" if isinstance(i, int) else f"({self.first[name]} + {i})"
        return f"a[lane // LANES, {place} * LANES + lane % LANES]"
