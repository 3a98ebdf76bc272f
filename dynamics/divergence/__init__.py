"""Distances between distributions, and the discriminators that measure them.

In every function ``p`` is the *real* distribution and ``q`` the *generated* one, and the divergence is ``D(p || q)``,
in nats. ``gaussians`` holds closed forms, ``densities`` adaptive quadrature with error estimates, ``histograms`` the
same divergences of finite distributions, ``discriminators`` the optimal discriminators and the value of the games.

========================  ==================================  ====================
name                      D(p || q)                           range
========================  ==================================  ====================
kl                        int p log(p/q)                      0 to infinity
reverse-kl                int q log(q/p)                      0 to infinity
js                        KL(p || m)/2 + KL(q || m)/2,        0 to log 2
                          m = (p + q)/2
pearson                   int (p - q)^2 / q                   0 to infinity
squared-hellinger         int (sqrt p - sqrt q)^2             0 to 2
triangular                int (p - q)^2 / (p + q)             0 to 2
total-variation           int abs(p - q) / 2                  0 to 1
========================  ==================================  ====================

Squared Hellinger is without the factor 1/2 (as in Nowozin, Cseke and Tomioka 2016, table 1).
"""

from dynamics.divergence import gaussians
from dynamics.divergence.densities import Density, Estimate, divergence, expectation, gaussian, mixture, uniform
from dynamics.divergence.discriminators import (
    least_squares_discriminator,
    least_squares_generator_value,
    least_squares_value,
    minimax_value,
    optimal_discriminator,
    optimal_minimax_value,
    optimal_score,
)
from dynamics.divergence.histograms import histogram_divergence
from dynamics.divergence.integrands import INTEGRANDS, names

__all__ = [
    "INTEGRANDS",
    "Density",
    "Estimate",
    "divergence",
    "expectation",
    "gaussian",
    "gaussians",
    "histogram_divergence",
    "least_squares_discriminator",
    "least_squares_generator_value",
    "least_squares_value",
    "minimax_value",
    "mixture",
    "names",
    "optimal_discriminator",
    "optimal_minimax_value",
    "optimal_score",
    "uniform",
]
