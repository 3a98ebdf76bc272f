r"""Guesses of cycles from trajectories that come back near a state they have been at, in any dimension.

Starts all over the box are followed forward, and backward where the field allows it; transients are kept, since
an orbit that passes a cycle of saddle type nearly closes once or twice there and never again. A return is a local
minimum, along the trajectory, of the distance from an earlier state, small against the way that lies between.

Source: Auerbach, Cvitanovic, Eckmann, Gunaratne and Procaccia 1987, on periodic orbits from close returns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynamics.flow import integrate
from dynamics.games.field import Field
from dynamics.stability.cycles.guesses import Guess

#: Length of a trajectory in natural times, and samples along it.
LENGTH, SAMPLES = 40, 1600
#: Earlier states of each trajectory from which returns are sought.
ANCHORS = 40
#: Longest period in natural times.
LONGEST = 10
#: A return misses its state by at most this share of the orbit's size.
CLOSE = 0.4
#: A return closer than this share is as good as closed: samples miss the closest by about as much.
RESOLVED = 0.02
#: An orbit smaller than this share of the box is at an equilibrium.
SMALL = 1e-4


@dataclass(frozen=True)
class Return:
    """A guess and how well it closes, as a share of its size."""

    guess: Guess
    gap: float


def natural_time(field: Field, sides: NDArray[np.float64], states: NDArray[np.float64]) -> float:
    """Return a typical period: the longer of ``2 pi / |J|`` and the time to go round the box, medians over states."""
    with np.errstate(all="ignore"):
        slopes = np.linalg.norm(np.nan_to_num(np.asarray(field.jacobian(states))), axis=(-2, -1), ord=2)
        speeds = np.linalg.norm(np.asarray(field(states)) / ((sides[:, 1] - sides[:, 0]) / 2), axis=-1)
    rates = [np.median(slopes[slopes > 0])] if (slopes > 0).any() else []
    finite = speeds[np.isfinite(speeds) & (speeds > 0)]
    rates += [np.median(finite)] if finite.size else []
    return 2 * np.pi / float(min(rates)) if rates else 1.0


def near_returns(
    field: Field,
    sides: NDArray[np.float64],
    starts: NDArray[np.float64],
    unit: float,
    longest: float,
    direction: int,
) -> list[Return]:
    """Return guesses from the close returns of trajectories, best first.

    Parameters
    ----------
    field : Field
    sides : ndarray, shape (dim, 2)
        The box; a trajectory that leaves it by ten times its width is given up.
    starts : ndarray, shape (m, dim)
    unit : float
        Natural time.
    longest : float
        Longest period.
    direction : int
        1 forward in time, -1 backward.
    """
    length = max(LENGTH * unit, 4 * longest)
    grid = np.linspace(0.0, length, SAMPLES + 1)
    width = sides[:, 1] - sides[:, 0]
    bound = 10 * float(np.linalg.norm(width) + np.linalg.norm(np.abs(sides).max(axis=1)))
    path = integrate(field, starts, direction * grid, rtol=1e-8, atol=1e-10, bound=bound, max_evaluations=20_000)
    found: list[Return] = []
    for states in path.states:
        states = states[np.isfinite(states).all(axis=1)]
        if len(states) > 8:
            found += _returns(states, sides, float(grid[1]), longest, direction)
    # one lap before two: gaps within a factor of two, or below what samples resolve, count as equal
    return sorted(found, key=lambda item: (round(np.log2(max(item.gap, RESOLVED))), item.guess.period, item.gap))


def _returns(
    states: NDArray[np.float64], sides: NDArray[np.float64], step: float, longest: float, direction: int
) -> list[Return]:
    """Return the close returns of one trajectory to states in the box: for each anchor its first and its best."""
    found: dict[tuple[int, int], Return] = {}
    most = int(longest / step)
    scaled = states / (sides[:, 1] - sides[:, 0])
    inside = np.flatnonzero(((states >= sides[:, 0]) & (states <= sides[:, 1])).all(axis=1))
    inside = inside[inside < len(states) - 3]
    if not inside.size:
        return []
    for i in np.unique(inside[np.linspace(0, len(inside) - 1, ANCHORS).astype(int)]):
        gap = np.abs(scaled[i : i + most + 1] - scaled[i]).max(axis=1)
        size = np.maximum.accumulate(gap)
        inner = np.flatnonzero((gap[1:-1] <= gap[:-2]) & (gap[1:-1] < gap[2:])) + 1
        inner = inner[(gap[inner] < CLOSE * size[inner]) & (size[inner] > SMALL)]
        if not inner.size:
            continue
        ratio = gap[inner] / size[inner]
        for k in {0, int(np.argmin(np.maximum(ratio, RESOLVED)))}:
            j = int(inner[k])
            # between samples: where the distance to the state is least along a parabola
            before, here, after = np.square(scaled[i + j - 1 : i + j + 2] - scaled[i]).sum(axis=1)
            bend = before - 2 * here + after
            shift = float(np.clip((before - after) / (2 * bend), -1, 1)) if bend > 0 else 0.0
            words = f"close return of a trajectory, {'forward' if direction > 0 else 'backward'} in time"
            found[int(i), j] = Return(Guess(states[i], (j + shift) * step, direction, words), float(ratio[k]))
    return list(found.values())
