"""What a network game takes expectations over: the whole data and latent set, or the mini-batch of one draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_count, check_number
from dynamics.core.random import BLOCKS, Stream, integers, normals, uniforms
from dynamics.games.field import Draw

#: Nodes of Gauss-Hermite quadrature of instance noise on one-dimensional samples.
NOISE_NODES = 64
#: Nodes of Gauss-Legendre quadrature between a real and a fake sample, used when the data carry weights.
BETWEEN_NODES = 8

#: Most points at which a penalty between quadrature nodes is evaluated (40 MB of each quantity in float64).
MOST_BETWEEN = 5_000_000

# What the draws of one iteration are for; a substream holds one purpose of one substep.
REAL_INDEX, LATENT_INDEX, REAL_NOISE, FAKE_NOISE, MIX = range(5)
PURPOSES = 8
#: Numbers that one address of the generator holds; longer vectors go on with the next path.
PIECE = 2 * BLOCKS
#: Paths that belong to one member of an ensemble of runs.
PIECES = 2**32


@dataclass(frozen=True)
class Samples:
    """Real samples and latents of one evaluation, with everything random already drawn.

    Attributes
    ----------
    real : tensor, shape (n, ...)
        Instance noise included.
    real_weights : tensor, shape (n,), or None
        None is equal weights.
    latents : tensor, shape (m, ...)
    latent_weights : tensor, shape (m,), or None
    fake_noise : tensor, shape (m, ...) or (k, ...), or None
        Noise to add to generated samples, one for each; or quadrature nodes, with weights.
    fake_noise_weights : tensor, shape (k,), or None
    pairs : (real index, fake index, mix, weights) or None
        Points ``mix * real + (1 - mix) * fake`` of wgan-gp.
    """

    real: torch.Tensor
    real_weights: torch.Tensor | None
    latents: torch.Tensor
    latent_weights: torch.Tensor | None
    fake_noise: torch.Tensor | None = None
    fake_noise_weights: torch.Tensor | None = None
    pairs: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None] | None = None

    def perturb(self, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return generated samples with instance noise, and their weights."""
        if self.fake_noise is None:
            return fake, self.latent_weights
        if self.fake_noise_weights is None:
            return fake + self.fake_noise, self.latent_weights
        return _add_nodes(fake, self.latent_weights, self.fake_noise, self.fake_noise_weights)

    def between(self, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the points between real and (perturbed) fake samples, and their weights."""
        assert self.pairs is not None
        real_index, fake_index, mix, weights = self.pairs
        mix = mix.reshape(-1, *[1] * (self.real.ndim - 1))
        return mix * self.real[real_index] + (1 - mix) * fake[fake_index], weights


class SampleSource:
    """Makes :class:`Samples`: ``source(None)`` the population, ``source(draw)`` the mini-batch of that draw.

    A draw is an iteration number or ``(iteration, substep)``. The same draw gives the same bits, whatever was drawn
    before. Mini-batches are drawn with replacement, by weight where there are weights.
    """

    def __init__(
        self,
        real: torch.Tensor,
        latents: torch.Tensor,
        *,
        real_weights: Any = None,
        latent_weights: Any = None,
        instance_noise: float = 0.0,
        batch: int | None = None,
        fresh_latents: bool = False,
        between: bool = False,
        seed: int = 0,
        path: int = 0,
    ) -> None:
        for what, tensor in (("real data", real), ("latents", latents)):
            if tensor.ndim < 2 or not len(tensor):
                raise InputError(f"The {what} have shape {tuple(tensor.shape)}, expected (count, size of a sample).")
            if not torch.isfinite(tensor).all():
                raise InputError(f"The {what} contain NaN or infinity: give finite numbers.")
        self.real, self.latents = real, latents
        self.real_weights = _weights("real_weights", real_weights, real)
        self.latent_weights = _weights("latent_weights", latent_weights, latents)
        self.sigma = check_number("instance_noise", instance_noise)
        if self.sigma < 0:
            raise InputError(f"instance_noise is a standard deviation, got {self.sigma:g}: give 0 or more.")
        self.batch = None if batch is None else check_count("batch", batch)
        if self.batch is not None and self.batch > len(real):
            raise InputError(
                f"The batch of {self.batch} is larger than the data ({len(real)} samples): make it smaller."
            )
        if fresh_latents and self.batch is None:
            raise InputError("Fresh latents need mini-batches: give a batch size or keep the fixed latent set.")
        self.fresh_latents = fresh_latents
        self.seed = check_count("seed", seed, least=0)
        self.path = check_count("path", path, least=0)
        self._between = between

    def __call__(self, draw: Draw) -> Samples:
        """Return the samples of a draw, the population for None or without a batch size."""
        if draw is None or self.batch is None:
            return self._population
        return self._minibatch(*_address(draw))

    @cached_property
    def _population(self) -> Samples:
        """The population, built when it is first asked for: mini-batch training may never ask."""
        return self._whole()

    def _whole(self) -> Samples:
        real, real_weights, noise, noise_weights = self.real, self.real_weights, None, None
        if self.sigma and real[0].numel() == 1:
            nodes, shares = np.polynomial.hermite_e.hermegauss(NOISE_NODES)
            noise = self._tensor(self.sigma * nodes).reshape(-1, *real.shape[1:])
            noise_weights = self._tensor(shares / shares.sum())
            real, real_weights = _add_nodes(real, real_weights, noise, noise_weights)
        elif self.sigma:
            real = real + self.sigma * self._normals(Stream.INITIAL, 0, 0, REAL_NOISE, real.shape)
            noise = self.sigma * self._normals(Stream.INITIAL, 0, 0, FAKE_NOISE, (len(self.latents), *real.shape[1:]))
        samples = Samples(real, real_weights, self.latents, self.latent_weights, noise, noise_weights)
        if not self._between:
            return samples
        fakes = len(self.latents) * (1 if noise_weights is None else len(noise_weights))
        weights = samples.latent_weights
        if noise_weights is not None:
            weights = _product(weights, len(self.latents), noise_weights)
        return replace(samples, pairs=self._pairs(len(real), real_weights, fakes, weights))

    def _pairs(
        self, reals: int, real_weights: torch.Tensor | None, fakes: int, fake_weights: torch.Tensor | None
    ) -> Any:
        if real_weights is None and fake_weights is None:
            index = torch.arange(max(reals, fakes), device=self.real.device)
            mix = self._uniforms(Stream.INITIAL, 0, 0, MIX, len(index))
            return index % reals, index % fakes, mix, None
        # Weighted samples are quadrature nodes: every pair, and Gauss-Legendre nodes between the two.
        if reals * fakes * BETWEEN_NODES > MOST_BETWEEN:
            raise InputError(
                f"The penalty between {reals} real and {fakes} generated quadrature nodes needs "
                f"{reals * fakes * BETWEEN_NODES} points, at most {MOST_BETWEEN} are allowed: use fewer samples, "
                "no instance noise, or mini-batches."
            )
        nodes, shares = np.polynomial.legendre.leggauss(BETWEEN_NODES)
        left = torch.full((reals,), 1 / reals, dtype=self.real.dtype) if real_weights is None else real_weights.cpu()
        right = torch.full((fakes,), 1 / fakes, dtype=self.real.dtype) if fake_weights is None else fake_weights.cpu()
        i, j, k = torch.meshgrid(torch.arange(reals), torch.arange(fakes), torch.arange(BETWEEN_NODES), indexing="ij")
        mix, share = torch.as_tensor((nodes + 1) / 2), torch.as_tensor(shares / 2)
        weights = (left[i] * right[j] * share[k]).reshape(-1)
        return (
            i.reshape(-1).to(self.real.device),
            j.reshape(-1).to(self.real.device),
            self._tensor(mix[k].reshape(-1)),
            self._tensor(weights),
        )

    def _minibatch(self, iteration: int, substep: int) -> Samples:
        assert self.batch is not None
        n = self.batch
        real = self.real[self._indices(iteration, substep, REAL_INDEX, self.real_weights, len(self.real))]
        if self.fresh_latents:
            latents = self._normals(Stream.LATENT, iteration, substep, LATENT_INDEX, (n, *self.latents.shape[1:]))
        else:
            latents = self.latents[
                self._indices(iteration, substep, LATENT_INDEX, self.latent_weights, len(self.latents))
            ]
        noise, pairs = None, None
        if self.sigma:
            real = real + self.sigma * self._normals(Stream.LATENT, iteration, substep, REAL_NOISE, real.shape)
            noise = self.sigma * self._normals(Stream.LATENT, iteration, substep, FAKE_NOISE, (n, *real.shape[1:]))
        if self._between:
            index = torch.arange(n, device=self.real.device)
            pairs = index, index, self._uniforms(Stream.MINIBATCH, iteration, substep, MIX, n), None
        return Samples(real, None, latents, None, noise, None, pairs)

    def _indices(
        self, iteration: int, substep: int, purpose: int, weights: torch.Tensor | None, count: int
    ) -> torch.Tensor:
        assert self.batch is not None
        if weights is None:
            substream = purpose + PURPOSES * substep
            pieces = [
                integers(count, self.seed, path, iteration, Stream.MINIBATCH, size, substream)
                for path, size in self._pieces(self.batch)
            ]
            return torch.from_numpy(np.concatenate(pieces)).to(self.real.device)
        edges = np.cumsum(weights.double().cpu().numpy())
        u = self._numbers(uniforms, Stream.MINIBATCH, iteration, substep, purpose, self.batch)
        index = np.minimum(np.searchsorted(edges, u, side="right"), count - 1)
        return torch.from_numpy(index).to(self.real.device)

    def _uniforms(self, stream: Stream, iteration: int, substep: int, purpose: int, count: int) -> torch.Tensor:
        return self._tensor(self._numbers(uniforms, stream, iteration, substep, purpose, count))

    def _normals(
        self, stream: Stream, iteration: int, substep: int, purpose: int, shape: Sequence[int]
    ) -> torch.Tensor:
        numbers = self._numbers(normals, stream, iteration, substep, purpose, math.prod(shape))
        return self._tensor(numbers.reshape(tuple(shape)))

    def _numbers(
        self, law: Any, stream: Stream, iteration: int, substep: int, purpose: int, count: int
    ) -> NDArray[np.float64]:
        substream = purpose + PURPOSES * substep
        pieces = [law(self.seed, path, iteration, stream, size, substream) for path, size in self._pieces(count)]
        return np.concatenate(pieces)

    def _pieces(self, count: int) -> list[tuple[int, int]]:
        """Return the (path, size) of the addresses that together hold ``count`` numbers."""
        first = self.path * PIECES
        return [(first + i, min(PIECE, count - i * PIECE)) for i in range(-(-count // PIECE))]

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values).to(dtype=self.real.dtype, device=self.real.device)


def _address(draw: Draw) -> tuple[int, int]:
    parts = tuple(draw) if isinstance(draw, (tuple, list)) else (draw,)
    if not 1 <= len(parts) <= 2:
        raise InputError(f"A draw is an iteration or (iteration, substep), got {draw!r}.")
    iteration = check_count("the iteration of a draw", parts[0], least=0)
    return iteration, check_count("the substep of a draw", parts[1], least=0) if len(parts) == 2 else 0


def _weights(name: str, weights: Any, samples: torch.Tensor) -> torch.Tensor | None:
    if weights is None:
        return None
    tensor = torch.as_tensor(weights).to(dtype=samples.dtype, device=samples.device)
    if tensor.shape != (len(samples),) or not torch.isfinite(tensor).all() or not (tensor > 0).all():
        raise InputError(f"{name} must be {len(samples)} positive numbers, one for each sample.")
    return tensor / tensor.sum()


def _product(weights: torch.Tensor | None, count: int, shares: torch.Tensor) -> torch.Tensor:
    base = torch.full((count,), 1 / count, dtype=shares.dtype, device=shares.device) if weights is None else weights
    return (base[:, None] * shares).reshape(-1)


def _add_nodes(
    points: torch.Tensor, weights: torch.Tensor | None, nodes: torch.Tensor, shares: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return every point plus every node, shape (n * k, ...), and the product weights."""
    spread = (points[:, None] + nodes).reshape(-1, *points.shape[1:])
    return spread, _product(weights, len(points), shares)
