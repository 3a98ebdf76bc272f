"""``gandyn ensemble``: many paths of a game under noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.cli import ensemble_options as own
from scenarios.cli import options, output
from scenarios.cli.verb import Answer, Request, status_answer, verb

FORMATS = (".zarr", ".png", ".svg", ".gif")
#: Times at which moments are taken for a store or a picture where none are asked for.
RECORDS = 101
#: Paths of an animation, and about how many frames it has.
CLOUD, FRAMES = 2000, 60


@verb(game=True)
def ensemble(
    request: Request,
    start: options.Start = None,
    spread: own.Spread = None,
    paths: own.Paths = 100_000,
    dt: own.Step = 0.01,
    time: own.Time = 10.0,
    seed: own.Seed = 0,
    first: own.First = None,
    noise: own.Strength = None,
    noise_matrix: own.Matrix = None,
    noise_file: own.File = None,
    noise_kind: own.Kind = None,
    noise_lr: own.Lr = None,
    interpretation: own.Interpretation = None,
    noise_memory: own.Memory = None,
    noise_schedule: own.Schedule = None,
    scheme: own.Scheme = "euler-maruyama",
    scheme_set: own.SchemeSettings = None,
    lr: own.Rate = None,
    method_set: own.MethodSettings = None,
    brownian_dt: own.BrownianStep = None,
    until: own.Until = None,
    watch: own.Watch = None,
    passage: own.Passage = None,
    no_bridge: own.NoBridge = False,
    observe: own.Observe = None,
    maximum: own.Maximum = None,
    quantiles: own.Quantiles = None,
    expect: own.Expect = None,
    standard_error: own.StandardError = None,
    records: own.Records = None,
    threads: own.Threads = None,
    chunk: own.Chunk = None,
    device: own.Device = "cpu",
    out: own.Out = None,
    store: own.Store = None,
    every: own.Every = None,
) -> Answer:
    """Play a game under noise, dY = v(Y) dt + B dW (Ito), many times; print statistics with their errors."""
    from dynamics.core.errors import InputError, check_count, check_positive
    from dynamics.core.status import Status
    from dynamics.ensemble import SDE
    from scenarios.cli import ensemble_results, ensembles, playing
    from scenarios.cli.noise import NoiseOptions

    count = check_count("--paths", paths)
    lengths = (("--dt", dt), ("--time", time), ("--passage", passage), ("--brownian-dt", brownian_dt))
    for option, value in (*lengths, ("--standard-error", standard_error)):
        if value is not None:
            check_positive(option, value)
    check_count("--seed", seed, least=0)
    for option, value, least in (
        ("--first", first, 0), ("--records", records, 2), ("--threads", threads, 1), ("--chunk", chunk, 1),
        ("--store", store, 1), ("--every", every, 1),
    ):  # fmt: skip
        if value is not None:
            check_count(option, value, least)
    target = playing.check_out(out, FORMATS, "a Zarr store, a picture or an animation")
    beside = _beside(target, store, every)
    shares = [] if quantiles is None else ensembles.read_shares(quantiles)
    model = NoiseOptions(
        noise, noise_matrix, noise_file, noise_kind, noise_lr, interpretation, noise_memory, noise_schedule
    ).read()
    game: Any = request.game()
    if target is not None and target.suffix == ".gif" and game.dim < 2:
        raise InputError(f"A cloud moves in two coordinates, {game.name} has one: give --out F.png for its law.")
    sde = SDE(game, model)
    y0 = playing.state(start, game)
    chosen = ensembles.build_scheme(scheme, game, dt, max(1, round(time / dt)), scheme_set, lr, method_set)
    chosen.check(sde)
    if no_bridge:
        ensembles.check_bridge(chosen, bool(until or watch or passage or maximum))
    around = [] if passage is None else ensembles.passages(game, sde, passage)
    arguments: dict[str, Any] = {
        "paths": count,
        "dt": dt,
        "time": time,
        "start": y0,
        "spread": ensembles.read_spread(spread),
        "scheme": chosen,
        "seed": seed,
        "first": first or 0,
        "records": records or (2 if target is None else RECORDS),
        "observe": observe or (),
        "until": until or (),
        "watch": [*(watch or ()), *(entry.condition for entry in around)],
        "bridge": not no_bridge,
        "maxima": maximum or (),
        "brownian_dt": brownian_dt,
        "chunk": chunk,
        "threads": threads,
        "device": device,
    }
    if (expect is None) != (standard_error is None):
        raise InputError('--expect and --standard-error go together, such as --expect "x**2" --standard-error 0.01.')
    expected = None if expect is None else ensembles.expected(game, model, arguments, expect, standard_error)
    found = ensembles.run(game, model, arguments, bool(shares))
    result: dict[str, Any] = {
        **ensemble_results.moments(found, game.names),
        "status_counts": found.counts,
        "path_steps_per_second": found.statistics["path_steps_per_second"],
        "path_steps": found.statistics["path_steps"],
    }
    if expected is not None:
        result["expectation"] = ensemble_results.expectation(expected)
    if until:
        result |= ensemble_results.exits(found, game.names)
    result |= ensemble_results.watched(found, game.names, around)
    result |= ensemble_results.maxima(found)
    notes = [*found.notes]
    if shares:
        measured, more = ensemble_results.quantiles(found, shares)
        result |= measured
        notes += more
    if records is not None:
        result["moments"] = ensemble_results.moments_in_time(found, game.names)
    result |= ensemble_results.describe(found, chosen, chosen.orders(sde), game.names)
    result |= {"notes": notes, "message": found.status.sentence}
    if found.status is Status.INTERRUPTED and target is not None and target.suffix == ".gif":
        notes.append("The run was interrupted: there is no animation.")
    elif target is not None:
        try:
            result["file"] = str(_write(found, sde, arguments, target))
        except InputError as error:
            # What was computed is not lost with its picture.
            notes.append(f"Nothing was written to {target}: {error}")
    if beside is not None and found.status is not Status.INTERRUPTED:
        states = ensembles.paths_in_time(game, model, arguments, store or 1, every or 1, str(beside))
        result |= {"paths_file": str(beside), "paths_status": states.status.value}

    def render(console: Any) -> None:
        from scenarios.cli import ensemble_tables as tables

        shown = output.jsonable(result)
        tables.heading(console, game.name, shown)
        tables.moments(console, shown)
        tables.events(console, shown)
        if records is not None:
            tables.in_time(console, shown["moments"])
        tables.ending(console, shown, found.status.value)

    return status_answer(result, render, found.status, game.name)


def _beside(target: Path | None, store: int | None, every: int | None) -> Path | None:
    """Return where the states of single paths go, or refuse what has no effect or is taken."""
    from dynamics.core.errors import InputError

    if store is None:
        if every is not None:
            raise InputError("--every has no effect without --store: add --store N, or leave it out.")
        return None
    if target is None or target.suffix != ".zarr":
        raise InputError("--store needs --out F.zarr: the states of its paths go to F-paths.zarr.")
    beside = target.with_name(f"{target.stem}-paths.zarr")
    if beside.exists():
        raise InputError(f"'{beside}' exists already: remove it or give --out another name.")
    return beside


def _write(found: Any, sde: Any, arguments: dict[str, Any], target: Path) -> Path:
    """Write a store, a picture or an animation."""
    import numpy as np

    from dynamics.core.status import Status
    from scenarios.cli import ensembles

    if target.suffix == ".zarr":
        return found.save(target)
    import figures
    from figures.ensembles.captions import run_caption

    steps = round(arguments["time"] / arguments["dt"])
    if target.suffix != ".gif":
        states = None
        if found.final is None and sde.motion.dim > 1:
            states = ensembles.paths_in_time(sde.motion, sde.noise, arguments, CLOUD, steps).states[:, -1]
        return figures.save(figures.ensemble_picture(sde, found, states), target)
    path = ensembles.paths_in_time(sde.motion, sde.noise, arguments, CLOUD, max(1, steps // FRAMES))
    caption = f"{run_caption(found, sde)} The first {len(path.states):,} are drawn."
    # Who met a condition rests there, who diverged is gone.
    met = np.array([status is Status.EVENT for status in path.statuses])
    frames = figures.compute_frames(
        sde, path.times, path.states, last=np.where(met[:, None], path.final, np.nan), conditions=arguments["until"],
        start=arguments["start"], caption=caption,
    )  # fmt: skip
    return figures.save_animation(frames, target)
