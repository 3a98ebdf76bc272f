"""The dialect of graphics cards, executed by Python."""

from __future__ import annotations

import ast
import math
from types import SimpleNamespace

from dynamics import games
from dynamics.ensemble.compiled import make_parts
from dynamics.ensemble.kernel import cuda
from dynamics.ensemble.noise import Isotropic
from dynamics.ensemble.plan import make_plan
from dynamics.ensemble.schemes import read_scheme
from dynamics.ensemble.sde import SDE
from dynamics.games.codegen.device import DEVICE, unfused


def products(source: str) -> list[str]:
    """Return the products outside of indices and of calls that make integers."""

    class Found(ast.NodeVisitor):
        def __init__(self) -> None:
            self.texts: list[str] = []

        def visit_Subscript(self, node: ast.Subscript) -> None:
            pass

        def visit_Call(self, node: ast.Call) -> None:
            if ast.unparse(node.func) not in ("np.uint64", "range", "int"):
                self.generic_visit(node)

        def visit_BinOp(self, node: ast.BinOp) -> None:
            text = ast.unparse(node)
            if isinstance(node.op, ast.Mult) and not text.startswith("np.uint64(") and " * np.uint64(" not in text:
                self.texts.append(text)
            self.generic_visit(node)

    found = Found()
    found.visit(ast.parse(source))
    return found.texts


def test_products_become_fused_operations_and_keep_their_values() -> None:
    source = "def f(a, b, c, x, k):\n    return -a * b * x[2 * k] + c * (a - b * 0.5)"
    fake = SimpleNamespace(fma=lambda a, b, c: a * b + c)
    space, changed = {"cuda": fake}, {"cuda": fake}
    exec(source, space)
    exec(unfused(source), changed)
    arguments = 0.1, 0.7, -1.3, [0.0, 0.0, 0.0, 0.0, 3.1], 2
    assert changed["f"](*arguments) == space["f"](*arguments)
    assert len(products(source)) == 4 and not products(unfused(source))


def test_words_of_random_numbers_stay_integers() -> None:
    text = "draw = np.uint64(k * 3) * np.uint64(65536) + np.uint64(c * 2)\nother = step * np.uint64(5)"
    assert unfused(text) == text


def test_no_product_is_left_in_a_kernel_that_a_compiler_could_contract() -> None:
    sde = SDE(games.get("dirac-gan", instance_noise=0.5), Isotropic(0.3, schedule="exponential:half_life=1"))
    plan = make_plan(
        sde, read_scheme("stochastic-runge-kutta"), paths=10, dt=0.1, time=1.0, until="abs(theta) > 1",
        maxima=["psi"], brownian_dt=0.05,
    )  # fmt: skip
    source = cuda.source(make_parts(plan), 256)
    functions = {node.name: ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    for name in ("combine", "values_at", "maxima_at", "slopes_at", "crossing", "placed", "meet", "draw", "run"):
        assert not products(functions[name]), name
    assert products(functions["log_sum"])


def test_largest_and_smallest_keep_nan_where_processors_do() -> None:
    begin = DEVICE.prelude.index("@njit(**INNER)\ndef max(")
    space = {"njit": lambda **settings: lambda function: function, "INNER": {}}
    exec(DEVICE.prelude[begin : DEVICE.prelude.index("def step(")].rpartition("@njit")[0], space)
    for name, python in (("max", max), ("min", min)):
        made = space[name]
        assert math.isnan(made(math.nan, 0.0)) and math.isnan(python(math.nan, 0.0))
        assert made(0.0, math.nan) == python(0.0, math.nan) == 0.0
        assert [made(a, b) for a, b in ((1.0, 2.0), (2.0, 1.0))] == [python(1.0, 2.0)] * 2
