"""A plain PyTorch GAN loop with a recorder hung on it, then compared with its gradient flow.

Run with ``python examples/plain_loop.py FOLDER``: trains on a ring of eight points, records path and objective, and
prints the fitted order of the distance between the two. ``gandyn compare FOLDER`` does the same later.
"""

from __future__ import annotations

import sys

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from dynamics.compare import compare_run
from dynamics.games.network import NetworkGame
from dynamics.gan import Recorder


def main(folder: str, steps: int = 200, lr: float = 0.02) -> float:
    """Train, record, compare; return the fitted order."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    angles = torch.arange(8) * torch.pi / 4
    real, latents = torch.stack([angles.cos(), angles.sin()], dim=1), torch.randn(32, 2)
    G = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    D = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    step_G, step_D = (torch.optim.SGD(network.parameters(), lr=lr) for network in (G, D))
    objective = NetworkGame(G, D, real=real, latents=latents, loss="non-saturating")

    with Recorder(folder, generator=G, discriminator=D, stride=10, game=objective, lr=lr) as recorder:
        for _ in range(steps):
            step_D.zero_grad()
            loss_D = -logsigmoid(D(real)).mean() - logsigmoid(-D(G(latents).detach())).mean()
            loss_D.backward()
            step_D.step()
            step_G.zero_grad()
            loss_G = -logsigmoid(D(G(latents))).mean()
            loss_G.backward()
            step_G.step()
            recorder.record(losses={"generator": loss_G, "discriminator": loss_D})

    comparison = compare_run(folder)
    print(comparison.compared)
    return comparison.orders["alternating"]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/plain_loop.py FOLDER")
    print(f"fitted order of the distance to the flow: {main(sys.argv[1]):.3f}")
