"""Drawing functions that take engine results; matplotlib is imported when the first picture is drawn.

Every function returns a :class:`matplotlib.figure.Figure` that needs no display; :func:`save` writes it as PNG or
SVG, the same bytes each time. Colours: :mod:`figures.style`.

Examples
--------
>>> from dynamics import games
>>> from figures import portrait, save
>>> save(portrait(games.get("dirac-gan"), methods=["alternating"]), "portrait.png")  # doctest: +SKIP
"""

from figures.basins import basin_picture
from figures.bifurcations import bifurcations, compute_bifurcations
from figures.convergence import compute_convergence, convergence_picture
from figures.distances import distance_over_time, order_plot
from figures.ensembles.animation import compute_frames, save_animation
from figures.ensembles.clouds import cloud_picture, compute_cloud
from figures.ensembles.composed import ensemble_picture
from figures.ensembles.exits import compute_exits, exit_picture
from figures.ensembles.marginals import compute_marginal, marginal_picture
from figures.ensembles.moments import compute_moments, moment_picture
from figures.multipliers import compute_multipliers, multipliers_picture
from figures.output import save
from figures.phase.compose import compute_portrait, draw_portrait, portrait, portraits
from figures.regions import compute_regions, region_picture
from figures.series import curves, losses
from figures.spectra import spectrum
from figures.thumbnails import samples_grid

__all__ = [
    "basin_picture",
    "bifurcations",
    "cloud_picture",
    "compute_bifurcations",
    "compute_cloud",
    "compute_convergence",
    "compute_exits",
    "compute_frames",
    "compute_marginal",
    "compute_moments",
    "compute_multipliers",
    "compute_portrait",
    "compute_regions",
    "convergence_picture",
    "curves",
    "distance_over_time",
    "draw_portrait",
    "ensemble_picture",
    "exit_picture",
    "losses",
    "marginal_picture",
    "moment_picture",
    "multipliers_picture",
    "order_plot",
    "portrait",
    "portraits",
    "region_picture",
    "samples_grid",
    "save",
    "save_animation",
    "spectrum",
]
