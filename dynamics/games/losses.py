r"""GAN losses, written once for symbols and tensors.

Scores ``h`` are the discriminator's output before any activation, high on *real*; ``D = sigmoid(h)`` for the
cross-entropy losses. With ``f(t) = -log(1 + e^-t) = log sigmoid(t)``, per sample:

================  ==============================  ==========================  ====================
loss              discriminator on real h         discriminator on fake h     generator on fake h
================  ==============================  ==========================  ====================
minimax           -f(h)                           -f(-h)                      f(-h)
non-saturating    -f(h)                           -f(-h)                      -f(h)
wasserstein       -h                              h                           -h
least-squares     (h - b)^2 / 2                   (h - a)^2 / 2               (h - c)^2 / 2
hinge             max(0, 1 - h)                   max(0, 1 + h)               -h
================  ==============================  ==========================  ====================

Every player minimises. The minimax generator also pays ``f(h(real))``, a constant for it, so that the game is
zero-sum; :func:`generator` returns that part too.

Sources: Goodfellow et al. 2014 (minimax, non-saturating), Arjovsky et al. 2017 (wasserstein), Mao et al. 2017
(least squares, labels a fake, b real, c target), Lim and Ye 2017 (hinge).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from dynamics.core.errors import unknown

LOSSES = ("minimax", "non-saturating", "wasserstein", "least-squares", "hinge")


class Operations(Protocol):
    """The functions a loss needs, on symbols (:mod:`dynamics.games.primitives`) or on tensors."""

    def log_sigmoid(self, x: Any) -> Any:
        """Return ``-log(1 + e^-x)`` without overflow."""
        ...

    def sigmoid(self, x: Any) -> Any:
        """Return ``1 / (1 + e^-x)``."""
        ...

    def relu(self, x: Any) -> Any:
        """Return ``max(0, x)``."""
        ...

    def sqrt(self, x: Any) -> Any:
        """Return the square root."""
        ...


@dataclass(frozen=True)
class Loss:
    """One row of the table above over a set of operations; labels are used by least-squares only.

    Parameters
    ----------
    name : str
        One of :data:`LOSSES`.
    ops : Operations
        Symbolic or tensor functions.
    a, b, c : number or symbol
        Least-squares labels: fake, real, and the generator's target.
    """

    name: str
    ops: Any
    a: Any = 0
    b: Any = 1
    c: Any = 1

    def __post_init__(self) -> None:
        if self.name not in LOSSES:
            raise unknown("loss", self.name, LOSSES)

    @property
    def zero_sum(self) -> bool:
        """Whether generator and discriminator losses sum to zero (without penalties)."""
        return self.name in ("minimax", "wasserstein")

    def real(self, h: Any) -> Any:
        """Return the discriminator's loss on the score of one real sample."""
        match self.name:
            case "minimax" | "non-saturating":
                return -self.ops.log_sigmoid(h)
            case "wasserstein":
                return -h
            case "least-squares":
                return (h - self.b) ** 2 / 2
            case _:
                return self.ops.relu(1 - h)

    def fake(self, h: Any) -> Any:
        """Return the discriminator's loss on the score of one fake sample."""
        match self.name:
            case "minimax" | "non-saturating":
                return -self.ops.log_sigmoid(-h)
            case "wasserstein":
                return h
            case "least-squares":
                return (h - self.a) ** 2 / 2
            case _:
                return self.ops.relu(1 + h)

    def generator_fake(self, h: Any) -> Any:
        """Return the generator's loss on the score of one fake sample."""
        match self.name:
            case "minimax":
                return self.ops.log_sigmoid(-h)
            case "non-saturating":
                return -self.ops.log_sigmoid(h)
            case "least-squares":
                return (h - self.c) ** 2 / 2
            case _:
                return -h

    def generator_real(self, h: Any) -> Any | None:
        """Return the generator's share on one real sample (constant for it), or None where it has none.

        Minimax and Wasserstein are zero-sum, so the generator also carries ``f(h(real))`` or ``h(real)``.
        """
        match self.name:
            case "minimax" | "wasserstein":
                return -self.real(h)
            case _:
                return None
