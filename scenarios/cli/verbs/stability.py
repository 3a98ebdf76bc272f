"""``gandyn stability``: equilibria, spectra, verdicts and what each method makes of them."""

from __future__ import annotations

from typing import Any

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, verb


@verb(game=True)
def stability(request: Request, box: options.Box = None, lr: options.Rate = None) -> Answer:
    """Find the equilibria in a box and say what flow and methods do there."""
    from dynamics.stability import analyse
    from scenarios.cli import playing

    game = request.game()
    rate = playing.rate(lr, game) if lr is not None else None
    report = analyse(game, box=playing.box(box, game), lr=rate)
    result = output.jsonable(report.to_dict())

    def render(console: Any) -> None:
        equilibria = result["equilibria"]
        console.print(f"{game.name}: {len(equilibria)} equilibria or continua", style="bold", markup=False)
        for number, equilibrium in enumerate(equilibria, start=1):
            _render_equilibrium(console, number, equilibrium, lr)
        searched = result.get("searched")
        if searched is not None:
            console.print(f"\nsearched: {_sentence(searched)}", markup=False)

    return Answer(result, render, game=game.name)


def _render_equilibrium(console: Any, number: int, equilibrium: dict[str, Any], lr: str | None) -> None:
    """Print one equilibrium: facts, then the table of methods."""
    console.print(f"\n{number}. {output.point(equilibrium['at'])}", style="bold", markup=False)
    facts = output.table("", "")
    facts.show_header = False
    eigenvalues = "\n".join(output.number(value, 7) for value in equilibrium["eigenvalues"])
    facts.add_row("eigenvalues", eigenvalues)
    facts.add_row("flow", str(equilibrium["flow"]))
    facts.add_row("verdict", str(equilibrium["verdict"]))
    facts.add_row("solution", str(equilibrium["solution"]))
    timescales = equilibrium["critical_timescales"] or []
    facts.add_row("critical time scales", ", ".join(output.number(value) for value in timescales) or "none")
    if equilibrium["continuum"]:
        facts.add_row("continuum along", _sentence(equilibrium["continuum"]))
    if equilibrium.get("evidence"):
        facts.add_row("evidence", _sentence(equilibrium["evidence"]))
    console.print(facts)
    rows = equilibrium["methods"]
    if not rows:
        return
    with_lr = lr is not None
    columns = ("method", *((f"radius at {lr}", "stable") if with_lr else ()), "critical lr", "remark")
    methods = output.table(*columns, numbers=columns[1:-1])
    for row in rows:
        unbounded = row["critical_lr"] is None and row["stable"] is not None
        critical = "unbounded" if unbounded and not row.get("reason") else output.number(row["critical_lr"])
        cells = [row["method"]]
        if with_lr:
            cells += [output.number(row["spectral_radius"]), output.number(row["stable"])]
        methods.add_row(*cells, critical, row.get("reason") or "")
    console.print(methods)


def _sentence(value: Any) -> str:
    """Return nested facts as one readable text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_sentence(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        inner = ", ".join(_sentence(entry) for entry in value)
        return f"({inner})" if value and not isinstance(value[0], list | dict) else inner
    return output.number(value) if not isinstance(value, str) else value
