"""Words on pictures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from figures import labels


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("theta", r"$\theta$"),
        ("psi", r"$\psi$"),
        ("x", "$x$"),
        ("theta_1", r"$\theta_{1}$"),
        ("x2", "$x_{2}$"),
        ("eps", r"$\epsilon$"),
        ("weight", r"$\mathrm{weight}$"),
        ("hidden_bias", r"$\mathrm{hidden\ bias}$"),
    ],
)
def test_symbols_are_the_games_own(name, printed):
    assert labels.symbol(name) == printed


@pytest.mark.parametrize("name", ["theta", "x", "x2", "theta_1", "weight", "hidden_bias", "instance_noise"])
def test_every_label_is_valid_mathtext(name):
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for text in (labels.symbol(name), labels.velocity(name), labels.setting(name, -0.5)):
        parser.parse(text)


def test_numbers_have_a_minus_sign_and_no_noise():
    assert labels.number(-0.1 - 0.2) == "\N{MINUS SIGN}0.3"
    assert labels.number(60) == "60"


def test_game_label_names_settings_with_effect_only():
    game = SimpleNamespace(
        name="dirac-gan",
        settings={"loss": "minimax", "penalty": "none", "gamma": 0.0, "clip": None, "instance_noise": 0.0},
        parameters={},
        timescales={"generator": 1.0, "discriminator": 2.0},
    )
    assert labels.game_label(game) == "dirac-gan (minimax, time scale discriminator 2)"
    game.settings = {"loss": "minimax", "penalty": "r1", "gamma": 0.1, "target": 1.0}
    game.parameters = {"gamma": 0.3}
    game.timescales = {}
    assert labels.game_label(game) == "dirac-gan (minimax, penalty r1, $\\gamma$\u00a0=\u00a00.3)"


def test_wrapping_never_breaks_mathtext_and_loses_nothing():
    text = " ".join([r"box $\theta$ $\in$ [1, 2], $\mathrm{very\ long\ name}$ = 3;"] * 8)
    wrapped = labels.wrap(text, 4.0)
    assert wrapped.replace("\n", " ").replace(labels.NO_BREAK, " ") == text
    assert all(line.count("$") % 2 == 0 for line in wrapped.split("\n"))
    assert len(wrapped.split("\n")) > 3


def test_lines_do_not_break_at_an_equals_sign():
    lines = labels.wrap("the cycle's largest value below gamma = 2", 3.0, density=12).split("\n")
    assert lines == ["the cycle's largest value below", "gamma\xa0=\xa02"]


def test_texts_of_the_command_line_are_printed_in_symbols():
    assert (
        labels.typeset("extragradient (lr=0.1, sample=same)")
        == "extragradient ($\\mathrm{lr}$\xa0=\xa00.1, sample same)"
    )
    assert labels.typeset("period-2 orbit psi=-1e-05:2") == "period-2 orbit $\\psi$\xa0∈\xa0[−1e−05,\xa02]"
    assert labels.typeset("diverged") == "diverged"
