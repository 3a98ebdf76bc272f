"""From the texts of the command line to games, states, boxes and methods of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_box, check_states, unknown
from dynamics.games.field import Game
from scenarios.cli import parse

if TYPE_CHECKING:
    from dynamics.methods import Method


def build_game(
    name: str | None,
    settings: list[str] | None,
    minimax: str | None,
    minimise: str | None,
    maximise: str | None,
    timescale: str | None,
) -> Game:
    """Return the game of ``GAME --set``, of a TOML file, or of ``--minimax --min --max``.

    Raises
    ------
    InputError
        If no game or more than one is described, or a part of the description is wrong.
    """
    from dynamics import games

    chosen = parse.settings("--set", settings)
    if minimax is None:
        for option, value in (("--min", minimise), ("--max", maximise)):
            if value is not None:
                raise InputError(f"{option} belongs to an inline game: give --minimax EXPR too, or leave {option} out.")
        if name is None:
            raise InputError("No game was given: name one (see 'gandyn list games'), a TOML file, or --minimax EXPR.")
        if name.endswith(".toml"):
            if not Path(name).is_file():
                raise InputError(f"There is no file '{name}': give the path of a TOML game or a catalogue name.")
            game: Any = games.from_toml(name)
            game = game.with_parameters(**chosen) if chosen else game
        else:
            game = games.get(name, **chosen)
    else:
        if name is not None:
            raise InputError(f"Both GAME '{name}' and --minimax were given: give one of them.")
        if minimise is None and maximise is None:
            raise InputError("--minimax needs its coordinates: give --min X and --max Y (one of them for one player).")
        game = games.inline(
            minimax=minimax,
            minimise=parse.names("--min", minimise) if minimise is not None else [],
            maximise=parse.names("--max", maximise) if maximise is not None else [],
            parameters=chosen,
        )
    if timescale is not None:
        game = game.with_timescales(_timescales(timescale, game))
    return game


def _timescales(text: str, game: Game) -> dict[str, float]:
    """Return ``{player: factor}``; a bare number is the discriminator's."""
    value = parse.per_player("--timescale", text)
    if not isinstance(value, dict):
        if "discriminator" not in game.players:
            players = ", ".join(game.players)
            raise InputError(
                f"--timescale {text} is the discriminator's, but the players are {players}: give player=factor."
            )
        return {"discriminator": value}
    _check_players(value, game)
    return value


def _check_players(values: Mapping[str, float], game: Game) -> None:
    """Refuse names that are not players of the game."""
    for player in values:
        if player not in game.players:
            raise unknown("player", player, game.players)


def rate(texts: list[str], game: Game, option: str = "--lr") -> float | dict[str, float]:
    """Return a rate, or rates of every player of the game, from the texts of a repeatable option."""
    value = parse.per_player(option, *texts)
    if isinstance(value, dict):
        _check_players(value, game)
        missing = [player for player in game.players if player not in value]
        if missing:
            raise InputError(f"{option} lacks a rate for {', '.join(missing)}: give one per player or a single number.")
    return value


def method(
    name: str,
    game: Game,
    lr: list[str] | None,
    settings: list[str] | None = None,
    schedules: list[str] | None = None,
    iterations: int | None = None,
) -> Method:
    """Return the training algorithm of ``--method --lr --schedule --method-set``, checked against the game.

    Several schedules multiply; those that descend over the whole run do so over ``iterations``.

    Raises
    ------
    InputError
        For an unknown name or setting, a value out of range, no rate, something given twice, or a game that the
        method is not made for.
    """
    from dynamics import methods

    chosen = parse.settings("--method-set", settings)
    for option, given in (("lr", lr), ("schedule", schedules)):
        if given and option in chosen:
            raise InputError(f"Both --{option} and {option} in --method-set were given: give one of them.")
    if lr:
        chosen["lr"] = rate(lr, game)
    if chosen.get("lr") is None:
        raise InputError(
            f"The method {name} needs a learning rate: give --lr RATE, or --lr generator=0.1,discriminator=0.4."
        )
    if schedules:
        chosen["schedule"] = " * ".join(schedules)
    if isinstance(chosen.get("schedule"), str):
        chosen["schedule"] = methods.read_schedule(chosen["schedule"], iterations)
    found = methods.get(name, **chosen)
    found.check(game)
    return found


def method_or_flow(name: str | None, game: Game, lr: list[str] | None, settings: list[str] | None) -> Method | None:
    """Return the training algorithm of ``--method``, or None for the flow, which takes neither rate nor settings."""
    if name is not None:
        return method(name, game, lr, settings)
    for option, value in (("--lr", lr), ("--method-set", settings)):
        if value:
            raise InputError(f"{option} has no effect without a method: add --method NAME or leave {option} out.")
    return None


def state(text: str | None, game: Game, option: str = "--start") -> NDArray[np.float64]:
    """Return the state of ``theta=1,psi=1`` in the game's order, shape (dim,); the game's own start for None."""
    if text is None:
        return np.array(game.start, dtype=np.float64)
    values = parse.state(option, text)
    for name in values:
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
    missing = [name for name in game.names if name not in values]
    if missing:
        raise InputError(
            f"{option} has {len(values)} coordinates, expected {len(game.names)}: add {', '.join(missing)}."
        )
    return check_states(option.lstrip("-"), [values[name] for name in game.names], game.names)


def box(text: str | None, game: Game) -> dict[str, tuple[float, float]] | None:
    """Return the box of ``x=-3:3,y=-3:3``; sides not named keep the game's; None for None."""
    if text is None:
        return None
    sides = parse.box("--box", text)
    merged = {**{name: side for name, side in game.box.items() if name in game.names}, **sides}
    return {name: (low, high) for name, (low, high) in zip(game.names, check_box(merged, game.names), strict=True)}


def labelled(values: Any, game: Game) -> dict[str, float]:
    """Return ``{coordinate: value}`` of one state."""
    return {name: float(value) for name, value in zip(game.names, values, strict=True)}


def columns(states: NDArray[np.float64], names: tuple[str, ...]) -> dict[str, list[float]]:
    """Return ``{coordinate: [values along time]}`` of states of shape (time, dim)."""
    return {name: states[:, i].tolist() for i, name in enumerate(names)}


def check_out(path: str | None, suffixes: tuple[str, ...], what: str) -> Path | None:
    """Return the path of ``--out``, or refuse a wrong ending, a taken Zarr store or a missing folder."""
    if path is None:
        return None
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise InputError(f"--out got '{path}', expected {what} ending in {' or '.join(suffixes)}.")
    if target.suffix.lower() == ".zarr" and target.exists():
        raise InputError(f"--out '{path}' exists already: remove it or give another name.")
    if not target.parent.is_dir():
        raise InputError(f"--out '{path}' lies in a folder that does not exist: create {target.parent} first.")
    return target
