"""A loop that is called for one stretch of steps after the other, on any paths in any order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import methods
from dynamics.ensemble import SDE, Isotropic
from dynamics.ensemble.compiled import Loop, blocks_of, blocks_of_rows, cells_of, ids_of
from dynamics.ensemble.kernel import DIVERGED, FINISHED, LANES, MISSING, STOPPED, UNFINISHED, WIDTH
from dynamics.ensemble.plan import make_plan
from dynamics.ensemble.readable import ReadableLoop
from dynamics.ensemble.schemes import read_scheme

STEPS = 20


@pytest.fixture(scope="module", params=["conditions", "memory"])
def plan(request, dirac) -> Any:
    """The plan of the shared run, or of Adam with a watched condition, kernels that other tests take too."""
    shared = {"paths": 300, "dt": 0.1, "time": 2.0, "start": [1.0, 1.0], "seed": 5}
    if request.param == "memory":
        return make_plan(
            SDE(dirac, Isotropic(0.3)), read_scheme(methods.get("adam", lr=0.1)), watch="theta < 0", **shared
        )
    further = {"until": "theta > 1.2", "watch": "psi < 0", "maxima": ["theta", "psi**2"], "observe": "exp(theta)"}
    return make_plan(SDE(dirac, Isotropic(0.3)), read_scheme("euler-maruyama"), **shared, **further)


@pytest.mark.parametrize("kind", [Loop, ReadableLoop])
def test_two_stretches_end_where_one_does(plan, kind):
    loop = kind(plan)
    ids, blocks = ids_of(0, 300), blocks_of(0, 300)
    whole = loop(ids, blocks, columns=loop.columns(0, STEPS))
    early = loop(ids, blocks, columns=loop.columns(0, 7), end=7, nodes=False, records=np.array([7]))
    left = np.flatnonzero(early.status == FINISHED)
    late = loop(
        ids[left], blocks_of_rows(len(left)), columns=loop.columns(7, STEPS), state=early.state[left], begin=7,
        nodes=False, records=np.array([7, STEPS]), trail=True,
    )  # fmt: skip
    np.testing.assert_array_equal(late.final, whole.final[left])
    np.testing.assert_array_equal(late.status, whole.status[left])
    np.testing.assert_array_equal(late.trail[:, 0], early.final[left])
    stays = late.status == FINISHED
    np.testing.assert_array_equal(late.trail[stays, 1], late.final[stays])
    assert np.isnan(late.trail[~stays, 1]).all()
    gone = early.status == STOPPED
    np.testing.assert_array_equal(early.final[gone], whole.final[gone])


def test_any_paths_in_any_order_are_the_same_paths(plan):
    loop = Loop(plan)
    columns = loop.columns(0, STEPS)
    whole = loop(ids_of(0, 300), blocks_of(0, 300), columns=columns)
    some = np.random.default_rng(0).permutation(300)[:77]
    few = loop(ids_of(0, 300)[some], blocks_of_rows(77), columns=columns, nodes=False)
    np.testing.assert_array_equal(few.final, whole.final[some])
    np.testing.assert_array_equal(few.events, whole.events[some])
    np.testing.assert_array_equal(few.largest, whole.largest[some])


@pytest.mark.parametrize("kind", [Loop, ReadableLoop])
def test_a_halted_loop_leaves_nothing(plan, kind):
    loop = kind(plan)
    piece = loop(ids_of(0, 300), blocks_of(0, 300), columns=loop.columns(0, STEPS), halt=np.ones(1, dtype=np.int8))
    assert (piece.status == UNFINISHED).all() and piece.nodes == [] and not piece.counts.any()
    assert np.isnan(piece.final).all() and np.isnan(piece.events).all() and np.isnan(piece.largest).all()
    for values in (piece.events[:, 0], piece.largest):
        assert values.shape[1] == 0 or piece.reduced(values, blocks_of(0, 300)) == []


def test_blocks_are_lanes_of_paths_and_codes_are_told_apart(plan):
    assert WIDTH % LANES == 0 and len({FINISHED, DIVERGED, MISSING, STOPPED, UNFINISHED}) == 5
    blocks = blocks_of(100, 900)
    assert blocks[0].tolist() == [0, 4] and blocks[:, 1].max() == 256 and blocks[:, 1].sum() == 800
    assert blocks_of(0, 256, 3)[:, 1].tolist() == [8] * 32
    assert blocks_of_rows(600).tolist() == [[0, 256], [256, 256], [512, 88]]
    assert blocks_of_rows(0).shape == (0, 2)
    assert cells_of(plan).empty.shape == (0, 0)
