"""What a comparison returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.results import Result
from dynamics.gan.run import finite

if TYPE_CHECKING:
    import xarray as xr


#: The curves of :attr:`Comparison.plane`.
CURVES = ("flow", "recorded")


@dataclass(frozen=True)
class Comparison(Result):
    """A recorded run beside the gradient flow of its objective.

    A run that its method does not reproduce gets no order: it is never part of a fit.

    Frequencies of oscillation, predicted and measured, are not part of it yet.

    Attributes
    ----------
    times : ndarray, shape (time,)
        Times of the flow, ``k lr`` at the recorded iterations ``k``.
    rates : ndarray, shape (rate,)
        Rates of the clock: lr, lr/2, ...
    distances : ndarray, shape (rate, time)
        Euclidean distance between iterates and flow in parameter space; NaN where a retraining had diverged.
    recorded : ndarray, shape (time,)
        Distance between the run as recorded and the flow.
    travelled : ndarray, shape (time,)
        Distance of the flow from its start, the scale for the others.
    flow_error : float
        Estimated error of the integrated flow; smaller distances are not fitted.
    method : str
    orders, standard_errors : mapping of str to float
        Fitted order of the distance at the last time, by method; NaN where the distances do not allow a fit.
    reproduced, within : float
        Distance between the recorded states and what the method makes of the record before, in the recorded
        precision and with the recorded mini-batches, and what rounding explains of it
        (:mod:`dynamics.compare.reproduction`). NaN if that could not be checked.
    compared : str
        What was compared with what, and whether the recorded run is what it is said to be.
    plane : ndarray, shape (curve, time, 2)
        The flow and the recorded run (in this order) on the plane of the first two principal directions of the flow.
    explained : ndarray, shape (2,)
        Share of the flow's variance along each of these directions.
    apart : str
        Why the recorded run is not among the rates ("mini-batch 32", "float32", "not reproduced"); empty where it
        is the first of them.
    """

    times: NDArray[np.float64]
    rates: NDArray[np.float64]
    distances: NDArray[np.float64]
    recorded: NDArray[np.float64]
    travelled: NDArray[np.float64]
    flow_error: float
    method: str
    orders: Mapping[str, float]
    standard_errors: Mapping[str, float]
    reproduced: float
    within: float
    compared: str
    plane: NDArray[np.float64]
    explained: NDArray[np.float64]
    apart: str = ""

    @property
    def failed(self) -> bool:
        """Whether the recorded run is not what it is said to be."""
        return self.reproduced > self.within

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data: distances by rate, times, orders by method; None for NaN."""
        return {
            "method": self.method,
            "compared": self.compared,
            "times": self.times.tolist(),
            "distances": {f"{h:.10g}": finite(row.tolist()) for h, row in zip(self.rates, self.distances, strict=True)},
            "recorded": finite(self.recorded.tolist()),
            "travelled": finite(self.travelled.tolist()),
            "orders": finite(dict(self.orders)),
            "standard_errors": finite(dict(self.standard_errors)),
            "flow_error": finite(self.flow_error),
            "reproduced": finite(self.reproduced),
            "within": finite(self.within),
            "apart": self.apart,
            "plane": {name: finite(path.tolist()) for name, path in zip(CURVES, self.plane, strict=True)},
            "explained": finite(self.explained.tolist()),
        }

    def to_dataset(self) -> xr.Dataset:
        """Return ``distance``, ``recorded``, ``travelled`` and ``plane``; the rest as attributes."""
        import xarray as xr

        return xr.Dataset(
            {
                "distance": (("rate", "time"), self.distances),
                "recorded": ("time", self.recorded),
                "travelled": ("time", self.travelled),
                "plane": (("curve", "time", "direction"), self.plane),
                "explained": ("direction", self.explained),
            },
            coords={"rate": self.rates, "time": self.times, "curve": list(CURVES)},
            attrs={
                **self.attributes(),
                "method": self.method,
                "compared": self.compared,
                "orders": dict(self.orders),
                "standard_errors": dict(self.standard_errors),
                "flow_error": self.flow_error,
                "reproduced": self.reproduced,
                "within": self.within,
                "apart": self.apart,
            },
        )
