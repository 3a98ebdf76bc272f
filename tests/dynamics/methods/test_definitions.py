"""Every method against its published definition, written down again with autograd's derivatives of the losses.

The game is not linear, not zero-sum, has players of two coordinates and of one, and the players have rates of their
own: a sign, a transpose, a player's rate or a block of the Jacobian that is wrong shows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.optimize
import torch
from torch.func import grad, hessian, jacrev

from dynamics import games, methods

GAME = games.define(
    {
        "generator": (["x", "z"], "x*w + 3*z*w**2/10 + x**2*z/4 + z**2/2"),
        "discriminator": (["w"], "-x*w + w**2*(1 + z)/2 + x*tanh(w)/2"),
    }
)
LR = {"generator": 0.07, "discriminator": 0.2}
START = torch.tensor([0.8, -0.4, 0.6], dtype=torch.float64)
STEPS = 4

#: Coordinates and rates of the players.
G, D = slice(0, 2), slice(2, 3)
RATES = torch.tensor([0.07, 0.07, 0.2], dtype=torch.float64)
Step = Callable[[torch.Tensor], torch.Tensor]


def generator_loss(y):
    x, z, w = y
    return x * w + 3 * z * w**2 / 10 + x**2 * z / 4 + z**2 / 2


def discriminator_loss(y):
    x, z, w = y
    return -x * w + w**2 * (1 + z) / 2 + x * torch.tanh(w) / 2


def v(y):
    return -torch.cat([grad(generator_loss)(y)[G], grad(discriminator_loss)(y)[D]])


def half_square(y):
    return v(y).square().sum() / 2


def only(part, step):
    """Return a step of one player."""
    out = torch.zeros_like(step)
    out[part] = step[part]
    return out


def repeated(step: Step):
    """Return the states of a map without memory."""

    def run(y):
        states = []
        for _ in range(STEPS):
            y = step(y)
            states.append(y)
        return states

    return run


def simultaneous(y):
    return y + RATES * v(y)


def alternating(y):
    for part in (D, D, G):
        y = y + only(part, RATES * v(y))
    return y


def heavy_ball(beta):
    def run(y):
        states = [y, y]
        for _ in range(STEPS):
            before, now = states[-2:]
            states.append(now + RATES * v(now) + beta * (now - before))
        return states[2:]

    return run


def heavy_ball_in_turn(beta):
    def run(y):
        states = [y, y]
        for _ in range(STEPS):
            before, now = states[-2:]
            drift = beta * (now - before)
            middle = now + only(D, RATES * v(now) + drift)
            states.append(middle + only(G, RATES * v(middle) + drift))
        return states[2:]

    return run


def nesterov(beta):
    def run(y):
        states = [y, y]
        for _ in range(STEPS):
            before, now = states[-2:]
            ahead = now + beta * (now - before)
            states.append(ahead + RATES * v(ahead))
        return states[2:]

    return run


def nesterov_in_turn(beta):
    def run(y):
        states = [y, y]
        for _ in range(STEPS):
            before, y = states[-2:]
            drift = beta * (y - before)
            for part in (G, D):
                ahead = y + only(part, drift)
                y = ahead + only(part, RATES * v(ahead))
            states.append(y)
        return states[2:]

    return run


def extragradient(share):
    return lambda y: y + RATES * v(y + share * RATES * v(y))


def past_extragradient(y):
    states, trial = [], None
    for _ in range(STEPS):
        trial = y + RATES * v(y if trial is None else trial)
        y = y + RATES * v(trial)
        states.append(y)
    return states


def optimistic(weight):
    def run(y):
        states, past = [], v(y)
        for _ in range(STEPS):
            y, past = y + RATES * (v(y) + weight * (v(y) - past)), v(y)
            states.append(y)
        return states

    return run


def with_optimizer(kind, **options):
    """Return the states of one of PyTorch's optimisers with a group of parameters for each player."""

    def run(y):
        parts = [y[part].clone().requires_grad_() for part in (G, D)]
        rates = (LR["generator"], LR["discriminator"])
        optimizer = kind([{"params": [p], "lr": r} for p, r in zip(parts, rates, strict=True)], **options)
        states = []
        for _ in range(STEPS):
            field = v(torch.cat(parts).detach())
            for part, values in zip(parts, (field[G], field[D]), strict=True):
                part.grad = -values
            optimizer.step()
            states.append(torch.cat(parts).detach())
        return states

    return run


def optimistic_adam(y):
    """Return the states of algorithm 1 of Daskalakis et al. 2018."""
    states, m, s, past = [], 0.0, 0.0, 0.0
    for t in range(1, STEPS + 1):
        m, s = 0.9 * m + 0.1 * v(y), 0.99 * s + 0.01 * v(y) ** 2
        present = m / (1 - 0.9**t) / (torch.sqrt(s / (1 - 0.99**t)) + 1e-3)
        y, past = y + 2 * RATES * present - RATES * past, present
        states.append(y)
    return states


def adjusted(align):
    """Return a step of algorithm 1 of Balduzzi et al. 2018, in its notation."""

    def step(y):
        xi, h = -v(y), -jacrev(v)(y)
        a = (h - h.T) / 2
        weight = 1.5
        if align:
            weight = 1.5 * torch.sign((xi @ (h.T @ xi)) * ((a.T @ xi) @ (h.T @ xi)) / 3 + 0.1)
        return y - RATES * (xi + weight * a.T @ xi)

    return step


def competitive(y):
    """Return a step of Schaefer and Anandkumar 2019, solved for the generator first, with a rate for each player."""
    eta_x, eta_y = LR["generator"], LR["discriminator"]
    f, g = grad(generator_loss)(y)[G], grad(discriminator_loss)(y)[D]
    f_xy, g_yx = hessian(generator_loss)(y)[G, D], hessian(discriminator_loss)(y)[D, G]
    dx = -eta_x * torch.linalg.solve(torch.eye(2) - eta_x * eta_y * f_xy @ g_yx, f - eta_y * f_xy @ g)
    dy = -eta_y * (g + g_yx @ dx)
    return y + torch.cat([dx, dy])


def proximal(y):
    def residual(z):
        return z - y.numpy() - (RATES * v(torch.tensor(z))).numpy()

    return torch.tensor(scipy.optimize.fsolve(residual, y.numpy(), xtol=1e-12))


def lookahead(y):
    return y + 0.3 * (alternating(alternating(y)) - y)


def polyak(y):
    path = [y, *repeated(simultaneous)(y)]
    return [torch.stack(path[: k + 2]).mean(dim=0) for k in range(STEPS)]


def exponential(beta):
    def run(y):
        states, average = [], y
        for iterate in repeated(alternating)(y):
            average = beta * average + (1 - beta) * iterate
            states.append(average)
        return states

    return run


def unrolled(k, detached):
    """Return a step of Metz et al. 2017; autograd differentiates through the unrolled steps."""

    def answered(x, w):
        for _ in range(k):
            w = w - LR["discriminator"] * grad(lambda w: discriminator_loss(torch.cat([x, w])))(w)
        return w

    def step(y):
        x, w = y[G], y[D]
        fixed = answered(x, w)
        slope = grad(lambda x: generator_loss(torch.cat([x, fixed if detached else answered(x, w)])))(x)
        return torch.cat([x - LR["generator"] * slope, w + (RATES * v(y))[D]])

    return step


def runge_kutta(a, b):
    def step(y):
        stages: list[torch.Tensor] = []
        for row in a:
            stages.append(RATES * v(y + sum((c * s for c, s in zip(row, stages, strict=True)), torch.zeros(3))))
        return y + sum((c * s for c, s in zip(b, stages, strict=True)), torch.zeros(3))

    return step


ADAM = {"beta1": 0.9, "beta2": 0.99, "eps": 1e-3}
DEFINITIONS = {
    "simultaneous": ("simultaneous", {}, repeated(simultaneous)),
    "alternating": ("alternating", {"d_steps": 2}, repeated(alternating)),
    "heavy-ball": ("heavy-ball", {"beta": 0.6}, heavy_ball(0.6)),
    "negative heavy-ball": ("heavy-ball", {"beta": -0.4}, heavy_ball(-0.4)),
    "heavy-ball of PyTorch": ("heavy-ball", {"beta": 0.6}, with_optimizer(torch.optim.SGD, momentum=0.6)),
    "alternating heavy-ball": ("heavy-ball", {"beta": -0.4, "order": "alternating"}, heavy_ball_in_turn(-0.4)),
    "nesterov": ("nesterov", {"beta": 0.6}, nesterov(0.6)),
    "negative nesterov": ("nesterov", {"beta": -0.4}, nesterov(-0.4)),
    "alternating nesterov": (
        "nesterov",
        {"beta": 0.6, "order": "alternating", "first": "generator"},
        nesterov_in_turn(0.6),
    ),
    "extragradient": ("extragradient", {}, repeated(extragradient(1.0))),
    "separate extragradient": ("extragradient", {"extrapolation": 2.5}, repeated(extragradient(2.5))),
    "past-extragradient": ("past-extragradient", {}, past_extragradient),
    "optimistic": ("optimistic", {}, optimistic(1.0)),
    "weakly optimistic": ("optimistic", {"optimism": 0.4}, optimistic(0.4)),
    "optimistic-adam": ("optimistic-adam", ADAM, optimistic_adam),
    "adam": ("adam", ADAM, with_optimizer(torch.optim.Adam, betas=(0.9, 0.99), eps=1e-3)),
    "rmsprop": ("rmsprop", {"alpha": 0.9, "eps": 1e-3}, with_optimizer(torch.optim.RMSprop, alpha=0.9, eps=1e-3)),
    "consensus": ("consensus", {"gamma": 0.7}, repeated(lambda y: y + RATES * (v(y) - 0.7 * grad(half_square)(y)))),
    "symplectic-adjustment": ("symplectic-adjustment", {"gamma": 1.5}, repeated(adjusted(False))),
    "aligned adjustment": ("symplectic-adjustment", {"gamma": 1.5, "align": True}, repeated(adjusted(True))),
    "hamiltonian": ("hamiltonian", {}, repeated(lambda y: y - RATES * grad(half_square)(y))),
    "competitive": ("competitive", {}, repeated(competitive)),
    "proximal-point": ("proximal-point", {}, repeated(proximal)),
    "lookahead": ("lookahead", {"base": "alternating", "base.d_steps": 2, "k": 2, "alpha": 0.3}, repeated(lookahead)),
    "averaging": ("averaging", {}, polyak),
    "exponential average": (
        "averaging",
        {"kind": "ema", "beta": 0.8, "base": "alternating", "base.d_steps": 2},
        exponential(0.8),
    ),
    "unrolled": ("unrolled", {"k": 3}, repeated(unrolled(3, detached=False))),
    "detached unrolled": ("unrolled", {"k": 3, "detached": True}, repeated(unrolled(3, detached=True))),
    "heun": ("heun", {}, repeated(runge_kutta([[], [1]], [1 / 2, 1 / 2]))),
    "rk4": ("rk4", {}, repeated(runge_kutta([[], [1 / 2], [0, 1 / 2], [0, 0, 1]], [1 / 6, 1 / 3, 1 / 3, 1 / 6]))),
}


@pytest.mark.parametrize("variant", DEFINITIONS)
def test_a_method_is_what_its_source_defines(variant):
    name, settings, definition = DEFINITIONS[variant]
    path = methods.iterate(GAME, methods.get(name, lr=LR, **settings), START.numpy(), STEPS, compiled=False)
    expected = torch.stack(definition(START)).numpy()
    # Four steps of some hundred roundings of numbers of order one; the last steps of Newton and fsolve are below that.
    np.testing.assert_allclose(path.states[1:], expected, rtol=0, atol=1e-13)
    # And the states do move, each coordinate by far more than the tolerance.
    assert (np.abs(np.diff(path.states, axis=0)).max(axis=0) > 1e-3).all()


def test_every_method_has_a_definition():
    assert {name for name, _, _ in DEFINITIONS.values()} == set(methods.names())


@pytest.mark.parametrize(("curvature", "expected"), [(1.0, 1.0), (-1.0, -1.0)])
def test_alignment_turns_towards_stable_and_away_from_unstable_equilibria(curvature, expected):
    # xi = H y with H = c + A, A^2 = -9: <xi, H^T xi> = c |xi|^2 and <A^T xi, H^T xi> = |A^T xi|^2, so their product has
    # the sign of c; it is some 10^6 here, far from the 1/10 that is added
    game = games.inline(
        minimax="c*x**2/2 - c*y**2/2 + 3*x*y", minimise=["x"], maximise=["y"], parameters={"c": curvature}
    )
    y, lr = np.array([5.0, 3.0]), 0.01
    field, jacobian = game(y), game.jacobian(y)
    method = methods.get("symplectic-adjustment", lr=lr, align=True)
    after, _ = method.step(method.init(y), game)
    adjustment = (jacobian - jacobian.T) @ field / 2
    np.testing.assert_allclose((after.y - y) / lr, field + expected * adjustment, rtol=1e-12)
    # towards the equilibrium at 0 where it attracts the flow, away from it where it does not
    assert np.sign(y @ (expected * adjustment)) == -expected
