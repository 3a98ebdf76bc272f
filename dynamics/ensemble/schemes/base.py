"""The interface of a scheme, and what all schemes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble.increments import Draws, Gaussian, Increments
from dynamics.ensemble.sde import SDE


class Equation(Protocol):
    """What a step sees of an SDE at one moment: numbers on arrays, or names on a tape.

    ``stage`` is the fraction of the step at which the schedule of the noise is taken: 0, 1/2 or 1.

    Attributes
    ----------
    sde : SDE
    h, root_h : number or traced number
        Length of the step and its square root.
    constants, columns : vector
        What the scheme's :meth:`Scheme.constants` and :meth:`Scheme.columns` gave, the latter of this step.
    playable : Playable
        The game, for training algorithms.
    """

    sde: SDE
    h: Any
    root_h: Any
    constants: Any
    columns: Any
    playable: Any

    def drift(self, y: Any, stage: float = 0.0) -> Any:
        """Return ``a(y)``."""
        ...

    def noise(self, y: Any, xi: Any, stage: float = 0.0) -> Any:
        """Return ``g B(y) xi``."""
        ...

    def column(self, y: Any, j: int, stage: float = 0.0) -> Any:
        """Return ``g b_j(y)``."""
        ...

    def level(self, y: Any, j: int, k: int, stage: float = 0.0) -> Any:
        """Return ``g^2 L^j b_k(y)``."""
        ...

    def project(self, y: Any) -> Any:
        """Return the state with clipped coordinates clipped."""
        ...

    def joined(self, vectors: Any) -> Any:
        """Return one vector from several."""
        ...


@dataclass(frozen=True)
class Scheme(ABC):
    """A one-step approximation of an SDE.

    Written in array arithmetic, so that the same code is the readable implementation on arrays of paths and, traced,
    the body of the compiled loop. To add a scheme: write one file with a frozen dataclass that has (1) ``name``, (2)
    its settings as fields with defaults, (3) ``orders`` and, if it needs a kind of noise, ``refusal``, (4) ``step``
    and, if its increments are not Gaussian, ``increments``, with the equation and source in its docstring, (5) a line
    in the table of ``dynamics/ensemble/schemes/registry.py``.
    """

    name: ClassVar[str]
    #: Whether paths are approximated between the steps too, so that a Brownian bridge may stand in for them.
    pathwise: ClassVar[bool] = True
    #: Whether it may be used where coordinates are clipped.
    clipped: ClassVar[bool] = False

    @abstractmethod
    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return strong and weak order of convergence for this kind of noise; None where there is none."""

    def refusal(self, sde: SDE) -> str:
        """Return why the scheme does not apply to an equation; empty if it does."""
        return ""

    def check(self, sde: SDE) -> None:
        """Refuse an equation whose noise or drift the scheme is not made for."""
        reason = self.refusal(sde)
        if not reason and sde.bounded and not self.clipped:
            reason = (
                f"The scheme {self.name} is not made for clipped coordinates ({', '.join(sde.motion.bounds)}): take "
                "euler-maruyama."
            )
        if reason:
            raise InputError(reason)

    def remark(self, sde: SDE, dt: float) -> str:
        """Return what a user should know of steps of this length; empty for nothing."""
        return ""

    def increments(self, sde: SDE) -> Increments:
        """Return the kind of increments that a step draws."""
        return Gaussian(sde.noise_dim)

    def memory(self, sde: SDE) -> int:
        """Return how many numbers a step carries beside the state."""
        return 0

    def start(self, y: NDArray[np.float64], sde: SDE) -> NDArray[np.float64]:
        """Return states with the memory before the first step, shape (paths, dim + memory)."""
        return y

    def constants(self, sde: SDE, dt: float) -> NDArray[np.float64]:
        """Return numbers that the steps share."""
        return np.empty(0)

    def columns(self, sde: SDE, dt: float, first: int, steps: int) -> NDArray[np.float64]:
        """Return numbers of each of the steps ``first`` to ``first + steps - 1``, shape (steps, count)."""
        return np.empty((steps, 0))

    @abstractmethod
    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return the state (and memory) after one step."""

    def settings(self) -> dict[str, Any]:
        """Return the scheme's name and settings (JSON-serialisable)."""
        return {"scheme": self.name, **{entry.name: getattr(self, entry.name) for entry in fields(self)}}


def kind_of(sde: SDE) -> str:
    """Return what the noise of an equation is called in error texts."""
    if sde.additive:
        return "additive noise"
    return "commutative noise" if sde.commutative else "noise that is not commutative"
