"""One step of a scheme as straight-line code: the scheme's own ``step``, run on names instead of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from dynamics.ensemble.schemes.base import Scheme
from dynamics.ensemble.sde import SDE
from dynamics.games.codegen.program import Assign, GaussianSum, Operand, Tape
from dynamics.methods.trace import Traced, TracedGame


@dataclass(frozen=True)
class Code:
    """Straight-line code.

    Attributes
    ----------
    statements : tuple of Assign or GaussianSum
    outputs : tuple of operands
    """

    statements: tuple[Assign | GaussianSum, ...]
    outputs: tuple[Operand, ...]

    def names(self) -> set[str]:
        """Return every name that is read."""
        found = {output for output in self.outputs if isinstance(output, str)}
        for statement in self.statements:
            for assign in statement.body if isinstance(statement, GaussianSum) else (statement,):
                found.update(argument for argument in assign.arguments if isinstance(argument, str))
        return found


class TracedEquation:
    """An SDE whose coordinates, increments and numbers are names.

    ====================  ==========================================================
    ``m0, m1, ..``        state, then memory of the scheme
    ``w0, w1, ..``        increments
    ``p0, p1, ..``        :attr:`SDE.values`
    ``k0, k1, ..``        :meth:`Scheme.constants`
    ``g0, g1, g2``        factor of the noise at the stages 0, 1/2, 1 of the step
    ``q0, q1, ..``        :meth:`Scheme.columns` of the step
    ``h, root_h``         length of the step and its square root
    ====================  ==========================================================
    """

    def __init__(self, sde: SDE, scheme: Scheme, dt: float, tape: Tape) -> None:
        self.sde = sde
        self.tape = tape
        self.h, self.root_h = Traced(tape, ("h",)), Traced(tape, ("root_h",))
        self.constants = Traced(tape, tuple(f"k{i}" for i in range(len(scheme.constants(sde, dt)))))
        self.columns = Traced(tape, tuple(f"q{i}" for i in range(scheme.columns(sde, dt, 0, 1).shape[1])))
        game: Any = sde.motion
        self.playable = TracedGame(game, tape)
        # The time scales stand behind the parameters.
        first = len(game.parameters)
        self.playable.scale = {player: f"p{first + i}" for i, player in enumerate(game.players)}

    def drift(self, y: Traced, stage: float = 0.0) -> Traced:
        """Return ``a(y)``."""
        return Traced(self.tape, self.inlined("drift", self.sde.drift, y, stage))

    def noise(self, y: Traced, xi: Traced, stage: float = 0.0) -> Traced:
        """Return ``g B(y) xi``."""
        total = Traced(self.tape, (0.0,) * self.sde.dim)
        for j in range(self.sde.noise_dim):
            total = total + self.column(y, j, stage) * xi[..., j : j + 1]
        return total

    def column(self, y: Traced, j: int, stage: float = 0.0) -> Traced:
        """Return ``g b_j(y)``."""
        entries = [row[j] for row in self.sde.diffusion]
        column = Traced(self.tape, self.inlined(f"column {j}", entries, y, stage))
        return column if self.sde.noise.schedule is None else column * self._strength(stage)

    def level(self, y: Traced, j: int, k: int, stage: float = 0.0) -> Traced:
        """Return ``g^2 L^j b_k(y)``."""
        level = Traced(self.tape, self.inlined(f"level {j} {k}", self.sde.levels(j, k), y, stage))
        if self.sde.noise.schedule is None:
            return level
        return level * self._strength(stage) * self._strength(stage)

    def project(self, y: Traced) -> Traced:
        """Return states with clipped coordinates clipped."""
        if not self.sde.bounded:
            return y
        own = self.playable.project(y[..., : self.sde.motion.dim])
        return Traced(self.tape, (*own.entries, *y.entries[self.sde.motion.dim :]))

    def joined(self, vectors: Sequence[Traced]) -> Traced:
        """Return one vector from several."""
        return Traced(self.tape, tuple(entry for vector in vectors for entry in vector.entries))

    def inlined(self, key: str, expressions: Sequence[sp.Expr], y: Traced, stage: float = 0.0) -> tuple[Operand, ...]:
        """Return the operands that hold expressions at a state."""
        program = self.sde.program(key, expressions)
        names = dict(zip(program.coordinates, y.entries, strict=False))
        names[program.parameters[-1]] = 1.0 if self.sde.noise.schedule is None else self._strength(stage).entries[0]
        return self.tape.inline(program, names)

    def _strength(self, stage: float) -> Traced:
        return Traced(self.tape, (f"g{round(2 * stage)}",))


def traced_step(sde: SDE, scheme: Scheme, dt: float) -> Code:
    """Return the code of one step: outputs are the next state and memory."""
    tape = Tape("v")
    equation = TracedEquation(sde, scheme, dt, tape)
    increments = scheme.increments(sde)
    state = Traced(tape, tuple(f"m{i}" for i in range(sde.dim + scheme.memory(sde))))
    draws = increments.split(Traced(tape, tuple(f"w{i}" for i in range(increments.rows))))
    after = scheme.step(state, equation, draws)
    return Code(tuple(tape.statements), after.entries)


def traced_values(sde: SDE, key: str, expressions: Sequence[sp.Expr], state: str, prefix: str) -> Code:
    """Return the code of expressions at the state ``{state}0, {state}1, ..``; temporaries begin with ``prefix``."""
    tape = Tape(prefix)
    program = sde.program(key, expressions)
    names: dict[str, Operand] = {name: f"{state}{i}" for i, name in enumerate(program.coordinates)}
    names[program.parameters[-1]] = 1.0
    outputs = tape.inline(program, names)
    return Code(tuple(tape.statements), outputs)
