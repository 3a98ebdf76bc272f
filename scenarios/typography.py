"""Plain formulas as a person reads them: ``+-`` becomes ±, ``sigma`` becomes σ, ``r^3`` becomes r³, -1 gets a minus.

For pages and tables only; JSON answers and what can be pasted back (commands, states) stay as they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "eps": "ε",
    "lambda": "λ",
    "mu": "μ",
    "omega": "ω",
    "phi": "φ",
    "pi": "π",
    "psi": "ψ",
    "sigma": "σ",
    "tau": "τ",
    "theta": "θ",
}
SIGNS = {"+-": "±", "->": "→", "<=": "≤", ">=": "≥", "sqrt(": "√("}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset(text: str) -> str:
    """Return a text with true signs, Greek letters and superscripts.

    Examples
    --------
    >>> typeset("dr/dt = -0.5 r^3 +- 1e-9, -sigma/2 ± sqrt(1 - 1/4) as h -> 0")
    'dr/dt = −0.5 r³ ± 1e−9, −σ/2 ± √(1 − 1/4) as h → 0'
    """
    for plain, sign in SIGNS.items():
        text = text.replace(plain, sign)
    text = re.sub(r"√\((\w+)\)", r"√\1", text)
    # Superscript digits count as letters for word boundaries, so ends of names are spelt out.
    text = re.sub(rf"(?<![A-Za-z])({'|'.join(GREEK)})(?![A-Za-z])", lambda found: GREEK[found[0]], text)
    text = re.sub(r"(?<![A-Za-z])r0(?!\d)", "r₀", text)
    text = re.sub(r"\^(-?\d+)", lambda found: found[1].translate(SUPERSCRIPTS), text)
    text = re.sub(r"\b(\d+)x(\d+)\b", r"\1×\2", text)
    text = text.replace(" - ", " − ")
    text = re.sub(r"(?<![^\s(=,;/≤≥±|])-(?=[\w√.(])", "−", text)  # a sign before a number or a name
    return re.sub(r"(?<=\de)-(?=\d)", "−", text)


def number(value: float, digits: int = 7) -> str:
    """Return a number with a true minus sign, never minus zero; a dash where there is none (NaN)."""
    if math.isnan(value):
        return "–"
    return f"{value + 0.0:.{digits}g}".replace("-", "−")


def sentences(text: str) -> str:
    """Return a text whose sentences begin with a capital letter and end with one full stop."""
    text = re.sub(r"(?:^|(?<=\. ))[a-z](?=[a-z']* )", lambda found: found[0].upper(), text.strip())
    return text.rstrip(".") + "."


def spectrum(values: Iterable[complex], digits: int = 6) -> str:
    """Return eigenvalues with conjugate pairs joined, as ``−0.15 ± 0.477i``.

    Examples
    --------
    >>> spectrum([-1j, 1j, -2])
    '±1i, −2'
    """
    left, texts = [complex(value) for value in values], []
    while left:
        value = left.pop(0)
        real = number(value.real, digits)
        if value.imag == 0:
            texts.append(real)
            continue
        size = f"{abs(value.imag):.{digits}g}i"
        if value.conjugate() in left:
            left.remove(value.conjugate())
            sign = "±"
        else:
            sign = "+" if value.imag > 0 else "−"
        texts.append(f"{real} {sign} {size}" if value.real else f"{sign}{size}".removeprefix("+"))
    return ", ".join(texts)
