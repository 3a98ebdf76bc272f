"""The table of methods; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any

from dynamics.core.errors import InputError, unknown
from dynamics.methods.base import Method

#: Name of each method, its module in this package and its class.
_METHODS = {
    "simultaneous": ("simultaneous", "Simultaneous"),
    "alternating": ("alternating", "Alternating"),
    "heavy-ball": ("heavy_ball", "HeavyBall"),
    "nesterov": ("nesterov", "Nesterov"),
    "extragradient": ("extragradient", "Extragradient"),
    "past-extragradient": ("past_extragradient", "PastExtragradient"),
    "optimistic": ("optimistic", "Optimistic"),
    "optimistic-adam": ("optimistic_adam", "OptimisticAdam"),
    "adam": ("adam", "Adam"),
    "rmsprop": ("rmsprop", "RMSProp"),
    "consensus": ("consensus", "Consensus"),
    "symplectic-adjustment": ("symplectic_adjustment", "SymplecticAdjustment"),
    "hamiltonian": ("hamiltonian", "Hamiltonian"),
    "competitive": ("competitive", "Competitive"),
    "proximal-point": ("proximal_point", "ProximalPoint"),
    "lookahead": ("lookahead", "Lookahead"),
    "averaging": ("averaging", "Averaging"),
    "unrolled": ("unrolled", "Unrolled"),
    "heun": ("heun", "Heun"),
    "rk4": ("rk4", "RK4"),
}

#: What papers call them for short; suggested, not understood.
SHORT_NAMES = {
    "gda": "simultaneous",
    "simgda": "simultaneous",
    "sim": "simultaneous",
    "agda": "alternating",
    "altgda": "alternating",
    "alt": "alternating",
    "hb": "heavy-ball",
    "momentum": "heavy-ball",
    "eg": "extragradient",
    "peg": "past-extragradient",
    "ogda": "optimistic",
    "omd": "optimistic",
    "co": "consensus",
    "sga": "symplectic-adjustment",
    "hgd": "hamiltonian",
    "cgd": "competitive",
    "ppm": "proximal-point",
    "ema": "averaging",
}


def names() -> list[str]:
    """Return the names of all methods."""
    return list(_METHODS)


def summary(name: str) -> str:
    """Return the one-line summary of a method."""
    return str(find(name).__doc__).strip().splitlines()[0].replace("``", "")


def settings(name: str) -> dict[str, Any]:
    """Return the settings of a method with their defaults."""
    return {f.name: None if f.default is MISSING else f.default for f in fields(find(name))}


def get(name: str, **given: Any) -> Method:
    """Return a method with the given settings.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    **given
        Settings; :func:`settings` lists them. ``lr`` is one number or a mapping from player to rate, ``schedule`` a
        text such as ``cosine:iterations=1000``. Settings of the base method of one that wraps another are called
        ``base.order`` and so on; what :meth:`Method.settings` returns is understood too.

    Raises
    ------
    InputError
        For an unknown method or setting (naming the nearest), or a value out of range.
    """
    kind = find(name)
    valid = {f.name: f.default for f in fields(kind)}
    if "base" in valid:
        given = _with_base(given, valid["base"])
    for key, value in given.items():
        if key not in valid:
            raise unknown(f"setting of the method {name}", key, valid)
        if isinstance(valid[key], bool) and not isinstance(value, bool):
            raise InputError(f"The setting {key} of the method {name} is {value!r}, expected true or false.")
    if "lr" not in given:
        raise InputError(f"The method {name} needs a learning rate: give lr, one number or one per player.")
    return kind(**given)


def _with_base(given: dict[str, Any], default: Any) -> dict[str, Any]:
    """Return settings whose base method is configured: by ``base.key`` entries, or by a description of it."""
    inner = {key.removeprefix("base."): value for key, value in given.items() if key.startswith("base.")}
    outer = {key: value for key, value in given.items() if not key.startswith("base.")}
    base = outer.get("base", default)
    if isinstance(base, Mapping):
        inner = {**base, **inner}
        base = inner.pop("method", default)
    if inner:
        if isinstance(base, Method):
            raise InputError(f"The base is a configured {base.name} already: set {', '.join(inner)} there.")
        # the rates are those of the method around it
        outer["base"] = get(base, **{**inner, "lr": 1.0})
    return outer


def find(name: str) -> type[Method]:
    """Return the class of a method."""
    if name not in _METHODS:
        raise unknown("method", name, _METHODS, SHORT_NAMES.get(str(name).lower()))
    module, kind = _METHODS[name]
    return getattr(import_module(f"dynamics.methods.{module}"), kind)
