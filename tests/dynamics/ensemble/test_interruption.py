"""Ctrl-C returns what is finished, and everything that is returned counts the same paths."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest

from dynamics.core.status import Status
from dynamics.ensemble import merge, simulate


class Stop:
    """An ``advance`` that raises KeyboardInterrupt at the call of this number."""

    def __init__(self, call: int) -> None:
        self.left = call

    def __call__(self, done: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def finished_ranges(result: Any) -> list[tuple[int, int]]:
    """Return the ranges (first, behind) of paths that are done."""
    done = np.concatenate([[0], result.status_codes != 4, [0]]).astype(int)
    ends = np.flatnonzero(np.diff(done)).reshape(-1, 2)
    return [(int(a), int(b)) for a, b in ends]


@pytest.mark.parametrize("compiled", [None, False])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("call", [1, 4])
def test_an_interruption_keeps_whole_ranges(watched, check, compiled, threads, call):
    result = watched(chunk=40, threads=threads, advance=Stop(call), compiled=compiled, time=1.0, histograms=())
    check.consistent(result)
    assert result.status is Status.INTERRUPTED and not result.status.ok
    done = int((result.status_codes != 4).sum())
    # At least the ranges that were announced, at most those that were handed out.
    assert 40 * call <= done <= 40 * (call + 2 * threads)
    assert result.notes[-1] == f"{600 - done} of 600 paths were not finished and count nowhere."


@pytest.mark.parametrize("compiled", [None, False])
def test_what_is_kept_has_the_bits_of_a_run_over_it(watched, check, compiled):
    settings = {"chunk": 40, "compiled": compiled, "time": 1.0, "histograms": ()}
    result = watched(threads=1, advance=Stop(3), **settings)
    ((first, behind),) = finished_ranges(result)
    alone = watched(first=first, paths=behind - first, **settings)
    np.testing.assert_array_equal(result.summary.rows, alone.summary.rows)
    np.testing.assert_array_equal(result.final[first:behind], alone.final)
    for one, other in zip(result.events, alone.events, strict=True):
        np.testing.assert_array_equal(one.summary.rows, other.summary.rows)
    assert result.statistics["path_steps"] == alone.statistics["path_steps"]


def test_nothing_finished_is_a_result_too(watched, check, monkeypatch):
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    module = sys.modules["dynamics.ensemble.simulate"]
    with monkeypatch.context() as patch:
        # Interrupted before the first range is there; what runs by then is thrown away.
        patch.setattr(module, "wait", interrupted)
        patch.setattr(module._Gathered, "add", lambda *_: None)
        result = watched()
    check.consistent(result)
    assert result.count.tolist() == [0] * len(result.times)
    assert result.mean.shape == (len(result.times), 3) and np.isnan(result.mean).all()
    assert result.covariance_error.shape == (len(result.times), 3, 3)
    assert np.isnan(result.events[0].mean) and np.isnan(result.events[0].share()[0])
    assert result.to_dataset()["count"].shape == (len(result.times),)


def test_an_interruption_between_any_two_lines_leaves_a_range_added_or_not(watched, check):
    """Raise KeyboardInterrupt at one line after the other of what collects the ranges."""
    whole = watched(chunk=150)
    names = {"add", "_with", "codes", "extended", "_add"}

    def run(line: int) -> tuple[Any, bool]:
        left, fell = line, False

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal left, fell
            code = frame.f_code
            if code.co_name not in names or "ensemble" not in code.co_filename:
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    fell = True
                    raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            return watched(chunk=150, threads=1), fell
        finally:
            sys.settrace(before)

    # Steps of a prime number of lines sample all of them in a few dozen runs.
    for line in itertools.count(1, 23):
        result, fell = run(line)
        if not fell:
            break
        check.consistent(result)
        if (result.status_codes != 4).all():
            check.same_bits(result, whole)
    assert line > 200  # a run without interruption has that many lines at least
    check.same_bits(result, whole)


def test_interrupted_parts_merge(watched, check):
    parts = [watched(paths=300, chunk=40, threads=1, advance=Stop(2)), watched(first=300, paths=300)]
    both = merge(parts)
    check.consistent(both)
    assert both.status is Status.INTERRUPTED
    assert both.count[0] == parts[0].count[0] + 300


_SCRIPT = """
import json, signal, sys
# A shell that runs tests in the background has them ignore the signal, and processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
from dynamics import games
from dynamics.ensemble import simulate

def tell(done):
    print("going", flush=True)

game = games.get("dirac-gan", penalty="r1", gamma=0.5)
result = simulate(
    game, 0.3, paths=20_000_000, dt=0.1, time=2.0, start=[1.0, 1.0], seed=5, until="theta > 1.2", watch=["psi < 0"],
    maxima=["theta", "psi**2"], observe=["exp(theta)"], keep=False, advance=tell, threads=2,
)
counts = result.counts
event = result.events[0]
print(json.dumps({
    "status": result.status.value, "counts": counts, "first": int(result.count[0]), "last": int(result.count[-1]),
    "met": event.count, "open": event.open_paths, "largest": int(result.largest["theta"].total().count[0]),
}))
"""


def test_a_signal_from_outside_returns_what_is_finished():
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "going"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    told = json.loads(output.splitlines()[-1])
    counts = told["counts"]
    done = counts["finished"] + counts["event"]
    assert told["status"] == "interrupted"
    assert 0 < done == told["first"] == told["largest"] and done + counts["interrupted"] == 20_000_000
    assert told["last"] == counts["finished"] == told["open"] and told["met"] == counts["event"]


def test_throw_raises_with_the_result(dirac):
    from dynamics.core.errors import NumericalError

    with pytest.raises(NumericalError, match="interrupted") as caught:
        simulate(
            dirac, 0.3, paths=64, dt=0.1, time=1.0, chunk=8, threads=1, advance=Stop(1), compiled=False, throw=True
        )
    assert caught.value.result.status is Status.INTERRUPTED
