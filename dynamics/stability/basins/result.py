"""What a computation of basins returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.basins.attractors import Attractor

if TYPE_CHECKING:
    import xarray

#: Labels of starts that belong to no attractor.
DIVERGED, UNDECIDED, LEAVING = -1, -2, -3


@dataclass(frozen=True, repr=False)
class Basins:
    """Which start goes where.

    Attributes
    ----------
    game : str
    names : tuple of str
        All coordinates, in state order.
    axes : mapping of str to ndarray
        The coordinates of the picture and the centres of their cells: shapes (nx,) and, unless there is one only,
        (ny,).
    at : mapping of str to float
        Values of the other coordinates.
    labels : ndarray of int, shape (nx,) or (ny, nx)
        Index into ``attractors``, :data:`DIVERGED`, :data:`UNDECIDED` or :data:`LEAVING`, of one random start in each
        cell.
    attractors : tuple of Attractor
    fractions, standard_errors : mapping of str to float
        Share of the starts by label of the attractor, ``diverged``, ``undecided``, and ``still moving away`` where
        there are any: far out, and farther from look to look, but not beyond ``bound``; standard error of the share of
        the box.
    of : str
        What moves: "the flow", or the method with its settings.
    bound : float
        Norm beyond which a start counts as diverged.
    statistics, provenance : mapping
    """

    game: str
    names: tuple[str, ...]
    axes: Mapping[str, NDArray[np.float64]]
    at: Mapping[str, float]
    labels: NDArray[np.int64]
    attractors: tuple[Attractor, ...]
    of: str
    bound: float
    statistics: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        cells = "x".join(map(str, self.labels.shape[::-1]))
        shares = (f"{share:.2%} {text}" for text, share in self.fractions.items())
        return "\n  ".join([f"<Basins of {self.of} on {self.game}, {cells} cells", *shares]) + ">"

    @property
    def texts(self) -> dict[int, str]:
        """What each label means, the attractors first."""
        names = [attractor.label for attractor in self.attractors]
        # attractors that agree to the digits of their labels are numbered
        told = {i: n if names.count(n) == 1 else f"{n} ({names[: i + 1].count(n)})" for i, n in enumerate(names)}
        found = {**told, DIVERGED: "diverged", UNDECIDED: "undecided"}
        return {**found, LEAVING: "still moving away"} if (self.labels == LEAVING).any() else found

    @property
    def fractions(self) -> dict[str, float]:
        """Share of the box by label."""
        return {text: float((self.labels == label).mean()) for label, text in self.texts.items()}

    @property
    def standard_errors(self) -> dict[str, float]:
        r"""Standard error of the shares.

        One uniform start in each cell is stratified sampling. Two neighbouring cells taken as one stratum with two
        starts give the variance ``(a - b)^2 / N^2`` of its part of the share, and their sum at most overestimates, by
        the difference of the two cells' own shares. Source: Cochran 1977, section 5A.12 (collapsed strata).
        """
        return {text: _standard_error(self.labels == label) for label, text in self.texts.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the result of ``gandyn basins --json``."""
        return {
            "of": self.of,
            "fractions": self.fractions,
            "standard_errors": self.standard_errors,
            "attractors": [{**a.to_dict(), "label": self.texts[i]} for i, a in enumerate(self.attractors)],
            "cells": list(self.labels.shape[::-1]),
            "box": {n: [float(v) for v in _edges(centres)] for n, centres in self.axes.items()},
            "at": dict(self.at),
            "bound": self.bound,
        }

    def to_dataset(self) -> xarray.Dataset:
        """Return labels over the axes as a dataset, with what the labels mean among the attributes."""
        import xarray

        names = list(self.axes)
        return xarray.Dataset(
            {"label": (names[::-1], self.labels)},
            {name: (name, centres) for name, centres in self.axes.items()},
            {
                "labels": {str(label): text for label, text in self.texts.items()},
                "fractions": self.fractions,
                "standard_errors": self.standard_errors,
                "attractors": [{**a.to_dict(), "label": self.texts[i]} for i, a in enumerate(self.attractors)],
                "of": self.of,
                **self.provenance,
            },
        )


def _standard_error(inside: NDArray[np.bool_]) -> float:
    flat = inside.ravel().astype(np.float64)
    pairs = flat[: len(flat) // 2 * 2].reshape(-1, 2)
    return float(np.sqrt(((pairs[:, 0] - pairs[:, 1]) ** 2).sum()) / len(flat))


def _edges(centres: NDArray[np.float64]) -> tuple[float, float]:
    half = 0.5 * (centres[1] - centres[0]) if len(centres) > 1 else 0.0
    return float(centres[0] - half), float(centres[-1] + half)
