"""Results on disk: labelled datasets as Zarr folders, written whole or record by record.

The format is Zarr version 2, whose every data type (fixed-width text among them) has a settled specification.
Nothing is pickled. Every chunk is written, also one of zeros, so that a chunk that is missing is damage and is
reported instead of being read as zeros.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dynamics.core.attributes import decode_attributes, encode_attributes
from dynamics.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

#: Root attributes of a store that grows: the dimension it grows along and the number of records that are complete.
RECORD_DIMENSION, RECORD_COUNT = "_record_dimension", "_record_count"


def check_new(path: str | Path) -> Path:
    """Return ``path`` with its parent folders created, or refuse a path that exists."""
    target = Path(path)
    if os.path.lexists(target):
        raise InputError(f"'{target}' exists already and is not overwritten: give a new path or remove it first.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(
            f"'{target}' cannot be created ({error.strerror}): give a path in a writable folder."
        ) from None
    return target


def write_dataset(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a dataset as a Zarr folder, all or nothing.

    Parameters
    ----------
    dataset : xarray.Dataset
        Attributes may nest (see :func:`dynamics.core.attributes.encode_attributes`).
    path : str or Path
        Must not exist; parent folders are created.

    Returns
    -------
    Path
        Where the dataset lies.

    Raises
    ------
    InputError
        If the path exists, or an array or attribute holds Python objects (they would need pickle).
    """
    import zarr

    target = check_new(path)
    plain = _plain(dataset)
    # A sibling is on the same file system, so that the rename below is atomic.
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        with zarr.config.set({"array.write_empty_chunks": True}):
            plain.to_zarr(partial, mode="w-", zarr_format=2, consolidated=False)
        check_new(target)
        os.rename(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def read_dataset(path: str | Path, lazy: bool = False) -> xr.Dataset:
    """Read what :func:`write_dataset` or :class:`~dynamics.core.appending.AppendingStore` wrote.

    Parameters
    ----------
    path : str or Path
    lazy : bool
        Leave the arrays on disk until they are used, for stores larger than memory. Damage inside a chunk then
        surfaces on use.

    Returns
    -------
    xarray.Dataset
        A store that is still growing is cut at its last complete record.

    Raises
    ------
    InputError
        If there is no folder, if it is no Zarr store, or if it is damaged.
    """
    source = Path(path)
    if not source.is_dir():
        state = "is a file, expected a Zarr folder" if source.exists() else "does not exist"
        raise InputError(f"'{source}' {state}: give the path of a stored result.")
    if not (source / ".zgroup").is_file():
        raise InputError(f"'{source}' is not a Zarr store of this program: give the path of a stored result.")
    try:
        dataset = _open(source)
        return dataset if lazy else dataset.load()
    except InputError:
        raise
    # Damage shows as whatever the decoder, the JSON reader or the labelling stumbles over.
    except Exception as error:
        cause = f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
        raise InputError(f"'{source}' is damaged ({cause}): restore it or run the computation again.") from error


def _open(source: Path) -> xr.Dataset:
    import xarray as xr
    import zarr

    group = zarr.open_group(source, mode="r", zarr_format=2)
    arrays: dict[str, Any] = dict(group.arrays())
    labels: dict[str, list[str]] = {name: array.attrs["_ARRAY_DIMENSIONS"] for name, array in arrays.items()}
    attributes: dict[str, Any] = dict(group.attrs)
    dimension, count = attributes.get(RECORD_DIMENSION), attributes.get(RECORD_COUNT)
    growing = [name for name in arrays if dimension is not None and labels[name][:1] == [dimension]]
    for name, array in arrays.items():
        _check_chunks(source, name, array, count if name in growing else None)
    if len({arrays[name].shape[0] for name in growing}) > 1:
        # A writer stopped between two arrays, where lengths disagree and xarray refuses: cut by hand, in memory.
        contents = {
            name: (labels[name], array[:count] if name in growing else array[...]) for name, array in arrays.items()
        }
        dataset = xr.Dataset(contents, attrs=attributes)
    else:
        dataset = xr.open_dataset(
            source,  # pyright: ignore[reportArgumentType]
            engine="zarr",
            consolidated=False,
            chunks=None,
            backend_kwargs={"zarr_format": 2},
            mask_and_scale=False,
            decode_times=False,
        )
        if dimension in dataset.sizes:
            dataset = dataset.isel({dimension: slice(0, count)})
    dataset.attrs.pop(RECORD_DIMENSION, None)
    dataset.attrs.pop(RECORD_COUNT, None)
    dataset.attrs = decode_attributes(dataset.attrs)
    for name in dataset.variables:
        dataset[name].attrs = decode_attributes(dataset[name].attrs)
        dataset[name].encoding = {}
    return dataset


def _check_chunks(source: Path, name: str, array: Any, count: int | None) -> None:
    shape = array.shape if count is None else (count, *array.shape[1:])
    grid = [-(-size // chunk) for size, chunk in zip(shape, array.chunks, strict=True)]
    expected = int(np.prod(grid))
    folder = source / name
    present = sum(
        1
        for entry in os.scandir(folder)
        if not entry.name.startswith(".") and (not grid or int(entry.name.split(".")[0]) < grid[0])
    )
    if present < expected:
        raise InputError(
            f"'{source}' is damaged: {expected - present} of {expected} chunks of '{name}' are missing; "
            "restore it or run the computation again."
        )


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset with JSON attributes and without arrays of Python objects."""
    plain = dataset.copy(deep=False)
    plain.attrs = encode_attributes(dataset.attrs)
    for name in list(plain.variables):
        variable = plain[name]
        kind = variable.dtype.kind
        if kind not in "biufcUS":
            texts = np.asarray(variable.values, dtype=object)
            if kind in "OT" and all(isinstance(item, str) for item in texts.ravel()):
                plain[name] = (variable.dims, texts.astype(np.str_), variable.attrs)
            else:
                raise InputError(
                    f"The array '{name}' has the type {variable.dtype}, which cannot be stored: "
                    "use numbers, truth values or text."
                )
        plain[name].attrs = encode_attributes(plain[name].attrs)
        # Without this, xarray adds an attribute that declares NaN to be the sign of missing values.
        plain[name].encoding = {"_FillValue": None}
    return plain
