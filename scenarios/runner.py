"""Runs scenarios and keeps what they found."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scenarios.registry import Evidence, Measurement, Scenario

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """One scenario after its run.

    Attributes
    ----------
    scenario : Scenario
        What was audited.
    evidence : Evidence
        What was measured.
    picture : Path or None
        The picture written, if pictures were asked for.
    seconds : float
        Time of the measurements and the picture.
    error : str or None
        What stopped the measurements or the picture, in a sentence; such a scenario does not hold.
    """

    scenario: Scenario
    evidence: Evidence
    picture: Path | None
    seconds: float
    error: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the measured verdict is the recorded one and every prediction of the correct statement holds."""
        if self.error is not None:
            return False
        correct = all(measurement.holds for measurement in self.evidence.measurements if not measurement.told)
        return correct and self.evidence.verdict == self.scenario.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return the row of the verdict table, JSON-able; the first measurement is the headline."""
        headline = self.evidence.measurements[0]
        return {
            "id": self.scenario.id,
            "title": self.scenario.title,
            "statement": self.scenario.statement,
            "source": self.scenario.source,
            "truth": self.scenario.truth,
            "references": self.scenario.references,
            "verdict": self.evidence.verdict,
            "recorded": self.scenario.verdict,
            "holds": self.holds,
            "measurement": headline.name,
            "measured": headline.measured,
            "expected": headline.expected,
            "tolerance": headline.tolerance,
            "measurements": [measurement.to_dict() for measurement in self.evidence.measurements],
            "picture": self.picture,
            "seconds": self.seconds,
            "error": self.error,
        }


def run(
    chosen: Sequence[Scenario],
    quick: bool = False,
    pictures: Path | None = None,
    advance: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """Run scenarios one after the other; one that fails does not stop the others.

    Parameters
    ----------
    chosen : sequence of Scenario
        What to run (:func:`scenarios.registry.select`).
    quick : bool
        Smaller samples and shorter runs.
    pictures : Path, optional
        Folder that receives ``<id>.png``; it is created. None draws nothing.
    advance : callable
        Called with the id of each scenario that is done.
    """
    if pictures is not None:
        # A folder that cannot be written is the caller's affair, not a scenario's.
        pictures.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for scenario in chosen:
        outcomes.append(_audit(scenario, quick, pictures))
        advance(scenario.id)
    return outcomes


def _audit(scenario: Scenario, quick: bool, pictures: Path | None) -> Outcome:
    """Return the outcome of one scenario, whatever it raises."""
    began = time.perf_counter()
    evidence, picture, error = Evidence(()), None, None
    try:
        evidence = scenario.run(quick)
        if pictures is not None:
            import figures

            picture = figures.save(scenario.draw(evidence), pictures / f"{scenario.id.lower()}.png")
    except Exception as raised:  # an audit reports all it can: any failure is one scenario's result
        LOG.debug("Scenario %s failed", scenario.id, exc_info=True)
        doing = "be drawn" if evidence.measurements else "be measured"
        error = f"{scenario.id} could not {doing}: {_sentence(raised)}"
        evidence = replace(evidence, measurements=(*evidence.measurements, _failed(error)))
    return Outcome(scenario, evidence, picture, time.perf_counter() - began, error)


def _sentence(raised: Exception) -> str:
    """Return what an exception says on one line, with its kind where the message alone would not tell."""
    from dynamics.core.errors import InputError, NumericalError

    text = " ".join(str(raised).split())
    return text if isinstance(raised, InputError | NumericalError) and text else f"{type(raised).__name__}: {text}"


def _failed(error: str) -> Measurement:
    """Return the row that shows a failure in the tables; a NaN never holds."""
    return Measurement(error, math.nan, math.nan, 0.0, "nothing to compare")
