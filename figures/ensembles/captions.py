"""What captions say of an ensemble: game, noise, scheme, steps, sample size and seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamics.ensemble import SDE, Ensemble
from figures import labels
from figures.phase.subject import title_of


def run_caption(ensemble: Ensemble, sde: SDE) -> str:
    """Return what was run, in one sentence."""
    known = ensemble.provenance
    scheme = known["scheme"]
    name = scheme.get("method", scheme["scheme"])
    rate = scheme.get("lr")
    if isinstance(rate, Mapping):
        name += " at rates " + ", ".join(f"{labels.number(lr)} of {player}" for player, lr in rate.items())
    elif rate is not None:
        name += f" at rate {labels.number(rate)}"
    steps = f"dt{labels.EQUALS}{labels.number(known['dt'])}"
    return (
        f"{title_of(sde.motion)}, {noise_words(sde.noise.settings())}; {name}, {steps}; "
        f"{ensemble.paths:,} paths, seed {known['seed']}."
    )


def noise_words(settings: Mapping[str, Any]) -> str:
    """Return a noise model as printed in a caption."""
    kind = settings["noise"]
    schedule = f", {settings['schedule']}" if settings.get("schedule") else ""
    if kind == "coloured":
        base = noise_words({**settings["base"], "schedule": None})
        return f"coloured {base} of correlation time {labels.number(settings['tau'])}{schedule}"
    if kind == "isotropic":
        return f"noise s{labels.EQUALS}{labels.number(settings['strength'])}{schedule}"
    if kind in ("per-coordinate", "diagonal"):
        parts = [f"{labels.symbol(name)}: {_entry(value)}" for name, value in settings["strengths"].items()]
        return f"noise {', '.join(parts)}{_reading(settings)}{schedule}"
    words = {"matrix": "correlated noise", "gradient": "gradient noise", "state-dependent": "noise B(y)"}[kind]
    if kind == "gradient":
        words += f" at rate {labels.number(settings['lr'])}"
    return words + _reading(settings) + schedule


def _reading(settings: Mapping[str, Any]) -> str:
    return " (Stratonovich)" if settings.get("interpretation") == "stratonovich" else ""


def _entry(value: Any) -> str:
    return value if isinstance(value, str) else labels.number(value)


def start_of_run(ensemble: Ensemble) -> list[float] | None:
    """Return the common start of all paths, None where each had its own."""
    start = ensemble.provenance.get("start")
    return list(start) if isinstance(start, list) else None
