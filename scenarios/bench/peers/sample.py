"""What a peer gives back: its time, and the moments by which it is known to do the same work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import NumericalError

#: Standard errors that two samples may differ by. Four comparisons of four numbers each: a false alarm in 100,000
#: tables if all are normal, and in 10,000 since the errors themselves are estimated.
APART = 5.0


@dataclass(frozen=True)
class Sample:
    """Moments of last states, and how long the paths took.

    Attributes
    ----------
    seconds : float
        Of the loop alone, without compilation.
    mean, variance : ndarray, shape (dim,)
        The variance is unbiased.
    mean_error, variance_error : ndarray, shape (dim,)
        Their standard errors.
    """

    seconds: float
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    mean_error: NDArray[np.float64]
    variance_error: NDArray[np.float64]

    @classmethod
    def of(cls, states: NDArray[np.float64], seconds: float) -> Sample:
        """Return the sample of states of shape (paths, dim)."""
        mean = states.mean(axis=0)
        return cls.of_moments(
            seconds, len(states), mean, states.var(axis=0, ddof=1), ((states - mean) ** 4).mean(axis=0)
        )

    @classmethod
    def of_moments(
        cls,
        seconds: float,
        paths: int,
        mean: NDArray[np.float64],
        variance: NDArray[np.float64],
        fourth: NDArray[np.float64],
    ) -> Sample:
        """Return the sample of ``paths`` states with these mean, variance and fourth central moment.

        The variance of a sample variance is ``(fourth - variance^2) / paths`` to leading order.
        """
        return cls(seconds, mean, variance, np.sqrt(variance / paths), np.sqrt((fourth - variance**2) / paths))

    @classmethod
    def parsed(cls, text: str) -> Sample:
        """Return the sample that a program printed: seconds, paths, and three moments of each coordinate."""
        seconds, paths, *rest = map(float, text.split())
        return cls.of_moments(seconds, int(paths), *np.reshape(rest, (-1, 3)).T)

    def printed(self, states: NDArray[np.float64]) -> str:
        """Return what :meth:`parsed` reads."""
        fourth = ((states - self.mean) ** 4).mean(axis=0)
        moments = np.stack([self.mean, self.variance, fourth], axis=1)
        return " ".join(repr(float(x)) for x in (self.seconds, len(states), *moments.flat))


def check_agreement(name: str, theirs: Sample, ours: Sample) -> None:
    """Refuse a peer whose moments are not ours.

    Raises
    ------
    NumericalError
        If a mean or a variance differs by more than :data:`APART` standard errors of both, or is not finite.
    """
    for kind in ("mean", "variance"):
        a, b = getattr(theirs, kind), getattr(ours, kind)
        error = np.hypot(getattr(theirs, f"{kind}_error"), getattr(ours, f"{kind}_error"))
        if not (np.abs(a - b) <= APART * error).all():
            raise NumericalError(
                f"The peer '{name}' has the {kind} {a.tolist()} and we have {b.tolist()}, more than {APART:g} standard "
                f"errors {error.tolist()} apart: its time means nothing; one of the two is wrong."
            )
