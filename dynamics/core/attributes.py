"""Attributes of stored results: nested, plain JSON, the same after a round trip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np

from dynamics.core.errors import InputError

#: Key that marks a number JSON has no word for (NaN, infinities, complex numbers), stored by its Python text.
NUMBER_KEY = "__number__"


def encode_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as plain JSON data.

    Mappings keep their nesting, tuples and arrays become lists, NumPy scalars numbers, enumerations their value,
    paths text. NaN, infinities and complex numbers become ``{"__number__": text}``, because strict JSON lacks them.

    Raises
    ------
    InputError
        For keys that are not text and for values of any other type.
    """
    return {_key(key): _encode(value, str(key)) for key, value in attributes.items()}


def decode_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what :func:`encode_attributes` was given, with lists for tuples and arrays."""
    return {key: _decode(value) for key, value in attributes.items()}


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise InputError(f"An attribute's key must be text, got {key!r}: use str(key).")
    return key


def _encode(value: Any, where: str) -> Any:
    if isinstance(value, Enum):
        return _encode(value.value, where)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {NUMBER_KEY: repr(value)}
    if isinstance(value, complex):
        return {NUMBER_KEY: repr(value)}
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {_key(key): _encode(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, np.ndarray) and value.dtype != object:
        return _encode(value.tolist(), where)
    raise InputError(
        f"The attribute '{where}' is a {type(value).__name__}, which cannot be stored: "
        "use numbers, text, lists and mappings."
    )


def _decode(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {NUMBER_KEY}:
            text = value[NUMBER_KEY]
            return complex(text) if "j" in text else float(text)
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return value
