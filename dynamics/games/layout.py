"""The flat parameter vector of torch modules: one order, one set of names, for games, recorders and stored runs."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from dynamics.core.errors import InputError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Block:
    """One parameter tensor inside the flat vector: ``player.name`` of a shape, starting at an offset."""

    player: str
    name: str
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """Number of coordinates, 1 for a number without axes."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class ParameterLayout:
    """How the trainable parameters of several modules lie in one vector, player after player.

    Within a player the order is that of ``module.named_parameters()``, each tensor in row-major order. Parameters
    with ``requires_grad=False`` are constants of the game, not coordinates.

    Attributes
    ----------
    blocks : tuple of Block
        In vector order.
    """

    blocks: tuple[Block, ...]
    players: Mapping[str, slice] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        players: dict[str, slice] = {}
        end = 0
        for block in self.blocks:
            start = players[block.player].start if block.player in players else end
            end = block.offset + block.size
            players[block.player] = slice(start, end)
        object.__setattr__(self, "players", players)
        object.__setattr__(self, "size", end)

    @classmethod
    def of(cls, modules: Mapping[str, torch.nn.Module]) -> ParameterLayout:
        """Return the layout of modules given as ``{player: module}``, or refuse one without trainable parameters."""
        blocks: list[Block] = []
        offset = 0
        for player, module in modules.items():
            before = len(blocks)
            for name, parameter in module.named_parameters():
                if parameter.requires_grad:
                    blocks.append(Block(player, name, tuple(parameter.shape), offset))
                    offset += blocks[-1].size
            if len(blocks) == before:
                raise InputError(f"The {player} has no trainable parameter: give a module with at least one.")
        return cls(tuple(blocks))

    @property
    def names(self) -> ParameterNames:
        """Coordinate names such as ``generator.0.weight[3]``, made on demand."""
        return ParameterNames(self)

    def blocks_of(self, player: str) -> tuple[Block, ...]:
        """Return the blocks of one player."""
        return tuple(block for block in self.blocks if block.player == player)

    def unflatten(self, player: str, part: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return ``{parameter name: tensor}`` from one player's part of the vector, differentiable."""
        start = self.players[player].start
        return {
            block.name: part[block.offset - start : block.offset - start + block.size].reshape(block.shape)
            for block in self.blocks_of(player)
        }

    def flatten(self, modules: Mapping[str, torch.nn.Module]) -> torch.Tensor:
        """Return the current parameters of the modules as one detached copy, shape (size,)."""
        import torch

        tensors = {(player, name): p for player, m in modules.items() for name, p in m.named_parameters()}
        return torch.cat([tensors[block.player, block.name].detach().reshape(-1) for block in self.blocks])

    def load(self, modules: Mapping[str, torch.nn.Module], y: torch.Tensor) -> None:
        """Write a flat vector of shape (size,) into the modules' parameters, in place."""
        import torch

        if tuple(y.shape) != (self.size,):
            raise InputError(f"The parameter vector has shape {tuple(y.shape)}, expected ({self.size},).")
        with torch.no_grad():
            for player, part in self.players.items():
                values = self.unflatten(player, y[part])
                for name, parameter in modules[player].named_parameters():
                    if name in values:
                        parameter.copy_(values[name])

    def to_list(self) -> list[dict[str, Any]]:
        """Return the layout as JSON-able rows of player, name and shape."""
        return [{"player": b.player, "name": b.name, "shape": list(b.shape)} for b in self.blocks]

    @classmethod
    def from_list(cls, rows: Sequence[Mapping[str, Any]]) -> ParameterLayout:
        """Return the layout written by :meth:`to_list`."""
        blocks: list[Block] = []
        offset = 0
        for row in rows:
            blocks.append(Block(row["player"], row["name"], tuple(int(n) for n in row["shape"]), offset))
            offset += blocks[-1].size
        return cls(tuple(blocks))


class ParameterNames(Sequence[str]):
    """Names of all coordinates without storing them: a network has many, few are ever printed."""

    def __init__(self, layout: ParameterLayout) -> None:
        self._layout = layout
        self._offsets = [block.offset for block in layout.blocks]

    def __len__(self) -> int:
        return self._layout.size

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"coordinate {index} of {len(self)}")
        block = self._layout.blocks[bisect.bisect_right(self._offsets, position) - 1]
        label = f"{block.player}.{block.name}"
        return f"{label}[{position - block.offset}]" if block.shape else label

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ParameterNames):
            return self._layout == other._layout
        return (
            isinstance(other, Sequence)
            and len(other) == len(self)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    def __hash__(self) -> int:
        return hash(self._layout.blocks)

    def __repr__(self) -> str:
        return f"<{len(self)} coordinates, {self[0]} .. {self[-1]}>" if len(self) else "<no coordinates>"
