"""GAN training as a dynamical system: one definition of a game gives flow, algorithms and stability.

Rooms, from the ground up (imports run one way, from later to earlier)::

    core        status, results, storage, errors, counter-based random numbers
    divergence  KL, JS and optimal discriminators
    games       what is played: expressions, players, losses, catalogue
    methods     training algorithms as maps
    flow        continuous time
    stability   equilibria, spectra, verdicts, critical rates and time scales
    gan         real networks, trained and recorded
    compare     recorded trajectories against their idealisations

The sign conventions that hold everywhere are in :mod:`dynamics.games`.
"""

__version__ = "0.1.0"
