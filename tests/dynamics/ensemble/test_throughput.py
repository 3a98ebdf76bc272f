"""What the throughput of an ensemble counts."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from dynamics import games
from dynamics.ensemble import simulate, tree
from dynamics.ensemble.compiled import Loop

compiled = []


def known():
    functions = [value for value in vars(tree).values() if hasattr(value, "signatures")]
    return sum(len(function.signatures) for function in functions)


class Watched(Loop):
    def compile(self):
        super().compile()
        compiled.append(known())


simulate.__globals__["Loop"] = Watched
run = simulate(games.get("double-well"), 0.5, paths=300, dt=0.1, time=1.0, until="x > 0.5", maxima=["x"], chunk=64)
print(compiled == [known()], run.events[0].count > 0)
"""


def test_nothing_is_compiled_while_the_paths_run() -> None:
    # A process of its own: here, other tests have compiled everything before.
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert run.stdout.split() == ["True", "True"], run.stderr
