"""From a configuration to the game that is trained and the method that trains it."""

from __future__ import annotations

import numpy as np
import torch

from dynamics import methods
from dynamics.core.errors import InputError, unknown
from dynamics.core.random import BLOCKS, Stream, normals
from dynamics.games.network import NetworkGame
from dynamics.gan.configuration import TrainingConfig
from dynamics.gan.data import load_data
from dynamics.gan.networks import initialise, mlp


def build_game(config: TrainingConfig) -> NetworkGame:
    """Return the network game of a configuration; its ``start`` is the seeded initialisation.

    The generator is an MLP ``latent -> hidden... -> pixels`` with tanh at the end, the discriminator the mirror image
    ``pixels -> ...hidden -> 1`` with a bare score.

    Raises
    ------
    InputError
        For a device that is not there or more samples than the data set has.
    """
    real = load_data(config.data, config.samples)
    size = real.shape[1]
    generator = mlp(config.latent, config.hidden, size, config.activation, output="tanh")
    discriminator = mlp(size, config.hidden[::-1], 1, config.activation)
    for member, module in enumerate((generator, discriminator)):
        initialise(module, config.seed, member)
    return NetworkGame(
        generator,
        discriminator,
        real=real,
        latents=fixed_latents(config.latents or len(real), config.latent, config.seed),
        loss=config.loss,
        a=config.a,
        b=config.b,
        c=config.c,
        penalty=config.penalty,
        gamma=config.gamma,
        target=config.target,
        clip=config.clip,
        instance_noise=config.instance_noise,
        batch=config.batch,
        fresh_latents=config.fresh_latents,
        seed=config.seed,
        dtype=getattr(torch, config.dtype),
        device=check_device(config.device),
        name=config.preset,
    )


def build_method(config: TrainingConfig) -> methods.Method:
    """Return the training algorithm of a configuration."""
    return methods.get(config.method, lr=config.lr, **config.method_settings)


def fixed_latents(count: int, size: int, seed: int) -> torch.Tensor:
    """Return N(0, I) latents, shape (count, size): latent ``i`` is the same whatever the count."""
    if size > 2 * BLOCKS:
        raise InputError(f"A latent has at most {2 * BLOCKS} numbers, got {size}.")
    return torch.from_numpy(normals(seed, 0, np.arange(count), Stream.INITIAL, size))


def check_device(name: str) -> str:
    """Return a device's name, or refuse one that this machine does not have."""
    kind = name.split(":")[0]
    if kind not in ("cpu", "cuda"):
        raise unknown("device", name, ("cpu", "cuda"))
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(f"The device '{name}' is not available (torch sees no GPU): use device=cpu.")
    return name
