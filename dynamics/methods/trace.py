"""Methods traced into kernels: one iteration as straight-line code, in one generated function with its loop.

A :class:`Traced` vector holds names instead of numbers; running a method's own ``step`` on it writes down, operation
by operation, what the method computes, with the game's components inlined. The result is a
:class:`~dynamics.games.codegen.Program` whose outputs are the next extended state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dynamics.games.codegen import load_module, lower
from dynamics.games.codegen.kernel import kernel
from dynamics.games.codegen.program import Operand, Tape
from dynamics.games.field import Draw
from dynamics.games.symbolic import SymbolicGame
from dynamics.methods.arithmetic import NEWTON_TOLERANCE, Linear
from dynamics.methods.base import Method
from dynamics.methods.linearise import unpacked


@dataclass(frozen=True)
class Traced:
    """A vector of names on a tape; a vector of one entry broadcasts."""

    __array_ufunc__ = None

    tape: Tape
    entries: tuple[Operand, ...]

    @property
    def namespace(self) -> type[TracedNamespace]:
        """Functions of traced vectors."""
        return TracedNamespace

    def __getitem__(self, key: Any) -> Traced:
        part: slice = key[-1] if isinstance(key, tuple) else key
        return Traced(self.tape, self.entries[part])

    def lift(self, a: Traced) -> Traced:
        """Return the vector itself."""
        return a

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
        return Traced(self.tape, tuple(_folded(self.tape, operation, a, b) for a, b in pairs))

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

    def __truediv__(self, other: Any) -> Traced:
        return self._apply("div", other)

    def __rtruediv__(self, other: Any) -> Traced:
        return self._apply("div", other, swap=True)

    def __neg__(self) -> Traced:
        return Traced(self.tape, tuple(self.tape.emit("neg", entry) for entry in self.entries))


def _folded(tape: Tape, operation: str, a: Operand, b: Operand) -> Operand:
    """Return the operand that holds a result, without an operation where a number decides it."""
    match operation, a, b:
        case "mul", 0.0, _:
            return 0.0
        case "mul", _, 0.0:
            return 0.0
        case "mul", 1.0, _:
            return b
        case "mul" | "div", _, 1.0:
            return a
        case "add", 0.0, _:
            return b
        case "add" | "sub", _, 0.0:
            return a
        case "div", 0.0, _:
            return 0.0
    return tape.emit(operation, a, b)


class TracedNamespace:
    """The functions of :mod:`dynamics.methods.arithmetic` on traced vectors."""

    @staticmethod
    def _map(operation: str, a: Traced, *others: Traced) -> Traced:
        columns = zip(a.entries, *(other.entries for other in others), strict=True)
        return Traced(a.tape, tuple(a.tape.emit(operation, *column) for column in columns))

    @classmethod
    def sqrt(cls, a: Traced) -> Traced:
        """Return square roots."""
        return cls._map("sqrt", a)

    @classmethod
    def sign(cls, a: Traced) -> Traced:
        """Return signs."""
        return cls._map("sign", a)

    @staticmethod
    def ones(y: Traced) -> Traced:
        """Return ones like ``y``."""
        return Traced(y.tape, (1.0,) * len(y.entries))

    @staticmethod
    def dot(a: Traced, b: Traced) -> Traced:
        """Return the sum of products over the coordinates, one entry."""
        total: Operand = 0.0
        for entry in (a * b).entries:
            total = _folded(a.tape, "add", total, entry)
        return Traced(a.tape, (total,))

    @staticmethod
    def same(a: Traced, b: Traced) -> Traced:
        """Return 1.0 where entries agree, else 0.0."""
        pairs = zip(a.entries, b.entries, strict=True)
        return Traced(a.tape, tuple(1.0 if p == q else a.tape.emit("equal", p, q) for p, q in pairs))

    @staticmethod
    def value(y: Traced) -> Traced:
        """Return the vector itself."""
        return y

    @staticmethod
    def small(correction: Traced, state: Traced) -> bool:
        """Return False: a kernel takes every Newton step."""
        return False

    @classmethod
    def valid(cls, state: Traced, correction: Traced) -> Traced:
        """Return the state, NaN where the correction was not small."""
        tape = state.tape
        sizes = [cls._largest(cls._map("abs", vector)) for vector in (correction, state)]
        limit = tape.emit("mul", NEWTON_TOLERANCE, tape.emit("add", 1.0, sizes[1]))
        return Traced(tape, tuple(tape.emit("nan_above", entry, sizes[0], limit) for entry in state.entries))

    @staticmethod
    def _largest(vector: Traced) -> Operand:
        largest = vector.entries[0]
        for entry in vector.entries[1:]:
            largest = vector.tape.emit("max", largest, entry)
        return largest

    @staticmethod
    def solve(apply: Linear, y: Traced, b: Traced) -> Traced:
        """Return ``x`` with ``A(y) x = b`` by straight-line elimination, exact for matrices that need no pivoting.

        The matrices of competitive and proximal steps have a positive definite symmetric part in zero-sum games, so
        that no pivot vanishes (Golub and Van Loan 2013, section 4.1.5).
        """
        n, tape = len(b.entries), b.tape
        units = (Traced(tape, tuple(float(i == j) for i in range(n))) for j in range(n))
        columns = [apply(y, unit).entries for unit in units]
        rows = [Traced(tape, (*(column[i] for column in columns), b.entries[i])) for i in range(n)]
        for i in range(n):
            for j in range(i + 1, n):
                rows[j] = rows[j] - rows[i] * (rows[j][i : i + 1] / rows[i][i : i + 1])
        x: list[Traced] = [rows[0]] * n
        for i in reversed(range(n)):
            known = rows[i][n : n + 1]
            for j in range(i + 1, n):
                known = known - rows[i][j : j + 1] * x[j]
            x[i] = known / rows[i][i : i + 1]
        return Traced(tape, tuple(entry.entries[0] for entry in x))


class TracedGame:
    """A symbolic game whose components are inlined onto the tape."""

    def __init__(self, game: SymbolicGame, tape: Tape) -> None:
        self.game = game
        self.tape = tape
        self.players = game.players
        self.scale = {player: f"c{i}" for i, player in enumerate(game.players)}
        self.inlined: dict[Any, tuple[Operand, ...]] = {}

    def component(self, player: str, y: Traced, t: float = 0.0, draw: Draw = None) -> Traced:
        """Return one player's descent direction."""
        return self._program(f"component_{player}", y) * self.timescale(player)

    def timescale(self, player: str) -> Traced:
        """Return the factor of one player's part of the field."""
        return Traced(self.tape, (self.scale[player],))

    def gradient(self, loss_of: str, wrt: str, y: Traced, draw: Draw = None) -> Traced:
        """Return ``dL_{loss_of} / dx_{wrt}``."""
        return self._program(f"loss_1_{loss_of}", y)[self.players[wrt]]

    def jvp(self, y: Traced, u: Traced, t: float = 0.0, draw: Draw = None) -> Traced:
        """Return ``J(y) u``."""
        rows = self._jacobian(y)
        return Traced(self.tape, tuple(TracedNamespace.dot(row, u).entries[0] for row in rows))

    def vjp(self, y: Traced, u: Traced, t: float = 0.0, draw: Draw = None) -> Traced:
        """Return ``J(y)^T u``."""
        columns = zip(*(row.entries for row in self._jacobian(y)), strict=True)
        products = (TracedNamespace.dot(Traced(self.tape, column), u) for column in columns)
        return Traced(self.tape, tuple(product.entries[0] for product in products))

    def _jacobian(self, y: Traced) -> list[Traced]:
        """Return the rows of the Jacobian, with time scales."""
        flat, n = self._program("derivative_1", y), self.game.dim
        owners = [player for player, part in self.players.items() for _ in range(part.start, part.stop)]
        return [flat[i * n : (i + 1) * n] * self.timescale(owner) for i, owner in enumerate(owners)]

    def _program(self, kind: str, y: Traced) -> Traced:
        """Return the outputs of one of the game's programs at a state, inlined once."""
        key = (kind, y.entries)
        if key not in self.inlined:
            program = self.game.code.program(kind)
            self.inlined[key] = self.tape.inline(program, dict(zip(program.coordinates, y.entries, strict=True)))
        return Traced(self.tape, self.inlined[key])

    def project(self, y: Traced, player: str | None = None) -> Traced:
        """Return the state clipped after an update of ``player``, or of all."""
        definition = self.game.definition
        mine = self.game.names if player is None else self.game.coordinates(player)
        entries = list(y.entries)
        for i, name in enumerate(self.game.names):
            if name in definition.bounds and name in mine:
                low, high = self.tape.inline(lower(definition.bounds[name], (), definition.parameter_symbols), {})
                entries[i] = self.tape.emit("clip", entries[i], low, high)
        return Traced(self.tape, tuple(entries))


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
    compiled function ``(first, behind, start, rates, scales, p, factors, nodes, node_weights, iterations, every,
        bound, path, last, reached)`` over the rows first to behind - 1 of starts of shape (paths, extended dim), see
        :func:`.kernel.kernel`;
        ``factors`` multiply the rates iteration by iteration (empty without a schedule), ``path`` of shape
        (paths, records, dim) receives every ``every``-th state, ``last`` the last one and ``reached`` its iteration
        and the reason for stopping
    """
    tape = Tape("v")
    rates = {player: Traced(tape, (f"r{i}",)) for i, player in enumerate(game.players)}
    # The shape of the memory comes from a dry run on numbers.
    plain = method.init(game.start)
    sizes = [game.dim, *(len(entry) for entry in plain.memory.values())]
    names = [f"m{i}" for i in range(sum(sizes))]
    state = unpacked(plain, Traced(tape, tuple(names)))
    after, _ = method.with_schedule(None).with_lr(rates).step(state, TracedGame(game, tape))
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
        scheduled=[] if method.schedule is None else [f"r{i}" for i in range(len(game.players))],
    )
    return load_module(source, f"kernel_{method.name.replace('-', '_')}").run
