"""``gandyn stability``: equilibria, spectra, verdicts and what each method makes of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, verb


@verb(game=True)
def stability(
    request: Request,
    box: options.Box = None,
    lr: options.Rate = None,
    starts: Annotated[
        int | None,
        typer.Option("--starts", metavar="N", help="Random starts besides the grid (default: 64 + 32 a coordinate)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of these starts.")] = 0,
) -> Answer:
    """Find the equilibria in a box and say what flow and methods do there."""
    from dynamics.core.errors import check_count
    from dynamics.stability import analyse
    from scenarios.cli import playing

    if starts is not None:
        check_count("--starts", starts)
    check_count("--seed", seed, least=0)
    game = request.game()
    rate = playing.rate(lr, game) if lr is not None else None
    report = analyse(game, box=playing.box(box, game), lr=rate, starts=starts, seed=seed)
    result = output.jsonable(report.to_dict())

    def render(console: Any) -> None:
        equilibria = result["equilibria"]
        count = f"{len(equilibria)} equilibrium" if len(equilibria) == 1 else f"{len(equilibria)} equilibria"
        box_text = ", ".join(f"{name}={low:g}:{high:g}" for name, (low, high) in result["searched"]["box"].items())
        console.print(f"{game.name}: {count} in {box_text}", style="bold", markup=False)
        for number, equilibrium in enumerate(equilibria, start=1):
            _render_equilibrium(console, number, equilibrium, lr)
        counts = ", ".join(
            f"{key.replace('_', ' ')} {value}" for key, value in result["searched"].items() if key != "box"
        )
        console.print(f"\nsearched: {counts}", markup=False)

    return Answer(result, render, game=game.name)


def _render_equilibrium(console: Any, number: int, equilibrium: dict[str, Any], lr: str | None) -> None:
    """Print one equilibrium: facts, then the table of methods."""
    console.print(f"\n{number}. {output.point(equilibrium['at'])}", style="bold", markup=False)
    facts = output.table("", "")
    facts.show_header = False
    facts.add_row("eigenvalues", "\n".join(output.number(value, 7) for value in equilibrium["eigenvalues"]) or "none")
    for key in ("flow", "verdict", "solution"):
        facts.add_row(key, str(equilibrium[key]))
    timescales = ", ".join(output.number(value) for value in equilibrium["critical_timescales"])
    facts.add_row("critical time scales", timescales or "none")
    if equilibrium["continuum"]:
        facts.add_row("continuum along", "\n".join(output.point(row, 4) for row in equilibrium["continuum"]))
    if equilibrium.get("duality_gap") is not None:
        facts.add_row("duality gap", output.number(equilibrium["duality_gap"], 4))
    facts.add_row("evidence", equilibrium["evidence"])
    console.print(facts)
    rows = equilibrium["methods"]
    if not rows:
        return
    radius = () if lr is None else (f"radius at {lr}", "stable")
    methods = output.table("method", *radius, "critical lr", "remark", numbers=(*radius, "critical lr"))
    for row in rows:
        cells = [] if lr is None else [output.number(row["spectral_radius"]), output.number(row["stable"])]
        # Null means unbounded for a method that is stable at small rates, and unknown for one that is undecided.
        unbounded = row["critical_lr"] is None and row["stable"]
        critical = "unbounded" if unbounded else output.number(row["critical_lr"])
        spurious = (
            "; spurious fixed points: " + ", ".join(map(output.point, row["spurious"])) if row["spurious"] else ""
        )
        methods.add_row(row["method"], *cells, critical, (row["reason"] or "") + spurious)
    console.print(methods)
