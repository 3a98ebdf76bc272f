"""Ways to a game: in Python, inline, from a TOML file, and from a stored description."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy as sp
from pydantic import BaseModel, ConfigDict, ValidationError

from dynamics.core.errors import InputError, unknown
from dynamics.games.definition import from_losses
from dynamics.games.symbolic import SymbolicGame


def define(
    players: Mapping[str, tuple[Sequence[str], str | sp.Expr]],
    parameters: Mapping[str, float] | None = None,
    *,
    name: str = "game",
    box: Mapping[str, tuple[float, float]] | None = None,
    start: Mapping[str, float] | None = None,
) -> SymbolicGame:
    """Return a game of any number of players, zero-sum or general-sum.

    Parameters
    ----------
    players : mapping of player name to (coordinates, loss)
        Every player minimises its own loss, given as text or as a SymPy expression over the names of all
        coordinates and parameters.
    parameters : mapping of str to float, optional
    name, box, start : optional
        Title, default region (``{coordinate: (low, high)}``) and default initial state.

    Raises
    ------
    InputError
        For bad names, clashes and expressions outside the formula language.

    Examples
    --------
    >>> game = define({"generator": (["x"], "x*y"), "discriminator": (["y"], "-x*y")})
    >>> game([1.0, 2.0]).tolist()
    [-2.0, 1.0]
    """
    return SymbolicGame(from_losses(players, parameters, name=name, box=box, start=start))


def inline(
    minimax: str,
    minimise: Sequence[str],
    maximise: Sequence[str],
    parameters: Mapping[str, float] | None = None,
    *,
    name: str = "inline game",
    box: Mapping[str, tuple[float, float]] | None = None,
    start: Mapping[str, float] | None = None,
) -> SymbolicGame:
    """Return the zero-sum game ``min over minimise, max over maximise`` of one expression.

    The players are called generator (its loss is the expression) and discriminator (its negative); with one list
    empty the game has the single player ``player``.

    Examples
    --------
    >>> inline("x*y - eps*y**2", ["x"], ["y"], {"eps": 0.5})([1.0, 1.0]).tolist()
    [-1.0, 0.0]
    """
    if not isinstance(minimax, str):
        raise InputError(f"The minimax expression must be text, got {type(minimax).__name__}.")
    both = bool(minimise) and bool(maximise)
    players: dict[str, tuple[Sequence[str], str]] = {}
    if minimise:
        players["generator" if both else "player"] = (minimise, minimax)
    if maximise:
        players["discriminator" if both else "player"] = (maximise, f"-({minimax})")
    return define(players, parameters, name=name, box=box, start=start)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _TomlPlayer(_Strict):
    coordinates: list[str]
    loss: str
    name: str | None = None


class _TomlGame(_Strict):
    name: str = "game"
    players: dict[str, _TomlPlayer] | list[_TomlPlayer]
    parameters: dict[str, float] = {}
    box: dict[str, tuple[float, float]] = {}
    start: dict[str, float] = {}


def from_toml(path: str | Path) -> SymbolicGame:
    """Return the game that a TOML file describes.

    The file lists players with ``coordinates`` and ``loss`` (a table per player, ``[players.generator]``, or an
    array of tables with ``name``), and optionally ``[parameters]``, ``[box]``, ``[start]`` and ``name``.

    Raises
    ------
    InputError
        For a missing file, broken TOML, unknown keys or bad expressions.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {path}: give a catalogue name or the path of a TOML file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The file {path} cannot be read ({error}): give a readable UTF-8 TOML file.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The file {path} is not valid TOML ({error}).") from None
    data.setdefault("name", path.stem)
    return _from_mapping(data, f"The file {path}")


def load(description: Mapping[str, Any]) -> SymbolicGame:
    """Return the game that :meth:`SymbolicGame.describe` described (for instance in a stored result)."""
    kind = description.get("kind")
    timescales = description.get("timescales", {})
    if kind == "catalogue":
        from dynamics.games.catalogue import get

        return (
            get(description["name"], **description.get("settings", {}))
            .with_parameters(**description.get("parameters", {}))
            .with_timescales(timescales)
        )
    if kind == "losses":
        data = {key: value for key, value in description.items() if key not in ("kind", "timescales")}
        return _from_mapping(data, "The stored game").with_timescales(timescales)
    raise unknown("kind of game description", str(kind), ["catalogue", "losses"])


def _from_mapping(data: Mapping[str, Any], source: str) -> SymbolicGame:
    try:
        parsed = _TomlGame.model_validate(data)
    except ValidationError as error:
        # a key that is not known explains one that is missing
        errors = sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        first = errors[0]
        if first["type"] == "extra_forbidden":
            known = _TomlGame if len(first["loc"]) == 1 else _TomlPlayer
            entry = f"entry of {source[0].lower()}{source[1:]}"
            raise unknown(entry, str(first["loc"][-1]), known.model_fields) from None
        where = ".".join(
            str(part) for part in first["loc"] if part not in ("dict[str,_TomlPlayer]", "list[_TomlPlayer]")
        )
        raise InputError(f"{source} has a bad entry at '{where}': {first['msg']}.") from None
    listed = parsed.players.items() if isinstance(parsed.players, dict) else [(p.name or "", p) for p in parsed.players]
    players = {name: (player.coordinates, player.loss) for name, player in listed}
    if len(players) < len(parsed.players):
        raise InputError(f"{source} names two players alike: give every player its own name.")
    return define(players, parsed.parameters, name=parsed.name, box=parsed.box, start=parsed.start)
