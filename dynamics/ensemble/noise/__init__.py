"""Noise models: what ``B`` is in ``dY = v dt + g(t) B(Y) dW``.

==================  ===============================================================================================
``isotropic``       one strength in every coordinate, ``B = s I``
``per-coordinate``  one strength for each coordinate, ``B = diag(s_1, .., s_n)``
``matrix``          a constant matrix, correlated noise
``diagonal``        a formula of the state for each coordinate
``state-dependent`` a matrix of formulas of the state
``gradient``        ``B = sqrt(lr) Sigma^(1/2)`` with the covariance Sigma of stochastic gradients
``coloured``        Ornstein-Uhlenbeck noise with a correlation time, in place of white noise
==================  ===============================================================================================

Each takes a schedule ``g(t)`` (:mod:`dynamics.ensemble.noise.schedules`). Noise here acts on parameters; the noise on
data that is called instance noise is part of the losses of a game and changes its field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamics.core.errors import InputError
from dynamics.ensemble.noise.base import Noise
from dynamics.ensemble.noise.coloured import Coloured
from dynamics.ensemble.noise.diagonal import Diagonal
from dynamics.ensemble.noise.gradient import GradientNoise
from dynamics.ensemble.noise.isotropic import Isotropic
from dynamics.ensemble.noise.matrix import Matrix
from dynamics.ensemble.noise.per_coordinate import PerCoordinate
from dynamics.ensemble.noise.state_dependent import StateDependent

__all__ = [
    "Coloured", "Diagonal", "GradientNoise", "Isotropic", "Matrix", "Noise", "PerCoordinate", "StateDependent",
    "read_noise",
]  # fmt: skip


def read_noise(given: Any) -> Noise:
    """Return a noise model from itself, from one strength, or from strengths by coordinate."""
    if isinstance(given, Noise):
        return given
    if isinstance(given, Mapping):
        return PerCoordinate(given)
    if isinstance(given, bool) or given is None:
        raise InputError(f"The noise must be a strength, strengths by coordinate or a model, got {given!r}.")
    return Isotropic(given)
