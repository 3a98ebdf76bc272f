"""What a symbolic game is made of, before any code is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from dynamics.core.errors import InputError, check_box, check_number, unknown
from dynamics.games.expressions import check_identifier, parse, symbol
from dynamics.games.primitives import FUNCTIONS, LANGUAGE, SYMPY_TWINS
from dynamics.games.printing import to_formula

#: Half-width of the default box of games that do not state one.
DEFAULT_HALF_WIDTH = 3.0


@dataclass(frozen=True)
class Player:
    """A named group of coordinates with one loss, which it minimises.

    Attributes
    ----------
    name : str
    coordinates : tuple of str
    loss : sympy expression
    metric : tuple of sympy expressions, one per coordinate, or None
        Diagonal metric: the player's part of the field is ``-metric * gradient`` (None: identity).
    """

    name: str
    coordinates: tuple[str, ...]
    loss: sp.Expr
    metric: tuple[sp.Expr, ...] | None = None


@dataclass(frozen=True)
class Definition:
    """A game on paper: players, parameters with their values, bounds and defaults.

    Attributes
    ----------
    name : str
    players : tuple of Player
    parameters : mapping of str to float
        Values; the symbols stay symbols in generated code.
    bounds : mapping of str to (low, high), each a sympy expression over parameters
        Coordinates that are clipped after every update of their player.
    box, start : mappings over coordinates
        Default region to draw and search, and default initial state.
    settings : mapping
        What a catalogue game was built with.
    description : mapping
        JSON-serialisable recipe from which :func:`dynamics.games.load` builds the game again.
    """

    name: str
    players: tuple[Player, ...]
    parameters: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, tuple[sp.Expr, sp.Expr]] = field(default_factory=dict)
    box: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    start: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    description: Mapping[str, Any] = field(default_factory=dict)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """All coordinate names in state order."""
        return tuple(name for player in self.players for name in player.coordinates)

    @property
    def coordinate_symbols(self) -> tuple[sp.Symbol, ...]:
        """SymPy symbols of the coordinates."""
        return tuple(map(symbol, self.coordinates))

    @property
    def parameter_symbols(self) -> tuple[sp.Symbol, ...]:
        """SymPy symbols of the parameters."""
        return tuple(map(symbol, self.parameters))

    def __post_init__(self) -> None:
        names = self.coordinates
        if not self.players:
            raise InputError("A game needs at least one player with at least one coordinate.")
        for player in self.players:
            if not player.coordinates:
                raise InputError(f"Player '{player.name}' has no coordinates: give it at least one.")
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise InputError(f"Coordinate '{duplicates[0]}' appears twice: give every coordinate to one player once.")
        clash = sorted(set(names) & set(self.parameters))
        if clash:
            raise InputError(f"'{clash[0]}' is both a coordinate and a parameter: rename one of them.")
        players = [player.name for player in self.players]
        if len(set(players)) < len(players):
            raise InputError(f"Two players share a name among {', '.join(players)}: give each its own.")
        object.__setattr__(self, "box", self._complete_box())
        object.__setattr__(self, "start", self._complete_start())

    def _complete_box(self) -> dict[str, tuple[float, float]]:
        default = (-DEFAULT_HALF_WIDTH, DEFAULT_HALF_WIDTH)
        for name in self.box:
            if name not in self.coordinates:
                raise unknown("coordinate of the box", name, self.coordinates)
        sides = check_box({name: self.box.get(name, default) for name in self.coordinates}, self.coordinates)
        return {name: (float(low), float(high)) for name, (low, high) in zip(self.coordinates, sides, strict=True)}

    def _complete_start(self) -> dict[str, float]:
        for name in self.start:
            if name not in self.coordinates:
                raise unknown("coordinate of the start", name, self.coordinates)
        return {name: check_number(f"start of '{name}'", self.start.get(name, 1.0)) for name in self.coordinates}


def from_losses(
    players: Mapping[str, tuple[Sequence[str], str | sp.Expr]],
    parameters: Mapping[str, float] | None = None,
    *,
    name: str = "game",
    box: Mapping[str, tuple[float, float]] | None = None,
    start: Mapping[str, float] | None = None,
) -> Definition:
    """Return the definition of a game whose losses are given as text or SymPy expressions.

    Parameters
    ----------
    players : mapping of player name to (coordinates, loss)
        Every player minimises its loss. Text is parsed by :func:`dynamics.games.expressions.parse`.
    parameters : mapping of str to float
    name, box, start : optional

    Raises
    ------
    InputError
        For names that cannot be identifiers, clashes, and expressions outside the formula language.
    """
    values = {check_identifier("parameter", key): check_number(key, v) for key, v in (parameters or {}).items()}
    groups = {check_identifier("player", key): tuple(coordinates) for key, (coordinates, _) in players.items()}
    coordinates = [check_identifier("coordinate", c) for group in groups.values() for c in group]
    table = {key: symbol(key) for key in [*coordinates, *values]}
    made = []
    for key, (_, loss) in players.items():
        expression = parse(loss, table) if isinstance(loss, str) else _checked_sympy(loss, table)
        made.append(Player(key, groups[key], expression))
    description = {
        "kind": "losses",
        "name": name,
        "players": {p.name: {"coordinates": list(p.coordinates), "loss": to_formula(p.loss)} for p in made},
        "parameters": values,
        "box": {key: list(side) for key, side in (box or {}).items()},
        "start": dict(start or {}),
    }
    return Definition(name, tuple(made), values, box=dict(box or {}), start=dict(start or {}), description=description)


def _checked_sympy(loss: Any, table: Mapping[str, sp.Symbol]) -> sp.Expr:
    """Return a SymPy loss over the game's own (real) symbols and primitives, or refuse what is not in the language."""
    expression = sp.sympify(loss)
    by_name = {free: table[free.name] for free in expression.free_symbols if free.name in table}
    strange = sorted(free.name for free in expression.free_symbols if free not in by_name)
    if strange:
        raise unknown("name in the loss", strange[0], table)
    expression = expression.xreplace(by_name)
    for theirs, ours in SYMPY_TWINS.items():
        expression = expression.replace(theirs, ours)
    foreign = sorted(
        {type(node).__name__ for node in sp.preorder_traversal(expression) if not isinstance(node, LANGUAGE)}
    )
    if foreign:
        raise InputError(
            f"The loss contains SymPy's {foreign[0]}, which is not in the language: use {', '.join(FUNCTIONS)}."
        )
    return expression
