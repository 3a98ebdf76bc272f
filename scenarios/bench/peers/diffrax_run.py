"""diffrax on one batch: ``python -m scenarios.bench.peers.diffrax_run PATHS STEPS DT SIGMA DEVICES REPEATS``."""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from scenarios.bench.peers.sample import Sample


def main(paths: int, steps: int, dt: float, sigma: float, count: int, repeats: int) -> None:
    """Print the moments, and the best of several times.

    What is fastest of what diffrax offers here: ``UnsafeBrownianPath``, which makes its numbers as it goes (the
    virtual Brownian tree takes ten times as long), and B as a matrix. Under ``jit`` and ``vmap`` alone XLA leaves most
    of the work to one core; with more than one device the paths are shared out over them.
    """
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={count}"
    import diffrax  # pyright: ignore[reportMissingImports]
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
    from jax.sharding import Mesh, NamedSharding, PartitionSpec  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", True)

    def drift(t, y, arguments):
        s = jax.nn.sigmoid(y[0] * y[1])
        return jnp.stack([y[1] * s, -y[0] * s])

    def solve(key):
        path = diffrax.UnsafeBrownianPath(shape=(2,), key=key)
        noise = diffrax.ControlTerm(lambda t, y, arguments: sigma * jnp.eye(2), path)
        return diffrax.diffeqsolve(
            diffrax.MultiTerm(diffrax.ODETerm(drift), noise), diffrax.Euler(), 0.0, steps * dt, dt, jnp.ones(2),
            saveat=diffrax.SaveAt(t1=True), adjoint=diffrax.ForwardMode(), max_steps=None,
        ).ys[-1]  # fmt: skip

    run = jax.vmap(solve)
    keys = jax.random.split(jax.random.key(0), paths - paths % count)
    if count > 1:
        devices, along = Mesh(jax.devices(), ("path",)), PartitionSpec("path")
        keys = jax.device_put(keys, NamedSharding(devices, along))
        run = jax.shard_map(run, mesh=devices, in_specs=along, out_specs=along, check_vma=False)
    run = jax.jit(run)
    states = run(keys).block_until_ready()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run(keys).block_until_ready()
        times.append(time.perf_counter() - began)
    found = np.asarray(states)
    print(Sample.of(found, min(times)).printed(found))


if __name__ == "__main__":
    a = sys.argv[1:]
    main(int(a[0]), int(a[1]), float(a[2]), float(a[3]), int(a[4]), int(a[5]))
