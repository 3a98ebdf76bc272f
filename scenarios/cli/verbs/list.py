"""``gandyn list``: the names that other verbs understand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from scenarios.cli import output
from scenarios.cli.verb import Answer, Request, verb

Rows = Iterable[tuple[str, str]]


def _games() -> Rows:
    from dynamics import games

    return [(name, games.summary(name)) for name in games.names()]


def _methods() -> Rows:
    from dynamics import methods

    return [(name, methods.summary(name)) for name in methods.names()]


def _schedules() -> Rows:
    from dynamics import methods

    return [(name, methods.schedule_summary(name)) for name in methods.schedule_names()]


def _solvers() -> Rows:
    from dynamics.flow import solvers

    return [(name, solver.summary) for name, solver in solvers().items()]


def _schemes() -> Rows:
    from dynamics.ensemble import schemes

    return [(name, schemes.summary(name)) for name in schemes.names()]


def _noise() -> Rows:
    from scenarios.cli.noise import models, summary

    return [(name, summary(name)) for name in models()]


def _noise_schedules() -> Rows:
    from dynamics.ensemble.noise import schedules

    return [(name, schedules.summary(name)) for name in schedules.SCHEDULES]


def _scenarios() -> Rows:
    from scenarios import registry

    return [(scenario.id, scenario.title) for scenario in registry.scenarios()]


def _presets() -> Rows:
    from dynamics import gan

    return list(gan.presets().items())


KINDS: dict[str, Callable[[], Rows]] = {
    "games": _games,
    "methods": _methods,
    "schedules": _schedules,
    "solvers": _solvers,
    "schemes": _schemes,
    "noise": _noise,
    "noise-schedules": _noise_schedules,
    "scenarios": _scenarios,
    "presets": _presets,
}


@verb()
def list_(
    request: Request,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}; all without.", show_default=False),
    ] = None,
) -> Answer:
    """List games, methods, schedules, solvers, schemes, noise models, scenarios and presets, one line each."""
    from dynamics.core.errors import unknown

    if kind is not None and kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    found = {name: list(rows()) for name, rows in KINDS.items() if kind in (None, name)}
    if kind is None:  # a heading without rows says nothing
        found = {name: rows for name, rows in found.items() if rows}
    result = [
        {"name": name, "summary": summary, "kind": section, **_more(section, name)}
        for section, rows in found.items()
        for name, summary in rows
    ]

    def render(console: Any) -> None:
        width = max((len(entry["name"]) for entry in result), default=0)
        for section, rows in found.items():
            if kind is None:
                console.print(section, style="bold")
            if not rows:
                console.print("  none in this version")
            for name, summary in rows:
                # A terminal gets what fits on its line, a pipe all of it.
                fitted = "ellipsis" if console.is_terminal else "ignore"
                console.print(
                    f"  {name:<{width}}  {summary}",
                    markup=False,
                    no_wrap=True,
                    overflow=fitted,
                    crop=console.is_terminal,
                )
        if kind in ("methods", "schemes", "noise"):
            output.note("Settings of one: gandyn show NAME")
        if kind == "schemes":
            output.note("Every training algorithm of 'gandyn list methods' is a scheme too.")

    return Answer(result, render)


def _more(section: str, name: str) -> dict[str, Any]:
    """Return what else a row of ``--json`` says: the settings of a method with their defaults."""
    if section != "methods":
        return {}
    from dynamics import methods

    return {"settings": methods.settings(name)}
