"""Optimal discriminators and the value of the game that the generator then plays.

``p`` is the real distribution, ``q`` the generated one; scores are high on real. Given the densities, the best
discriminator is a pointwise affair, and putting it in leaves the generator a divergence to minimise.

Sources: Goodfellow et al. 2014, proposition 1 and theorem 1; Mao et al. 2017, section 3.2; Salimans et al. 2016,
section 3.4 (label smoothing).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from dynamics.core.errors import check_number
from dynamics.divergence.densities import Density, Estimate, divergence, expectation

Array = NDArray[np.float64]


def optimal_score(log_p: ArrayLike, log_q: ArrayLike) -> Array:
    """Return the optimal score ``h* = log p - log q``: ``+inf`` where only real data occur, ``-inf`` where only fake.

    Parameters
    ----------
    log_p, log_q : array_like
        Logarithms of the densities at the same points; ``-inf`` where a density vanishes.

    Returns
    -------
    ndarray
        Of the broadcast shape; zero (``D* = 1/2``) where both vanish and any score is optimal.
    """
    real, fake = np.broadcast_arrays(np.asarray(log_p, dtype=np.float64), np.asarray(log_q, dtype=np.float64))
    nowhere = np.isneginf(real) & np.isneginf(fake)
    return np.where(nowhere, 0.0, np.where(nowhere, 0.0, real) - np.where(nowhere, 0.0, fake))


def optimal_discriminator(log_p: ArrayLike, log_q: ArrayLike) -> Array:
    """Return ``D* = p / (p + q) = sigmoid(log p - log q)``, the optimum of the cross-entropy losses.

    Arguments are those of :func:`optimal_score`.
    """
    return expit(optimal_score(log_p, log_q))


def least_squares_discriminator(log_p: ArrayLike, log_q: ArrayLike, real: float = 1.0, fake: float = 0.0) -> Array:
    """Return ``D* = (b p + a q) / (p + q)``, the optimum of ``E_p (D - b)^2 + E_q (D - a)^2``.

    The same formula is the optimum of the cross-entropy with smoothed labels.

    Parameters
    ----------
    log_p, log_q : array_like
        As in :func:`optimal_score`.
    real, fake : float
        The labels b of real and a of fake data.
    """
    b, a = check_number("real", real), check_number("fake", fake)
    return a + (b - a) * optimal_discriminator(log_p, log_q)


def minimax_value(score: Callable[[float], float], p: Density, q: Density, rtol: float = 1e-10) -> Estimate:
    """Return ``V = E_p log D + E_q log(1 - D)`` of any discriminator ``D = sigmoid(score(x))``.

    It never exceeds :func:`optimal_minimax_value`, with equality at the optimal score.
    """
    real = expectation(lambda x: float(log_expit(score(x))), p, rtol)
    fake = expectation(lambda x: float(log_expit(-score(x))), q, rtol)
    return Estimate(real.value + fake.value, real.error + fake.error)


def optimal_minimax_value(p: Density, q: Density, rtol: float = 1e-10) -> Estimate:
    """Return ``V* = -log 4 + 2 JS(p, q)``, what the minimax generator minimises.

    It is ``-log 4`` when ``p = q``, and 0 for disjoint supports.
    """
    js = divergence("js", p, q, rtol)
    return Estimate(2 * js.value - math.log(4), 2 * js.error)


def least_squares_value(p: Density, q: Density, real: float = 1.0, fake: float = 0.0, rtol: float = 1e-10) -> Estimate:
    """Return the least-squares discriminator's loss at its optimum.

    ``E_p (D* - b)^2 / 2 + E_q (D* - a)^2 / 2 = (b - a)^2 (2 - T) / 8`` with the triangular discrimination ``T``:
    largest, ``(b - a)^2 / 4``, when ``p = q``, and 0 for disjoint supports.
    """
    b, a = check_number("real", real), check_number("fake", fake)
    triangular = divergence("triangular", p, q, rtol)
    factor = (b - a) ** 2 / 8
    return Estimate(factor * (2 - triangular.value), factor * triangular.error)


def least_squares_generator_value(
    p: Density, q: Density, real: float, fake: float, target: float, rtol: float = 1e-10
) -> Estimate:
    """Return ``E_p (D* - c)^2 / 2 + E_q (D* - c)^2 / 2`` at the optimal least-squares discriminator.

    Since ``D* - c = ((b - c) p + (a - c) q) / (p + q)``, it is
    ``((b - c)^2 + (a - c)^2) / 2 - (b - a)^2 (2 - T) / 8`` with the triangular discrimination ``T``: for *every* choice
    of labels the generator minimises ``T``, at most 2, however far the distributions are apart. The labels
    ``b - c = c - a = 1`` only make the constant vanish (Mao et al. 2017 write ``T/2`` as a Pearson divergence of
    ``p + q`` and ``2q``).
    """
    b, a, c = check_number("real", real), check_number("fake", fake), check_number("target", target)
    triangular = divergence("triangular", p, q, rtol)
    factor = (b - a) ** 2 / 8
    constant = ((b - c) ** 2 + (a - c) ** 2) / 2
    return Estimate(constant - factor * (2 - triangular.value), factor * triangular.error)
