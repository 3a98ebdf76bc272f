"""The games of the literature, one per file; each has typed settings and a ``build`` that returns its definition."""

from __future__ import annotations

import warnings
from dataclasses import replace
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from dynamics.core.errors import InputError, unknown
from dynamics.games.catalogue.options import Options
from dynamics.games.symbolic import SymbolicGame

_MODULES = {
    name: name.replace("-", "_")
    for name in (
        "bilinear",
        "quadratic",
        "dirac-gan",
        "gaussian-gan",
        "lq-wgan",
        "forsaken",
        "almost-bilinear",
        "matching-pennies",
        "fiez-ratliff",
        "double-well",
        "strict-saddle",
        "rotated-double-well",
        "rotated-saddle",
    )
}


def names() -> list[str]:
    """Return the names of all catalogue games."""
    return list(_MODULES)


def _module(name: str) -> Any:
    if name not in _MODULES:
        raise unknown("game", name, _MODULES)
    return import_module(f"{__name__}.{_MODULES[name]}")


def summary(name: str) -> str:
    """Return the one-line summary of a catalogue game."""
    return str(_module(name).__doc__).strip().splitlines()[0].lstrip('r"')


def settings(name: str) -> dict[str, Any]:
    """Return the settings of a catalogue game with their defaults."""
    return _module(name).Settings().model_dump()


def get(name: str, /, **given: Any) -> SymbolicGame:
    """Return a catalogue game with the given settings.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    **given
        Settings; :func:`settings` lists them with their defaults.

    Raises
    ------
    InputError
        For an unknown game or setting (naming the nearest), or a value of the wrong type or range.
    """
    module = _module(name)
    options: type[Options] = module.Settings
    for key in given:
        if key not in options.model_fields:
            raise unknown(f"setting of {name}", key, options.model_fields)
    try:
        chosen = options.model_validate(given)
    except ValidationError as error:
        raise InputError(_sentence(name, options, error)) from None
    definition = module.build(chosen)
    for key in sorted(chosen.without_effect() & set(given)):
        warnings.warn(f"The setting {key} has no effect on {name} with these other settings.", stacklevel=2)
    stored = {"kind": "catalogue", "name": name, "settings": chosen.model_dump(mode="json", exclude_unset=True)}
    return SymbolicGame(replace(definition, settings=chosen.model_dump(), description=stored))


def _sentence(name: str, options: type[Options], error: ValidationError) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    got = first.get("input")
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "literal_error":
        choices = [
            choice.strip(" '")
            for choice in str(first.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
        ]
        return str(unknown(f"{key} of {name}", str(got), [choice for choice in choices if choice]))
    return f"The setting {key}={got!r} of {name} is not allowed: {message}." if key else f"{name}: {message}."
