"""Ensembles of stochastic differential equations: Monte Carlo at the speed of the random numbers.

``dY = v(Y) dt + g(t) B(Y) dW`` in the sense of Ito, with the field v of a game and B in units of Y per square root of
time. Isotropic noise of strength s has ``B = s I``, and the diffusion matrix of the Fokker-Planck equation is
``D = B B^T / 2``.

``noise``    what B is, and how its strength changes in time
``schemes``  one-step approximations, one per file, training algorithms among them
``simulate`` statistics of many paths: moments, histograms, exits, largest values
``trajectories``  states of chosen paths, streamed to disk
``expectation``   multilevel Monte Carlo
``difference``    two ensembles with the same random numbers
``linear``   closed forms of linear equations: moments, stationary law, probability current
``recursion`` exact moments of schemes on linear equations: ``recursion.scheme_moments``
"""

from dynamics.ensemble.conditions import Condition, ball
from dynamics.ensemble.histograms import Histogram
from dynamics.ensemble.linear import LinearSDE
from dynamics.ensemble.multilevel import Expectation, expectation
from dynamics.ensemble.noise import (
    Coloured,
    Diagonal,
    GradientNoise,
    Isotropic,
    Matrix,
    Noise,
    PerCoordinate,
    StateDependent,
)
from dynamics.ensemble.paired import Difference, difference
from dynamics.ensemble.result import Ensemble, Event, merge
from dynamics.ensemble.sde import SDE
from dynamics.ensemble.simulate import simulate
from dynamics.ensemble.trajectories import trajectories

__all__ = [
    "SDE", "Coloured", "Condition", "Diagonal", "Difference", "Ensemble", "Event", "Expectation", "GradientNoise",
    "Histogram", "Isotropic", "LinearSDE", "Matrix", "Noise", "PerCoordinate", "StateDependent", "ball", "difference",
    "expectation", "merge", "simulate", "trajectories",
]  # fmt: skip
