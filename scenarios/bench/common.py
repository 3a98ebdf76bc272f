"""What all groups of rows share: the row of the table, and how times are taken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
        What was measured.
    value, peer : float
        Our time and the peer's, in ``unit``.
    unit : str
    floor : float
        Least ratio accepted.
    remark : str
        What the peer is and how the times were taken.
    """

    name: str
    value: float
    peer: float
    unit: str
    floor: float
    remark: str

    @property
    def ratio(self) -> float:
        """The peer's time over ours."""
        return self.peer / self.value

    @property
    def ok(self) -> bool:
        """Whether the ratio reaches its floor."""
        return self.ratio >= self.floor

    def to_dict(self) -> dict[str, Any]:
        """Return the row, JSON-able."""
        return {**asdict(self), "ratio": self.ratio, "ok": self.ok}


def best(function: Callable[[], Any], repeats: int) -> float:
    """Return the least of several times of ``function()``, in seconds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def process(*arguments: str) -> Callable[[], None]:
    """Return a function that runs Python with these arguments to its end."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    return run


def printed(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Return what a fresh Python with these arguments prints."""
    environment = {**os.environ, **(environment or {})}
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment
    ).stdout


def reported(code: str, environment: dict[str, str]) -> float:
    """Return the number that a fresh Python prints."""
    return float(printed("-c", code, environment=environment))
