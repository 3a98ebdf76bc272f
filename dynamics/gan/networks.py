"""Networks for generators and discriminators, initialised from the counter-based generator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn

from dynamics.core.errors import check_count, unknown
from dynamics.core.random import BLOCKS, Stream, uniforms
from dynamics.gan.activations import ACTIVATION_NAMES

#: The modules behind the names.
ACTIVATIONS: dict[str, type[nn.Module]] = {name: getattr(nn, kind) for name, kind in ACTIVATION_NAMES.items()}


def mlp(
    inputs: int, hidden: Sequence[int], outputs: int, activation: str = "tanh", output: str | None = None
) -> nn.Sequential:
    """Return a multilayer perceptron ``inputs -> hidden... -> outputs`` in float64.

    Parameters
    ----------
    inputs, outputs : int
    hidden : sequence of int
        Widths; empty for a linear map.
    activation : str
        One of :data:`ACTIVATIONS`, after every hidden layer.
    output : str, optional
        Activation after the last layer (``"tanh"`` for samples in [-1, 1]); none by default.

    Raises
    ------
    InputError
        For an unknown activation or a width below 1.
    """
    for name in (activation, *([output] if output else [])):
        if name not in ACTIVATIONS:
            raise unknown("activation", name, ACTIVATIONS)
    widths = [check_count("width", width) for width in (inputs, *hidden, outputs)]
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(itertools.pairwise(widths)):
        layers.append(nn.Linear(before, after, dtype=torch.float64))
        if i < len(widths) - 2:
            layers.append(ACTIVATIONS[activation]())
    if output:
        layers.append(ACTIVATIONS[output]())
    return nn.Sequential(*layers)


def initialise(module: nn.Module, seed: int, member: int) -> nn.Module:
    """Fill the linear layers of a module, in place, with the same bits for every machine and thread count.

    Weights and biases are uniform on ``[-k, k]`` with ``k = 1/sqrt(inputs)``, PyTorch's own default for linear
    layers, but drawn from the counter-based generator (stream PARAMETERS).

    Parameters
    ----------
    module : torch.nn.Module
    seed : int
    member : int
        Tells the players apart: the substream of the draws.

    Returns
    -------
    torch.nn.Module
        The same module.
    """
    step = 0
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                bound = 1 / math.sqrt(layer.in_features)
                for parameter in layer.parameters(recurse=False):
                    parameter.copy_(bound * (2 * _uniform(parameter.shape, seed, step, member) - 1))
                    step += 1
    return module


def _uniform(shape: torch.Size, seed: int, step: int, member: int) -> torch.Tensor:
    count, piece = math.prod(shape), 2 * BLOCKS
    numbers = [
        torch.from_numpy(uniforms(seed, path, step, Stream.PARAMETERS, min(piece, count - path * piece), member))
        for path in range(-(-count // piece))
    ]
    return torch.cat(numbers).reshape(shape)
