"""Words on pictures: the game's own symbols in mathtext, and captions that say what was drawn."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu "
    "nu xi pi rho sigma tau upsilon phi chi psi omega"
)
GREEK = frozenset(_LETTERS.split())
#: Names that are written short in code and have a Greek letter in print.
LETTERS = {"eps": "epsilon", "lam": "lambda", "instance_noise": "sigma"}
#: Keeps a symbol, its sign and its value on one line.
NO_BREAK = "\N{NO-BREAK SPACE}"
EQUALS = f"{NO_BREAK}={NO_BREAK}"
#: Characters of a caption line per inch of figure width at the caption's font size.
CHARACTERS_PER_INCH = 15.0


def bare_symbol(name: str) -> str:
    r"""Return a coordinate or parameter name as mathtext without the dollar signs.

    Examples
    --------
    >>> bare_symbol("theta"), bare_symbol("x"), bare_symbol("theta_1"), bare_symbol("weight")
    ('\\theta', 'x', '\\theta_{1}', '\\mathrm{weight}')
    """
    match = re.fullmatch(r"([A-Za-z]+)_?(\d+)", name)
    stem, index = (match.group(1), match.group(2)) if match else (name, "")
    stem = LETTERS.get(stem, stem)
    if stem.lower() in GREEK:
        printed = "\\" + stem
    elif len(stem) == 1:
        printed = stem
    else:
        printed = r"\mathrm{" + stem.replace("_", r"\ ") + "}"
    return printed + (f"_{{{index}}}" if index else "")


def symbol(name: str) -> str:
    """Return a name as a mathtext string, ready for an axis label."""
    return f"${bare_symbol(name)}$"


def upright_ylabel(axes: Axes, name: str) -> None:
    """Label the vertical axis with a coordinate: upright if it is one letter, along the axis if it is a word."""
    letter = r"\mathrm" not in bare_symbol(name)
    axes.set_ylabel(symbol(name), rotation=0 if letter else 90, labelpad=10 if letter else 4, va="center")


def velocity(name: str) -> str:
    """Return the time derivative of a coordinate as a mathtext string."""
    return rf"$\dot{{{bare_symbol(name)}}}$" if len(name) == 1 or name in GREEK else rf"$d{bare_symbol(name)}/dt$"


def number(value: Any) -> str:
    """Return a number with at most four significant digits and a proper minus sign."""
    return f"{float(value):.4g}".replace("-", "\N{MINUS SIGN}")


def setting(name: str, value: Any) -> str:
    """Return one setting as printed in a caption; a word such as a loss's name stands for itself."""
    if isinstance(value, str):
        return value if name in ("loss",) else f"{name.replace('_', ' ')} {value}"
    if isinstance(value, bool):
        return f"{name.replace('_', ' ')} {'on' if value else 'off'}"
    if isinstance(value, (int, float, np.number)):
        return f"{symbol(name)}{EQUALS}{number(value)}"
    return f"{name.replace('_', ' ')} {value}"


def state(names: Sequence[str], values: Iterable[Any]) -> str:
    """Return a point as printed in a caption."""
    return ", ".join(f"{symbol(name)}{EQUALS}{number(value)}" for name, value in zip(names, values, strict=True))


def typeset(text: str) -> str:
    r"""Return a text in the manner of the command line with its settings, points and ranges as printed.

    Examples
    --------
    >>> typeset("cycle theta=-1.33:1.46")
    'cycle $\\theta$\xa0∈\xa0[−1.33,\xa01.46]'
    """
    value = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"

    def printed(found: re.Match[str]) -> str:
        name, low, high, word = found.groups()
        if word is not None:
            return setting(name, word)
        return state([name], [low]) if high is None else box([name], [(float(low), float(high))])

    return re.sub(rf"\b([A-Za-z_]\w*)=(?:({value})(?::({value}))?|([A-Za-z][\w-]*))", printed, text)


def box(names: Sequence[str], sides: Iterable[Sequence[float]]) -> str:
    """Return a box as printed in a caption."""
    return ", ".join(
        f"{symbol(name)}{NO_BREAK}{interval(low, high)}" for name, (low, high) in zip(names, sides, strict=True)
    )


def interval(low: float, high: float) -> str:
    """Return where a value lies, as printed in a caption."""
    return f"\N{ELEMENT OF}{NO_BREAK}[{number(low)},{NO_BREAK}{number(high)}]"


def game_label(game: Any) -> str:
    """Return the game's name with the settings and parameters it was built with.

    Settings that are unset (None, "none") or have no effect are left out.
    """
    settings: Mapping[str, Any] = getattr(game, "settings", None) or {}
    parameters: Mapping[str, Any] = getattr(game, "parameters", None) or {}
    # Settings are what a user gave; parameters of other names are how the game stores them.
    shown = {key: parameters.get(key, value) for key, value in settings.items()} or dict(parameters)
    parts = [setting(key, value) for key, value in shown.items() if _worth_saying(key, value, shown)]
    scales = [f"{player} {number(tau)}" for player, tau in game.timescales.items() if tau != 1]
    if scales:
        parts.append("time scale " + ", ".join(scales))
    return game.name + (f" ({', '.join(parts)})" if parts else "")


def _worth_saying(key: str, value: Any, shown: Mapping[str, Any]) -> bool:
    """Return whether a setting has an effect in this game: the weight of no penalty and unset options have none."""
    if value is None or (isinstance(value, str) and value == "none") or value is False:
        return False
    penalty = shown.get("penalty")
    if key == "gamma" and penalty == "none":
        return False
    if key == "target" and penalty is not None and penalty != "wgan-gp":
        return False
    if key in ("a", "b", "c") and shown.get("loss", "least-squares") != "least-squares":
        return False
    if isinstance(value, (Mapping, list, tuple, set)) and not value:
        return False
    return not (key == "instance_noise" and value == 0)


def _printed(mathtext: str) -> int:
    """Return about how many characters wide mathtext is when printed."""
    visible = re.sub(r"\\mathrm\{([^}]*)\}", r"\1", mathtext[1:-1])
    visible = re.sub(r"\\dot\{([^}]*)\}", r"\1", visible)
    visible = re.sub(r"\\[A-Za-z]+", "x", visible).replace("\\ ", " ")
    return max(1, len(re.sub(r"[{}_^]", "", visible)))


def printed_length(text: str) -> int:
    """Return about how many characters wide the longest line of a text is when printed."""
    plain = re.sub(r"\$[^$]*\$", lambda match: "x" * _printed(match.group(0)), text)
    return max(len(line) for line in plain.split("\n"))


def wrap(text: str, width: float, density: float = CHARACTERS_PER_INCH) -> str:
    """Return a text broken into lines that fit ``width`` inches at ``density`` characters per inch.

    Mathtext counts by what is printed, not by its source, and is never broken, nor is an equation at its sign.
    """
    lines = []
    for paragraph in text.split("\n"):
        pieces: list[str] = []

        def keep(match: re.Match[str], pieces: list[str] = pieces) -> str:
            pieces.append(match.group(0))
            return chr(0xE000 + len(pieces) - 1) * _printed(match.group(0))

        plain = re.sub(r"\$[^$]*\$", keep, paragraph.replace(" = ", EQUALS))
        for line in textwrap.wrap(plain, max(20, int(width * density)), break_on_hyphens=False) or [""]:
            for i, piece in enumerate(pieces):
                line = re.sub(f"{chr(0xE000 + i)}+", lambda _, piece=piece: piece, line)
            lines.append(line)
    return "\n".join(lines)


def add_caption(figure: Figure, text: str) -> None:
    """Write a caption under a figure; constrained layout keeps its place free."""
    if text:
        figure.supxlabel(wrap(text, figure.get_figwidth()), fontsize=8, color="#444444", x=0.01, ha="left")
