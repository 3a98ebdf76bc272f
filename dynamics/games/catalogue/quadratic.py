r"""Quadratic general-sum game of two players with own and cross blocks.

``L_G = x^T P x / 2 + x^T Q y``, ``L_D = y^T R y / 2 + y^T S x``; field ``dx/dt = -(P + P^T)/2 x - Q y``,
``dy/dt = -(R + R^T)/2 y - S x``. Zero-sum when ``S = -Q^T`` and the own blocks vanish. Source: the linearisation of
any smooth two-player game (Balduzzi et al. 2018).
"""

from __future__ import annotations

from pydantic import model_validator

from dynamics.games.catalogue.options import Matrix, Options
from dynamics.games.definition import Definition, Player
from dynamics.games.expressions import symbol

Block = float | Matrix


class Settings(Options):
    """Blocks as numbers (one coordinate each) or matrices: own P and R, cross Q and S."""

    generator_own: Block = 1.0
    generator_cross: Block = 1.0
    discriminator_own: Block = 1.0
    discriminator_cross: Block = -1.0

    @model_validator(mode="after")
    def _fitting(self) -> Settings:
        n, m = len(_matrix(self.generator_own)), len(_matrix(self.discriminator_own))
        shapes = {
            "generator_own": (n, n),
            "generator_cross": (n, m),
            "discriminator_own": (m, m),
            "discriminator_cross": (m, n),
        }
        for key, (rows, columns) in shapes.items():
            block = _matrix(getattr(self, key))
            if len(block) != rows or any(len(row) != columns for row in block):
                raise ValueError(f"the block {key} must be {rows} by {columns} to fit the others")
        return self


def _matrix(block: Block) -> Matrix:
    return block if isinstance(block, list) else [[block]]


def build(settings: Settings) -> Definition:
    """Return the definition; block entries are the parameters ``p1_1``, ``q1_1``, ``r1_1``, ``s1_1``..."""
    blocks = {
        "p": _matrix(settings.generator_own),
        "q": _matrix(settings.generator_cross),
        "r": _matrix(settings.discriminator_own),
        "s": _matrix(settings.discriminator_cross),
    }
    n, m = len(blocks["p"]), len(blocks["r"])
    xs = tuple(f"x{i + 1}" for i in range(n)) if n > 1 else ("x",)
    ys = tuple(f"y{i + 1}" for i in range(m)) if m > 1 else ("y",)
    parameters = {
        f"{key}{i + 1}_{j + 1}": entry
        for key, block in blocks.items()
        for i, row in enumerate(block)
        for j, entry in enumerate(row)
    }

    def form(key: str, left: tuple[str, ...], right: tuple[str, ...]):
        return sum(
            symbol(f"{key}{i + 1}_{j + 1}") * symbol(u) * symbol(v)
            for i, u in enumerate(left)
            for j, v in enumerate(right)
        )

    generator = form("p", xs, xs) / 2 + form("q", xs, ys)
    discriminator = form("r", ys, ys) / 2 + form("s", ys, xs)
    return Definition(
        "quadratic", (Player("generator", xs, generator), Player("discriminator", ys, discriminator)), parameters
    )
