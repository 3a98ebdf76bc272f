"""From the texts of ``gandyn ensemble`` to a run: scheme, conditions, cells of quantiles, and the run itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_number
from dynamics.core.status import Status
from scenarios.cli import output, parse

if TYPE_CHECKING:
    from dynamics.core.results import Trajectory
    from dynamics.ensemble import SDE, Condition, Ensemble, Expectation, Histogram, Noise
    from dynamics.ensemble.schemes import Scheme
    from dynamics.games.field import Game

#: Cells of a histogram from which quantiles are read.
CELLS = 4096
#: Paths that are run beforehand to see where the cells must lie.
SCOUTS = 2048
#: Factors by which the range of the scouts is widened at either end, one after the other while paths lie outside.
#: Two thousand normal numbers reach 3.5 standard deviations, so that the first range ends at 10.
WIDER = (1.0, 20.0, 400.0)
PERCENT = 100


@dataclass(frozen=True)
class Passage:
    """The ball around an equilibrium that paths are watched for."""

    at: Mapping[str, float]
    verdict: str
    condition: Condition


def build_scheme(
    name: str,
    game: Game,
    dt: float,
    steps: int,
    settings: list[str] | None,
    lr: list[str] | None,
    method_settings: list[str] | None,
) -> Scheme:
    """Return the scheme, or the training algorithm as one: its rate is the step unless another is given."""
    from dynamics import methods
    from dynamics.ensemble import schemes
    from scenarios.cli import playing

    if name in methods.names():
        if settings:
            raise InputError(f"--scheme-set has no effect on the training algorithm {name}: write --method-set.")
        own_rate = "lr" in parse.settings("--method-set", method_settings)
        rates = lr if lr or own_rate else [repr(dt)]
        return schemes.read_scheme(playing.method(name, game, rates, method_settings, iterations=steps))
    schemes.find(name)
    for option, value in (("--lr", lr), ("--method-set", method_settings)):
        if value:
            raise InputError(f"{option} belongs to training algorithms and has no effect on {name}: leave it out.")
    return schemes.get(name, **parse.settings("--scheme-set", settings))


def check_bridge(scheme: Scheme, watched: bool) -> None:
    """Refuse ``--no-bridge`` where there is no bridge anyway."""
    if not watched:
        raise InputError("--no-bridge has no effect without --until, --watch, --passage or --maximum: leave it out.")
    if not scheme.pathwise:
        name = scheme.settings().get("method", scheme.name)
        raise InputError(f"--no-bridge has no effect: {name} sees exits at its steps only.")


def passages(game: Game, sde: SDE, radius: float) -> list[Passage]:
    """Return balls around the isolated equilibria in the game's box."""
    from dynamics.ensemble import ball
    from dynamics.stability import analyse

    found = []
    for row in analyse(game, methods=()).equilibria:
        if row.continuum is not None:
            continue
        at = row.to_dict()["at"]
        place = output.point({name: output.rounded(value, *game.box[name]) for name, value in at.items()})
        found.append(Passage(at, str(row.verdict), ball(at, radius, sde, f"within {radius:g} of {place}")))
    if not found:
        raise InputError(
            f"--passage needs an isolated equilibrium, but the box of {game.name} has none: write --watch with a "
            "condition of your own."
        )
    return found


def read_spread(text: str | None) -> float | dict[str, float]:
    """Return the standard deviation of the start, or one for each coordinate that is named."""
    if text is None:
        return 0.0
    return parse.state("--spread", text) if "=" in text else check_number("--spread", text)


def read_shares(text: str) -> list[float]:
    """Return the shares of ``--quantiles 0.05,0.5,0.95``."""
    shares = [check_number("--quantiles", piece) for piece in parse.split_commas(text)]
    for share in shares:
        if not 0 < share < 1:
            raise InputError(f"--quantiles got {share:g}, expected shares between 0 and 1 such as 0.05,0.5,0.95.")
    return shares


def run(game: Game, noise: Noise, arguments: Mapping[str, Any], quantiles: bool) -> Ensemble:
    """Return the ensemble, with histograms for quantiles where they are wanted, and show how far it is."""
    if not quantiles:
        return _simulated(game, noise, arguments, "ensemble")
    few = {**arguments, "paths": min(SCOUTS, arguments["paths"]), "records": 2, "keep": True}
    scouts = _simulated(game, noise, few, "scouts")
    if scouts.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    found = None
    for wider in WIDER:
        cells = histograms(scouts, game, noise, wider)
        found = _simulated(game, noise, {**arguments, "histograms": cells}, "ensemble")
        if found.status is Status.INTERRUPTED or not any(filled.outside[-1] for filled in found.histograms):
            break
    assert found is not None
    return found


def histograms(scouts: Ensemble, game: Game, noise: Noise, wider: float) -> list[Histogram]:
    """Return a histogram for each quantity that has values at the end of some paths, over their range and more."""
    from dynamics.ensemble import Histogram

    assert scouts.final is not None
    values = observed(scouts, game, noise, scouts.final[scouts.statuses == Status.FINISHED])
    found = []
    for name in scouts.quantities:
        own = values[name]
        if not len(own):
            continue
        low, high = float(own.min()), float(own.max())
        width = (high - low) or max(abs(low), 1.0) * 1e-6
        found.append(Histogram({name: (low - wider * width, high + wider * width, CELLS)}))
    return found


def observed(ensemble: Ensemble, game: Game, noise: Noise, states: NDArray[np.float64]) -> dict[str, Any]:
    """Return the recorded quantities at states of shape (paths, dim), by name."""
    from dynamics.ensemble import SDE

    sde = SDE(game, noise)
    texts = [name for name in ensemble.quantities if name not in ensemble.names]
    further = sde.evaluate("observed", [sde.parse(text) for text in texts], states) if texts else states[:, :0]
    columns = np.concatenate([states, further], axis=1)
    return {name: columns[:, i] for i, name in enumerate([*ensemble.names, *texts])}


def expected(game: Game, noise: Noise, arguments: Mapping[str, Any], quantity: str, error: Any) -> Expectation:
    """Return an expectation at the end by multilevel Monte Carlo, from the step of the run as the coarsest."""
    from dynamics.ensemble import expectation

    taken = ("dt", "time", "start", "spread", "scheme", "seed")
    return expectation(game, noise, quantity, standard_error=error, **{key: arguments[key] for key in taken})


def _simulated(game: Game, noise: Noise, arguments: Mapping[str, Any], description: str) -> Ensemble:
    from dynamics.ensemble import simulate

    with output.progress(description, PERCENT) as advance:
        try:
            return simulate(game, noise, **arguments, advance=percents(advance, arguments["paths"]))
        except MemoryError:
            raise InputError(
                f"{arguments['paths']:,} paths need more memory than there is, one byte each: take fewer, or one range "
                "of them after the other with --first."
            ) from None


def percents(advance: Callable[[], None], total: int) -> Callable[[int], None]:
    """Return a function of what is done of ``total`` that moves a bar of hundred steps."""
    shown = 0

    def progress(done: int) -> None:
        nonlocal shown
        while shown < PERCENT * done // total:
            shown += 1
            advance()

    return progress


def paths_in_time(
    game: Game, noise: Noise, arguments: Mapping[str, Any], count: int, every: int, store: str | None = None
) -> Trajectory:
    """Return every ``every``-th state of the first paths of the run, or write them to a store."""
    from dynamics.ensemble import trajectories

    taken = ("dt", "time", "start", "spread", "scheme", "seed", "until", "bridge", "brownian_dt", "threads")
    known = {key: arguments[key] for key in taken if key in arguments}
    first = arguments["first"]
    chosen = range(first, first + min(count, arguments["paths"]))
    total = round(known["time"] / known["dt"])
    with output.progress("states", PERCENT) as advance:
        return trajectories(
            game, noise, paths=list(chosen), every=every, store=store, advance=percents(advance, total), **known
        )
