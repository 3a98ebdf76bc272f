"""Files of ``--noise-file``: a matrix as .npy, .csv or .json, or any noise model as .toml or .json.

A noise model is written with the names and settings that a stored result carries (``Noise.settings``)::

    noise = "gradient"
    covariance = [[0.3, 0.1], [0.1, 0.2]]
    lr = 0.05
    schedule = "exponential:half_life=10"

Nothing in a file is executed: arrays of Python objects are refused, tables are validated field by field.
"""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dynamics.core.errors import InputError, unknown

if TYPE_CHECKING:
    from dynamics.ensemble import Noise

ENDINGS = (".npy", ".csv", ".json", ".toml")
#: Largest file that is read: a matrix of 2,800 coordinates, far beyond every game of formulas.
MOST_BYTES = 2**26


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schedule: str | None = None


class _Isotropic(_Model):
    noise: Literal["isotropic"]
    strength: float


class _PerCoordinate(_Model):
    noise: Literal["per-coordinate"]
    strengths: dict[str, float]


class _Matrix(_Model):
    noise: Literal["matrix"]
    matrix: list[list[float]]


class _Diagonal(_Model):
    noise: Literal["diagonal"]
    strengths: dict[str, str | float]
    interpretation: Literal["ito", "stratonovich"] = "ito"


class _StateDependent(_Model):
    noise: Literal["state-dependent"]
    matrix: list[list[str | float]]
    interpretation: Literal["ito", "stratonovich"] = "ito"


class _Gradient(_Model):
    noise: Literal["gradient"]
    covariance: list[list[float]]
    lr: float


class _Coloured(_Model):
    noise: Literal["coloured"]
    base: _White
    tau: float


_White = Annotated[
    _Isotropic | _PerCoordinate | _Matrix | _Diagonal | _StateDependent | _Gradient, Field(discriminator="noise")
]
_Coloured.model_rebuild()
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Annotated[_White | _Coloured, Field(discriminator="noise")])


def read_file(path: str) -> Noise | NDArray[np.float64]:
    """Return the noise model or the matrix of a file.

    Raises
    ------
    InputError
        If the file is missing, too large, of another kind, or holds something else than numbers or a noise model.
    """
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"--noise-file got '{path}', expected a file ending in {', '.join(ENDINGS)}.")
    if not file.is_file():
        raise InputError(f"There is no file '{path}': give the path of a noise file.")
    if file.stat().st_size > MOST_BYTES:
        raise InputError(f"'{path}' has {file.stat().st_size:,} bytes, more than {MOST_BYTES:,}: it is no noise file.")
    if ending == ".npy":
        return _numpy(file)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"'{path}' is no text: give a file of that ending, or one ending in .npy.") from None
    if ending == ".csv":
        return _numbers(text, path)
    try:
        data = tomllib.loads(text) if ending == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"'{path}' is not valid {ending[1:].upper()} ({error}): mend it.") from None
    if isinstance(data, list):
        return _listed(data, path)
    return model(data, f"'{path}'")


def model(data: Any, source: str) -> Noise:
    """Return the noise model of a table, refusing unknown entries and values of the wrong type."""
    from scenarios.cli.noise import models

    kinds = models()
    if not isinstance(data, dict) or "noise" not in data:
        raise InputError(f'{source} names no noise model: give noise = "matrix" or another of {", ".join(kinds)}.')
    if data["noise"] not in kinds:
        raise unknown("noise model", str(data["noise"]), kinds)
    try:
        found = _ADAPTER.validate_python(data)
    except ValidationError as error:
        raise _sentence(error, source) from None
    return _built(found, kinds)


def _built(found: _Model, kinds: Any) -> Noise:
    values = {key: getattr(found, key) for key in type(found).model_fields if key != "noise"}
    if isinstance(found, _Coloured):
        # A coloured noise has the schedule of its base, which stored settings repeat.
        if values["schedule"] not in (None, found.base.schedule):
            raise InputError("Coloured noise takes the schedule of its base: set it there.")
        values = {"base": _built(found.base, kinds), "tau": found.tau}
    return kinds[found.noise](**values)  # pyright: ignore[reportAttributeAccessIssue]


def _sentence(error: ValidationError, source: str) -> InputError:
    """Return the first complaint in one sentence; pydantic puts names of models and of types between the keys."""
    kinds = {_name(kind): kind for kind in _Model.__subclasses__()}
    # A key that is not known explains one that is missing.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    where = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        return unknown(f"entry of {where[-2]} noise", where[-1], kinds[where[-2]].model_fields)
    place = ".".join(part for part in where if part not in (*kinds, "str", "float")) or "noise"
    message = first["msg"][0].lower() + first["msg"][1:]
    return InputError(f"{source} has a bad entry at '{place}': {message}.")


def _name(kind: type[_Model]) -> str:
    (name,) = get_args(kind.model_fields["noise"].annotation)
    return name


def _numpy(file: Path) -> NDArray[np.float64]:
    try:
        found = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError, SyntaxError) as error:
        # NumPy's own text proposes to allow pickles; nobody should follow it with a file of unknown origin.
        raise InputError(
            f"'{file}' is no array of numbers ({type(error).__name__}): save one with numpy.save; files with pickled "
            "Python objects are not read."
        ) from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iuf":
        kind = found.dtype if isinstance(found, np.ndarray) else type(found).__name__
        raise InputError(f"'{file}' holds {kind}, expected an array of real numbers: save one with numpy.save.")
    return found.astype(np.float64)


def _numbers(text: str, path: str) -> NDArray[np.float64]:
    try:
        # A stream, since NumPy takes some texts for addresses of files elsewhere.
        return np.loadtxt(io.StringIO(text if text.strip() else "nothing"), delimiter=",", ndmin=2, dtype=np.float64)
    except ValueError as error:
        reason = str(error).partition(";")[0]
        raise InputError(
            f"'{path}' is no table of numbers ({reason}): give rows such as 0.1,0.05 of one length."
        ) from None


def _listed(rows: list[Any], path: str) -> NDArray[np.float64]:
    from scenarios.cli.noise import is_matrix

    if not is_matrix(rows):
        raise InputError(f"'{path}' holds no matrix of numbers: give rows such as [[0.1, 0.05], [0, 0.2]].")
    return np.array(rows, dtype=np.float64)
