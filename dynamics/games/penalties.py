r"""Penalties on the discriminator, written once for symbols and tensors; weight gamma always enters as gamma/2.

With ``g2 = |dh/dx|^2`` at a sample and ``D = sigmoid(h)``:

=========  =====================================================  =============================
penalty    discriminator's loss gains                             source
=========  =====================================================  =============================
r1         gamma/2 E_real g2                                      Mescheder et al. 2018
r2         gamma/2 E_fake g2                                      Mescheder et al. 2018
wgan-gp    gamma/2 E_between (sqrt(g2) - target)^2                Gulrajani et al. 2017
roth       gamma/2 (E_real (1 - D)^2 g2 + E_fake D^2 g2)          Roth et al. 2017
=========  =====================================================  =============================

``E_between`` runs over points on segments between real and fake samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynamics.core.errors import unknown

PENALTIES = ("none", "r1", "r2", "wgan-gp", "roth")


@dataclass(frozen=True)
class Penalty:
    """One row of the table above; each method returns the per-sample term, None where the penalty has none there.

    Parameters
    ----------
    name : str
        One of :data:`PENALTIES`.
    ops : Operations
        Symbolic or tensor functions (:class:`dynamics.games.losses.Operations`).
    gamma, target : number or symbol
        Weight (enters as gamma/2) and the slope that wgan-gp asks for.
    """

    name: str
    ops: Any
    gamma: Any = 1
    target: Any = 1

    def __post_init__(self) -> None:
        if self.name not in PENALTIES:
            raise unknown("penalty", self.name, PENALTIES)

    def real(self, h: Any, g2: Any) -> Any | None:
        """Return the term of one real sample with score ``h`` and squared slope ``g2``."""
        match self.name:
            case "r1":
                return self.gamma * g2 / 2
            case "roth":
                return self.gamma * self.ops.sigmoid(-h) ** 2 * g2 / 2
            case _:
                return None

    def fake(self, h: Any, g2: Any) -> Any | None:
        """Return the term of one fake sample with score ``h`` and squared slope ``g2``."""
        match self.name:
            case "r2":
                return self.gamma * g2 / 2
            case "roth":
                return self.gamma * self.ops.sigmoid(h) ** 2 * g2 / 2
            case _:
                return None

    def between(self, slope: Any) -> Any | None:
        """Return the term of one point between real and fake with slope ``sqrt(g2)``."""
        if self.name == "wgan-gp":
            return self.gamma * (slope - self.target) ** 2 / 2
        return None
