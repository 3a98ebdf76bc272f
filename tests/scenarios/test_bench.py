from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from math import exp

import numpy as np
import pytest

from dynamics.core.errors import NumericalError
from scenarios import bench
from scenarios.bench.peers import c_program, numba_loop
from scenarios.bench.peers.sample import Sample, check_agreement


def test_a_row_is_ok_when_its_ratio_reaches_the_floor():
    row = bench.Row("name", value=2.0, peer=3.0, unit="s", floor=1.5, remark="peer")
    assert (row.ratio, row.ok) == (1.5, True)
    assert not bench.Row("name", value=2.0, peer=2.9, unit="s", floor=1.5, remark="peer").ok
    assert {"name", "value", "unit", "ratio", "floor", "ok"} <= set(row.to_dict())


def test_bench_answers_with_rows(answer, monkeypatch):
    monkeypatch.setattr(bench, "measure", lambda **given: [bench.Row("a", 1.0, 2.0, "s", 1.0, "peer")])
    (row,) = answer("bench")["result"]["rows"]
    assert row["ratio"] == 2


def test_a_ratio_below_its_floor_is_a_no(gandyn, monkeypatch):
    monkeypatch.setattr(bench, "measure", lambda **given: [bench.Row("a", 2.0, 1.0, "s", 1.0, "peer")])
    assert gandyn("bench").exit_code == 1


def test_groups_keep_the_order_of_the_table():
    assert bench.select(None) == list(bench.GROUPS)
    assert bench.select(["training", "start-up"]) == ["start-up", "training"]


def test_bench_measures_the_groups_that_are_named(answer, monkeypatch):
    given = {}
    monkeypatch.setattr(bench, "measure", lambda **arguments: given.update(arguments) or [])
    answer("bench", "basins", "ensemble", "--starts", "30", "--paths", "2000")
    assert (given["groups"], given["starts"], given["paths"]) == (["basins", "ensemble"], 30, 2000)


def test_moments_that_are_printed_are_read_back():
    states = np.random.default_rng(0).normal(size=(1000, 2))
    sample = Sample.of(states, 1.5)
    again = Sample.parsed(sample.printed(states))
    for name in ("seconds", "mean", "variance", "mean_error", "variance_error"):
        np.testing.assert_array_equal(getattr(again, name), getattr(sample, name))


def one_step(sigma: float) -> Sample:
    """Return the exact moments of one step of length 1 from (1, 1)."""
    s = 1 / (1 + exp(-1))
    return Sample(0.0, np.array([1 + s, 1 - s]), np.full(2, sigma**2), np.zeros(2), np.zeros(2))


def check_one_step(name: str, sample: Sample, paths: int) -> None:
    """One step of length 1 is normal. False alarm: six numbers beyond 5 standard errors, 3e-6."""
    check_agreement(name, sample, one_step(0.3))
    # The standard error of a variance holds the fourth moment; that of m4 / v^2 is sqrt(24 / n) (Fisher 1930).
    kurtosis = paths * (sample.variance_error / sample.variance) ** 2 + 1
    np.testing.assert_allclose(kurtosis, 3, atol=5 * np.sqrt(24 / paths))
    # The variance is known to 0.1 %: noise 1 % too strong is 14 standard errors away.
    with pytest.raises(NumericalError, match=f"'{name}' has the variance"):
        check_agreement(name, sample, one_step(0.303))


def test_one_step_of_the_plain_loop_is_normal():
    paths = 1_000_000
    check_one_step("Numba", numba_loop.sample(paths, 1, 1.0, 0.3, repeats=1), paths)


def test_one_step_of_the_c_program_is_normal(tmp_path):
    program = c_program.build(tmp_path)
    if program is None:
        assert sys.platform != "linux" or not (shutil.which("cc") or shutil.which("gcc"))
        return
    paths = 1_000_000
    for threads in (1, 2):
        check_one_step("C", c_program.sample(program, paths, 1, 1.0, 0.3, threads, repeats=1), paths)


def test_threads_of_the_c_program_draw_different_numbers(tmp_path):
    program = c_program.build(tmp_path)
    if program is None:
        return
    # Were the numbers of both threads the same, so were the two halves of the paths.
    one = c_program.sample(program, 1000, 1, 1.0, 0.3, threads=1, repeats=1)
    two = c_program.sample(program, 2000, 1, 1.0, 0.3, threads=2, repeats=1)
    assert (np.abs(one.mean - two.mean) > 1e-9).all()


@pytest.mark.slow
def test_every_row_can_be_measured():
    import numba

    paths = 2000
    rows = bench.measure(starts=200, paths=paths)
    names = [row.name for row in rows]
    cores = numba.get_num_threads() > 1
    # Where they are: two or three of diffrax, and one each of torchsde, the C program and two threads.
    peers = ("against diffrax", "against torchsde", "against scalar C", "two threads against one")
    found = [sum(peer in name for name in names) for peer in peers]
    assert found[:2] == [(2 + cores) * (find_spec("diffrax") is not None), find_spec("torchsde") is not None]
    assert found[3] == cores
    assert len(rows) == 10 + 3 + sum(found)
    assert sum(f"{10 * paths:,} paths" in name for name in names) == 1
    assert all(row.value > 0 and row.peer > 0 for row in rows)
