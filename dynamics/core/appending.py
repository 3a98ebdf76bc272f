"""A Zarr store that grows by records, for computations that must not keep their whole history in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from dynamics.core.attributes import encode_attributes
from dynamics.core.errors import InputError, check_count, unknown
from dynamics.core.storage import RECORD_COUNT, RECORD_DIMENSION, check_new

#: Aimed size of one chunk: large enough for the disk, small enough to be written again while it fills.
CHUNK_BYTES = 4 * 2**20
#: Most records in one chunk of a short series.
CHUNK_RECORDS = 4096


@dataclass(frozen=True)
class Series:
    """What one record of a variable looks like.

    Attributes
    ----------
    dims : tuple of str
        Dimensions of one record, without the record dimension; empty for a number.
    shape : tuple of int
        Sizes of those dimensions.
    dtype : dtype_like
        Number or truth-value type in which it is stored.
    """

    dims: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    dtype: DTypeLike = np.float64

    def __post_init__(self) -> None:
        if len(self.dims) != len(self.shape):
            raise InputError(f"A series has the dimensions {self.dims} but the shape {self.shape}: give one size each.")
        if np.dtype(self.dtype).kind not in "biufc":
            raise InputError(f"A series stores numbers or truth values, got {np.dtype(self.dtype)}: encode it first.")


class AppendingStore:
    """Dataset on disk that grows along a record dimension; at most ``buffer_bytes`` wait in memory.

    After every :meth:`flush` the folder is a complete dataset, which
    :func:`dynamics.core.storage.read_dataset` opens while the writer goes on. The count of complete records is
    written last: a run that dies while writing loses at most what it had not flushed.

    Parameters
    ----------
    path : str or Path
        Must not exist; parent folders are created.
    variables : mapping of str to Series
        What every record holds. A variable named like the record dimension becomes its coordinate.
    dimension : str
        Name of the record dimension.
    coordinates : mapping of str to array_like, optional
        Labels of the other dimensions, written once.
    attributes : mapping, optional
        May nest (see :func:`dynamics.core.attributes.encode_attributes`).
    buffer_bytes : int
        Records are written when this many bytes wait.

    Examples
    --------
    One record, then two at once::

        with AppendingStore(path, {"time": Series(), "state": Series(("coordinate",), (2,))}) as store:
            store.append(time=0.0, state=[1.0, 2.0])
            store.append(time=[0.1, 0.2], state=[[1.0, 2.0], [3.0, 4.0]])
    """

    def __init__(
        self,
        path: str | Path,
        variables: Mapping[str, Series],
        *,
        dimension: str = "time",
        coordinates: Mapping[str, ArrayLike] | None = None,
        attributes: Mapping[str, Any] | None = None,
        buffer_bytes: int = 32 * 2**20,
    ) -> None:
        import zarr

        labels = _check_layout(variables, dimension, coordinates or {})
        self.path = check_new(path)
        self.variables = dict(variables)
        self.dimension = dimension
        self._buffer_bytes = check_count("buffer_bytes", buffer_bytes)
        self._waiting: list[dict[str, NDArray[Any]]] = []
        self._waiting_bytes = 0
        self._written = 0
        self._closed = False
        described = {**encode_attributes(attributes or {}), RECORD_DIMENSION: dimension, RECORD_COUNT: 0}
        self._group = zarr.create_group(self.path, zarr_format=2, attributes=described)
        self._config = {"array.write_empty_chunks": True}
        with zarr.config.set(self._config):
            for name, values in labels.items():
                array = self._group.create_array(
                    name,
                    shape=values.shape,
                    dtype=values.dtype,
                    chunks=tuple(max(size, 1) for size in values.shape),
                    fill_value=None,
                    attributes={"_ARRAY_DIMENSIONS": [name]},
                )
                array[...] = values
            for name, series in self.variables.items():
                self._group.create_array(
                    name,
                    shape=(0, *series.shape),
                    dtype=np.dtype(series.dtype),
                    chunks=(_records_per_chunk(series), *(max(size, 1) for size in series.shape)),
                    fill_value=None,
                    attributes={"_ARRAY_DIMENSIONS": [dimension, *series.dims]},
                )

    def __len__(self) -> int:
        """Return the number of records appended so far, written or waiting."""
        return self._written + sum(len(next(iter(block.values()))) for block in self._waiting)

    def append(self, **arrays: ArrayLike) -> None:
        """Append one record (arrays of the series' shapes) or several (one more leading axis, the same for all).

        Raises
        ------
        InputError
            For unknown or missing variables, wrong shapes, types that would lose information, or a closed store.
        """
        self._check_open()
        for name in arrays:
            if name not in self.variables:
                raise unknown("variable", name, self.variables)
        missing = [name for name in self.variables if name not in arrays]
        if missing:
            raise InputError(f"The record lacks {', '.join(missing)}: give every variable in each call of append.")
        block = {name: self._shaped(name, value) for name, value in arrays.items()}
        counts = {name: len(values) for name, values in block.items()}
        if len(set(counts.values())) > 1:
            raise InputError(f"The variables hold different numbers of records ({counts}): give the same for each.")
        self._waiting.append(block)
        self._waiting_bytes += sum(values.nbytes for values in block.values())
        if self._waiting_bytes >= self._buffer_bytes:
            self.flush()

    def flush(self) -> None:
        """Write what waits; afterwards the folder is a complete dataset."""
        import zarr

        self._check_open()
        if not self._waiting:
            return
        total = len(self)
        with zarr.config.set(self._config):
            for name in self.variables:
                values = np.concatenate([block[name] for block in self._waiting])
                array: Any = self._group[name]
                array.resize((total, *self.variables[name].shape))
                array[self._written :] = values
        # Written last: until here readers see the old count.
        self._group.attrs[RECORD_COUNT] = total
        self._written = total
        self._waiting.clear()
        self._waiting_bytes = 0

    def set_attributes(self, **attributes: Any) -> None:
        """Set root attributes, such as the status of a finished run."""
        self._check_open()
        self._group.attrs.update(encode_attributes(attributes))

    def close(self) -> None:
        """Flush and refuse further records; closing twice is harmless."""
        if not self._closed:
            self.flush()
            self._closed = True

    def __enter__(self) -> AppendingStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also after an exception or Ctrl-C: what was recorded until then is kept.
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InputError(f"The store '{self.path}' is closed: open a new one.")

    def _shaped(self, name: str, value: ArrayLike) -> NDArray[Any]:
        series = self.variables[name]
        given, dtype = np.asarray(value), np.dtype(series.dtype)
        if given.shape == series.shape:
            given = given[None]
        if given.shape[1:] != series.shape or given.ndim != len(series.shape) + 1:
            raise InputError(
                f"'{name}' has the shape {given.shape}, expected {series.shape} or (records, *{series.shape})."
            )
        if not np.can_cast(given.dtype, dtype, "same_kind"):
            raise InputError(f"'{name}' has the type {given.dtype}, stored as {dtype}: convert it first.")
        # A copy: callers may overwrite their array (in-place optimisers do) before it is written.
        return np.array(given, dtype=dtype)


def _records_per_chunk(series: Series) -> int:
    size = max(1, int(np.prod(series.shape)) * np.dtype(series.dtype).itemsize)
    return min(CHUNK_RECORDS, max(1, CHUNK_BYTES // size))


def _check_layout(
    variables: Mapping[str, Series], dimension: str, coordinates: Mapping[str, ArrayLike]
) -> dict[str, NDArray[Any]]:
    sizes: dict[str, int] = {}
    for name, series in variables.items():
        if dimension in series.dims:
            raise InputError(f"'{name}' lists the record dimension '{dimension}': give the dimensions of one record.")
        for label, size in zip(series.dims, series.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise InputError(f"The dimension '{label}' has the sizes {sizes[label]} and {size}: give one size.")
    if not variables:
        raise InputError("A store needs at least one variable: give a mapping of names to Series.")
    labels: dict[str, NDArray[Any]] = {}
    for name, values in coordinates.items():
        array = np.asarray(values)
        if name not in sizes:
            raise unknown("dimension", name, sizes)
        if name in variables:
            raise InputError(f"'{name}' is both a variable and a coordinate: rename one.")
        if array.shape != (sizes[name],) or array.dtype.kind not in "biufcU":
            raise InputError(f"The coordinate '{name}' needs {sizes[name]} numbers or texts, got {array!r}.")
        labels[name] = array
    return labels
