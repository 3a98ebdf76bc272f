"""``gandyn compare``: a recorded run beside its idealisations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, verb
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
) -> Answer:
    """Lay a recorded run beside the gradient flow of its own losses; --out takes .png, .svg or .zarr."""
    from dynamics.compare import compare_run
    from scenarios.cli import playing

    source = Path(run) if run is not None else newest_run()
    target = playing.check_out(out, (*PICTURES, ".zarr"), "a picture or a Zarr store")
    comparison = compare_run(source)
    result = {"run": str(source), **comparison.to_dict()}
    if target is not None:
        result["file"] = str(target)
        if target.suffix == ".zarr":
            comparison.save(target)
        else:
            import figures
            from scenarios.exhibits import draw_comparison

            drawn = draw_comparison(comparison.times, comparison.rates, comparison.distances, comparison.method)
            figures.save(drawn, target)

    def render(console: Any) -> None:
        console.print(f"{source}: {comparison.compared}", style="bold", markup=False)
        rows = output.table("rate", "distance at the end", "over distance travelled")
        for rate, distance in zip(comparison.rates, comparison.distances[:, -1], strict=True):
            relative = distance / comparison.travelled[-1]
            rows.add_row(output.number(rate), output.number(distance, 4), output.number(relative, 3))
        console.print(rows)
        for method, order in comparison.orders.items():
            error = output.number(comparison.standard_errors[method], 2)
            console.print(f"fitted order of the distance, {method}: {order:.4f} (standard error {error})", markup=False)
        if target is not None:
            console.print(f"Written to {target}", markup=False, soft_wrap=True)

    return Answer(result, render, status=comparison.status.value)


def newest_run() -> Path:
    """Return the run in ``runs/`` that was written last."""
    from dynamics.core.errors import InputError

    found = sorted((path for path in RUNS.glob("*") if path.is_dir()), key=lambda path: path.stat().st_mtime)
    if not found:
        raise InputError(f"No run was given and {RUNS}/ holds none: run 'gandyn train digits-mlp' first or name a run.")
    return found[-1]
