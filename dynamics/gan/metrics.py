"""Simple, honest sample metrics: how far the samples are from the data in their first two moments."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dynamics.divergence.gaussians import frechet
from dynamics.games.network import NetworkGame


def sample_metrics(game: NetworkGame, y: torch.Tensor) -> dict[str, float]:
    """Return metrics of the samples at the fixed latents against all real data.

    Returns
    -------
    dict
        ``frechet``: the Fréchet distance between Gaussians fitted to samples and data, in pixels (no feature
        network; 0 for equal means and covariances). ``spread``: total variance of the samples over that of the data,
        0 for a collapsed generator and 1 for the right spread.
    """
    fake, real = _rows(game.generate(y)), _rows(game.source.real)
    spreads = [float(samples.var(axis=0).sum()) for samples in (fake, real)]
    return {
        "frechet": frechet(*_moments(fake), *_moments(real)),
        "spread": spreads[0] / spreads[1] if spreads[1] > 0 else float("nan"),
    }


def _rows(samples: torch.Tensor) -> NDArray[np.float64]:
    return samples.detach().reshape(len(samples), -1).cpu().double().numpy()


def _moments(samples: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centred = samples - samples.mean(axis=0)
    return samples.mean(axis=0), centred.T @ centred / len(samples)
