"""torchsde on one batch: ``python -m scenarios.bench.peers.torchsde_run PATHS STEPS DT SIGMA THREADS REPEATS``."""

from __future__ import annotations

import sys
import time

import torch
import torchsde  # pyright: ignore[reportMissingImports]

from scenarios.bench.peers.sample import Sample


class DiracGAN(torch.nn.Module):
    """The equation in the form that torchsde takes; its fastest kind of noise here is the diagonal one."""

    noise_type, sde_type = "diagonal", "ito"

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def f(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the drift, shape (paths, 2)."""
        theta, psi = y[:, 0], y[:, 1]
        s = torch.sigmoid(theta * psi)
        return torch.stack([psi * s, -theta * s], dim=1)

    def g(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the diagonal of B, shape (paths, 2)."""
        return torch.full_like(y, self.sigma)


def main(paths: int, steps: int, dt: float, sigma: float, threads: int, repeats: int) -> None:
    """Print the moments, and the best of several times."""
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    equation, y0, ends = DiracGAN(sigma), torch.ones(paths, 2), torch.tensor([0.0, steps * dt])
    times, states = [], y0
    with torch.no_grad():
        torchsde.sdeint(equation, y0, torch.tensor([0.0, dt]), method="euler", dt=dt)  # first allocations
        for _ in range(repeats):
            began = time.perf_counter()
            states = torchsde.sdeint(equation, y0, ends, method="euler", dt=dt)[-1]
            times.append(time.perf_counter() - began)
    found = states.numpy()
    print(Sample.of(found, min(times)).printed(found))


if __name__ == "__main__":
    a = sys.argv[1:]
    main(int(a[0]), int(a[1]), float(a[2]), float(a[3]), int(a[4]), int(a[5]))
