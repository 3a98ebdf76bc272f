"""From the noise options of the command line to a noise model of the engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dynamics.core.errors import InputError, check_number, check_positive, unknown
from scenarios.cli import parse

if TYPE_CHECKING:
    from dynamics.ensemble import Noise

KINDS = ("matrix", "covariance")


def models() -> dict[str, type[Noise]]:
    """Return the noise models by name."""
    from dynamics import ensemble

    kinds = (
        ensemble.Isotropic, ensemble.PerCoordinate, ensemble.Matrix, ensemble.Diagonal, ensemble.StateDependent,
        ensemble.GradientNoise, ensemble.Coloured,
    )  # fmt: skip
    return {kind.name: kind for kind in kinds}


def summary(name: str) -> str:
    """Return the one-line summary of a noise model."""
    return str(models()[name].__doc__).strip().splitlines()[0].replace("``", "")


def is_matrix(rows: Any) -> bool:
    """Return whether something read from JSON is a list of rows of numbers of one length."""
    return (
        isinstance(rows, list)
        and len(rows) > 0
        and all(isinstance(row, list) and row and len(row) == len(rows[0]) for row in rows)
        and all(isinstance(entry, int | float) and not isinstance(entry, bool) for row in rows for entry in row)
    )


@dataclass(frozen=True)
class NoiseOptions:
    """The texts of the noise options.

    Attributes
    ----------
    strength, matrix, file : str, optional
        ``--noise``, ``--noise-matrix``, ``--noise-file``: exactly one of them.
    kind : str, optional
        ``--noise-kind``: what a matrix is.
    lr : float, optional
        ``--noise-lr``, of a covariance.
    interpretation, schedule : str, optional
    memory : float, optional
        ``--noise-memory``, the correlation time of coloured noise.
    """

    strength: str | None = None
    matrix: str | None = None
    file: str | None = None
    kind: str | None = None
    lr: float | None = None
    interpretation: str | None = None
    memory: float | None = None
    schedule: str | None = None

    def read(self) -> Noise:
        """Return the noise model.

        Raises
        ------
        InputError
            If there is no noise or more than one, a text is not understood, or an option has no effect on the others.
        """
        from dynamics.ensemble import Coloured

        sources = {"--noise": self.strength, "--noise-matrix": self.matrix, "--noise-file": self.file}
        given = [option for option, value in sources.items() if value is not None]
        if not given:
            raise InputError(
                "No noise was given: add --noise 0.1, --noise x=0.1,y=0, --noise-matrix or --noise-file (--noise 0 for "
                "none)."
            )
        if len(given) > 1:
            raise InputError(f"{' and '.join(given)} were given: a run has one noise, give one of them.")
        if self.strength is not None:
            found = self._of_strength(self.strength)
        elif self.matrix is not None:
            found = self._of_matrix(self.matrix)
        else:
            found = self._of_file(str(self.file))
        if self.memory is not None:
            return Coloured(found, check_positive("--noise-memory", self.memory))
        return found

    def _of_strength(self, text: str) -> Noise:
        from dynamics.ensemble import Diagonal, Isotropic, PerCoordinate

        self._refuse("--noise", kind=self.kind, lr=self.lr)
        if "=" not in text:
            self._refuse("one strength", interpretation=self.interpretation)
            return Isotropic(_strength(text), schedule=self.schedule)
        entries = parse.pairs("--noise", text, "x=0.1,y=0.1*y")
        values = {key: _number(value) for key, value in entries.items()}
        if all(value is not None for value in values.values()):
            self._refuse("constant strengths", interpretation=self.interpretation)
            numbers = {key: check_number(f"--noise {key}", value) for key, value in values.items()}
            return PerCoordinate(numbers, schedule=self.schedule)
        return Diagonal(entries, schedule=self.schedule, interpretation=self.interpretation or "ito")

    def _of_matrix(self, text: str) -> Noise:
        from dynamics.ensemble import StateDependent

        try:
            rows = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError(
                f"--noise-matrix got '{parse.shorten(text)}', which is not valid JSON: write [[0.1,0.05],[0,0.2]], or "
                'formulas in quotes as in [["0.1*y"],["-0.1*x"]].'
            ) from None
        if is_matrix(rows):
            return self._constant(np.array(rows, dtype=np.float64))
        nested = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
        if not nested or not all(isinstance(e, str | int | float) for row in rows for e in row):
            raise InputError(
                f"--noise-matrix got '{parse.shorten(text)}', expected rows of numbers or formulas such as "
                "[[0.1,0.05],[0,0.2]]."
            )
        self._refuse("a matrix of formulas", kind=self.kind, lr=self.lr)
        return StateDependent(rows, schedule=self.schedule, interpretation=self.interpretation or "ito")

    def _of_file(self, path: str) -> Noise:
        from scenarios.cli.noise_file import read_file

        found = read_file(path)
        if isinstance(found, np.ndarray):
            return self._constant(found)
        for option, value in self._others().items():
            if value is not None:
                raise InputError(f"'{path}' holds a noise model with its settings: set {option} there.")
        return found

    def _constant(self, matrix: Any) -> Noise:
        """Return the noise of a matrix of numbers, which is B or a covariance."""
        from dynamics.ensemble import GradientNoise, Matrix

        self._refuse("a constant matrix", interpretation=self.interpretation)
        kind = self.kind or "matrix"
        if kind not in KINDS:
            raise unknown("--noise-kind", kind, KINDS)
        if kind == "matrix":
            if self.lr is not None:
                raise InputError("--noise-lr belongs to a covariance: add --noise-kind covariance, or leave it out.")
            return Matrix(matrix, schedule=self.schedule)
        if self.lr is None:
            raise InputError(
                "A gradient covariance needs its learning rate: add --noise-lr LR, for steps of plain descent the same "
                "as --dt."
            )
        return GradientNoise(matrix, check_positive("--noise-lr", self.lr), schedule=self.schedule)

    def _others(self) -> dict[str, Any]:
        return {
            "--noise-kind": self.kind, "--noise-lr": self.lr, "--interpretation": self.interpretation,
            "--noise-memory": self.memory, "--noise-schedule": self.schedule,
        }  # fmt: skip

    @staticmethod
    def _refuse(what: str, **given: Any) -> None:
        """Refuse options without effect on this kind of noise."""
        reasons = {
            "kind": "--noise-kind tells what a matrix of numbers is and",
            "lr": "--noise-lr belongs to a covariance and",
            "interpretation": "--interpretation matters where the noise depends on the state and",
        }
        for key, value in given.items():
            if value is not None:
                raise InputError(f"{reasons[key]} has no effect on {what}: leave it out.")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _strength(text: str) -> float:
    value = _number(text)
    if value is None:
        raise InputError(
            f"--noise got '{parse.shorten(text)}', expected a strength such as 0.1, or strengths and formulas by "
            "coordinate such as x=0.1,y=0.1*y."
        )
    return check_number("--noise", value)
