"""Adam and RMSProp on the Dirac-GAN: the radius of the cycle on which they settle, by its law and measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from scenarios.claims.o5 import extrapolate
from scenarios.registry import Measurement, hardest

#: Learning rates and starts (theta, psi = 0) of the adaptive methods on the Dirac-GAN.
RATE = 1e-3
RATES = (1e-3, 1e-2)
STARTS = (1e-3, 0.1, 1.0, 3.0)
ROUNDS = 200_000


@dataclass(frozen=True)
class Adaptive:
    """An adaptive method: ``beta1`` weighs the past gradients, ``memory`` rounds of past squares are averaged."""

    method: str
    order: str = "simultaneous"
    beta1: float = 0.0
    memory: int = 1000

    @property
    def lag(self) -> float:
        """How many rounds, twice, the step is behind the field: what drives orbits outwards.

        One for players that move at once (Euler's error), 2 beta1/(1 - beta1) for the mean age of the gradients in
        Adam's momentum, and minus two for an optimistic step, which extrapolates by a round.
        """
        euler = 1.0 if self.order == "simultaneous" else 0.0
        return euler + 2 * self.beta1 / (1 - self.beta1) - (2.0 if self.method == "optimistic-adam" else 0.0)

    @property
    def radius(self) -> float:
        """The radius of the cycle in units of the rate, to leading order in ``lag / memory``.

        Near the equilibrium of the Dirac-GAN, in rounds, theta and psi turn with ``omega = sqrt(2) lr / r``. The mean
        squares of the gradients follow them with the memory T, so the two rates differ by a modulation of frequency
        2 omega, delayed: it takes ``r² omega² T / (1 + 4 omega² T²) / 2`` from r²/2 a round, while the lag N gives
        ``r² omega² N / 2``. They balance at ``4 omega² T² = T/N - 1``.
        """
        return float(2 * np.sqrt(2) * self.memory / np.sqrt(self.memory / self.lag - 1))

    def build(self, lr: float) -> Any:
        """Return the method at a rate."""
        from dynamics import methods

        share = 1 - 1 / self.memory
        averages = {"alpha": share} if self.method == "rmsprop" else {"beta1": self.beta1, "beta2": share}
        return methods.get(self.method, lr=lr, order=self.order, **averages)


RMSPROP = Adaptive("rmsprop", memory=100)
ADAM = Adaptive("adam", beta1=0.9)
RMSPROP_IN_TURN = Adaptive("rmsprop", "alternating", memory=100)
ADAM_IN_TURN = Adaptive("adam", "alternating", beta1=0.9)
OPTIMISTIC_ADAM = Adaptive("optimistic-adam", beta1=0.9)


def tail(which: Adaptive, lr: float, loss: str = "minimax") -> np.ndarray:
    """Return the last half of the states of a run from each of STARTS, shape (start, round, 2)."""
    from dynamics import games, methods

    starts = np.stack([STARTS, np.zeros(len(STARTS))], axis=-1)
    run = methods.iterate(games.get("dirac-gan", loss=loss), which.build(lr), starts, ROUNDS, compiled=True)
    return run.states[:, ROUNDS // 2 :]


@cache
def sizes(which: Adaptive, lr: float, loss: str = "minimax") -> np.ndarray:
    """Return the root mean square distance from the equilibrium at the end, shape (start,)."""
    return np.sqrt((tail(which, lr, loss) ** 2).sum(axis=-1).mean(axis=-1))


def cycle_rows(quick: bool) -> list[Measurement]:
    """Return what the ends of long runs say about the cycles, their laws, and where there is none."""
    rows = []
    of = f"worst of {len(STARTS)} starts and {len(RATES)} rates"
    for which, rates in ((RMSPROP, RATES), (ADAM, RATES[:1]), (ADAM_IN_TURN, RATES[:1]), (OPTIMISTIC_ADAM, RATES[:1])):
        if quick and which is OPTIMISTIC_ADAM:
            continue
        name = f"{which.method}, {which.order}, usual settings: radius of the cycle over lr"
        found = [
            Measurement(
                name,
                float(size) / lr,
                which.radius,
                which.radius * which.lag / which.memory,
                f"lag over memory, {which.lag / which.memory:.3g} of it: the next order of the expansion",
            )
            for lr in rates
            for size in sizes(which, lr)
        ]
        rows.append(hardest(found, of if len(rates) > 1 else f"worst of {len(STARTS)} starts, lr = {rates[0]:g}"))
    memories = 50 * 2 ** np.arange(3 if quick else 5)
    ratios = []
    for memory in memories:
        which = Adaptive("rmsprop", memory=int(memory))
        ratios.append(float(sizes(which, RATE)[1]) / RATE / which.radius)
    limit, uncertainty = extrapolate(np.array(ratios))
    # The radius is modulated by its share 1/sqrt(memory), and part of a turn is left over in the mean.
    turns = ROUNDS / 2 / (np.sqrt(2) * np.pi * RMSPROP.radius)
    rows.append(
        Measurement(
            f"rmsprop, simultaneous: radius of the cycle over 2 sqrt(2) lr T/sqrt(T - 1), memories T up to "
            f"{memories[-1]}, as T grows",
            limit,
            1.0,
            uncertainty + float(1 / np.sqrt(memories[0]) / turns) + RMSPROP.radius**2 * RATE**2,
            "the last change of Richardson's extrapolation, a part of a turn, and the curvature of the loss, r²",
        )
    )
    in_turn = tail(RMSPROP_IN_TURN, RATE)
    rows.append(
        Measurement(
            "rmsprop, alternating (no lag): largest distance from the equilibrium at the end, over lr",
            float(np.linalg.norm(in_turn, axis=-1).max()) / RATE,
            2 * float(np.sqrt(2)),
            0.0,
            "nothing drives it out, and no step is longer than about sqrt(2) lr: two of them",
            relation="at most",
        )
    )
    far = tail(ADAM, 0.1)[:, -1]
    from dynamics import games

    field = np.linalg.norm(games.get("dirac-gan")(far), axis=-1)
    rows.append(
        Measurement(
            f"adam, simultaneous, lr = 0.1: largest field where the runs from {len(STARTS)} starts end, at distances "
            f"from {np.linalg.norm(far, axis=-1).min():.2g} on",
            float(field.max()),
            1e-8,
            0.0,
            "Adam's own eps: below it steps fade, and training has stopped",
            relation="at most",
        )
    )
    return rows


def paths() -> dict[str, np.ndarray]:
    """Return the distance from the equilibrium over the rounds from two starts, over lr."""
    from dynamics import games, methods

    game, starts = games.get("dirac-gan"), np.array([[1e-3, 0.0], [1.0, 0.0]])
    return {
        label: np.linalg.norm(
            methods.iterate(game, which.build(RATE), starts, 40_000, every=20, compiled=True).states, axis=-1
        )
        / RATE
        for label, which in (("adam", ADAM), ("rmsprop", RMSPROP), ("rmsprop in turn", RMSPROP_IN_TURN))
    }
