from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dynamics.core.errors import InputError
from dynamics.gan.networks import ACTIVATIONS, initialise, mlp


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_perceptron_has_the_asked_widths_and_activation(activation) -> None:
    network = mlp(3, [5, 4], 2, activation)
    assert [type(layer) for layer in network] == [nn.Linear, ACTIVATIONS[activation]] * 2 + [nn.Linear]
    assert network(torch.zeros(7, 3, dtype=torch.float64)).shape == (7, 2)


def test_without_hidden_layers_it_is_linear() -> None:
    assert [type(layer) for layer in mlp(3, [], 1)] == [nn.Linear]
    with pytest.raises(InputError, match="tanh"):
        mlp(3, [2], 1, "tahn")


def test_initialisation_is_uniform_within_its_bound_and_told_apart_by_seed_and_player() -> None:
    def weights(seed: int, member: int) -> np.ndarray:
        return initialise(mlp(100, [100], 1), seed, member)[0].weight.detach().numpy()

    w = weights(0, 0)
    np.testing.assert_array_equal(w, weights(0, 0))
    assert not np.array_equal(w, weights(1, 0)) and not np.array_equal(w, weights(0, 1))
    # 10,000 numbers uniform on [-0.1, 0.1]: standard error of the mean 0.1/sqrt(3e4).
    assert np.abs(w).max() <= 0.1 and abs(w.mean()) < 5 * 0.1 / np.sqrt(3e4)
    assert w.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.05)
