"""The TOML file of ``--config``: one table per verb, one key per option."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from dynamics.core.errors import InputError, unknown


def load(path: str, group: Any) -> dict[str, dict[str, Any]]:
    """Return Typer's default map ``{verb: {parameter: value}}`` of a file.

    A file looks like this::

        [trajectory]
        solver = "scipy:Radau"
        rtol = 1e-6

    Raises
    ------
    InputError
        If the file is missing or no TOML, or names a verb or option that does not exist.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"There is no file '{path}': give the path of a TOML file to --config.")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' is not valid TOML ({error}): mend that line.") from None
    found: dict[str, dict[str, Any]] = {}
    for verb, table in tables.items():
        if verb not in group.commands:
            raise unknown("verb", verb, group.commands)
        if not isinstance(table, dict):
            raise InputError(f"'{path}' gives {verb} = {table!r}, expected a table [{verb}] with one key per option.")
        by_option = {
            name.lstrip("-"): parameter
            for parameter in group.commands[verb].params
            for name in parameter.opts
            if name.startswith("--")
        }
        found[verb] = {}
        for key, value in table.items():
            if key not in by_option:
                raise unknown(f"option of {verb}", key, by_option)
            parameter = by_option[key]
            text = value if isinstance(value, bool | list) else str(value)
            found[verb][parameter.name] = [text] if parameter.multiple and not isinstance(text, list) else text
    return found
