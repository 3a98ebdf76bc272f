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
    """Print the moments, and the best of several times.

    What is fastest of what torchsde offers here: a Brownian interval that is told the step, which takes a quarter of
    the time of the one by default. (``BrownianPath`` is quicker only because it stands still after time 1.)
    """
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(threads)
    equation, y0, end = DiracGAN(sigma), torch.ones(paths, 2), steps * dt

    def run(steps: int, entropy: int) -> torch.Tensor:
        brownian = torchsde.BrownianInterval(
            0.0, end, size=(paths, 2), dtype=torch.float64, dt=dt, cache_size=200, entropy=entropy
        )
        ends = torch.tensor([0.0, steps * dt])
        return torchsde.sdeint(equation, y0, ends, bm=brownian, method="euler", dt=dt)[-1]

    times, states = [], y0
    with torch.no_grad():
        run(2, 0)  # first allocations
        for repeat in range(repeats):
            began = time.perf_counter()
            states = run(steps, repeat)
            times.append(time.perf_counter() - began)
    found = states.numpy()
    print(Sample.of(found, min(times)).printed(found))


if __name__ == "__main__":
    a = sys.argv[1:]
    main(int(a[0]), int(a[1]), float(a[2]), float(a[3]), int(a[4]), int(a[5]))
