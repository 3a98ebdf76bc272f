"""One vocabulary for how a computation ended."""

from __future__ import annotations

from enum import Enum


class Status(Enum):
    """How a computation ended; ``value`` is the machine's word, ``sentence`` the user's.

    Failure is data: solvers return a status with whatever was computed and raise only when asked to.

    Examples
    --------
    >>> Status.DIVERGED.value, Status("diverged").ok
    ('diverged', False)
    """

    sentence: str

    FINISHED = "finished", "The computation reached its end."
    CONVERGED = "converged", "The iteration met its tolerance."
    EVENT = "event", "A stop condition was met."
    DIVERGED = "diverged", "The state left every bound (finite-time blow-up or divergence)."
    NON_FINITE = "non-finite", "At a finite state the field is NaN or infinite, or an implicit step has no solution."
    STEP_UNDERFLOW = "step-underflow", "The step size fell below what floating point can resolve."
    BUDGET_EXHAUSTED = "budget-exhausted", "The budget of evaluations was used up before the end."
    INTERRUPTED = "interrupted", "The computation was interrupted; what was finished is kept."

    def __new__(cls, value: str, sentence: str) -> Status:
        """Return the member with its word as value and its sentence beside it."""
        member = object.__new__(cls)
        member._value_ = value
        member.sentence = sentence
        return member

    @property
    def ok(self) -> bool:
        """Whether the answer may be used as asked for (finished, converged or stopped by an event)."""
        return self in (Status.FINISHED, Status.CONVERGED, Status.EVENT)
