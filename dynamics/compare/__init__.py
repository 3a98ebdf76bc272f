"""Recorded trajectories of real GANs beside their idealisations.

===========  ======================================================================================================
compare_run  compares a recorded run with the gradient flow of its objective, and fits the order of the distance
Comparison   what it returns: distances over time at every rate, orders, and whether the run is what it is said to be
===========  ======================================================================================================

>>> from dynamics.compare import compare_run
>>> compare_run("runs/digits").orders  # doctest: +SKIP
{'alternating': 1.01}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynamics.compare.comparison import Comparison
    from dynamics.compare.run import compare_run

__all__ = ["Comparison", "compare_run"]


def __getattr__(name: str) -> Any:
    """Import on first use: torch takes a second."""
    homes = {"Comparison": "comparison", "compare_run": "run"}
    if name in homes:
        import importlib

        return getattr(importlib.import_module(f"dynamics.compare.{homes[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what is imported on first use too, for help() and completion."""
    return sorted({*globals(), *__all__})
