"""How many CPU threads torch uses while a GAN of this project runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run torch on ``count`` CPU threads, and restore the number afterwards.

    Sums over samples are split among threads, so their last bits depend on the number: one thread makes a run the
    same on every machine of a kind. Small networks also lose little by it, and much to waiting threads when cores
    are shared.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
