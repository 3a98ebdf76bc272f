"""Training steps of a real GAN."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scenarios.bench.common import Row, best

#: Time that each measurement of a step fills, in seconds.
FILL = 1.0


def rows() -> Iterator[Row]:
    """Measure one step of the method against the same step in plain torch."""
    import torch
    from torch.nn import functional

    from dynamics.gan.configuration import configure
    from dynamics.gan.objective import build_game, build_method
    from dynamics.gan.threads import torch_threads

    config = configure("digits-mlp")
    game, method = build_game(config), build_method(config)
    state = method.init(torch.as_tensor(game.start, dtype=game.dtype), game)
    modules = game.modules(state.y)
    generator, discriminator = modules["generator"], modules["discriminator"]
    real, latents = game.source.real, game.source.latents
    players = [
        (modules[name], torch.optim.SGD(modules[name].parameters(), lr=method.rate(name)))
        for name in ("discriminator", "generator")
    ]

    def ours() -> None:
        nonlocal state
        state, _ = method.step(state, game)

    def theirs() -> None:
        for module, optimiser in players:
            optimiser.zero_grad()
            if module is discriminator:
                fake = discriminator(generator(latents).detach())
                loss = functional.softplus(-discriminator(real)).mean() + functional.softplus(fake).mean()
            else:
                loss = functional.softplus(-discriminator(generator(latents))).mean()
            loss.backward()
            optimiser.step()

    with torch_threads(1):
        ours()  # imports and first allocations
        theirs()
        value, peer = (1e3 * _per_call(step) for step in (ours, theirs))
    yield Row(
        "one training step of digits-mlp", value, peer, "ms", 0.5,
        "alternating, full batch, one thread; peer: the same step in plain eager torch; best of 3 averages",
    )  # fmt: skip


def _per_call(step: Callable[[], None]) -> float:
    """Return the seconds of one call: the best of three averages that together fill :data:`FILL` seconds."""
    calls = max(1, int(FILL / 3 / best(step, 3)))
    return best(lambda: [step() for _ in range(calls)], 3) / calls
