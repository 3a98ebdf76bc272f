"""Small fields with exact solutions, on NumPy and torch alike, as the fixture ``fields``."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dynamics.games.field import Field


def library(y: Any) -> Any:
    return torch if torch.is_tensor(y) else np


class Plane(Field):
    """``x' = a x - b y, y' = b x + a y``: rotation at rate b, growth at rate a."""

    names = ("x", "y")

    def __init__(self, growth: float = 0.0, rate: float = 1.0) -> None:
        self.growth, self.rate = growth, rate

    def __call__(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        a, b = self.growth, self.rate
        return library(y).stack([a * y[..., 0] - b * y[..., 1], b * y[..., 0] + a * y[..., 1]], -1)

    def jacobian(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        matrix = np.array([[self.growth, -self.rate], [self.rate, self.growth]])
        return np.broadcast_to(matrix, (*y.shape, 2))

    def exact(self, y0: Any, times: Any) -> np.ndarray:
        z = (np.asarray(y0)[..., 0] + 1j * np.asarray(y0)[..., 1])[..., None]
        z = z * np.exp((self.growth + 1j * self.rate) * (np.asarray(times) - times[0]))
        return np.stack([z.real, z.imag], -1)


class Line(Field):
    """One coordinate, from its right-hand side and derivative."""

    names = ("x",)

    def __init__(self, function: Callable[[Any, float], Any], derivative: Callable[[Any], Any]) -> None:
        self.function, self.derivative = function, derivative

    def __call__(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        return self.function(y, t)

    def jacobian(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        return self.derivative(y)[..., None]


def square() -> Line:
    """``x' = x^2``, which blows up at ``t = 1 / x0``."""
    return Line(lambda y, t: y * y, lambda y: 2 * y)


def cliff() -> Line:
    """``x' = 1`` up to x = 1.5, NaN beyond."""
    return Line(lambda y, t: library(y).where(y > 1.5, y * np.nan, 0 * y + 1), lambda y: 0 * y)


def funnel() -> Line:
    """``x' = -1/(2x)``, ``x = sqrt(x0^2 - t)``: the slope is infinite where x reaches 0, at ``t = x0^2``."""
    return Line(lambda y, t: -0.5 / y, lambda y: 0.5 / y**2)


class Dirac(Field):
    """Minimax Dirac-GAN: ``theta' = psi s(theta psi), psi' = -theta s(theta psi)`` with the logistic function s."""

    names = ("theta", "psi")

    def __call__(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        xp = library(y)
        weight = 1 / (1 + xp.exp(-y[..., 0] * y[..., 1]))
        return xp.stack([y[..., 1] * weight, -y[..., 0] * weight], -1)

    def jacobian(self, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        theta, psi = y[..., 0], y[..., 1]
        s = 1 / (1 + np.exp(-theta * psi))
        d = s * (1 - s)
        rows = [[psi * psi * d, s + theta * psi * d], [-s - theta * psi * d, -theta * theta * d]]
        return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


@pytest.fixture(scope="session")
def fields() -> SimpleNamespace:
    return SimpleNamespace(Plane=Plane, Line=Line, square=square, cliff=cliff, funnel=funnel, Dirac=Dirac)
