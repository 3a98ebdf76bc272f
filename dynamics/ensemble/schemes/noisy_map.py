"""Training algorithms with noisy gradients, as discrete maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dynamics.ensemble.increments import Draws, Gaussian, Increments
from dynamics.ensemble.schemes.base import Equation, Scheme
from dynamics.ensemble.sde import SDE
from dynamics.games.field import Game
from dynamics.methods.base import Method
from dynamics.methods.linearise import extended, unpacked


@dataclass(frozen=True)
class NoisyMap(Scheme):
    """A training algorithm whose gradients are noisy: each component of the field is ``v + B xi / sqrt h``.

    An iteration takes the time h, the step of the run, which is the learning rate of plain descent. Then ``y + lr (v +
    B xi / sqrt h) = y + h v + B dW``: simultaneous descent is Euler-Maruyama, with the same random numbers. Gradients
    that the algorithm asks for on the same sample (:class:`~dynamics.games.field.Field`, ``draw``) carry the same
    noise, others their own. Products with Jacobians are taken without noise.

    The discrete map is what training does; it has no strong order, and the SDE approximates it weakly to order 1 (Li,
    Tai and E 2017, theorem 1).

    Parameters
    ----------
    method : Method
        With its learning rates.
    """

    name: ClassVar[str] = "noisy-map"
    pathwise: ClassVar[bool] = False
    clipped: ClassVar[bool] = True

    method: Method

    def refusal(self, sde: SDE) -> str:
        """Ask for a game that the method applies to, and for white noise."""
        if sde.dim != sde.motion.dim:
            return f"The training algorithm {self.method.name} takes white noise: coloured noise has no discrete map."
        if sde.noise.interpretation == "stratonovich":
            return f"The training algorithm {self.method.name} takes Ito noise: gradients are drawn before the step."
        if not isinstance(sde.motion, Game):
            return f"The training algorithm {self.method.name} needs a game with players."
        self.method.check(sde.motion)
        return ""

    def remark(self, sde: SDE, dt: float) -> str:
        """Say what noise means where the step is no player's learning rate."""
        assert isinstance(sde.motion, Game)
        rates = [float(self.method.rate(player)) for player in sde.motion.players]
        if any(abs(rate - dt) <= 1e-9 * dt for rate in rates):
            return ""
        told = " and ".join(f"{rate:g}" for rate in dict.fromkeys(rates))
        return (
            f"An iteration counts as the time dt = {dt:g}, the learning rate is {told}: gradients carry noise of "
            "covariance B B^T / dt, and the run is no approximation of the stochastic equation unless both agree."
        )

    def orders(self, sde: SDE) -> tuple[float | None, float | None]:
        """Return no strong order, and weak order 1 where the method follows the flow."""
        assert isinstance(sde.motion, Game)
        players = list(sde.motion.players)
        even = len({self.method.rate(player) for player in players}) == 1 and self.method.schedule is None
        follows = even and all(self.method.pace(player) == 1.0 for player in players)
        return None, 1.0 if follows else None

    def increments(self, sde: SDE) -> Increments:
        """Return normal increments for each sample that an iteration draws."""
        return _Samples(sde.noise_dim * self._samples(sde))

    def _samples(self, sde: SDE) -> int:
        assert isinstance(sde.motion, Game)
        counter = _Noisy(sde.motion, lambda y, k: np.zeros_like(y))
        self.method.step(self.method.init(np.array(sde.motion.start), sde.motion), counter)
        return len(counter.samples)

    def memory(self, sde: SDE) -> int:
        """Return the size of the method's memory."""
        return self.start(np.zeros((1, sde.dim)), sde).shape[-1] - sde.dim

    def start(self, y: NDArray[np.float64], sde: SDE) -> NDArray[np.float64]:
        """Return states and the method's memory."""
        return np.ascontiguousarray(extended(self.method.init(y, sde.motion)))  # pyright: ignore[reportArgumentType]

    def constants(self, sde: SDE, dt: float) -> NDArray[np.float64]:
        """Return the learning rate of each player."""
        assert isinstance(sde.motion, Game)
        return np.array([self.method.rate(player) for player in sde.motion.players], dtype=np.float64)

    def columns(self, sde: SDE, dt: float, first: int, steps: int) -> NDArray[np.float64]:
        """Return the factor of the learning rates in each iteration."""
        schedule = self.method.schedule
        if schedule is None:
            return np.empty((steps, 0))
        return np.array([[schedule(k)] for k in range(first, first + steps)], dtype=np.float64)

    def step(self, y: Any, equation: Equation, draws: Draws) -> Any:
        """Return state and memory after one iteration."""
        sde = equation.sde
        assert isinstance(sde.motion, Game)
        m = sde.noise_dim

        def noise(at: Any, k: int) -> Any:
            return equation.noise(at, draws.dW[..., k * m : (k + 1) * m]) / equation.h

        rates = {}
        for i, player in enumerate(sde.motion.players):
            rate = equation.constants[..., i : i + 1]
            rates[player] = rate if self.method.schedule is None else rate * equation.columns
        like = self.method.init(np.array(sde.motion.start))
        state = unpacked(like, y)
        after, _ = self.method.with_schedule(None).with_lr(rates).step(state, _Noisy(equation.playable, noise))
        return equation.joined((after.y, *after.memory.values()))

    def settings(self) -> dict[str, Any]:
        """Return the settings of the method."""
        return {"scheme": self.name, **self.method.settings()}


@dataclass(frozen=True)
class _Samples(Gaussian):
    """Normal increments of several samples."""

    name: ClassVar[str] = "Sample"
    composes: ClassVar[bool] = False


class _Noisy:
    """A game whose components carry noise, the same for the same draw."""

    def __init__(self, game: Any, noise: Any) -> None:
        self.game = game
        self.noise = noise
        self.samples: dict[Any, int] = {}

    @property
    def players(self) -> Mapping[str, slice]:
        return self.game.players

    def component(self, player: str, y: Any, t: float = 0.0, draw: Any = None) -> Any:
        k = self.samples.setdefault(draw, len(self.samples))
        return self.game.component(player, y, t, draw) + self.noise(y, k)[..., self.players[player]]

    def timescale(self, player: str) -> Any:
        return self.game.timescale(player)

    def project(self, y: Any, player: str | None = None) -> Any:
        return self.game.project(y, player)

    def jvp(self, y: Any, u: Any, t: float = 0.0, draw: Any = None) -> Any:
        return self.game.jvp(y, u, t, draw)

    def vjp(self, y: Any, u: Any, t: float = 0.0, draw: Any = None) -> Any:
        return self.game.vjp(y, u, t, draw)

    def gradient(self, loss_of: str, wrt: str, y: Any, draw: Any = None) -> Any:
        return self.game.gradient(loss_of, wrt, y, draw)
