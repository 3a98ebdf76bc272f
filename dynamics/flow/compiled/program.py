"""The compiled parts of a game and a method, with the constants that they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.flow.modified.code import Generated
from dynamics.games.codegen import Program as Code
from dynamics.games.codegen import load_module
from dynamics.games.codegen.integrator import LANES, arrange, evaluators_source, layout, load_kernel, load_method, terms
from dynamics.games.expectations import gauss_hermite
from dynamics.games.field import Field
from dynamics.games.symbolic import SymbolicGame

#: Quadrature rules follow the state up to 2^10 default boxes, as those of the game do.
_LEVELS = 11

_PROGRAMS: WeakKeyDictionary[Any, dict[bool, dict[str, Code]]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Program:
    """What the loop needs to integrate starts of one game.

    Attributes
    ----------
    run : callable
        :func:`dynamics.games.codegen.integrator.loop.run`, compiled.
    base : int
        Length of the work array before the constants.
    constants : ndarray
        All constants but the frame, which comes first.
    shape : ndarray of int
        The integer array of sizes, places and addresses.
    edges : ndarray of int
        Begin of each quadrature rule, and the end of the last.
    standings : int
        Numbers that say on which smooth piece a start is.
    """

    run: Callable[..., None]
    base: int
    constants: NDArray[np.float64]
    shape: NDArray[np.int64]
    edges: NDArray[np.int64]
    standings: int


def check_compilable(field: Field, solver: str) -> Field:
    """Return the field if it can be compiled, or refuse it.

    A symbolic game can, and a field that has generated code of its own (``generated``, as modified flows have).
    """
    if isinstance(field, SymbolicGame) or _generated(field) is not None:
        return field
    raise InputError(
        f"{solver} integrates games defined by expressions, got {type(field).__name__}: "
        "use scipy:DOP853, which takes any field."
    )


def _generated(field: Field) -> Generated | None:
    """Return the generated code of a field's own, None if it has none."""
    found = getattr(field, "generated", None)
    return found if isinstance(found, Generated) else None


def compile_program(field: Field, method: str) -> Program:
    """Return the program of a field and a method, "dop853" or "dopri5"; what was compiled before serves again."""
    if isinstance(field, SymbolicGame):
        game, bounded = field, bool(field.bounds)
        programs, parameters, sides = _programs(game.code, bounded), game.arguments[0], _sides(game)
    else:
        generated = _generated(field)
        assert generated is not None
        game, bounded = generated.game, False
        programs, parameters = {"FIELD": generated.program}, generated.parameters
        sides = _plain_sides(game, field.dim)
    kinks = len(programs["SWITCH"].outputs) if "SWITCH" in programs else 0
    sided = "RAW" in programs
    expects = terms(programs) > 0
    lanes = 1 if sided or expects else LANES
    places, base = arrange(
        method, field.dim, lanes, kinks=kinks, bounded=bounded, expects=expects, parameters=len(parameters)
    )
    nodes, edges = _rules(game) if expects else (np.zeros(0), np.zeros(1, dtype=np.int64))
    standings = kinks + field.dim if sided else 0
    shape = np.zeros(layout.STANDING + max(standings, 1), dtype=np.int64)
    for place, value in places.items():
        shape[place] = value
    for module in (
        _evaluators(tuple(programs.items()), field.dim, lanes),
        load_method(method, field.dim, lanes, sided),
    ):
        for place, entry in module.ENTRIES.items():
            shape[place] = entry.address
    shape[layout.NODES] = shape[layout.BEHIND] = edges[-1]
    shape[layout.TERMS] = places[layout.NODE] + len(nodes)
    scratch = terms(programs) * int(np.diff(edges).max(initial=0))
    return Program(
        run=load_kernel(sided).run,
        base=base,
        constants=np.concatenate([parameters, np.ones(kinks), *sides, nodes, np.zeros(scratch)]),
        shape=shape,
        edges=edges,
        standings=standings,
    )


def _programs(code: Any, bounded: bool) -> dict[str, Code]:
    """Return the programs of a symbolic game by their entry."""
    known = _PROGRAMS.setdefault(code, {})
    if bounded not in known:
        if bounded or code.expressions("switches"):
            kinds = {"RAW": "field", "SURFACE": "switches", "GRADIENT": "switch_1"}
            known[bounded] = {entry: code.program(f"sided_{kind}") for entry, kind in kinds.items()}
            known[bounded]["SWITCH"] = code.program("switches")
        else:
            known[bounded] = {"FIELD": code.program("field")}
    return known[bounded]


@lru_cache(maxsize=256)
def _evaluators(programs: tuple[tuple[str, Code], ...], dim: int, lanes: int) -> Any:
    return load_module(evaluators_source(dict(programs), dim, lanes), "evaluators")


def _plain_sides(game: SymbolicGame, dim: int) -> list[NDArray[np.float64]]:
    """Return the same as :func:`_sides` without time scales and bounds, which generated fields have built in.

    Coordinates beyond the game's, such as velocities, do not enter the choice of a quadrature rule.
    """
    own = _sides(game)
    free = np.full(dim, np.inf)
    more = dim - game.dim
    centre, half = np.concatenate([own[3], np.zeros(more)]), np.concatenate([own[4], np.full(more, 1e300)])
    return [np.ones(dim), -free, free, centre, half]


def _sides(game: SymbolicGame) -> list[NDArray[np.float64]]:
    """Return time scales, lower and upper bounds, centre and half-width of the box, per coordinate."""
    scale = np.ones(game.dim)
    for player, part in game.players.items():
        scale[part] = game.timescales[player]
    bounds = np.array([game.bounds.get(name, (-np.inf, np.inf)) for name in game.names])
    box = np.array([game.box[name] for name in game.names])
    return [scale, bounds[:, 0], bounds[:, 1], box.mean(axis=1), np.diff(box, axis=1)[:, 0] / 2]


def _rules(game: SymbolicGame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return nodes and behind them weights of the rules for larger and larger boxes, and where each begins."""
    rules = [gauss_hermite(game.quadrature_at(doublings)[0]) for doublings in range(_LEVELS)]
    edges = np.cumsum([0, *(len(nodes) for nodes, _ in rules)])
    return np.concatenate([part for column in zip(*rules, strict=True) for part in column]), edges.astype(np.int64)
