"""Real data that ship with the libraries this project stands on; nothing is downloaded."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_count, unknown

DATA = ("digits",)


def load_data(name: str, count: int | None = None) -> NDArray[np.float64]:
    """Return samples of a data set, shape (count, size), scaled to [-1, 1].

    Parameters
    ----------
    name : str
        ``digits``: the 1,797 handwritten digits of 8x8 pixels that ship with scikit-learn (part of the test set of
        Alpaydin and Kaynak 1998), 64 numbers each.
    count : int, optional
        The first so many samples, in the order of the source; all by default.

    Raises
    ------
    InputError
        For an unknown name or more samples than there are.
    """
    if name not in DATA:
        raise unknown("data set", name, DATA)
    samples = _digits()
    if count is None:
        return samples.copy()
    if check_count("samples", count) > len(samples):
        raise InputError(f"The data set '{name}' has {len(samples)} samples, got {count}: ask for at most that many.")
    return samples[: int(count)].copy()


@cache
def _digits() -> NDArray[np.float64]:
    from sklearn.datasets import load_digits

    # Pixels are whole numbers from 0 to 16.
    pixels, _ = load_digits(return_X_y=True)
    return np.asarray(pixels, dtype=np.float64) / 8.0 - 1.0
