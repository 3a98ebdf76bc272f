"""Training algorithms as maps ``y_{k+1} = Phi(y_k, memory)``, one per file, written once for every kind of array.

A method is a pure pair ``init(y) -> State``, ``step(state, game) -> (State, Info)``. The same code runs on NumPy
states and batches, on the flat torch vector of a network game, on dual numbers (the exact Jacobian of the map) and
on traced names (a compiled kernel).

>>> from dynamics import games, methods
>>> game = games.get("bilinear")
>>> method = methods.get("simultaneous", lr=0.2)
>>> state, _ = method.step(method.init(game.start), game)
>>> state.y.tolist()
[0.8, 1.2]
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dynamics.core.errors import InputError, unknown
from dynamics.methods.alternating import Alternating
from dynamics.methods.base import Info, Method, State
from dynamics.methods.iterate import iterate
from dynamics.methods.linearise import map_jacobian
from dynamics.methods.simultaneous import Simultaneous

_METHODS: dict[str, type[Method]] = {method.name: method for method in (Simultaneous, Alternating)}


def names() -> list[str]:
    """Return the names of all methods."""
    return list(_METHODS)


def summary(name: str) -> str:
    """Return the one-line summary of a method."""
    return str(_find(name).__doc__).strip().splitlines()[0]


def settings(name: str) -> dict[str, Any]:
    """Return the settings of a method with their defaults."""
    return {f.name: f.default for f in fields(_find(name))}


def get(name: str, **given: Any) -> Method:
    """Return a method with the given settings.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    **given
        Settings; :func:`settings` lists them. ``lr`` is one number or a mapping from player to rate.

    Raises
    ------
    InputError
        For an unknown method or setting (naming the nearest), or a value out of range.
    """
    kind = _find(name)
    valid = [f.name for f in fields(kind)]
    for key in given:
        if key not in valid:
            raise unknown(f"setting of the method {name}", key, valid)
    if "lr" not in given:
        raise InputError(f"The method {name} needs a learning rate: give lr, one number or one per player.")
    return kind(**given)


def _find(name: str) -> type[Method]:
    if name not in _METHODS:
        raise unknown("method", name, _METHODS)
    return _METHODS[name]


__all__ = ["Info", "Method", "State", "get", "iterate", "map_jacobian", "names", "settings", "summary"]
