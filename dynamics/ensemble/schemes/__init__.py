"""Schemes: one-step approximations of stochastic differential equations, one per file.

==========================  ==============================================================  ============  ==========
scheme                      noise                                                           strong order  weak order
==========================  ==============================================================  ============  ==========
``euler-maruyama``          any                                                             1/2 (*)       1
``milstein``                commutative: diagonal, of one component, or additive            1             1
``stochastic-runge-kutta``  additive                                                        1.5           2
``weak-order-2``            any                                                             none          2
``tamed-euler``             any; drifts that grow faster than linearly                      1/2 (*)       1
``exact``                   additive, linear games                                          none          exact
a training algorithm        any; noisy gradients in a discrete map                          none          1 (**)
==========================  ==============================================================  ============  ==========

(*) 1 for additive noise. (**) where the algorithm follows the flow at small rates.
"""

from dynamics.ensemble.schemes.base import Equation, Scheme
from dynamics.ensemble.schemes.registry import find, get, names, read_scheme, summary

__all__ = ["Equation", "Scheme", "find", "get", "names", "read_scheme", "summary"]
