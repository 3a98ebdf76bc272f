"""What a game or preset says about itself: its settings with their types, its equations and its source."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
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
    for key, entry in method_settings(method).items():
        if key != "lr":
            value = own.get(key, entry["default"])
            row = {"default": entry["default"], "kind": f"{entry['kind']} ({method})", "choices": None, "value": value}
            # a name that the objective has too
            found[f"method.{key}" if key in found else key] = row
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
    return _plain(str(_module(name).__doc__).strip().partition("\n\n")[2])


def about_method(name: str) -> tuple[str, str | None]:
    """Return what a method's docstring says of its map, as plain text, and its source alone."""
    from dynamics.methods.registry import find

    text = inspect.cleandoc(str(find(name).__doc__)).partition("\n\nParameters\n")[0]
    return _plain(text.partition("\n\n")[2])


def method_settings(name: str) -> dict[str, dict[str, Any]]:
    """Return the settings of a method: default, kind, and what its docstring says of each."""
    from dynamics import methods
    from dynamics.methods.registry import find

    meanings = _meanings(find(name))
    found = {}
    for key, default in methods.settings(name).items():
        kind = {bool: "true or false", int: "whole number", float: "number"}.get(type(default), "text")
        kind = {"lr": "number, or one per player", "schedule": "schedule"}.get(key, kind)
        found[key] = {"default": default, "kind": kind, "meaning": meanings.get(key, "")}
    return found


def about_schedule(name: str) -> tuple[str, str | None]:
    """Return what a schedule's docstring says of its factor, as plain text, and its source alone."""
    from dynamics.methods.schedules import find

    return _plain(inspect.cleandoc(str(find(name).__doc__)).partition("\n\nParameters\n")[0])


def schedule_settings(name: str) -> dict[str, dict[str, Any]]:
    """Return the settings of a schedule: default, kind, and what its docstring says of each."""
    from dynamics.methods import schedules

    meanings = _meanings(schedules.find(name))
    return {
        key: {
            "default": default,
            "kind": "whole number" if isinstance(default, int) else "number",
            "meaning": meanings.get(key, ""),
        }
        for key, default in schedules.schedule_settings(name).items()
    }


def about_class(kind: type) -> tuple[str, str | None]:
    """Return what the docstring of a scheme or noise model says, as plain text, and its source alone."""
    return _plain(inspect.cleandoc(str(kind.__doc__)).partition("\n\nParameters\n")[0].replace("::\n", ":\n"))


def class_settings(kind: Any) -> dict[str, dict[str, Any]]:
    """Return the settings of a scheme or noise model, a dataclass: default, kind, and what its docstring says."""
    meanings = _meanings(kind)
    found = {}
    for entry in fields(kind):
        required = entry.default is MISSING
        default = None if required else entry.default
        form = {"int": "whole number", "float": "number"}.get(str(entry.type), "text")
        found[entry.name] = {
            "default": default, "required": required, "kind": form, "meaning": meanings.get(entry.name, ""),
        }  # fmt: skip
    return found


def _meanings(kind: type) -> dict[str, str]:
    """Return what docstrings say of settings; what a class says wins over what it inherits."""
    found: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        found |= _parameters(inspect.cleandoc(ancestor.__doc__ or ""))
    return found


def _parameters(text: str) -> dict[str, str]:
    """Return what the section Parameters of a docstring says of each name."""
    section = text.partition("\nParameters\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", section)[1:]:
        names, _, meaning = entry.partition("\n")
        for name in names.partition(" : ")[0].split(", "):
            found[name] = _plain(meaning)[0]
    return found


def _plain(text: str) -> tuple[str, str | None]:
    """Return paragraphs of a docstring without its marks, and what the last one calls its source."""
    plain = re.sub(r":[a-z]+:`([^`]*)`", r"\1", text).replace("``", "").replace("+-", "±")
    plain = re.sub(r"\*(\w+)\*", r"\1", plain)
    paragraphs = [" ".join(paragraph.split()) for paragraph in plain.split("\n\n")]
    sources = re.search(r"Sources?: (.*)", paragraphs[-1])
    return "\n\n".join(paragraphs), sources[1].rstrip(".") if sources else None


def _module(name: str) -> Any:
    return importlib.import_module(f"dynamics.games.catalogue.{name.replace('-', '_')}")
