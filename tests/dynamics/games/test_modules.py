"""Generated modules are loaded once, whoever asks first."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from dynamics.games.codegen import load_module


def test_threads_that_ask_for_one_module_all_get_the_executed_one():
    # The module takes a tenth of a second to execute; the other threads ask for it meanwhile.
    source = "import time\ntime.sleep(0.1)\n\n\ndef function():\n    return 7\n"
    gate = threading.Barrier(4)

    def ask() -> int:
        gate.wait()
        return load_module(source, "race").function()

    with ThreadPoolExecutor(4) as pool:
        assert [future.result() for future in [pool.submit(ask) for _ in range(4)]] == [7] * 4


def test_compiled_callbacks_are_read_back_from_the_cache():
    source = 'from numba import cfunc\n\n\n@cfunc("float64(float64)", cache=True)\ndef twice(x):\n    return 2.0 * x\n'
    for _ in range(2):
        module = load_module(source, "callback")
        assert module.twice.ctypes(1.5) == 3.0
        # As in a second process, which finds the compiled function in the cache.
        del sys.modules[module.__name__]


def test_a_module_that_fails_to_execute_does_not_count_as_loaded():
    source = "function = 1\nraise ArithmeticError\n"
    for _ in range(2):
        try:
            load_module(source, "broken")
        except ArithmeticError:
            continue
        raise AssertionError("the second call returned the module that had failed")
