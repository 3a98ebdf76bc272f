"""The divergences of finite distributions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from dynamics.divergence.integrands import evaluate


def histogram_divergence(name: str, p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Return ``D(p || q)`` of distributions over finitely many outcomes, in nats.

    Parameters
    ----------
    name : str
        One of the table in :mod:`dynamics.divergence`.
    p, q : array_like, shape (..., outcomes)
        Probabilities, which sum to 1 along the last axis; leading axes broadcast.

    Returns
    -------
    ndarray, shape (...)
        ``inf`` where the divergence is infinite.

    Raises
    ------
    InputError
        For an unknown name, negative or non-finite probabilities, or sums other than 1.

    Examples
    --------
    >>> float(histogram_divergence("js", [1, 0], [0, 1])) == float(np.log(2))
    True
    """
    arrays = []
    for letter, given in (("p", p), ("q", q)):
        array = np.asarray(given, dtype=np.float64)
        if array.ndim == 0 or not np.isfinite(array).all() or (array < 0).any():
            raise InputError(f"{letter} must be probabilities, finite and not negative, got {given!r}.")
        # Counts summed in floating point: 1e-9 forgives round-off of a million outcomes, no forgotten outcome.
        if (abs(array.sum(axis=-1) - 1) > 1e-9).any():
            raise InputError(f"{letter} must sum to 1, got {array.sum(axis=-1)}: divide by the sum.")
        arrays.append(array)
    if arrays[0].shape[-1] != arrays[1].shape[-1]:
        raise InputError(f"p and q have {arrays[0].shape[-1]} and {arrays[1].shape[-1]} outcomes: give the same.")
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(arrays[0]), np.log(arrays[1])
    return evaluate(name, log_p, log_q).sum(axis=-1)
