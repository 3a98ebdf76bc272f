"""What a game or preset says about itself: its settings with their types, its equations and its source."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel


def game_settings(name: str, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of a catalogue game: default, kind, choices and present value of each."""
    return settings(_module(name).Settings, values)


def preset_settings(name: str, changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of a training preset in the same form; its own values are the defaults."""
    from dynamics import gan, methods
    from dynamics.games.losses import LOSSES
    from dynamics.games.penalties import PENALTIES
    from dynamics.gan.configuration import DTYPES, TrainingConfig, configure
    from dynamics.gan.data import DATA
    from dynamics.gan.networks import ACTIVATIONS

    values = configure(name, changes).model_dump(mode="json")
    choices = {
        "loss": LOSSES,
        "penalty": PENALTIES,
        "dtype": DTYPES,
        "data": DATA,
        "activation": ACTIVATIONS,
        "method": methods.names(),
    }
    known = settings(TrainingConfig, values, {key: list(names) for key, names in choices.items()})
    found = {key: {**known[key], "default": default} for key, default in gan.settings(name).items()}
    # The method's own settings stand beside the others on the command line, so they do here.
    own = found.pop("method_settings")["value"]
    method = values["method"]
    for key, default in methods.settings(method).items():
        if key not in found:
            kind = {int: "whole number"}.get(type(default), "text")
            entry = {"default": default, "kind": f"{kind} ({method})", "choices": None, "value": own.get(key, default)}
            found[key] = entry
    return found


def settings(
    model: type[BaseModel], values: Mapping[str, Any], choices: Mapping[str, Sequence[str]] | None = None
) -> dict[str, dict[str, Any]]:
    """Return ``{setting: {default, kind, choices, value}}`` of a pydantic model, read off its JSON schema.

    Parameters
    ----------
    model : type of BaseModel
    values : mapping
        The present values.
    choices : mapping of str to sequence of str, optional
        Names allowed where the schema says only that there is a text.
    """
    found = {}
    for name, schema in model.model_json_schema()["properties"].items():
        allowed = (choices or {}).get(name) or schema.get("enum")
        found[name] = {
            "default": schema.get("default"),
            "kind": "choice" if allowed else _kind(schema),
            "choices": list(allowed) if allowed else None,
            "value": values.get(name),
        }
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    """Return the values that a JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        inner = schema.get("items", {})
        return "matrix" if inner.get("type") == "array" else f"list of {_kind(inner)}s"
    if schema.get("type") == "object":
        return "one per player" if "additionalProperties" in schema else "table"
    words = {"number": "number", "integer": "whole number", "boolean": "true or false", "null": "none"}
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f" {sign} {schema[key]:g}" for key, sign in limits.items() if key in schema]
    return words.get(schema.get("type", ""), "text") + "".join(bounds)


def about(name: str) -> tuple[str, str | None]:
    """Return what a catalogue game's docstring says after its first line, as plain text, and its source alone."""
    text = str(_module(name).__doc__).strip().partition("\n\n")[2]
    plain = re.sub(r":[a-z]+:`([^`]*)`", r"\1", text).replace("``", "").replace("+-", "±")
    plain = re.sub(r"\*(\w+)\*", r"\1", plain)
    paragraphs = [" ".join(paragraph.split()) for paragraph in plain.split("\n\n")]
    _, found, source = paragraphs[-1].partition("Source: ")
    return "\n\n".join(paragraphs), source.rstrip(".") if found else None


def _module(name: str) -> Any:
    return importlib.import_module(f"dynamics.games.catalogue.{name.replace('-', '_')}")
