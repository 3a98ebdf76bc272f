"""The interface of a noise model, and what all models share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble.noise.schedules import NoiseSchedule, read_schedule
from dynamics.games.expressions import parse, symbol
from dynamics.games.field import Field
from dynamics.games.primitives import LANGUAGE

#: Readings of a stochastic integral with a state-dependent integrand.
INTERPRETATIONS = ("ito", "stratonovich")


@dataclass(frozen=True)
class Terms:
    """What a noise model contributes to ``dY = v dt + g(t) B(Y) dW``.

    Attributes
    ----------
    matrix : tuple of rows of sympy expressions
        ``B``, one row a coordinate of the field and one column a component of ``W``; over the coordinates, the
        parameters of the field and the symbols of ``values``.
    values : mapping of sympy symbol to float
        Numbers that generated code takes as arguments, so that another strength compiles nothing anew.
    """

    matrix: tuple[tuple[sp.Expr, ...], ...]
    values: Mapping[sp.Symbol, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Noise(ABC):
    """Noise in parameter space, ``dY = v(Y) dt + g(t) B(Y) dW``, B in units of Y per square root of time.

    To add a model: write one file with a frozen dataclass that has (1) ``name``, (2) its settings as fields, checked in
    ``__post_init__``, (3) ``terms``, the matrix B as expressions, (4) the equation and source in its docstring, (5) a
    line in ``dynamics/ensemble/noise/__init__.py``.

    Parameters
    ----------
    schedule : NoiseSchedule or str, optional
        ``g(t)``, such as ``exponential:half_life=10`` (:mod:`dynamics.ensemble.noise.schedules`); 1 without one.
    """

    name: ClassVar[str]
    #: How the stochastic integral is read; models that do not depend on the state are the same either way.
    interpretation: ClassVar[str] = "ito"
    #: Correlation time of coloured noise; None for white noise.
    correlation_time: ClassVar[float | None] = None

    schedule: NoiseSchedule | str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", read_schedule(self.schedule))

    @abstractmethod
    def terms(self, motion: Field) -> Terms:
        """Return the matrix B on a field, or refuse one it does not fit."""

    def factor(self, t: Any) -> Any:
        """Return ``g(t)`` at a time or an array of times."""
        return 1.0 if self.schedule is None else self.schedule(t)  # pyright: ignore[reportCallIssue]

    def with_schedule(self, schedule: NoiseSchedule | str | None) -> Self:
        """Return the same noise under another schedule."""
        return replace(self, schedule=schedule)

    def settings(self) -> dict[str, Any]:
        """Return the model's name and settings (JSON-serialisable)."""
        found: dict[str, Any] = {"noise": self.name}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name == "schedule":
                value = None if value is None else str(value)
            elif isinstance(value, Noise):
                value = value.settings()
            elif isinstance(value, np.ndarray):
                value = value.tolist()
            elif isinstance(value, Mapping):
                value = dict(value)
            found[entry.name] = value
        return found


def constant_terms(matrix: ArrayLike) -> Terms:
    """Return the terms of a constant matrix; entries that are zero stay out of the generated code."""
    array = np.asarray(matrix, dtype=np.float64)
    values: dict[sp.Symbol, float] = {}

    def entry(number: float) -> sp.Expr:
        if number == 0:
            return sp.S.Zero
        name = noise_symbol(len(values))
        values[name] = float(number)
        return name

    return Terms(tuple(tuple(entry(number) for number in row) for row in array), values)


def noise_symbol(k: int) -> sp.Symbol:
    """Return the symbol of a number of the noise; no name of a user has a blank in it."""
    return sp.Symbol(f"noise {k}", real=True)


def check_matrix(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return a finite matrix, or refuse it."""
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a matrix of numbers, got {value!r}.") from None
    if matrix.ndim != 2 or not matrix.size:
        raise InputError(f"{name} must be a matrix, got an array of shape {matrix.shape}: give rows of numbers.")
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise InputError(f"{name} must be finite, got {matrix[row, column]} in row {row + 1}, column {column + 1}.")
    return matrix


def check_rows(name: str, rows: int, motion: Field) -> None:
    """Refuse a matrix that has not one row for each coordinate."""
    if rows != motion.dim:
        raise InputError(
            f"{name} has {rows} row{'s' if rows != 1 else ''}, expected {motion.dim}: one for each coordinate "
            f"({', '.join(motion.names)})."
        )


def expression(text: Any, motion: Field) -> sp.Expr:
    """Return an expression over the coordinates and parameters of a field, from text, a number or SymPy."""
    known = {name: symbol(name) for name in (*motion.names, *getattr(motion, "parameters", {}))}
    if isinstance(text, str):
        return parse(text, known)
    found = sp.sympify(text)
    if not isinstance(found, sp.Expr):
        raise InputError(f"A noise entry must be a formula or a number, got {text!r}.")
    renamed = found.xreplace({free: known[free.name] for free in found.free_symbols if free.name in known})
    foreign = [node for node in sp.preorder_traversal(renamed) if not isinstance(node, LANGUAGE)]
    unknown_names = [free.name for free in renamed.free_symbols if free not in known.values()]
    for strange in (*map(str, foreign), *unknown_names):
        raise InputError(f"The noise entry {text} contains {strange}: write it in the formula language, as text.")
    return renamed


def check_interpretation(value: str) -> str:
    """Return how a stochastic integral is read, or refuse what is neither."""
    if value not in INTERPRETATIONS:
        raise InputError(f"The interpretation of the noise is {value!r}, expected {' or '.join(INTERPRETATIONS)}.")
    return value


def free_of(entries: Iterable[sp.Expr], names: Iterable[str]) -> bool:
    """Return whether no entry depends on a coordinate."""
    coordinates = {symbol(name) for name in names}
    return not any(entry.free_symbols & coordinates for entry in entries)
