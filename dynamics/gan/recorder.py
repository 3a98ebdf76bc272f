"""A recorder for any PyTorch training loop: every parameter, loss and gradient norm, streamed to disk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from dynamics import methods
from dynamics.core.appending import AppendingStore, Series
from dynamics.core.errors import InputError, check_count, unknown
from dynamics.core.results import versions
from dynamics.core.status import Status
from dynamics.games.layout import ParameterLayout
from dynamics.games.network import NetworkGame
from dynamics.gan.run import compare_call
from dynamics.gan.stored import storable, store_objective
from dynamics.methods import Method

#: Up to this many coordinates the names are stored as labels; beyond, the layout in the attributes says the same.
LABEL_LIMIT = 20_000
#: Seconds after which waiting records are written, so that a killed run loses little.
FLUSH_SECONDS = 5.0


class Recorder:
    """Records the parameters of a generator and a discriminator while they are trained.

    The state at construction is record 0; each :meth:`record` call counts one iteration and, every ``stride`` calls,
    stores a record. Three lines in a training loop::

        with Recorder("runs/mine", generator=G, discriminator=D) as recorder:
            for batch in batches:
                ...  # the loop as it was
                recorder.record(losses={"generator": loss_G, "discriminator": loss_D})

    Parameters
    ----------
    path : str or Path
        A new folder (Zarr); an existing one is refused.
    generator, discriminator : torch.nn.Module
        Only read, never changed.
    stride : int
        Store every ``stride``-th iteration.
    series : iterable of str
        Names of further numbers that every :meth:`record` call brings along.
    attributes : mapping, optional
        Stored with the run: configuration, notes (numbers, text, lists, mappings).
    game : NetworkGame, optional
        The objective of the loop, stored beside the record with its data and latents, so that ``gandyn compare`` and
        :func:`dynamics.compare.compare_run` need nothing else. It needs ``lr``, and networks like those of
        :func:`dynamics.gan.networks.mlp`.
    lr, method : float or mapping, str or Method, optional
        What the loop does, stored as well: plain descent by default ``alternating``.

    Raises
    ------
    InputError
        For an existing folder, what are no modules, and a game that does not fit them or cannot be stored.

    Notes
    -----
    Stored variables over the dimension ``record``: ``step``, ``parameters`` (record, coordinate), ``loss`` and
    ``gradient_norm`` (record, player), ``seconds`` since the start. Record 0 has no losses (NaN) unless
    :meth:`record_start` gives them. The layout of the parameter vector, versions and the status are attributes.
    Nothing is pickled.
    """

    def __init__(
        self,
        path: str | Path,
        generator: torch.nn.Module,
        discriminator: torch.nn.Module,
        *,
        stride: int = 1,
        series: tuple[str, ...] = (),
        attributes: Mapping[str, Any] | None = None,
        game: NetworkGame | None = None,
        lr: float | Mapping[str, float] | None = None,
        method: str | Method | None = None,
    ) -> None:
        self.modules = {"generator": generator, "discriminator": discriminator}
        for player, module in self.modules.items():
            if not isinstance(module, torch.nn.Module):
                raise InputError(
                    f"The {player} is {module!r}, expected a torch.nn.Module: write "
                    "Recorder(path, generator=G, discriminator=D) with the networks that the loop trains."
                )
        self.layout = ParameterLayout.of(self.modules)
        descent = _descent(lr, method)
        networks = None if game is None else self._storable(game, descent, path)
        self.stride = check_count("stride", stride)
        self.step = 0
        self._series = tuple(series)
        self._closed = False
        flat = self.layout.flatten(self.modules)
        kind = np.float32 if flat.dtype in (torch.float32, torch.float16, torch.bfloat16) else np.float64
        players = tuple(self.modules)
        fixed = {
            "step": Series(dtype=np.int64),
            "parameters": Series(("coordinate",), (self.layout.size,), kind),
            "loss": Series(("player",), (len(players),)),
            "gradient_norm": Series(("player",), (len(players),)),
            "seconds": Series(),
        }
        for name in self._series:
            if name in fixed:
                raise InputError(f"The series '{name}' is recorded anyway: choose another name.")
        labels: dict[str, ArrayLike] = {"player": np.array(players)}
        if self.layout.size <= LABEL_LIMIT:
            labels["coordinate"] = np.array(list(self.layout.names))
        self._store = AppendingStore(
            path,
            {**fixed, **{name: Series() for name in self._series}},
            dimension="record",
            coordinates=labels,
            attributes={
                **(attributes or {}),
                **({} if descent is None else {"method": descent.settings()}),
                "layout": self.layout.to_list(),
                "stride": self.stride,
                "versions": versions(),
                # What stands here if the process is killed; close() says how it really ended.
                "status": Status.INTERRUPTED,
                "reason": "the program ended before the recorder was closed",
            },
        )
        if game is not None and networks is not None:
            store_objective(game, networks, self.path)
        self._began = self._flushed = time.perf_counter()
        # Kept until record 0 is made, which may be after the first update.
        self._start: torch.Tensor | None = flat
        self._start_norms = self._gradient_norms()

    @property
    def path(self) -> Path:
        """Folder of the run."""
        return self._store.path

    def record_start(
        self,
        losses: Mapping[str, Any] | None = None,
        *,
        gradient_norms: Mapping[str, Any] | None = None,
        **series: Any,
    ) -> None:
        """Store record 0, the state at construction, with its losses; the first record makes it without them."""
        if self._start is None:
            raise InputError("Record 0 has been made already: call record_start before the first record.")
        start, self._start = self._start, None
        self._append(start, losses, gradient_norms or self._start_norms, series, silent=True)

    def record(
        self,
        losses: Mapping[str, Any] | None = None,
        *,
        parameters: torch.Tensor | None = None,
        gradient_norms: Mapping[str, Any] | None = None,
        **series: Any,
    ) -> bool:
        """Count one iteration and, at the stride, store the state after it.

        Parameters
        ----------
        losses : mapping of player to number or one-element tensor
            NaN for players left out.
        parameters : tensor, shape (dim,), optional
            Flat vector to store instead of the modules' parameters.
        gradient_norms : mapping of player to number, optional
            By default the norm of the parameters' ``.grad`` as they stand now (NaN where there is none). In a loop
            that back-propagates the generator's loss through the discriminator, the latter's ``.grad`` holds that too.
        **series
            The further numbers named at construction.

        Returns
        -------
        bool
            Whether this iteration was stored.
        """
        self._start_if_needed()
        self.step += 1
        if self.step % self.stride:
            return False
        self._append(parameters, losses, gradient_norms, series)
        return True

    def close(self, status: Status = Status.FINISHED, reason: str = "") -> None:
        """Write what waits and how the run ended; closing twice is harmless."""
        if self._closed:
            return
        self._start_if_needed()
        self._store.flush()
        self._store.set_attributes(status=status, reason=reason or status.sentence, steps=self.step)
        self._store.close()
        self._closed = True

    def note(self, **attributes: Any) -> None:
        """Store further attributes, such as metrics at the end."""
        self._store.set_attributes(**attributes)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif issubclass(kind, KeyboardInterrupt):
            self.close(Status.INTERRUPTED, f"interrupted by the user after step {self.step}")
        else:
            self.close(Status.INTERRUPTED, f"{kind.__name__} after step {self.step}: {error}")

    def _start_if_needed(self) -> None:
        if self._start is not None:
            self.record_start()

    def _append(
        self,
        parameters: torch.Tensor | None,
        losses: Mapping[str, Any] | None,
        norms: Mapping[str, Any] | None,
        series: Mapping[str, Any],
        silent: bool = False,
    ) -> None:
        for name in series:
            if name not in self._series:
                raise unknown("series", name, self._series)
        missing = [name for name in self._series if name not in series]
        if missing and not silent:
            raise InputError(f"The record lacks {', '.join(missing)}: give every series named at construction.")
        flat = self.layout.flatten(self.modules) if parameters is None else parameters.detach()
        found = self._gradient_norms() if norms is None else norms
        own = {n: _number(f"The series {n}", series[n]) if n in series else np.nan for n in self._series}
        self._store.append(
            step=self.step,
            parameters=flat.to(torch.float32 if self._single else torch.float64).cpu().numpy(),
            loss=self._per_player("loss", losses or {}),
            gradient_norm=self._per_player("gradient norm", found),
            seconds=time.perf_counter() - self._began,
            **own,
        )
        if time.perf_counter() - self._flushed > FLUSH_SECONDS:
            self._store.flush()
            self._flushed = time.perf_counter()

    def _storable(self, game: NetworkGame, descent: Method | None, path: str | Path) -> dict[str, list[dict[str, Any]]]:
        if descent is None:
            raise InputError("An objective is stored to be compared, which needs the rate: give lr with game.")
        if game.layout != self.layout:
            raise InputError(
                f"The game's parameters do not fit the networks recorded ({game.dim} against {self.layout.size} "
                "coordinates): make the game of the same generator and discriminator."
            )
        return storable(game, compare_call(path, descent))

    @property
    def _single(self) -> bool:
        return np.dtype(self._store.variables["parameters"].dtype) == np.float32

    def _per_player(self, what: str, values: Any) -> list[float]:
        if not isinstance(values, Mapping):
            raise InputError(
                f"Each {what} needs its player, got {values!r}: write "
                "{'generator': ..., 'discriminator': ...} with one number each."
            )
        for name in values:
            if name not in self.modules:
                raise unknown(f"player in the {what}", name, self.modules)
        return [
            _number(f"The {what} of the {player}", values[player]) if player in values else np.nan
            for player in self.modules
        ]

    def _gradient_norms(self) -> dict[str, float]:
        norms: dict[str, float] = {}
        for player, module in self.modules.items():
            gradients = [p.grad.detach().reshape(-1) for p in module.parameters() if p.grad is not None]
            if gradients:
                norms[player] = float(torch.cat(gradients).double().norm())
        return norms


def _number(name: str, value: Any) -> float:
    try:
        return float(value.detach()) if isinstance(value, torch.Tensor) else float(value)
    except (TypeError, ValueError, RuntimeError):
        shape = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)
        raise InputError(f"{name} must be one number, got {shape}: give a number or a one-element tensor.") from None


def _descent(lr: float | Mapping[str, float] | None, method: str | Method | None) -> Method | None:
    """Return what the loop said that it does, or None if it said nothing."""
    if isinstance(method, Method):
        return method if lr is None else method.with_lr(lr)
    if lr is not None:
        return methods.get(method or "alternating", lr=lr)
    if method is not None:
        raise InputError(f"The method {method} was given without its rate: give lr too.")
    return None
