"""Writes programs as source text in a dialect.

Every generated function takes ``(y, p, z, w)``: state, parameter vector, quadrature nodes and weights.

=========  ==============================================================================================
numpy      ``name(y, p, z, w) -> out``; y of shape (..., dim), out of shape (..., outputs)
torch      the same on tensors, differentiable
numba      ``name(y, p, z, w, out)`` for one state, and ``name_many(y, p, z, w, out)`` over states in parallel
=========  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

from dynamics.games.codegen.dialects import DIALECTS, Dialect
from dynamics.games.codegen.program import Assign, GaussianSum, Operand, Program

_INDENT = "    "


def render(programs: Mapping[str, Program], dialect_name: str) -> str:
    """Return the source of a module with one function per program.

    Parameters
    ----------
    programs : mapping of function name to Program
    dialect_name : str
        Key of :data:`dynamics.games.codegen.dialects.DIALECTS`.
    """
    dialect = DIALECTS[dialect_name]
    shell = {"numpy": _numpy_function, "torch": _torch_function, "numba": _numba_function}[dialect_name]
    return (
        "\n\n".join([dialect.prelude.rstrip(), *(shell(name, program, dialect) for name, program in programs.items())])
        + "\n"
    )


def text(operand: Operand) -> str:
    """Return an operand as source: a name, or a number that reads back to the same float."""
    if isinstance(operand, str):
        return operand
    return f"({operand!r})" if operand < 0 else repr(operand)


def assignment(statement: Assign, dialect: Dialect) -> str:
    """Return one let-bound operation as source."""
    return f"{statement.target} = {dialect.write(statement.operation, *map(text, statement.arguments))}"


def _unpack(program: Program, entry: str) -> list[str]:
    used = _used_names(program)
    lines = [f"{name} = y[{entry}{i}]" for i, name in enumerate(program.coordinates) if name in used]
    return lines + [f"{name} = p[{i}]" for i, name in enumerate(program.parameters) if name in used]


def _used_names(program: Program) -> set[str]:
    used: set[str] = {output for output in program.outputs if isinstance(output, str)}
    for statement in program.statements:
        assignments = statement.body if isinstance(statement, GaussianSum) else (statement,)
        for assign in assignments:
            used.update(argument for argument in assign.arguments if isinstance(argument, str))
    return used


def _array_sum(statement: GaussianSum, dialect: Dialect, axis: str, like: str) -> list[str]:
    """Write a quadrature sum over a trailing axis: what comes from outside is widened by one axis first."""
    inside = {assign.target for assign in statement.body} | {statement.node}
    outside = sorted({a for assign in statement.body for a in assign.arguments if isinstance(a, str)} - inside)
    wide = {name: f"{name}_" for name in outside}
    lines = [f"{wide[name]} = {like.format(name)}[..., None]" for name in outside]
    for assign in statement.body:
        arguments = tuple(wide.get(a, a) if isinstance(a, str) else a for a in assign.arguments)
        lines.append(assignment(Assign(assign.target, assign.operation, arguments), dialect))
    lines += [f"{t} = ({term} * w).sum({axis}-1)" for t, term in zip(statement.targets, statement.terms, strict=True)]
    return lines


def _numpy_function(name: str, program: Program, dialect: Dialect) -> str:
    lines = _unpack(program, "..., ")
    for statement in program.statements:
        if isinstance(statement, GaussianSum):
            lines += _array_sum(statement, dialect, "axis=", "np.asarray({})")
        else:
            lines.append(assignment(statement, dialect))
    lines.append(f"out = np.empty(y.shape[:-1] + ({len(program.outputs)},), dtype=y.dtype)")
    lines += [f"out[..., {i}] = {text(output)}" for i, output in enumerate(program.outputs)]
    return function(f"def {name}(y, p, z, w):", [*lines, "return out"])


def _torch_function(name: str, program: Program, dialect: Dialect) -> str:
    lines = _unpack(program, "..., ")
    for statement in program.statements:
        if isinstance(statement, GaussianSum):
            lines += _array_sum(statement, dialect, "dim=", "tensor({}, y)")
        else:
            lines.append(assignment(statement, dialect))
    outputs = ", ".join(text(output) for output in program.outputs)
    lines.append(f"out = [torch.broadcast_to(tensor(o, y), y.shape[:-1]) for o in ({outputs},)]")
    return function(f"def {name}(y, p, z, w):", [*lines, "return torch.stack(out, dim=-1)"])


def _numba_statement(statement: Assign | GaussianSum, dialect: Dialect) -> list[str]:
    """Return the lines of a statement in a Numba function; a quadrature sum is a loop over the nodes."""
    if isinstance(statement, Assign):
        return [assignment(statement, dialect)]
    pairs = list(zip(statement.targets, statement.terms, strict=True))
    return [
        *(f"{target} = 0.0" for target, _ in pairs),
        "for q in range(z.shape[0]):",
        f"{_INDENT}{statement.node}_q = z[q]",
        *(f"{_INDENT}{assignment(_with_node(assign, statement.node), dialect)}" for assign in statement.body),
        *(f"{_INDENT}{target} += w[q] * {term}" for target, term in pairs),
    ]


def _with_node(assign: Assign, node: str) -> Assign:
    """Return the operation on the current node (the array of all nodes has the node's name)."""
    return Assign(assign.target, assign.operation, tuple(f"{node}_q" if a == node else a for a in assign.arguments))


def _numba_function(name: str, program: Program, dialect: Dialect) -> str:
    lines = _unpack(program, "")
    for statement in program.statements:
        lines += _numba_statement(statement, dialect)
    lines += [f"out[{i}] = {text(output)}" for i, output in enumerate(program.outputs)] or ["pass"]
    one = function(f'@njit(cache=True, error_model="numpy")\ndef {name}(y, p, z, w, out):', lines)
    many = function(
        f'@njit(cache=True, parallel=True, error_model="numpy")\ndef {name}_many(y, p, z, w, out):',
        ["for i in prange(y.shape[0]):", f"{_INDENT}{name}(y[i], p, z, w, out[i])"],
    )
    return f"{one}\n\n{many}"


def function(head: str, lines: list[str]) -> str:
    """Return a function from its head and the lines of its body."""
    return "\n".join([head, *(f"{_INDENT}{line}" for line in lines)])
