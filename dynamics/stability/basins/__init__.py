"""Basins of attraction of flows and of training algorithms."""

from __future__ import annotations

from dynamics.stability.basins.attractors import Attractor
from dynamics.stability.basins.find import find_basins
from dynamics.stability.basins.result import DIVERGED, LEAVING, UNDECIDED, Basins

__all__ = ["DIVERGED", "LEAVING", "UNDECIDED", "Attractor", "Basins", "find_basins"]
