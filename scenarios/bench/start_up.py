"""How long commands take to answer."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.bench.common import Row, best, process


def rows() -> Iterator[Row]:
    """Measure the first words of the command line, and a verb in its second process."""
    command = ("-c", "from scenarios.cli import main; main()")
    bare = best(process("-c", "pass"), 7)
    # 0.4 s is promised; a bare interpreter takes 10 ms or more.
    yield Row(
        "gandyn --help", best(process(*command, "--help"), 5), bare, "s", 1 / 40, "peer: python -c pass; best of 5"
    )
    stability = process(*command, "stability", "dirac-gan", "--json")
    stability()  # compiled code is stored now
    imports = best(process("-c", "import numpy, scipy.integrate, scipy.optimize, sympy, numba"), 3)
    yield Row(
        "gandyn stability dirac-gan, second process", best(stability, 3), imports, "s", 0.25,
        "peer: python importing numpy, scipy, sympy and numba; best of 3",
    )  # fmt: skip
