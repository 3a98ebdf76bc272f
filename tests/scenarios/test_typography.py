"""Formulas for people: signs, Greek letters, superscripts; never a minus zero."""

from __future__ import annotations

import pytest

from scenarios.typography import number, sentences, spectrum, typeset


@pytest.mark.parametrize(
    ("plain", "set_"),
    [
        ("r^3 (l1 = -0.25, omega = 0.5)", "r³ (l1 = −0.25, ω = 0.5)"),
        ("-2.28e-15 +- 4e-13", "−2.28e−15 ± 4e−13"),
        ("-sigma²/4 ± sqrt(sigma⁴/16 - 1/4)", "−σ²/4 ± √(σ⁴/16 − 1/4)"),
        ("as h -> 0", "as h → 0"),
        ("growth^-80", "growth⁻⁸⁰"),
        ("2 pi / sigma of a 2x2 matrix", "2 π / σ of a 2×2 matrix"),
        ("1/r0² and r0", "1/r₀² and r₀"),
        ("theta_G theta_D", "θ_G θ_D"),
        ("sqrt(tau)/2, 1/sqrt(3), 2 sqrt(4/3) and sqrt(2 lr)", "√τ/2, 1/√3, 2 √(4/3) and √(2 lr)"),
        ("eps/8, beta < 0", "ε/8, β < 0"),
        # Words stay words.
        ("non-saturating, L-BFGS, spinning, sigmoid(h), for 20 units, alphabet, steps", None),
    ],
)
def test_formulas_are_set_with_true_signs(plain, set_):
    assert typeset(plain) == (plain if set_ is None else set_)
    assert typeset(typeset(plain)) == typeset(plain)


@pytest.mark.parametrize(("value", "text"), [(-0.0, "0"), (0.0, "0"), (-0.5, "−0.5"), (1e-10, "1e−10")])
def test_numbers_have_a_true_minus_and_no_minus_zero(value, text):
    assert number(value) == text


def test_conjugate_pairs_are_joined():
    assert spectrum([-0.5j, 0.5j]) == "±0.5i"
    assert spectrum([complex(-0.15, -0.4), complex(-0.15, 0.4), -2]) == "−0.15 ± 0.4i, −2"
    assert spectrum([complex(1, 2)]) == "1 + 2i"


def test_sentences_begin_with_capitals():
    assert (
        sentences("every eigenvalue. local minimax: 1.5 at r = 0.2.")
        == "Every eigenvalue. Local minimax: 1.5 at r = 0.2."
    )
