"""Runs scenarios and keeps what they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.registry import Evidence, Scenario


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
    """

    scenario: Scenario
    evidence: Evidence
    picture: Path | None
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether the measured verdict is the recorded one and every prediction of the correct statement holds."""
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
        }


def run(
    chosen: Sequence[Scenario],
    quick: bool = False,
    pictures: Path | None = None,
    advance: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """Run scenarios one after the other.

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
    outcomes = []
    for scenario in chosen:
        began = time.perf_counter()
        evidence = scenario.run(quick)
        picture = None
        if pictures is not None:
            import figures

            pictures.mkdir(parents=True, exist_ok=True)
            picture = pictures / f"{scenario.id.lower()}.png"
            figures.save(scenario.draw(evidence), picture)
        outcomes.append(Outcome(scenario, evidence, picture, time.perf_counter() - began))
        advance(scenario.id)
    return outcomes
