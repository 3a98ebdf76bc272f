"""The Dirac-GAN's losses written out a second time, by hand and without any code of the package."""

import numpy as np
import pytest

from dynamics import games

LOSSES = ("minimax", "non-saturating", "wasserstein", "least-squares", "hinge")
PENALTIES = ("none", "r1", "r2", "wgan-gp", "roth")
GAMMA, TARGET, A, B, C = 0.6, 0.9, -0.3, 1.2, 0.7


def f(t):
    return -np.log1p(np.exp(-t))


def sample_losses(loss, real, fake):
    """Losses of (generator, discriminator) for the scores of one real and one fake sample."""
    if loss == "minimax":
        return f(real) + f(-fake), -f(real) - f(-fake)
    if loss == "non-saturating":
        return -f(fake), -f(real) - f(-fake)
    if loss == "wasserstein":
        return real - fake, fake - real
    if loss == "least-squares":
        return 0.5 * (fake - C) ** 2, 0.5 * (real - B) ** 2 + 0.5 * (fake - A) ** 2
    return -fake, np.maximum(0, 1 - real) + np.maximum(0, 1 + fake)


def sample_penalty(penalty, real, fake, psi):
    """Penalty of the discriminator for the scores of one real and one fake sample, slope psi everywhere."""
    if penalty == "none":
        return 0.0 * real
    if penalty in ("r1", "r2"):
        return GAMMA / 2 * psi**2 + 0.0 * real
    if penalty == "wgan-gp":
        return GAMMA / 2 * (np.abs(psi) - TARGET) ** 2 + 0.0 * real
    on_real, on_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    return GAMMA / 2 * ((1 - on_real) ** 2 * psi**2 + on_fake**2 * psi**2)


@pytest.mark.filterwarnings("ignore:The setting")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_the_dirac_gan_are_what_its_equations_say(loss, penalty, noise, bias):
    game = games.get(
        "dirac-gan",
        loss=loss,
        penalty=penalty,
        gamma=GAMMA,
        target=TARGET,
        a=A,
        b=B,
        c=C,
        instance_noise=noise,
        bias=bias,
    )
    # A fine trapezoidal sum for the noise: exponentially accurate for analytic integrands (the poles of log sigmoid
    # lie at imaginary z = pi / (0.4 psi) >= 2.6), second order in the spacing for the kink of the hinge.
    z = np.linspace(-9, 9, 40_001) if noise else np.zeros(1)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    tolerance = 1e-6 if loss == "hinge" and noise else 1e-11
    for state in np.random.default_rng(3).uniform(-3, 3, (10, game.dim)):
        theta, psi = state[:2]
        offset = state[2] if bias else 0.0
        real, fake = psi * noise * z + offset, psi * (theta + noise * z) + offset
        generator, discriminator = sample_losses(loss, real, fake)
        discriminator = discriminator + sample_penalty(penalty, real, fake, psi)
        ours = game.losses(state)
        assert ours["generator"] == pytest.approx(weights @ generator, abs=tolerance)
        assert ours["discriminator"] == pytest.approx(weights @ discriminator, abs=tolerance)
