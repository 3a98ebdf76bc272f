"""Noise with a memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dynamics.core.errors import InputError, check_positive
from dynamics.ensemble.noise.base import Noise, Terms
from dynamics.ensemble.noise.schedules import NoiseSchedule
from dynamics.games.field import Field


@dataclass(frozen=True)
class Coloured(Noise):
    """Ornstein-Uhlenbeck noise of correlation time ``tau``: ``dY = (v + eta) dt``, ``tau d eta = -eta dt + g(t) B dW``.

    Its spectrum at frequency zero is that of the white noise ``B dW``, to which it tends as ``tau`` goes to zero; its
    stationary covariance is ``B B^T / (2 tau)``. The ``eta`` are further coordinates, ``noise_x`` for coordinate x, and
    start in their stationary law. Source: Haenggi and Jung 1995, equations 2.1 to 2.4.

    Parameters
    ----------
    base : Noise
        The white noise that it colours; it must not depend on the state. The schedule is that of the base.
    tau : float
        Correlation time.
    """

    name: ClassVar[str] = "coloured"

    base: Noise
    tau: float

    def __post_init__(self) -> None:
        if not isinstance(self.base, Noise) or isinstance(self.base, Coloured):
            raise InputError(f"Coloured noise needs a white noise as its base, got {self.base!r}.")
        if self.schedule not in (None, self.base.schedule):
            raise InputError("Coloured noise takes the schedule of its base: set it there.")
        object.__setattr__(self, "schedule", self.base.schedule)
        object.__setattr__(self, "tau", check_positive("The correlation time of coloured noise", self.tau))

    @property
    def correlation_time(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The correlation time."""
        return self.tau

    def with_schedule(self, schedule: NoiseSchedule | str | None) -> Coloured:
        """Return the same noise with its base under another schedule."""
        return Coloured(self.base.with_schedule(schedule), self.tau)

    def terms(self, motion: Field) -> Terms:
        """Return the matrix of the white noise."""
        return self.base.terms(motion)
