"""The whole audit as a folder of static HTML: one page, one picture per claim, no scripts, nothing from a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scenarios.registry import SOURCES, Scenario
from scenarios.runner import Outcome, run

PAGE = "index.html"
PICTURES = "pictures"


def write_report(
    folder: Path, chosen: Sequence[Scenario], quick: bool = False, advance: Callable[[str], None] = lambda text: None
) -> tuple[list[Outcome], Path]:
    """Run scenarios and write their report.

    Parameters
    ----------
    folder : Path
        Receives ``index.html`` and ``pictures/``; it is created, and files of these names are replaced.
    chosen : sequence of Scenario
        What to run.
    quick : bool
        Smaller samples and shorter runs.
    advance : callable
        Called with the id of each scenario that is done.

    Returns
    -------
    outcomes : list of Outcome
    page : Path
        The page to open.
    """
    outcomes = run(chosen, quick, folder / PICTURES, advance)
    page = folder / PAGE
    page.write_text(render(outcomes, quick), encoding="utf-8")
    return outcomes, page


def render(outcomes: Sequence[Outcome], quick: bool) -> str:
    """Return the page as text; everything in it is escaped, pictures are linked relative to the page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from dynamics.core.results import versions

    environment = Environment(
        loader=PackageLoader("scenarios"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    claims = [
        {**outcome.to_dict(), "picture": f"{PICTURES}/{outcome.picture.name}" if outcome.picture else None}
        for outcome in outcomes
    ]
    return environment.get_template("report.html").render(
        claims=claims,
        held=sum(outcome.holds for outcome in outcomes),
        quick=quick,
        sources=SOURCES,
        versions=versions(),
    )


def _number(value: Any, digits: int = 7) -> str:
    """Return a number with a true minus sign."""
    return f"{value:.{digits}g}".replace("-", "−")
