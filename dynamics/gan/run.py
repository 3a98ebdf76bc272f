"""A recorded run, read back without executing anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.core.status import Status
from dynamics.core.storage import read_dataset
from dynamics.games.layout import ParameterLayout
from dynamics.gan.configuration import TrainingConfig

if TYPE_CHECKING:
    import xarray as xr

    from dynamics.games.network import NetworkGame
    from dynamics.methods import Method


@dataclass(frozen=True)
class Run:
    """What a recorder stored, labelled.

    Attributes
    ----------
    path : Path
    dataset : xarray.Dataset
        ``parameters`` (record, coordinate), ``loss`` and ``gradient_norm`` (record, player), ``step`` and
        ``seconds`` (record).
    layout : ParameterLayout
        Which coordinate is which parameter.
    config : TrainingConfig or None
        The configuration of a run of :func:`dynamics.gan.train`; None for a user's own loop.
    status : Status
    reason : str
        One sentence on how the run ended.
    steps : int
        Iterations done.
    metrics : mapping
        Final losses and gradient norms, and sample metrics at start and end (runs of :func:`dynamics.gan.train`).
    """

    path: Path
    dataset: xr.Dataset
    layout: ParameterLayout
    config: TrainingConfig | None
    status: Status
    reason: str
    steps: int
    metrics: Mapping[str, Any]

    @property
    def recorded_steps(self) -> NDArray[np.int64]:
        """Iterations at which the state was recorded, shape (record,); the first is 0."""
        return self.dataset["step"].values

    @property
    def parameters(self) -> NDArray[Any]:
        """Recorded states, shape (record, coordinate), in the precision of training."""
        return self.dataset["parameters"].values

    def game(self) -> NetworkGame:
        """Return the game that was played, rebuilt from the stored configuration or objective.

        Raises
        ------
        InputError
            For a run of a user's own loop that was recorded without its objective.
        """
        if self.config is None:
            from dynamics.gan.stored import load_objective

            stored = load_objective(self.path)
            if stored is None:
                raise InputError(
                    f"The run '{self.path}' was recorded without its objective: record with Recorder(..., game=game, "
                    f"lr=...), or in Python: {compare_call(self.path, self._method())}"
                )
            return stored
        from dynamics.gan.objective import build_game

        return build_game(self.config)

    def method(self) -> Method:
        """Return the training algorithm, rebuilt from the stored configuration or from what the recorder was told.

        Raises
        ------
        InputError
            For a run of a user's own loop that did not say.
        """
        found = self._method()
        if found is None:
            raise InputError("The rate of a run of your own loop is not recorded: give lr.")
        return found

    def _method(self) -> Method | None:
        if self.config is not None:
            from dynamics.gan.objective import build_method

            return build_method(self.config)
        stored = self.dataset.attrs.get("method")
        if stored is None:
            return None
        from dynamics import methods

        return methods.get(stored["method"], **{key: value for key, value in stored.items() if key != "method"})

    def to_dict(self) -> dict[str, Any]:
        """Return metrics, steps and status as JSON-able data."""
        return {
            "metrics": finite(dict(self.metrics)),
            "steps": self.steps,
            "status": self.status.value,
            "reason": self.reason,
            "path": str(self.path),
            "config": None if self.config is None else self.config.model_dump(mode="json"),
        }


def compare_call(path: str | Path, method: Method | None = None) -> str:
    """Return the Python that compares a run with an objective of the user's."""
    settings = {"method": "alternating", "lr": 0.02} if method is None else method.settings()
    known = {key: value for key, value in settings.items() if key in ("lr", "method")}
    rate = ", ".join(f"{key}={known[key]!r}" for key in ("lr", "method"))
    return (
        "from dynamics.compare import compare_run; from dynamics.games.network import NetworkGame; "
        "game = NetworkGame(G, D, real=real, latents=latents, loss='non-saturating'); "
        f"print(compare_run({str(path)!r}, game=game, {rate}).orders)"
    )


def load_run(path: str | Path, lazy: bool = False) -> Run:
    """Return a recorded run.

    Parameters
    ----------
    path : str or Path
    lazy : bool
        Leave the arrays on disk until they are used.

    Raises
    ------
    InputError
        If the path holds no run, or a damaged one.
    """
    dataset = read_dataset(path, lazy=lazy)
    attributes = dataset.attrs
    if "layout" not in attributes or "parameters" not in dataset:
        raise InputError(f"'{path}' is a stored result but not a recorded run: give the folder of a run.")
    config = attributes.get("configuration")
    steps = dataset["step"].values
    return Run(
        path=Path(path),
        dataset=dataset,
        layout=ParameterLayout.from_list(attributes["layout"]),
        config=None if config is None else TrainingConfig(**config),
        status=Status(attributes.get("status", Status.INTERRUPTED.value)),
        reason=str(attributes.get("reason", "")),
        steps=int(attributes.get("steps", steps[-1] if len(steps) else 0)),
        metrics=attributes.get("metrics", {}),
    )


def finite(value: Any) -> Any:
    """Return nested numbers with None for NaN and infinities, for which JSON has no word."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
