"""``gandyn stability``: equilibria, spectra, verdicts, what each method makes of them, cycles and region maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli import options, output, stability_tables
from scenarios.cli.verb import Answer, Request, verb


@verb(game=True)
def stability(
    request: Request,
    box: options.Box = None,
    lr: options.Rate = None,
    cycles: Annotated[bool, typer.Option("--cycles", help="Find the periodic orbits of the flow too.")] = False,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="NAME", help="Only these methods; may be repeated (default: all that apply)."),
    ] = None,
    method_set: Annotated[
        list[str] | None,
        typer.Option("--method-set", metavar="K=V,...", help="Settings of the one method, such as beta=-0.5."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="X=A:B,Y=C:D",
            help="Map the spectral radius of the one method over two parameters: lr, lr:PLAYER, timescale, settings of "
            "the method, parameters of the game; low:high:count for that many values. Between positive ends far "
            "apart (3-fold for rates and time scales, 30-fold for others) they are spaced logarithmically, so the "
            "share that is stable is one of that scale; from 0 on they are spaced evenly.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="X=V,...", help="The equilibrium of --region or --out, where there are several."),
    ] = None,
    starts: Annotated[
        int | None,
        typer.Option(
            "--starts", metavar="N", help="Random starts in a batch of the search (default: 64 + 32 a coordinate)."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of these starts.")] = 0,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="F.png|F.svg|F.zarr",
            help="The multipliers as a picture; with --region the map as a picture or as arrays.",
            rich_help_panel=options.OUTPUT_PANEL,
        ),
    ] = None,
) -> Answer:
    """Find the equilibria in a box and say what flow and methods do there."""
    from dynamics.core.errors import InputError, check_count
    from dynamics.stability import analyse
    from scenarios.cli import playing

    if starts is not None:
        check_count("--starts", starts)
    check_count("--seed", seed, least=0)
    formats = (".png", ".svg", ".zarr") if region is not None else (".png", ".svg")
    target = playing.check_out(out, formats, "a picture or a Zarr store" if region is not None else "a picture")
    if at is not None and region is None and target is None:
        raise InputError("--at has no effect by itself: add --region or --out, or leave --at out.")
    game = request.game()
    sides = playing.box(box, game)
    rate = playing.rate(lr, game) if lr else None
    chosen = _methods(game, method, method_set, rate, region)
    axes = None if region is None else _axes(game, chosen, region, given=rate is not None)
    report = analyse(
        game, box=sides, lr=rate, methods=chosen, starts=starts, seed=seed, attractors=region is None
    )  # fmt: skip
    result = output.jsonable(report.to_dict())
    if cycles:
        result.update(_cycles(game, sides, report, seed))
    if axes is not None:
        from dynamics.stability.regions import region_map

        found = region_map(game, chosen[0], *axes, at=_point(game, report, at))
        result["region"] = output.jsonable(found.to_dict())
        if target is not None:
            result["file"] = str(_write_region(found, target))
    elif target is not None:
        result["file"] = str(_write_multipliers(game, report, at, rate, chosen, target))

    def render(console: Any) -> None:
        stability_tables.print_equilibria(console, game.name, result, rate)
        stability_tables.print_added(console, result["spurious"])
        if cycles:
            stability_tables.print_cycles(console, result)
        if "region" in result:
            stability_tables.print_region(console, result["region"])
        if "file" in result:
            console.print(f"Written to {target}", markup=False, soft_wrap=True)

    return Answer(result, render, game=game.name)


def _methods(game: Any, names: Sequence[str] | None, settings: list[str] | None, rate: Any, region: str | None) -> Any:
    """Return the methods of the table: configured ones, or None for all."""
    from dynamics import methods
    from dynamics.core.errors import InputError
    from scenarios.cli import parse

    if region is not None and len(names or ()) != 1:
        raise InputError(f"--region maps one method, got {len(names or ())}: add --method NAME once.")
    if settings and len(names or ()) != 1:
        raise InputError(f"--method-set configures one method, got {len(names or ())}: add --method NAME once.")
    if not names:
        return None
    chosen = parse.settings("--method-set", settings)
    if "lr" in chosen:
        raise InputError("The rate is given with --lr, not in --method-set: move it there.")
    if "schedule" in chosen:
        raise InputError("A schedule has no effect on multipliers, which belong to one rate: leave it out.")
    chosen["lr"] = 1.0 if rate is None else rate
    found = [methods.get(name, **chosen) for name in names]
    for algorithm in found:
        algorithm.check(game)
    return found


def _axes(game: Any, chosen: Sequence[Any], text: str, given: bool) -> list[tuple[str, Any]]:
    """Return names and values of ``lr=0.01:2,beta=-0.9:0.9:50``; rates that are no axis have to be ``given``."""
    from dynamics.core.errors import InputError, check_count, check_number
    from dynamics.stability.regions import spaced
    from scenarios.cli import parse

    ranges = parse.pairs("--region", text, "lr=0.01:2,beta=-0.9:0.9")
    if len(ranges) != 2:
        raise InputError(f"--region got {len(ranges)} parameters, expected two such as lr=0.01:2,beta=-0.9:0.9.")
    if not given and "lr" not in ranges and any(f"lr:{player}" not in ranges for player in game.players):
        raise InputError("--region leaves a learning rate open: make lr one of its axes, or give --lr RATE.")
    axes = []
    for name, value in ranges.items():
        parts = value.split(":")
        if len(parts) not in (2, 3):
            raise InputError(f"--region got '{name}={value}', expected low:high or low:high:count.")
        low, high = (check_number(f"--region {name}", part) for part in parts[:2])
        if not low < high:
            raise InputError(f"--region {name}={value} is reversed or empty: give low:high with low < high.")
        count = check_count(f"--region {name}", _whole(name, parts[2]), least=2) if len(parts) == 3 else 200
        axes.append((name, spaced(game, chosen[0], name, low, high, count)))
    return axes


def _whole(name: str, text: str) -> int:
    from dynamics.core.errors import InputError

    try:
        return int(text)
    except ValueError:
        raise InputError(f"--region {name} got '{text}' values, expected a whole number.") from None


def _cycles(game: Any, sides: Mapping[str, tuple[float, float]] | None, report: Any, seed: int) -> dict[str, Any]:
    """Return the keys that ``--cycles`` adds."""
    import numpy as np

    from dynamics.stability.cycles import find_cycles

    smooth = [row.at for row in report.equilibria if len(row.eigenvalues) and row.continuum is None]
    alone = len(smooth) == len(report.equilibria) > 0
    found = find_cycles(game, sides, equilibria=np.array(smooth) if alone else None, seed=seed).to_dict()
    return output.jsonable(
        {"cycles": found["cycles"], "cycle_families": found["families"], "cycles_searched": found["searched"]}
    )


def _point(game: Any, report: Any, at: str | None) -> Any:
    """Return the equilibrium that is meant: the one of ``--at``, or the only one."""
    import numpy as np

    from dynamics.core.errors import InputError
    from scenarios.cli import playing

    rows = report.equilibria
    if not rows:
        raise InputError("There is no equilibrium in the box: give another --box.")
    listed = "; ".join(output.point(row.to_dict()["at"]) for row in rows)
    if at is None:
        if len(rows) > 1:
            raise InputError(f"There are {len(rows)} equilibria ({listed}): say which one with --at.")
        return _smooth(rows[0])
    point = playing.state(at, game, "--at")
    widths = np.array([high - low for low, high in report.searched.box.values()])
    nearest = min(rows, key=lambda row: float(np.abs((row.at - point) / widths).max()))
    if float(np.abs((nearest.at - point) / widths).max()) > 0.01:
        raise InputError(f"There is no equilibrium at {at}: choose from {listed}.")
    return _smooth(nearest)


def _smooth(row: Any) -> Any:
    from dynamics.core.errors import InputError

    if not len(row.eigenvalues):
        raise InputError(f"No multipliers at {output.point(row.to_dict()['at'])}: {row.evidence}")
    return row.at


def _write_region(found: Any, target: Path) -> Path:
    if target.suffix == ".zarr":
        return found.save(target)
    from figures import region_picture, save

    return save(region_picture(found), target)


def _write_multipliers(game: Any, report: Any, at: str | None, rate: Any, chosen: Any, target: Path) -> Path:
    from figures import multipliers_picture, save

    point = _point(game, report, at)
    (row,) = [row for row in report.equilibria if (row.at == point).all()]
    return save(multipliers_picture(game, point, rate, chosen, row.methods), target)
