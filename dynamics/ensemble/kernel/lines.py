"""Source lines of straight-line code in loops over lanes."""

from __future__ import annotations

from collections.abc import Sequence

from dynamics.ensemble.kernel.parts import NEVER, Parts, Rows
from dynamics.ensemble.trace import Code
from dynamics.games.codegen.lanes import lane_statement
from dynamics.games.codegen.program import Operand
from dynamics.games.codegen.render import text

INDENT = "    "


def indented(lines: Sequence[str], levels: int = 1) -> list[str]:
    """Return lines further to the right."""
    return [INDENT * levels + line for line in lines]


def over_lanes(lines: Sequence[str]) -> list[str]:
    """Return a loop over the lanes of a group; no lines, no loop."""
    return ["for lane in range(LANES):", *indented(lines)] if lines else []


def body(code: Code) -> list[str]:
    """Return the lines of the statements."""
    return [line for s in code.statements for line in lane_statement(s, "nodes", "node_weights", "terms[{i}]")]


def unpacked(code: Code, name: str, template: str, size: int) -> list[str]:
    """Return the lines that bind ``{name}0, {name}1, ..`` where the code reads them; ``template`` has ``{i}``."""
    used = code.names()
    return [f"{name}{i} = {template.format(i=i)}" for i in range(size) if f"{name}{i}" in used]


def bound(parts: Parts, used: set[str]) -> list[str]:
    """Return the lines that bind the arguments of the kernel to names, where they are used."""
    lists = {"p": ("p", parts.values), "k": ("constants", parts.constants)}
    return [f"{n}{i} = {array}[{i}]" for n, (array, size) in lists.items() for i in range(size) if f"{n}{i}" in used]


def evaluated(code: Code, rows: Rows, state: str, dim: int) -> list[str]:
    """Return the lines that evaluate code at the row ``state`` of a lane."""
    return unpacked(code, "m", rows.at(state, "{i}"), dim) + body(code)


def stored(code: Code, rows: Rows, state: str, dim: int, target: str) -> list[str]:
    """Return the loop over lanes that writes the outputs of code to rows."""
    if not code.outputs:
        return []
    lines = evaluated(code, rows, state, dim)
    return over_lanes(lines + [f"{rows.at(target, i)} = {text(output)}" for i, output in enumerate(code.outputs)])


def output(code: Code, i: int) -> str:
    """Return an output as source."""
    operand: Operand = code.outputs[i]
    return text(operand)


def names(parts: Parts) -> str:
    """Return the lines that name the sizes of a kernel."""
    stops = f"({', '.join(map(str, parts.stops))},)" if parts.stops else "(False,)"
    sizes = f"DIM, CONDITIONS, NOISE = {parts.dim}, {len(parts.stops)}, {parts.noise_dim}"
    return f"{sizes}\nSTOPS, NEAR = {stops}, {NEVER / 2!r}"
