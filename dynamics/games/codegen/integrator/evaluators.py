"""Writes the part of an integrator that belongs to one game: its field, or its one-sided field and its surfaces."""

from __future__ import annotations

from collections.abc import Mapping

from dynamics.games.codegen.integrator import layout
from dynamics.games.codegen.integrator.kernel import entry, module
from dynamics.games.codegen.lanes import VECTORISED, lane_statement, widest
from dynamics.games.codegen.program import Program
from dynamics.games.codegen.render import text

_INDENT = "    "

_NODES = "a[s[NODE] + s[FIRST] : s[NODE] + s[BEHIND]]"
_WEIGHTS = "a[s[NODE] + s[NODES] + s[FIRST] : s[NODE] + s[NODES] + s[BEHIND]]"
_SCRATCH = "a[s[TERMS] + {i} * count : s[TERMS] + ({i} + 1) * count]"


def evaluators_source(programs: Mapping[str, Program], dim: int, lanes: int) -> str:
    """Return the source of a module with the functions of a game that the loop calls.

    Parameters
    ----------
    programs : mapping of entry of the integer array to Program
        "FIELD" of a smooth game; "RAW", "SURFACE", "GRADIENT" and "SWITCH" of one with kinks or bounds: the field and
        the switching functions continued from their sides, the gradients of these row by row, and the switching
        functions as they are. Parameters of the continued ones are the game's, then the sides.
    dim, lanes : int

    Notes
    -----
    The module binds ``ENTRIES``, a compiled function per entry.
    """
    row = dim * lanes
    value = f"{layout.V * row}"
    targets = {"FIELD": value, "RAW": value, "SURFACE": "s[VALUES]", "GRADIENT": "s[NORMAL]", "SWITCH": "s[VALUES]"}
    parts = [VECTORISED.prelude]
    for name, program in programs.items():
        parts.append(_evaluator(name.lower(), program, targets[name], row, lanes, scaled=name in ("FIELD", "RAW")))
    parts += [entry(name.lower(), [name.lower()]) for name in programs]
    parts.append("ENTRIES = {" + ", ".join(f"{name}: {name.lower()}_entry" for name in programs) + "}")
    return module(parts)


def terms(programs: Mapping[str, Program]) -> int:
    """Return how many sums over quadrature nodes run together at most."""
    return max((widest(program.statements) for program in programs.values()), default=0)


def _evaluator(name: str, program: Program, target: str, row: int, lanes: int, *, scaled: bool) -> str:
    """Write a function that evaluates a program at row ``U`` of every lane and puts the outputs behind ``target``."""
    lines = [f"{parameter} = a[s[PARAMETER] + {i}]" for i, parameter in enumerate(program.parameters)]
    if scaled:
        lines += [f"c{d} = a[s[SCALE] + {d}]" for d in range(len(program.outputs))]
    lines.append(f"for lane in range({lanes}):")
    inner = [f"{name} = a[{layout.U * row + d * lanes} + lane]" for d, name in enumerate(program.coordinates)]
    for statement in program.statements:
        inner += lane_statement(statement, _NODES, _WEIGHTS, _SCRATCH)
    for i, output in enumerate(program.outputs):
        inner.append(f"a[{target} + {i * lanes} + lane] = {f'c{i} * ' if scaled else ''}{text(output)}")
    head = ["@njit(**INNER)", f"def {name}(a, s):"]
    return "\n".join(
        [*head, *(f"{_INDENT}{line}" for line in lines), *(f"{_INDENT * 2}{line}" for line in inner or ["pass"])]
    )
