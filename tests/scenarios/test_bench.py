from __future__ import annotations

from importlib.util import find_spec

import pytest

from scenarios import bench


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
    answer("bench", "basins", "--starts", "30")
    assert (given["groups"], given["starts"]) == (["basins"], 30)


@pytest.mark.slow
def test_every_row_can_be_measured():
    rows = bench.measure(starts=200)
    # One more where diffrax is installed.
    assert len(rows) == 10 + (find_spec("diffrax") is not None)
    assert all(row.value > 0 and row.peer > 0 for row in rows)
