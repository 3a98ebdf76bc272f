"""Differences between ensembles that share their random numbers.

Two runs with the same seed and the same paths see the same Brownian motion, also with other parameters, strengths or
schemes; with ``brownian_dt`` also with other steps. The difference of their means is then known much better than either
mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynamics.core.errors import InputError
from dynamics.ensemble.result import Ensemble


@dataclass(frozen=True)
class Difference:
    """The difference of a quantity between two ensembles, path by path.

    Attributes
    ----------
    mean, stderr : float
        Mean of the differences and its standard error.
    correlation : float
        Of the quantity in the two ensembles; NaN where one of them does not vary.
    rms : float
        Root mean square of the differences: the strong error where the second ensemble is the reference.
    rms_stderr : float
        Its standard error, by the delta method.
    count : int
        Paths that finished in both.
    """

    mean: float
    stderr: float
    correlation: float
    rms: float
    rms_stderr: float
    count: int


def difference(one: Ensemble, other: Ensemble, coordinate: str) -> Difference:
    """Return ``one - other`` of the last value of a coordinate, over the paths that finished in both.

    Raises
    ------
    InputError
        If the ensembles do not share seed and paths, or last states were not kept.
    """
    for key in ("seed", "first", "paths"):
        if one.provenance.get(key) != other.provenance.get(key):
            raise InputError(
                f"The ensembles differ in {key} ({one.provenance.get(key)} and {other.provenance.get(key)}): run both "
                "with the same, so that they share their random numbers."
            )
    for name, told in (("time", _duration), ("Brownian step", _brownian_step)):
        here, there = told(one), told(other)
        if abs(here - there) > 1e-9 * max(here, there):
            raise InputError(
                f"The ensembles differ in their {name} ({here:g} and {there:g}): their random numbers belong to "
                "different Brownian paths; give both the same, with brownian_dt where steps differ."
            )
    if one.final is None or other.final is None:
        raise InputError("The last states were not kept: run both ensembles with keep=True.")
    for ensemble in (one, other):
        if coordinate not in ensemble.names:
            raise InputError(f"There is no coordinate '{coordinate}': choose among {', '.join(ensemble.names)}.")
    both = (one.status_codes == 0) & (other.status_codes == 0)
    n = int(both.sum())
    if n < 2:
        raise InputError(f"{n} paths finished in both ensembles: a difference needs two.")
    a = one.final[both, one.names.index(coordinate)]
    b = other.final[both, other.names.index(coordinate)]
    d = a - b
    square = d * d
    rms = float(np.sqrt(square.mean()))
    varies = a.std() > 0 and b.std() > 0
    return Difference(
        mean=float(d.mean()),
        stderr=float(d.std(ddof=1) / np.sqrt(n)),
        correlation=float(np.corrcoef(a, b)[0, 1]) if varies else np.nan,
        rms=rms,
        rms_stderr=float(square.std(ddof=1) / np.sqrt(n) / (2 * rms)) if rms > 0 else 0.0,
        count=n,
    )


def _duration(ensemble: Ensemble) -> float:
    return float(ensemble.provenance["dt"] * ensemble.provenance["steps"])


def _brownian_step(ensemble: Ensemble) -> float:
    return float(ensemble.provenance["dt"] / ensemble.provenance["refine"])
