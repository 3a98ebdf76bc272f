"""The pictures of the README, beside this file; ``python -m figures.gallery [FOLDER]`` draws them again.

The files are the same bytes each time, so that a changed picture is a changed result.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dynamics import games, methods
from dynamics.ensemble import SDE, Isotropic, simulate
from dynamics.stability.basins import find_basins
from dynamics.stability.continuation import continue_branches
from dynamics.stability.regions import region_map
from figures.basins import basin_picture
from figures.bifurcations import bifurcations
from figures.ensembles.composed import ensemble_picture
from figures.output import save
from figures.phase.compose import Portrait, compute_portrait, portrait, portraits
from figures.regions import region_picture
from figures.spectra import spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent


def dirac_gans() -> Figure:
    """Draw three Dirac-GANs side by side: a centre, a slow spiral and a focus."""
    shown: list[tuple[str, dict[str, object]]] = [
        ("minimax: closed orbits", {"loss": "minimax"}),
        ("non-saturating: slow inward spirals", {"loss": "non-saturating"}),
        ("minimax with R1, $\\gamma$ = 0.3: a focus", {"loss": "minimax", "penalty": "r1", "gamma": 0.3}),
    ]
    computed = []
    for _, settings in shown:
        item = compute_portrait(
            games.get("dirac-gan", **settings), methods=("simultaneous", "alternating"), lr=0.2, iterations=120
        )
        assert isinstance(item, Portrait)
        computed.append(item)
    caption = (
        "Dirac-GAN: real point 0, generated point $\\theta$, discriminator slope $\\psi$. Grey: the flow, integrated. "
        "Dots: 120 iterations at rate 0.2 from $\\theta$ = $\\psi$ = 1."
    )
    return portraits(computed, [title for title, _ in shown], caption)


def forsaken() -> Figure:
    """Draw the game whose cycles no equilibrium explains."""
    return portrait(games.get("forsaken"), methods=["alternating"], lr=0.1, iterations=150, title="Forsaken")


def rotated_double_well() -> Figure:
    """Draw two attracting points and the separatrices of the saddle between them."""
    return portrait(games.get("rotated-double-well"), title="Rotated double well")


def strict_saddle() -> Figure:
    """Draw one player's descent past a strict saddle."""
    return portrait(
        games.get("strict-saddle"),
        methods=["simultaneous"],
        lr=0.1,
        layers=("speed", "orbits", "separatrices", "equilibria", "methods"),
        title="Strict saddle",
    )


def double_well() -> Figure:
    """Draw one coordinate: the potential and the flow on the line."""
    return portrait(games.get("double-well"), methods=["simultaneous"], lr=0.2, iterations=30, title="Double well")


def gaussian_gan() -> Figure:
    """Draw a plane of a game with three coordinates."""
    return portrait(games.get("gaussian-gan"), plane=("theta", "weight"), at={"bias": 0.0}, title="Gaussian GAN")


def r1_spectrum() -> Figure:
    """Draw the eigenvalues of the Dirac-GAN's equilibrium as the R1 penalty grows."""
    weights = (0.0, 0.3, 0.6, 1.0, 1.5)
    game = games.get("dirac-gan", penalty="r1", gamma=1.0)
    found = {
        f"$\\gamma$ = {gamma:g}": np.linalg.eigvals(game.with_parameters(gamma=gamma).jacobian(np.zeros(2)))
        for gamma in weights
    }
    return spectrum(
        found,
        title="Dirac-GAN with R1",
        caption="Eigenvalues of $J$ = dv/dy at the equilibrium; double at $\\gamma$ = 1.",
    )


def basins() -> Figure:
    """Draw which starts of the forsaken game reach its attracting point, its cycle, or neither, with extragradient."""
    game = games.get("forsaken")
    return basin_picture(find_basins(game, cells=200, method=methods.get("extragradient", lr=0.1)))


def branches() -> Figure:
    """Draw the equilibrium of the almost bilinear game and the cycles on both sides of its centre."""
    game = games.get("almost-bilinear")
    return bifurcations(continue_branches(game, "eps", (-0.5, 0.5)))


def regions() -> Figure:
    """Draw where alternating heavy-ball contracts on the bilinear game: negative momentum only."""
    method = methods.get("heavy-ball", lr=0.1, order="alternating")
    x, y = ("lr", np.linspace(0.01, 2.2, 160)), ("beta", np.linspace(-0.9, 0.5, 160))
    return region_picture(region_map(games.get("bilinear"), method, x, y))


def ensemble() -> Figure:
    """Draw a cloud of noisy paths around the attracting equilibrium of the Dirac-GAN, and its moments in time."""
    game, noise = games.get("dirac-gan", penalty="r1", gamma=0.3), Isotropic(0.1)
    return ensemble_picture(SDE(game, noise), simulate(game, noise, paths=1_000, dt=0.01, time=20.0))


PICTURES: dict[str, Callable[[], Figure]] = {
    "portrait": dirac_gans,
    "forsaken": forsaken,
    "rotated-double-well": rotated_double_well,
    "strict-saddle": strict_saddle,
    "double-well": double_well,
    "gaussian-gan": gaussian_gan,
    "r1-spectrum": r1_spectrum,
    "basins": basins,
    "branches": branches,
    "regions": regions,
    "ensemble": ensemble,
}


def make(folder: str | Path = FOLDER) -> list[Path]:
    """Draw every picture into a folder and return the files."""
    return [save(draw(), Path(folder) / f"{name}.png") for name, draw in PICTURES.items()]
