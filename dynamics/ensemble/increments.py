"""Random increments of a step: what a scheme draws, readable on arrays and as source text for lanes.

Coarse increments are composed of fine ones. A step of length h that is refined r times draws r increments of length
h/r, addressed by the fine step ``k r + j``, so that a run with steps h refined r times and one with steps h/r see the
same Brownian path.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dynamics.core import random
from dynamics.core.errors import InputError
from dynamics.core.random import Stream

_ROOT_3 = 3.0**-0.5


@dataclass(frozen=True)
class Draws:
    """The increments of one step, arrays (or traced vectors) over the components of W.

    Attributes
    ----------
    dW : array, shape (..., m)
        Increments of W, of variance h.
    dZ : array, shape (..., m), optional
        ``integral of W(s) - W(t) ds`` over the step: variance ``h^3/3``, covariance with dW ``h^2/2``.
    signs : array, shape (..., m (m - 1) / 2), optional
        Independent signs, for pairs of components.
    """

    dW: Any
    dZ: Any = None
    signs: Any = None


@dataclass(frozen=True)
class Increments(ABC):
    """A kind of increments of m components.

    Parameters
    ----------
    size : int
        m.
    """

    name: ClassVar[str]
    #: Whether coarse increments can be composed of fine ones.
    composes: ClassVar[bool] = True

    size: int

    @property
    def rows(self) -> int:
        """Number of increments in all."""
        return self.size

    @property
    def words(self) -> int:
        """Number of random words of a fine step."""
        return self.rows

    @abstractmethod
    def sample(self, seed: int, paths: Any, step: int, h: float, refine: int = 1) -> NDArray[np.float64]:
        """Return the increments of one step, shape (paths, rows)."""

    @abstractmethod
    def lane_lines(self, word: int, row: str) -> list[str]:
        """Return source lines that turn words ``word`` and ``word + 1`` (``x0``, ``x1``) into increments.

        ``row`` is a template of the place of row ``{i}``; ``root`` is the square root of the (fine) step.
        """

    def made_by(self, word: int) -> set[int]:
        """Return the rows that words ``word`` and ``word + 1`` take part in."""
        return {i for i in (word, word + 1) if i < self.rows}

    def split(self, rows: Any) -> Draws:
        """Return the named increments of arrays or traced vectors of shape (..., rows)."""
        return Draws(rows)

    def check_refinement(self, refine: int) -> None:
        """Refuse to compose increments that do not compose."""
        if refine > 1 and not self.composes:
            raise InputError(f"{self.name} increments do not compose: leave the Brownian step at the step of the run.")


@dataclass(frozen=True)
class Gaussian(Increments):
    """Increments ``dW_j = sqrt(h) xi_j``, xi standard normal."""

    name: ClassVar[str] = "Gaussian"

    def sample(self, seed: int, paths: Any, step: int, h: float, refine: int = 1) -> NDArray[np.float64]:
        """Return ``dW``, shape (paths, m)."""
        root = np.sqrt(h / refine)
        total = np.zeros((len(paths), self.size))
        for j in range(refine):
            total += root * random.normals(seed, paths, step * refine + j, Stream.BROWNIAN, self.size)
        return total

    def lane_lines(self, word: int, row: str) -> list[str]:
        """Return the lines of a pair of normal numbers."""
        lines = ["n0, n1 = normal_pair(x0, x1)"]
        return lines + [f"{row.format(i=i)} += root * n{i - word}" for i in (word, word + 1) if i < self.size]


@dataclass(frozen=True)
class Independent(Gaussian):
    """Normal numbers of variance h that are no increments of W: one for each coordinate of a linear law."""

    name: ClassVar[str] = "Exact"
    composes: ClassVar[bool] = False


@dataclass(frozen=True)
class GaussianIntegral(Increments):
    """``dW = sqrt(h) xi`` and ``dZ = h^(3/2) (xi + zeta / sqrt 3) / 2``, xi and zeta standard normal.

    Source: Kloeden and Platen 1992, equation 10.4.3. Fine steps compose by
    ``dZ = sum_j h_fine (W_j - W_0) + dZ_j``.
    """

    name: ClassVar[str] = "Gaussian"

    @property
    def rows(self) -> int:
        """Twice the number of components."""
        return 2 * self.size

    def sample(self, seed: int, paths: Any, step: int, h: float, refine: int = 1) -> NDArray[np.float64]:
        """Return ``dW`` and ``dZ``, shape (paths, 2 m)."""
        fine, m = h / refine, self.size
        root = np.sqrt(fine)
        total = np.zeros((len(paths), 2 * m))
        for j in range(refine):
            numbers = random.normals(seed, paths, step * refine + j, Stream.BROWNIAN, 2 * m)
            xi, zeta = numbers[:, :m], numbers[:, m:]
            total[:, m:] += fine * total[:, :m] + 0.5 * fine * root * (xi + _ROOT_3 * zeta)
            total[:, :m] += root * xi
        return total

    def lane_lines(self, word: int, row: str) -> list[str]:
        """Return the lines of a pair of normal numbers; those of xi come first and leave dZ half done."""
        lines = ["n0, n1 = normal_pair(x0, x1)"]
        for i in (word, word + 1):
            if i < self.size:
                w, z = row.format(i=i), row.format(i=self.size + i)
                lines += [f"{z} += fine * {w} + 0.5 * fine * root * n{i - word}", f"{w} += root * n{i - word}"]
            elif i < 2 * self.size:
                lines.append(f"{row.format(i=i)} += 0.5 * fine * root * ({_ROOT_3!r} * n{i - word})")
        return lines

    def made_by(self, word: int) -> set[int]:
        """Return the rows; xi takes part in dW and dZ."""
        own = super().made_by(word)
        return own | {self.size + i for i in own if i < self.size}

    def split(self, rows: Any) -> Draws:
        """Return ``dW`` and ``dZ``."""
        return Draws(rows[..., : self.size], rows[..., self.size : 2 * self.size])


@dataclass(frozen=True)
class TwoPoint(Increments):
    """``dW_j = +-sqrt(h)`` with probability 1/2 each: the moments up to order 3 of normal increments.

    Source: Kloeden and Platen 1992, equation 14.1.2.
    """

    name: ClassVar[str] = "two-point"
    composes: ClassVar[bool] = False

    def sample(self, seed: int, paths: Any, step: int, h: float, refine: int = 1) -> NDArray[np.float64]:
        """Return ``dW``, shape (paths, m)."""
        self.check_refinement(refine)
        return np.sqrt(h) * random.two_points(seed, paths, step, Stream.BROWNIAN, self.size)

    def lane_lines(self, word: int, row: str) -> list[str]:
        """Return the lines of two signs."""
        return [f"{row.format(i=i)} = root * two_point(x{i - word})" for i in (word, word + 1) if i < self.size]


@dataclass(frozen=True)
class ThreePoint(Increments):
    """``dW_j`` is 0 with probability 2/3 and ``+-sqrt(3 h)`` with 1/6 each: the moments up to order 5.

    Source: Kloeden and Platen 1992, equation 14.2.5; signs for pairs of components, equation 15.1.5.

    Parameters
    ----------
    pairs : bool
        Whether to draw the signs.
    """

    name: ClassVar[str] = "three-point"
    composes: ClassVar[bool] = False

    pairs: bool = field(default=False, kw_only=True)

    @property
    def rows(self) -> int:
        """Components, and pairs of them."""
        return self.size + (self.size * (self.size - 1) // 2 if self.pairs else 0)

    def sample(self, seed: int, paths: Any, step: int, h: float, refine: int = 1) -> NDArray[np.float64]:
        """Return ``dW`` and the signs, shape (paths, rows)."""
        self.check_refinement(refine)
        address = (seed, paths, step, Stream.BROWNIAN, self.rows)
        first = np.sqrt(h) * random.three_points(*address)[:, : self.size]
        return np.concatenate([first, random.two_points(*address)[:, self.size :]], axis=-1)

    def lane_lines(self, word: int, row: str) -> list[str]:
        """Return the lines of two numbers."""
        lines = []
        for i in (word, word + 1):
            if i < self.size:
                lines.append(f"{row.format(i=i)} = root * three_point(x{i - word})")
            elif i < self.rows:
                lines.append(f"{row.format(i=i)} = two_point(x{i - word})")
        return lines

    def split(self, rows: Any) -> Draws:
        """Return ``dW`` and the signs."""
        return Draws(rows[..., : self.size], signs=rows[..., self.size :])


#: Kinds that a scheme may be told to take.
KINDS: dict[str, type[Increments]] = {"gaussian": Gaussian, "two-point": TwoPoint, "three-point": ThreePoint}
