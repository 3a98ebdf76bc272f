"""The objective of a recorded loop, kept beside its record so that the run can be compared without the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dynamics.core.errors import InputError
from dynamics.core.storage import read_dataset, write_dataset
from dynamics.games.layout import ParameterLayout
from dynamics.games.network import PLAYERS, NetworkGame
from dynamics.gan.networks import ACTIVATIONS

#: Folder of the objective inside a run's.
FOLDER = "objective"
#: Settings of a :class:`NetworkGame` that are numbers or text.
SETTINGS = (
    *("loss", "a", "b", "c", "penalty", "gamma", "target", "clip", "instance_noise", "batch", "fresh_latents"),
    *("seed", "path", "name"),
)


def describe_network(module: nn.Module) -> list[dict[str, Any]] | str:
    """Return the layers of a perceptron as :func:`build_network` reads them, or what about it cannot be stored.

    Perceptrons are those of :func:`dynamics.gan.networks.mlp`: ``nn.Sequential`` of linear layers and of the
    activations known there, every parameter trainable.
    """
    if type(module) is not nn.Sequential:
        return f"a {type(module).__name__}"
    rows: list[dict[str, Any]] = []
    for layer in module:
        name = next((name for name, kind in ACTIVATIONS.items() if type(layer) is kind), None)
        if type(layer) is nn.Linear:
            sizes = {"inputs": layer.in_features, "outputs": layer.out_features}
            rows.append({"layer": "linear", **sizes, "bias": layer.bias is not None})
        elif name is not None and repr(layer) == repr(ACTIVATIONS[name]()):
            rows.append({"layer": name})
        else:
            return f"the layer {layer}"
    if not all(parameter.requires_grad for parameter in module.parameters()):
        return "a frozen parameter"
    return rows


def build_network(rows: list[dict[str, Any]]) -> nn.Sequential:
    """Return the network that :func:`describe_network` described, in float64, its parameters not yet set."""
    return nn.Sequential(
        *(
            nn.Linear(row["inputs"], row["outputs"], bias=row["bias"], dtype=torch.float64)
            if row["layer"] == "linear"
            else ACTIVATIONS[row["layer"]]()
            for row in rows
        )
    )


def storable(game: NetworkGame, call: str) -> dict[str, list[dict[str, Any]]]:
    """Return the networks of a game as layers.

    Parameters
    ----------
    game : NetworkGame
    call : str
        Python that compares the run without a stored objective, for the error text.

    Raises
    ------
    InputError
        If a network is no perceptron of :mod:`dynamics.gan.networks`.
    """
    described: dict[str, list[dict[str, Any]]] = {}
    for player, module in game.modules(game.start).items():
        rows = describe_network(module)
        if isinstance(rows, str):
            raise InputError(
                f"The {player} holds {rows}, which a record cannot store (it stores nn.Sequential of nn.Linear and "
                f"{', '.join(ACTIVATIONS)}): leave game out of the Recorder and compare with `{call}`."
            )
        described[player] = rows
    return described


def store_objective(game: NetworkGame, networks: dict[str, list[dict[str, Any]]], run: Path) -> None:
    """Write a game with the networks of :func:`storable` into the folder of a run."""
    import xarray as xr

    source = game.source
    arrays = {"real": source.real, "latents": source.latents}
    arrays |= {"real_weights": source.real_weights, "latent_weights": source.latent_weights}
    variables: dict[str, Any] = {"start": (("coordinate",), game.start)}
    for name, tensor in arrays.items():
        if tensor is not None:
            dims = [f"{name.split('_')[0].removesuffix('s')}_{axis}" for axis in range(tensor.ndim)]
            variables[name] = (dims, tensor.detach().cpu().numpy())
    description = game.describe()
    attributes = {
        "settings": {key: description[key] for key in SETTINGS},
        "timescales": dict(game.timescales),
        "dtype": description["dtype"],
        "networks": networks,
    }
    write_dataset(xr.Dataset(variables, attrs=attributes), run / FOLDER)


def load_objective(run: Path) -> NetworkGame | None:
    """Return the game stored in the folder of a run, or None where there is none."""
    if not (run / FOLDER).is_dir():
        return None
    stored = read_dataset(run / FOLDER)
    generator, discriminator = (build_network(stored.attrs["networks"][player]) for player in PLAYERS)
    modules = {"generator": generator, "discriminator": discriminator}
    ParameterLayout.of(modules).load(modules, torch.from_numpy(np.array(stored["start"].values)))
    weights = {name: stored[name].values for name in ("real_weights", "latent_weights") if name in stored}
    return NetworkGame(
        generator,
        discriminator,
        real=stored["real"].values,
        latents=stored["latents"].values,
        **weights,
        **stored.attrs["settings"],
        timescales=stored.attrs["timescales"],
        dtype=getattr(torch, stored.attrs["dtype"]),
    )
