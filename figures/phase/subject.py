"""What portraits ask of a field beyond its values: players, a box, a start and a name, which only games always have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field, Game
from figures import labels

#: The side of a coordinate for which a field names no box.
SIDE = (-3.0, 3.0)


def players_of(field: Field) -> Mapping[str, slice]:
    """Return the coordinates of each player.

    A field made of a game on the game's own coordinates has its players; without any, coordinates stand for themselves.
    """
    game = getattr(field, "game", field)
    players = getattr(game, "players", None) if game.names == field.names else None
    return players or {name: slice(i, i + 1) for i, name in enumerate(field.names)}


def box_of(field: Field) -> dict[str, tuple[float, float]]:
    """Return the box of all coordinates: the field's own sides or those of its game, :data:`SIDE` where it has none."""
    own = getattr(field, "box", getattr(getattr(field, "game", None), "box", {}))
    return {name: own.get(name, SIDE) for name in field.names}


def start_of(field: Field) -> NDArray[np.float64]:
    """Return the default start, shape (dim,): the field's own, zero if it has none."""
    return np.array(getattr(field, "start", np.zeros(field.dim)), dtype=np.float64)


def title_of(field: Field) -> str:
    """Return what a caption calls a field: its game with settings, and what is made of it."""
    game = getattr(field, "game", field)
    if not isinstance(game, Game):
        return str(getattr(field, "name", type(field).__name__))
    return labels.game_label(game) + (f", {title}" if (title := getattr(field, "title", "")) else "")
