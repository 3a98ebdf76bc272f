"""L1: the generator's minimax gradient carries the factor D and vanishes where the discriminator wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.registry import ARJOVSKY_2017, GOODFELLOW_2014, Evidence, Measurement, Scenario, hardest

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

SEED = 0
STATES = 1000
SAMPLES = 128
#: The discriminator has won when every generated sample scores below this.
WON = -8.0
MAX_STEPS = 6000
#: Steps between two records of the gradients, and between two looks at the scores.
EVERY = 5
RATE = 0.05
EPS = float(np.finfo(float).eps)
LOSSES = ("minimax", "non-saturating")


def _field_ratio() -> float:
    """Return the worst ratio of the two generator fields over D/(1 - D), on random states of the Dirac-GAN."""
    from dynamics import games
    from dynamics.core.random import Stream, uniforms

    y = 6 * uniforms(SEED, np.arange(STATES), 0, Stream.INITIAL, 2) - 3
    minimax, other = (games.get("dirac-gan", loss=loss).component("generator", y)[:, 0] for loss in LOSSES)
    score = y[:, 0] * y[:, 1]  # of the generated point: h(theta) = psi theta
    ratios = minimax / other / np.exp(score)  # D/(1 - D) = e^h
    return float(ratios[np.argmax(np.abs(ratios - 1))])


def _train(seed: int) -> dict[str, Any]:
    """Train a discriminator against a generator that stands still until it has won, and record the gradients.

    Real data are N(0, 1/4); the generator is a small network whose samples lie near 4, so that the two do not overlap
    and the discriminator can win. All in float64, full batch; networks and samples from the counter-based generator.
    """
    import torch

    from dynamics.core.random import Stream, normals
    from dynamics.games.losses import Loss
    from dynamics.games.tensors import TENSORS
    from dynamics.gan.networks import initialise, mlp

    generator = initialise(mlp(2, [16], 1), seed, 0)
    discriminator = initialise(mlp(1, [32], 1), seed, 1)
    parameters = list(generator.parameters())
    with torch.no_grad():
        parameters[-1].fill_(4.0)  # the bias of the last layer
    samples = np.arange(SAMPLES)
    real = 0.5 * torch.from_numpy(normals(seed, 0, samples, Stream.MINIBATCH))
    latent = torch.from_numpy(normals(seed, 0, samples, Stream.LATENT, 2))
    fake = generator(latent).detach()
    losses = {name: Loss(name, TENSORS) for name in LOSSES}
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=RATE)

    def gradient(value: Tensor) -> np.ndarray:
        parts = torch.autograd.grad(value, parameters, retain_graph=True)
        return torch.cat([part.ravel() for part in parts]).numpy()

    def gradients() -> dict[str, np.ndarray]:
        score = discriminator(generator(latent))
        return {name: gradient(loss.generator_fake(score).mean()) for name, loss in losses.items()}

    history: dict[str, list[float]] = {"step": [], **{name: [] for name in LOSSES}}
    for step in range(MAX_STEPS + 1):
        won = step % EVERY == 0 and float(discriminator(fake).detach().max()) < WON
        if step % EVERY == 0:
            history["step"].append(step)
            for name, found in gradients().items():
                history[name].append(float(np.linalg.norm(found)))
        if won:
            break
        optimiser.zero_grad()
        row = losses["minimax"]
        (row.real(discriminator(real)).mean() + row.fake(discriminator(fake)).mean()).backward()
        optimiser.step()
    points = fake.clone().requires_grad_(True)
    per_sample = {
        name: torch.autograd.grad(loss.generator_fake(discriminator(points)).sum(), points)[0].numpy()[:, 0]
        for name, loss in losses.items()
    }
    score = discriminator(generator(latent))[:, 0]
    return {
        "seed": seed,
        "history": history,
        "gradients": gradients(),
        "per_sample": per_sample,
        "score": score.detach().numpy(),
        # The slope of every sample's score in the generator's parameters: no loss is involved.
        "slopes": np.stack([gradient(h) for h in score]),
    }


def _measure(found: dict[str, Any]) -> list[Measurement]:
    """Return what one seed says; every seed gives the same list."""
    score, slopes = found["score"], found["slopes"]
    probability = 1 / (1 + np.exp(-score))  # D of the generated samples
    norms = {name: float(np.linalg.norm(vector)) for name, vector in found["gradients"].items()}
    ratios = found["per_sample"]["minimax"] / found["per_sample"]["non-saturating"] / np.exp(score)
    weighted = {
        "minimax": float(np.linalg.norm((probability[:, None] * slopes).mean(axis=0))),
        "non-saturating": float(np.linalg.norm(((1 - probability)[:, None] * slopes).mean(axis=0))),
    }
    lengths = np.linalg.norm(slopes, axis=1)
    mean_norm = float(np.linalg.norm(slopes.mean(axis=0)))
    # The factors by which sums over the samples cancel; each term has a few roundings, |h| of them in its exponential.
    cancelled = max(
        float((probability * lengths).mean()) / weighted["minimax"],
        float(((1 - probability) * lengths).mean()) / weighted["non-saturating"],
    )
    rounding = 8 * EPS * (SAMPLES + float(np.abs(score).max())) * cancelled
    ratio = norms["minimax"] / norms["non-saturating"]
    expected = weighted["minimax"] / weighted["non-saturating"]
    return [
        Measurement(
            f"networks: minimax over non-saturating gradient of each sample, over D/(1 - D), worst of {SAMPLES}",
            float(ratios[np.argmax(np.abs(ratios - 1))]),
            1.0,
            float(8 * EPS * (8 + np.abs(score).max())),
            "each rounding of a score of size |h| costs |h| eps in its exponential",
            told=True,
        ),
        Measurement(
            "networks: norm of the minimax over that of the non-saturating gradient, over its slope-weighted D/(1 - D)",
            ratio / expected,
            1.0,
            2 * rounding,
            "rounding of two sums over the samples, times their cancellation",
        ),
        Measurement(
            f"networks: minimax gradient norm over the mean slope of the score, all fake scores below {WON:g}",
            norms["minimax"] / float(lengths.mean()),
            0.0,
            float(1 / (1 + np.exp(-WON))),
            f"the triangle inequality: the norm is at most the largest D, below sigmoid({WON:g}), times the mean slope",
            told=True,
        ),
        Measurement(
            "networks: minimax gradient norm over that of the mean of D times the slope of the score",
            norms["minimax"] / weighted["minimax"],
            1.0,
            rounding,
            "rounding of a sum over the samples, times its cancellation",
        ),
        Measurement(
            "networks: non-saturating gradient norm over the norm of the mean slope (it does not vanish)",
            norms["non-saturating"] / mean_norm,
            1.0,
            float((probability * lengths).mean()) / mean_norm + rounding,
            "the weights 1 - D differ from 1 by D: the mean of D times the slope, over the norm of the mean slope",
        ),
    ]


def run(quick: bool) -> Evidence:
    """Measure the factor on the field and on networks of several seeds whose discriminators have won."""
    from dynamics.gan.threads import torch_threads

    # One thread: the networks are tiny, and sums keep their last bits on every machine.
    with torch_threads(1):
        runs = [_train(seed) for seed in range(3 if quick else 6)]
    measurements = (
        Measurement(
            f"field of the Dirac-GAN: minimax over non-saturating, over D/(1 - D), worst of {STATES} states",
            _field_ratio(),
            1.0,
            32 * EPS,
            "the score, at most 9, carries 9 roundings into its exponential; a few more follow",
            told=True,
        ),
        *(hardest(row, f"worst of {len(runs)} seeds") for row in zip(*map(_measure, runs), strict=True)),
    )
    return Evidence(measurements, {"runs": runs})


def draw(evidence: Evidence) -> Figure:
    """Draw both weights against the score, and both gradient norms while the discriminators learn."""
    from figures import labels, style

    runs = evidence.arrays["runs"]
    with style.context():
        figure = style.new_figure(8.4, 4.0)
        left, right = figure.subplots(1, 2)
        grid = np.linspace(-14, 6, 200)
        for i, (name, weight) in enumerate(
            (("minimax", 1 / (1 + np.exp(-grid))), ("non-saturating", 1 / (1 + np.exp(grid))))
        ):
            colour = style.series_style(i)["color"]
            left.plot(grid, weight, color=colour, label=name)
            for k, found in enumerate(runs):
                history = found["history"]
                right.plot(history["step"], history[name], color=colour, lw=1, label=name if k == 0 else None)
                right.plot(history["step"][-1], history[name][-1], "o", color=colour, ms=4)
        scores = np.concatenate([found["score"] for found in runs])
        left.axvspan(scores.min(), scores.max(), color=style.LIGHT_GREY, alpha=0.6, lw=0, label="fake scores, end")
        left.set(xlabel="score h of a fake sample", ylabel="weight of its gradient", yscale="log", ylim=(1e-6, 3))
        left.set_title("sigmoid(h) against sigmoid(−h)")
        left.locator_params(axis="x", nbins=5)
        left.legend(loc="lower right")
        right.set(xlabel="discriminator steps", ylabel="generator gradient norm", yscale="log")
        # Linear up to the first mark, logarithmic beyond: most discriminators win early, one or two late.
        right.set_xscale("symlog", linthresh=2 * EVERY)
        right.set_xlim(left=0)
        right.set_title("Discriminators that win")
        right.legend(loc="center right")
        labels.add_caption(
            figure,
            f"Real data N(0, 1/4), generated samples near 4, {SAMPLES} of each; discriminator 1-32-1 (tanh), Adam at "
            f"rate {RATE:g}, full batch, until every fake score is below {labels.number(WON)}; seeds 0 to "
            f"{len(runs) - 1}, one line each. The factor on the Dirac-GAN: {STATES} states uniform on [−3, 3]², "
            f"seed {SEED}.",
        )
    return figure


scenario = Scenario(
    id="L1",
    title="The minimax generator gradient vanishes",
    statement="The minimax generator gradient carries the factor sigmoid(h) = D and vanishes when D is confident.",
    source="N4",
    truth=(
        "Sample by sample the minimax gradient is D/(1 - D) times the non-saturating one, on any field. Once the "
        "discriminator has won, the one is the mean of D times the score's slope and vanishes with D; the other keeps "
        "the whole slope."
    ),
    references=(
        GOODFELLOW_2014,
        ARJOVSKY_2017,
    ),
    verdict="supported",
    run=run,
    draw=draw,
)
