"""Torch forms of the functions that losses and penalties need (:class:`dynamics.games.losses.Operations`)."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional


class _LogSigmoid(torch.autograd.Function):
    """Log-sigmoid with the slope ``sigmoid(-x)``, smooth and stable to every order, in forward and reverse mode."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return functional.logsigmoid(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * torch.sigmoid(-x)

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return grad_inputs[0] * torch.sigmoid(-x)


class TensorOperations:
    """Stable tensor functions: finite, with finite derivatives, for every finite argument."""

    def log_sigmoid(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``-log(1 + e^-x)``, as ``min(0, x) - log1p(e^-|x|)``."""
        return _LogSigmoid.apply(x)  # pyright: ignore[reportReturnType]

    def sigmoid(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``1 / (1 + e^-x)``."""
        return torch.sigmoid(x)

    def relu(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``max(0, x)``, with slope 0 at the kink."""
        return torch.relu(x)

    def sqrt(self, x: torch.Tensor) -> torch.Tensor:
        """Return the square root, with slope 0 at 0 (where torch gives infinity, and NaN through a chain rule)."""
        positive = x > 0
        # The inner where keeps the unused branch away from 0: its infinite slope would leak as 0 * inf.
        return torch.where(positive, torch.sqrt(torch.where(positive, x, torch.ones_like(x))), torch.zeros_like(x))


TENSORS = TensorOperations()
