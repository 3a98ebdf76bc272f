"""Texts of the command line to values; nothing here is ever evaluated.

The grammar of every multi-valued option is ``key=value,key=value``. Commas inside brackets or quotes do not
separate, so nested lists are written as JSON: ``--set matrix=[[0,1],[1,0]]``.
"""

from __future__ import annotations

import json
import math
from typing import Any

from dynamics.core.errors import InputError, check_number

_OPENING = {"[": "]", "{": "}", "(": ")"}
_WORDS = {"true": True, "false": False, "null": None}


def split_commas(text: str) -> list[str]:
    """Return the pieces of ``text`` between top-level commas, stripped.

    Raises
    ------
    InputError
        If a bracket or a quote is not closed, or a piece is empty.

    Examples
    --------
    >>> split_commas("matrix=[[0,1],[1,0]], gamma=2")
    ['matrix=[[0,1],[1,0]]', 'gamma=2']
    """
    pieces, current, expected, quote = [], [], [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in _OPENING:
            expected.append(_OPENING[character])
        elif character in _OPENING.values():
            if not expected or character != expected.pop():
                raise InputError(f"Unexpected '{character}' in '{shorten(text)}': close every bracket that was opened.")
        elif character == "," and not expected:
            pieces.append("".join(current).strip())
            current = []
            continue
        current.append(character)
    if quote or expected:
        raise InputError(f"'{shorten(text)}' ends before {quote or expected[-1]}: close every bracket and quote.")
    pieces.append("".join(current).strip())
    if not all(pieces):
        raise InputError(f"'{shorten(text)}' has an empty entry: give key=value,key=value.")
    return pieces


def pairs(option: str, text: str, example: str) -> dict[str, str]:
    """Return ``{key: value text}`` of ``key=value,key=value``, keys in the order given.

    Parameters
    ----------
    option : str
        Name of the option, for the error text ("--start").
    text : str
        What the user wrote.
    example : str
        What a good value looks like, for the error text.
    """
    found: dict[str, str] = {}
    for piece in split_commas(text):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not key or not value:
            raise InputError(f"{option} got '{shorten(piece)}', expected key=value such as {example}.")
        if key in found:
            raise InputError(f"{option} names '{key}' twice: give it once.")
        found[key] = value
    return found


def typed(option: str, key: str, text: str) -> Any:
    """Return the value that ``text`` spells: a number, true, false, null, a JSON list or object, or else itself.

    Raises
    ------
    InputError
        For NaN and infinities, and for lists that are not JSON.
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if text[0] in "\"'":
        return text[1:-1]
    if text[0] in "[{":
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError(
                f'{option} {key}={shorten(text)} is not valid JSON: write {key}=[[0,1],[1,0]] or {key}={{"name": 0.1}}.'
            ) from None
        return _finite(option, key, value)
    for kind in (int, float):
        try:
            return _finite(option, key, kind(text))
        except ValueError as error:
            if isinstance(error, InputError):
                raise
    return text


def _finite(option: str, key: str, value: Any) -> Any:
    """Return ``value``, or refuse a NaN or an infinity anywhere inside it."""
    if isinstance(value, list):
        return [_finite(option, key, entry) for entry in value]
    if isinstance(value, dict):
        return {name: _finite(option, key, entry) for name, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{option} {key} must be finite, got {value}: give a finite number.")
    return value


def settings(option: str, texts: list[str] | None) -> dict[str, Any]:
    """Return typed settings of a repeatable ``key=value,key=value`` option; later ones win.

    Examples
    --------
    >>> settings("--set", ["loss=hinge,gamma=0.3", "matrix=[[0,1],[1,0]]"])
    {'loss': 'hinge', 'gamma': 0.3, 'matrix': [[0, 1], [1, 0]]}
    """
    found: dict[str, Any] = {}
    for text in texts or []:
        for key, value in pairs(option, text, "gamma=0.3").items():
            found[key] = typed(option, key, value)
    return found


def names(option: str, text: str) -> list[str]:
    """Return the coordinate names of ``x1,x2``."""
    if not text.strip():
        raise InputError(f"{option} is empty: name at least one coordinate, such as {option} x.")
    return split_commas(text)


def state(option: str, text: str) -> dict[str, float]:
    """Return ``{coordinate: value}`` of ``theta=1,psi=1``; NaN and infinities are refused.

    Examples
    --------
    >>> state("--start", "theta=1,psi=-1e-3")
    {'theta': 1.0, 'psi': -0.001}
    """
    found = pairs(option, text, "theta=1,psi=1")
    return {key: check_number(f"{option} {key}", value) for key, value in found.items()}


def box(option: str, text: str) -> dict[str, tuple[float, float]]:
    """Return ``{coordinate: (low, high)}`` of ``x=-3:3,y=-3:3``; reversed sides are refused.

    Examples
    --------
    >>> box("--box", "x=-3:3")
    {'x': (-3.0, 3.0)}
    """
    found = {}
    for key, value in pairs(option, text, "x=-3:3").items():
        edges = value.split(":")
        if len(edges) != 2:
            raise InputError(f"{option} got '{key}={shorten(value)}', expected low:high such as {key}=-3:3.")
        low, high = (check_number(f"{option} {key}", edge) for edge in edges)
        if not low < high:
            raise InputError(f"{option} {key}={low:g}:{high:g} is reversed or empty: give low:high with low < high.")
        found[key] = (low, high)
    return found


def per_player(option: str, *texts: str) -> float | dict[str, float]:
    """Return one positive number, or ``{player: number}`` of ``generator=0.1,discriminator=0.4``, also in pieces.

    Examples
    --------
    >>> per_player("--lr", "0.1"), per_player("--lr", "generator=0.1", "discriminator=0.4")
    (0.1, {'generator': 0.1, 'discriminator': 0.4})
    """
    text = ",".join(texts)
    pieces = split_commas(text)
    if len(pieces) > 1 and "=" not in text:
        first, second = pieces[:2]
        raise InputError(
            f"{option} got '{shorten(text)}', expected one number, or one per player as in "
            f"generator={first},discriminator={second}."
        )
    if "=" in text and not all("=" in piece for piece in pieces):
        number = next(piece for piece in pieces if "=" not in piece)
        raise InputError(
            f"{option} got '{shorten(text)}', expected one number for all players, or one for each: give {number} "
            "alone, or every player's as in generator=0.1,discriminator=0.4."
        )
    found = {"": text} if "=" not in text else pairs(option, text, "generator=0.1,discriminator=0.4")
    values = {}
    for player, value in found.items():
        label = f"{option} {player}".strip()
        values[player] = check_number(label, value)
        if values[player] <= 0:
            raise InputError(f"{label} must be positive, got {values[player]:g}: give a number above 0.")
    return values[""] if list(values) == [""] else values


def shorten(text: str, width: int = 60) -> str:
    """Return ``text`` cut to ``width`` characters, so that an error stays one readable sentence."""
    return text if len(text) <= width else text[: width - 1] + "…"
