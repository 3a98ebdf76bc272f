"""Methods traced into kernels: one iteration as straight-line code, in one generated function with its loop.

A :class:`Traced` vector holds names instead of numbers; running a method's own ``step`` on it writes down, operation
by operation, what the method computes, with the game's components inlined. The result is a
:class:`~dynamics.games.codegen.Program` whose outputs are the next extended state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dynamics.games.codegen import Assign, GaussianSum, load_module, lower
from dynamics.games.codegen.program import Operand, Tape
from dynamics.games.codegen.render import kernel
from dynamics.games.field import Draw
from dynamics.games.symbolic import SymbolicGame
from dynamics.methods.base import Method, State


@dataclass(frozen=True)
class Traced:
    """A vector of names on a tape; a vector of one entry broadcasts."""

    __array_ufunc__ = None

    tape: Tape
    entries: tuple[Operand, ...]

    def __getitem__(self, key: Any) -> Traced:
        part: slice = key[-1] if isinstance(key, tuple) else key
        return Traced(self.tape, self.entries[part])

    def replace_part(self, part: slice, values: Traced) -> Traced:
        """Return a copy with the coordinates ``part`` replaced."""
        return Traced(self.tape, (*self.entries[: part.start], *values.entries, *self.entries[part.stop :]))

    def _pairs(self, other: Any) -> Iterable[tuple[Operand, Operand]]:
        theirs = other.entries if isinstance(other, Traced) else (float(other),)
        mine = self.entries
        size = max(len(mine), len(theirs))
        mine = mine * size if len(mine) == 1 else mine
        theirs = theirs * size if len(theirs) == 1 else theirs
        return zip(mine, theirs, strict=True)

    def _apply(self, operation: str, other: Any, *, swap: bool = False) -> Traced:
        pairs = ((b, a) if swap else (a, b) for a, b in self._pairs(other))
        return Traced(self.tape, tuple(self.tape.emit(operation, a, b) for a, b in pairs))

    def __add__(self, other: Any) -> Traced:
        return self._apply("add", other)

    def __radd__(self, other: Any) -> Traced:
        return self._apply("add", other, swap=True)

    def __sub__(self, other: Any) -> Traced:
        return self._apply("sub", other)

    def __rsub__(self, other: Any) -> Traced:
        return self._apply("sub", other, swap=True)

    def __mul__(self, other: Any) -> Traced:
        return self._apply("mul", other)

    def __rmul__(self, other: Any) -> Traced:
        return self._apply("mul", other, swap=True)

    def __neg__(self) -> Traced:
        return Traced(self.tape, tuple(self.tape.emit("neg", entry) for entry in self.entries))


class _TracedGame:
    """A symbolic game whose components are inlined onto the tape."""

    def __init__(self, game: SymbolicGame, tape: Tape) -> None:
        self.game = game
        self.tape = tape
        self.players = game.players
        self.scale = {player: f"c{i}" for i, player in enumerate(game.players)}
        self.inlined: dict[Any, tuple[Operand, ...]] = {}

    def component(self, player: str, y: Traced, t: float = 0.0, draw: Draw = None) -> Traced:
        key = (player, y.entries)
        if key not in self.inlined:
            program = self.game.component_program(player)
            self.inlined[key] = self._inline(program, dict(zip(program.coordinates, y.entries, strict=True)))
        direction = Traced(self.tape, self.inlined[key])
        return direction * Traced(self.tape, (self.scale[player],))

    def project(self, y: Traced, player: str | None = None) -> Traced:
        definition = self.game.definition
        mine = self.game.names if player is None else self.game.coordinates(player)
        entries = list(y.entries)
        for i, name in enumerate(self.game.names):
            if name in definition.bounds and name in mine:
                low, high = self._inline(lower(definition.bounds[name], (), definition.parameter_symbols), {})
                entries[i] = self.tape.emit("clip", entries[i], low, high)
        return Traced(self.tape, tuple(entries))

    def _inline(self, program: Any, names: dict[str, Operand]) -> tuple[Operand, ...]:
        """Copy a program onto the tape under new names; parameters keep theirs."""

        def rename(operand: Operand) -> Operand:
            return names.get(operand, operand) if isinstance(operand, str) else operand

        def copied(statement: Assign) -> Assign:
            arguments = tuple(map(rename, statement.arguments))
            names[statement.target] = self.tape.fresh()
            return Assign(str(names[statement.target]), statement.operation, arguments)

        for statement in program.statements:
            if isinstance(statement, GaussianSum):
                body = tuple(copied(assign) for assign in statement.body)
                terms = tuple(str(rename(term)) for term in statement.terms)
                for target in statement.targets:
                    names[target] = self.tape.fresh()
                targets = tuple(str(names[target]) for target in statement.targets)
                self.tape.statements.append(GaussianSum(statement.node, body, terms, targets))
            else:
                names[statement.target] = self.tape.emit(statement.operation, *map(rename, statement.arguments))
        return tuple(map(rename, program.outputs))


def make_kernel(method: Method, game: SymbolicGame) -> Callable[..., None]:
    """Return the compiled loop of a method on a game.

    Parameters
    ----------
    method : Method
        Written in array operators, so that it can be traced. Its rates stay arguments of the kernel, its other
        settings are built in.
    game : SymbolicGame

    Returns
    -------
    compiled function ``(start, rates, scales, p, z, w, iterations, every, bound, path, last, reached)``
        over starts of shape (paths, extended dim);
        ``path`` of shape (paths, records, dim) receives every ``every``-th state, ``last`` the last one and
        ``reached`` its iteration and the reason for stopping
    """
    tape = Tape("v")
    rates = {player: Traced(tape, (f"r{i}",)) for i, player in enumerate(game.players)}
    # The shape of the memory comes from a dry run on numbers.
    plain = method.init(game.start)
    dims = [game.dim, *(len(entry) for entry in plain.memory.values())]
    names = [f"m{i}" for i in range(sum(dims))]
    vectors, begin = [], 0
    for size in dims:
        vectors.append(Traced(tape, tuple(names[begin : begin + size])))
        begin += size
    state = State(vectors[0], 0, dict(zip(plain.memory, vectors[1:], strict=True)))
    after, _ = method.with_lr(rates).step(state, _TracedGame(game, tape))
    outputs = [entry for vector in (after.y, *after.memory.values()) for entry in vector.entries]
    source = kernel(
        tape.statements,
        names,
        outputs,
        dim=game.dim,
        arguments={
            "rates": [f"r{i}" for i in range(len(game.players))],
            "scales": [f"c{i}" for i in range(len(game.players))],
            "p": [f"p{i}" for i in range(len(game.parameters))],
        },
    )
    return load_module(source, f"kernel_{method.name.replace('-', '_')}").run_many
