"""How answers leave: one JSON object, or compact rich tables on stdout; notes and progress on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Version of the JSON envelope; it changes only with a BREAKING mark in the change log.
SCHEMA = 1


def jsonable(value: Any) -> Any:
    """Return ``value`` in JSON's own types: NaN and infinities become null, complex numbers ``{re, im}``."""
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, complex):
        return {"re": jsonable(value.real), "im": jsonable(value.imag)}
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, Mapping):
        return {str(jsonable(key)): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, torch tensors
        return jsonable(value.tolist())
    if isinstance(value, Iterable):
        return [jsonable(entry) for entry in value]
    return str(value)


def print_json(payload: Mapping[str, Any]) -> None:
    """Print one JSON object on one line of stdout."""
    sys.stdout.write(json.dumps(jsonable(payload), allow_nan=False, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_error(message: str, kind: str, as_json: bool) -> None:
    """Print an error: one sentence on stderr, or one JSON object on stdout."""
    if as_json:
        print_json({"schema": SCHEMA, "error": {"kind": kind, "message": message}})
    else:
        sys.stderr.write(f"Error: {message}\n")


def console() -> Console:
    """Return the console of the answers (stdout; 80 columns and no colour when piped)."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=False)


def note(text: str) -> None:
    """Print a note for a person: on stderr, and only when it is a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(text + "\n")


def table(*columns: str, title: str | None = None, numbers: Sequence[str] = ()) -> Table:
    """Return an empty compact table; columns named in ``numbers`` are right-aligned."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def number(value: Any, digits: int = 6) -> str:
    """Return a number as a person reads it; complex ones as ``a ± bi`` parts, None as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        value = complex(value["re"], value["im"])
    if isinstance(value, complex):
        real = f"{value.real + 0.0:.{digits}g}"  # adding zero turns -0 into 0
        if value.imag == 0:
            return real
        sign = "+" if value.imag > 0 else "-"
        return f"{real} {sign} {abs(value.imag):.{digits}g}i"
    if isinstance(value, int | float) or hasattr(value, "dtype"):
        return f"{float(value) + 0.0:.{digits}g}"
    return str(value)


def rounded(value: float, low: float, high: float) -> float:
    """Return a value of a range, zero where it differs from it by rounding only."""
    return 0.0 if abs(value) < 1e-9 * (high - low) else value


def point(state: Mapping[str, Any], digits: int = 6) -> str:
    """Return a state as ``theta=1, psi=0``."""
    return ", ".join(f"{name}={number(value, digits)}" for name, value in state.items())


def described(settings: Mapping[str, Any], before: str = "") -> str:
    """Return the settings of a method as ``lr=0.1, beta=0.9``, in the words of the options."""
    parts = []
    for key, value in settings.items():
        if isinstance(value, Mapping) and key == "base":
            inner = {name: entry for name, entry in value.items() if name not in ("method", "lr")}
            parts += [f"{before}base={value['method']}", *([described(inner, f"{before}base.")] if inner else [])]
        elif isinstance(value, Mapping):
            parts += [f"{key} of {player} {number(rate)}" for player, rate in value.items()]
        elif key != "method":
            text = {True: "true", False: "false"}[value] if isinstance(value, bool) else number(value)
            parts.append(f"{before}{key}={text}")
    return ", ".join(parts)


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Any]:
    """Yield ``advance(text)``, drawn as a bar on stderr when that is a terminal and silent otherwise."""
    if not sys.stderr.isatty():
        yield lambda text="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(description, total=total)

        def advance(text: str = "") -> None:
            bar.update(task, advance=1, description=f"{description} {text}".strip())

        yield advance


def environment_flag(name: str) -> bool:
    """Return whether the environment switches ``name`` on (1, true, yes, on)."""
    return os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on")
