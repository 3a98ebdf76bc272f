"""Real GANs: data, networks, a trainer that uses the methods of this project, and a recorder for any PyTorch loop.

===============  ==================================================================================================
train            trains a preset or a TOML file and records the whole path of the parameters
presets, preset  the names of the presets, and the configuration of one
settings         every setting of a preset with its value
TrainingConfig   everything that determines a run
Recorder         records the parameters of any PyTorch loop, with its objective if it is given
load_run, Run    a recorded run, read back
===============  ==================================================================================================

>>> from dynamics.gan import train
>>> run = train("digits-mlp", {"steps": 10}, out=folder / "run")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynamics.gan.configuration import TrainingConfig, preset, presets, settings
    from dynamics.gan.recorder import Recorder
    from dynamics.gan.run import Run, load_run
    from dynamics.gan.training import train

_HOMES = {
    "Recorder": "recorder",
    "Run": "run",
    "TrainingConfig": "configuration",
    "load_run": "run",
    "preset": "configuration",
    "presets": "configuration",
    "settings": "configuration",
    "train": "training",
}

__all__ = ["Recorder", "Run", "TrainingConfig", "load_run", "preset", "presets", "settings", "train"]


def __getattr__(name: str) -> Any:
    """Import on first use: torch takes a second, and naming the presets needs none of it."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"dynamics.gan.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what is imported on first use too, for help() and completion."""
    return sorted({*globals(), *__all__})
