"""Names of activations, apart from the networks so that settings are checked without importing torch."""

from __future__ import annotations

#: Name here and in ``torch.nn``. Smooth ones come first: at the kinks of the others the flow is not differentiable, and
#: methods lose order.
ACTIVATION_NAMES = {
    "tanh": "Tanh",
    "softplus": "Softplus",
    "silu": "SiLU",
    "elu": "ELU",
    "relu": "ReLU",
    "leaky-relu": "LeakyReLU",
}
