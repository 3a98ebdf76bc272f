"""L1: the generator's minimax gradient carries the factor D and vanishes where the discriminator wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.registry import ARJOVSKY_2017, GOODFELLOW_2014, Evidence, Measurement, Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEED = 0
STATES = 1000
SAMPLES = 128
EPS = float(np.finfo(float).eps)


def _field_ratio() -> float:
    """Return the worst ratio of the two generator fields over D/(1 - D), on random states of the Dirac-GAN."""
    from dynamics import games

    y = np.random.default_rng(SEED).uniform(-3, 3, (STATES, 2))
    minimax, other = (
        games.get("dirac-gan", loss=loss).component("generator", y)[:, 0] for loss in ("minimax", "non-saturating")
    )
    score = y[:, 0] * y[:, 1]  # of the generated point: h(theta) = psi theta
    ratios = minimax / other / np.exp(score)  # D/(1 - D) = e^h
    return float(ratios[np.argmax(np.abs(ratios - 1))])


def _train(steps: int) -> dict[str, Any]:
    """Train a discriminator against a generator that stands still, and record both generator gradients.

    Real data are N(0, 1/4); the generator is a small network whose samples lie near 4, so the two never overlap and
    the discriminator can win. All in float64, full batch, seeded.
    """
    import torch
    from torch import nn

    from dynamics.games.losses import Loss
    from dynamics.games.tensors import TENSORS

    random = torch.Generator().manual_seed(SEED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        generator = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)).double()
        discriminator = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1)).double()
    with torch.no_grad():
        list(generator.parameters())[-1].fill_(4.0)  # the bias of the last layer
    real = 0.5 * torch.randn(SAMPLES, 1, generator=random, dtype=torch.float64)
    latent = torch.randn(SAMPLES, 2, generator=random, dtype=torch.float64)
    fake = generator(latent).detach()
    losses = {name: Loss(name, TENSORS) for name in ("minimax", "non-saturating")}
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=2e-2)
    parameters = list(generator.parameters())
    stored: dict[str, Any] = {"step": [], "score": [], "bound": [], **{name: [] for name in losses}}

    def record(step: int) -> None:
        score = discriminator(generator(latent))
        stored["step"].append(step)
        stored["score"].append(score.detach().numpy()[:, 0])
        for name, loss in losses.items():
            gradients = torch.autograd.grad(loss.generator_fake(score).mean(), parameters, retain_graph=True)
            stored[name].append(float(torch.cat([g.ravel() for g in gradients]).norm()))

    for step in range(steps + 1):
        if step % max(1, steps // 40) == 0:
            record(step)
        optimiser.zero_grad()
        row = losses["minimax"]
        (row.real(discriminator(real)).mean() + row.fake(discriminator(fake)).mean()).backward()
        optimiser.step()
    # At the end: each sample's own gradients, and the largest that the minimax gradient may be.
    points = fake.clone().requires_grad_(True)
    per_sample = {
        name: torch.autograd.grad(loss.generator_fake(discriminator(points)).sum(), points)[0].numpy()[:, 0]
        for name, loss in losses.items()
    }
    score = discriminator(generator(latent))[:, 0]
    slopes = [
        float(torch.cat([g.ravel() for g in torch.autograd.grad(h, parameters, retain_graph=True)]).norm())
        for h in score
    ]
    stored["bound"] = float(np.mean(1 / (1 + np.exp(-score.detach().numpy())) * np.array(slopes)))
    return {**stored, "per_sample": per_sample, "final_score": discriminator(fake).detach().numpy()[:, 0]}


def run(quick: bool) -> Evidence:
    """Measure the factor on the field and on a network, and the gradients while the discriminator wins."""
    from dynamics.gan.threads import torch_threads

    # One thread: the networks are tiny, and sums keep their last bits on every machine.
    with torch_threads(1):
        recorded = _train(1000 if quick else 2000)
    score = recorded["final_score"]
    ratio = recorded["per_sample"]["minimax"] / recorded["per_sample"]["non-saturating"] / np.exp(score)
    worst = float(ratio[np.argmax(np.abs(ratio - 1))])
    minimax, other = np.array(recorded["minimax"]), np.array(recorded["non-saturating"])
    measurements = (
        Measurement(
            f"field of the Dirac-GAN: minimax over non-saturating, over D/(1 - D), worst of {STATES} states",
            _field_ratio(),
            1.0,
            32 * EPS,
            "the score, at most 9, carries 9 roundings into its exponential; a few more follow",
            told=True,
        ),
        Measurement(
            f"network: minimax over non-saturating gradient of each sample, over D/(1 - D), worst of {SAMPLES}",
            worst,
            1.0,
            float(8 * EPS * (8 + np.abs(score).max())),
            "each rounding of a score of size |h| costs |h| eps in its exponential",
            told=True,
        ),
        Measurement(
            "network: minimax gradient norm when the discriminator has won, over that at the start",
            float(minimax[-1] / minimax[0]),
            0.01,
            0.0,
            "losing 99 % counts as vanishing",
            told=True,
            relation="at most",
        ),
        Measurement(
            "network: minimax gradient norm against its bound, the mean of D times the slope of the score",
            float(minimax[-1]),
            recorded["bound"],
            float(recorded["bound"]) * SAMPLES * EPS,
            "the triangle inequality; the rounding of a sum over the samples",
            relation="at most",
        ),
        Measurement(
            "network: non-saturating gradient norm when the discriminator has won, over that at the start",
            float(other[-1] / other[0]),
            1.0,
            0.0,
            "it must not shrink: the weight 1 - D rises from 1/2 to 1 and the score's slope grows",
            relation="at least",
        ),
    )
    return Evidence(measurements, recorded)


def draw(evidence: Evidence) -> Figure:
    """Draw both weights against the score, and both gradient norms while the discriminator learns."""
    from figures import style

    recorded = evidence.arrays
    with style.context():
        figure = style.new_figure(8.4, 3.6)
        left, right = figure.subplots(1, 2)
        grid = np.linspace(-12, 6, 200)
        for i, (name, weight) in enumerate(
            (("minimax", 1 / (1 + np.exp(-grid))), ("non-saturating", 1 / (1 + np.exp(grid))))
        ):
            colour = style.series_style(i)["color"]
            left.plot(grid, weight, color=colour, label=name)
            right.plot(recorded["step"], recorded[name], color=colour, label=name)
        score = recorded["final_score"]
        left.axvspan(score.min(), score.max(), color=style.LIGHT_GREY, alpha=0.6, lw=0, label="fake scores at the end")
        left.set(xlabel="score h of a fake sample", ylabel="weight of its gradient", yscale="log", ylim=(1e-5, 3))
        left.set_title("sigmoid(h) against sigmoid(−h)")
        left.legend(loc="lower right")
        right.set(xlabel="discriminator steps", ylabel="generator gradient norm", yscale="log")
        right.set_title("A discriminator that wins")
        right.legend()
    return figure


scenario = Scenario(
    id="L1",
    title="The minimax generator gradient vanishes",
    statement="The minimax generator gradient carries the factor sigmoid(h) = D and vanishes when D is confident.",
    source="N4",
    truth=(
        "Sample by sample the minimax gradient is D/(1 - D) times the non-saturating one, on any field. Once the "
        "discriminator has won, the one vanishes like D and the other does not."
    ),
    references=(
        GOODFELLOW_2014,
        ARJOVSKY_2017,
    ),
    verdict="supported",
    run=run,
    draw=draw,
)
