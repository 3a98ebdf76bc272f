"""``gandyn compare``: a recorded run beside its idealisations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import NO, OK, Answer, Request, verb
from scenarios.cli.verbs.train import RUNS

PICTURES = (".png", ".svg")


@verb()
def compare(
    request: Request,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help=f"A recorded run (default: the newest in {RUNS}/).", show_default=False),
    ] = None,
    out: options.Out = None,
    refinements: Annotated[
        str,
        typer.Option(
            "--refinements",
            metavar="1,2,4,8",
            help="Divisors of the rate at which it is trained again; each costs as many runs.",
        ),
    ] = "1,2,4,8",
) -> Answer:
    """Lay a recorded run beside the gradient flow of its own losses; --out takes .png, .svg or .zarr."""
    from dynamics.compare import compare_run
    from scenarios.cli import playing

    source = Path(run) if run is not None else newest_run()
    target = playing.check_out(out, (*PICTURES, ".zarr"), "a picture or a Zarr store")
    divisors = parse_refinements(refinements)
    output.note(f"{source}: following its gradient flow and training again at {len(divisors)} rates")
    comparison = compare_run(source, divisors)
    result = {"run": str(source), **comparison.to_dict()}
    if target is not None:
        result["file"] = str(target)
        if target.suffix == ".zarr":
            comparison.save(target)
        else:
            import figures
            from scenarios.exhibits import draw_comparison

            figures.save(draw_comparison(comparison.to_dataset()), target)

    def render(console: Any) -> None:
        console.print(f"{source}: {comparison.compared}", style="bold", markup=False)
        rows = output.table("run", "distance at the end", "over distance travelled")
        ends = {f"rate {rate:.6g}": row for rate, row in zip(comparison.rates, comparison.distances, strict=True)}
        if comparison.apart:
            ends = {f"recorded, {comparison.apart}": comparison.recorded, **ends}
        for name, row in ends.items():
            relative = row[-1] / comparison.travelled[-1] if comparison.travelled[-1] else float("nan")
            rows.add_row(name, output.number(row[-1], 4), output.number(relative, 3))
        console.print(rows)
        for method, order in comparison.orders.items():
            error = output.number(comparison.standard_errors[method], 2)
            said = f"{order:.4f} (standard error {error})" if order == order else "none"
            console.print(f"fitted order of the distance, {method}: {said}", markup=False)
        if target is not None:
            console.print(f"Written to {target}", markup=False, soft_wrap=True)

    return Answer(result, render, status=comparison.status.value, exit_code=NO if comparison.failed else OK)


def parse_refinements(text: str) -> list[int]:
    """Return ``"1,2,4,8"`` as whole numbers."""
    from dynamics.core.errors import InputError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--refinements expects whole numbers, got '{text}': write --refinements 1,2,4,8.") from None


def newest_run() -> Path:
    """Return the run in ``runs/`` that was written last."""
    from dynamics.core.errors import InputError

    found = sorted((path for path in RUNS.glob("*") if path.is_dir()), key=lambda path: path.stat().st_mtime)
    if not found:
        raise InputError(f"No run was given and {RUNS}/ holds none: run 'gandyn train digits-mlp' first or name a run.")
    return found[-1]
