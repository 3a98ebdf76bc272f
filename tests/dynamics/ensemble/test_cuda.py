"""Ensembles on graphics cards: Numba's simulator everywhere, and a card where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.core.status import Status
from dynamics.ensemble import cuda, simulate
from dynamics.ensemble.cuda import DeviceLoop
from dynamics.ensemble.noise import Isotropic
from dynamics.ensemble.plan import make_plan
from dynamics.ensemble.result import CODES
from dynamics.ensemble.schemes import read_scheme
from dynamics.ensemble.sde import SDE

#: Cases of the default run, and the further ones of the slow run: the simulator takes seconds for each.
CASES = ("milstein", "runge-kutta", "exits", "lost", "adam")
FURTHER = ("additive", "weak", "undefined", "exact")
WHERE = ("simulator", "card") if shutil.which("nvidia-smi") else ("simulator",)
# What a card may add: its library's functions are not used, and nothing is contracted, so that differences would come
# from an operation that is not rounded as IEEE 754 says. At most 10 steps of at most 50 operations, each off by one
# unit (2.2e-16) of numbers up to 10 in size, amplified by at most e^1 in the time of 1: 3e-12.
TOLERANCE = 3e-12


def outcome(target: Path, where: str, rounding: str, *names: str) -> dict[str, np.ndarray]:
    """Return what the cases give on the processor and on a card, by ``case/device/array``."""
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_ENABLE_CUDASIM"}
    if where == "simulator":
        environment["NUMBA_ENABLE_CUDASIM"] = "1"
    program = Path(__file__).with_name("card_cases.py")
    run = subprocess.run(
        [sys.executable, str(program), str(target), rounding, *names], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    with np.load(target) as file:
        return dict(file)


@pytest.fixture(scope="module", params=WHERE)
def found(request, tmp_path_factory):
    return request.param, outcome(
        tmp_path_factory.mktemp("card") / "cases.npz", request.param, "once", *CASES, "interrupted"
    )


@pytest.fixture(scope="module", params=WHERE)
def further(request, tmp_path_factory):
    return request.param, outcome(tmp_path_factory.mktemp("card") / "cases.npz", request.param, "once", *FURTHER)


def pairs(arrays: dict[str, np.ndarray], case: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the arrays of a case on the card and on the processor."""
    keys = [name.split("/")[2] for name in arrays if name.startswith(f"{case}/cuda/")]
    return {key: (arrays[f"{case}/cuda/{key}"], arrays[f"{case}/cpu/{key}"]) for key in keys}


def rounded(card: np.ndarray, processor: np.ndarray) -> bool:
    return np.allclose(card, processor, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


@pytest.mark.parametrize("case", CASES)
def test_cards_give_what_processors_give(found, case) -> None:
    check_equal(*found, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", FURTHER)
def test_cards_give_what_processors_give_in_further_cases(further, case) -> None:
    check_equal(*further, case)
    if case == "undefined":
        ways = set(further[1]["undefined/cpu/status"].tolist())
        assert {CODES[code].value for code in ways} == {"finished", "non-finite"}


def check_equal(where: str, arrays: dict[str, np.ndarray], case: str) -> None:
    together = pairs(arrays, case)
    assert {"status", "count", "final", "moments"} <= set(together)
    for key, (card, processor) in together.items():
        if where == "simulator" or card.dtype.kind in "iu":
            # The simulator executes the very operations of the processor.
            np.testing.assert_array_equal(card, processor, err_msg=key)
        else:
            assert rounded(card, processor), key


def test_cases_end_in_every_way_and_meet_conditions_in_different_launches(found) -> None:
    arrays = found[1]
    ways = {case: set(arrays[f"{case}/cpu/status"].tolist()) for case in CASES}
    names = {case: {CODES[code].value for code in codes} for case, codes in ways.items()}
    assert names["exits"] == {"finished", "event"}
    assert names["lost"] == {"finished", "diverged", "event"}
    # 100 path-steps of 45 paths are launches of two steps, 0.2 in time.
    times = arrays["exits/cuda/times 0"]
    assert len(set((times[np.isfinite(times)] // 0.2).tolist())) == 3
    # Some start where a condition holds.
    assert (arrays["exits/cuda/times 3"] == 0.0).any()
    assert arrays["exits/cuda/open 2"] > 0


def test_an_interrupted_run_keeps_what_is_finished(found) -> None:
    arrays = found[1]
    status, whole = arrays["interrupted/cuda/status"], arrays["milstein/cpu/final"]
    done = status == CODES.index(Status.FINISHED)
    assert set(status.tolist()) == {CODES.index(Status.FINISHED), CODES.index(Status.INTERRUPTED)}
    np.testing.assert_allclose(arrays["interrupted/cuda/final"][done], whole[done], rtol=TOLERANCE)
    assert arrays["interrupted/cuda/count"].tolist() == [done.sum()] * 4


def test_an_operation_that_rounds_twice_is_seen_and_stays_within_the_tolerance(tmp_path) -> None:
    # The control of the test for equal bits: normal numbers of the bare simulator are off in their last bits.
    together = pairs(outcome(tmp_path / "cases.npz", "simulator", "twice", "milstein"), "milstein")
    card, processor = together["final"]
    assert not np.array_equal(card, processor)
    assert all(rounded(*both) for both in together.values())


def test_numba_cuda_is_imported_for_a_card_only() -> None:
    program = (
        "import sys; from dynamics import games; from dynamics.ensemble import simulate; "
        "simulate(games.get('double-well'), 0.1, paths=4, dt=0.1, time=0.2); print('numba.cuda' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr


RUN = {"paths": 4, "dt": 0.1, "time": 0.2}


def test_without_a_card_the_remedies_are_named(monkeypatch) -> None:
    monkeypatch.setattr("numba.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match=r"no NVIDIA graphics card.*NUMBA_ENABLE_CUDASIM=1"):
        simulate(games.get("double-well"), 0.1, device="cuda", **RUN)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"device": "gpu"}, "Unknown device 'gpu'.*cpu, cuda"),
        ({"device": "cuda", "threads": 2}, "threads = 2 has no effect"),
        ({"device": "cuda", "compiled": False}, "take device 'cpu'"),
    ],
)
def test_what_a_card_cannot_do_is_refused(given, said) -> None:
    with pytest.raises(InputError, match=said):
        simulate(games.get("double-well"), 0.1, **RUN, **given)


def loop_of(monkeypatch, observe=(), **settings) -> DeviceLoop:
    monkeypatch.setattr("numba.cuda.is_available", lambda: True)
    sde = SDE(games.get("double-well"), Isotropic(0.1))
    return DeviceLoop(make_plan(sde, read_scheme("euler-maruyama"), observe=observe, paths=10**7, **settings))


def test_paths_go_to_the_card_in_portions_that_leave_memory(monkeypatch) -> None:
    few = loop_of(monkeypatch, dt=0.1, time=10.0)
    many = loop_of(monkeypatch, dt=0.001, time=10.0, records=10_001)
    assert few.chunk() == cuda.PATHS
    # A node of 10,001 records, each a count, a mean and a variance, for every 256 paths: 938 bytes a path. Number,
    # status, state and last state of a path are 32 more.
    assert many.chunk() == 2**18 and many.chunk() * (938 + 32) <= cuda.MEMORY < 2 * many.chunk() * (938 + 32)


def test_blocks_shrink_until_their_rows_fit_into_shared_memory(monkeypatch) -> None:
    assert loop_of(monkeypatch, dt=0.1, time=1.0).threads == 256
    wide = loop_of(monkeypatch, observe=[f"x**{k}" for k in range(2, 11)], dt=0.1, time=1.0)
    # Ten quantities: rows of 1 + 10 + 55 numbers of 8 bytes.
    assert wide.threads == 64 and 64 * 66 * 8 <= 48 * 1024 < 128 * 66 * 8
    with pytest.raises(InputError, match="covariances of 120 quantities"):
        loop_of(monkeypatch, observe=[f"x + {k}" for k in range(1, 120)], dt=0.1, time=1.0)
