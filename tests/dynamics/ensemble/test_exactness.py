"""The same seed gives the same bits, whoever computes which paths in which order."""

from __future__ import annotations

import itertools
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from dynamics.ensemble import merge

#: 600 paths and where they are cut; 256 is a block, 63 and 257 are neither.
CUTS = [(1,), (63,), (256,), (257,), (1, 2, 257), (64, 128, 320, 599), tuple(range(50, 600, 50))]


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(watched, check, threads):
    check.same_bits(watched(threads=1), watched(threads=threads))


@pytest.mark.parametrize("chunk", [1, 2, 31, 77, 256, 300, 10_000])
def test_chunks_change_no_bit(watched, check, chunk):
    check.same_bits(watched(threads=1), watched(threads=2, chunk=chunk))


@pytest.mark.parametrize("paths", [1, 2, 63, 257])
def test_numbers_of_paths_that_fill_no_block(watched, check, paths):
    whole = watched(threads=1)
    few = watched(paths=paths, threads=3)
    check.same_bits(few, watched(paths=paths, chunk=5))
    check.consistent(few)
    np.testing.assert_array_equal(few.final, whole.final[:paths])
    np.testing.assert_array_equal(few.event_times, whole.event_times[:paths])
    np.testing.assert_array_equal(few.status_codes, whole.status_codes[:paths])


@pytest.mark.parametrize("cuts", CUTS)
def test_ranges_merge_to_the_whole(watched, check, cuts):
    edges = (0, *cuts, 600)
    parts = [watched(first=a, paths=b - a, threads=1) for a, b in itertools.pairwise(edges)]
    check.same_bits(watched(), merge(parts))
    # In any order: neighbours first, from behind, or inner ones before outer ones.
    while len(parts) > 1:
        middle = (len(parts) - 1) // 2
        parts[middle : middle + 2] = [merge([parts[middle + 1], parts[middle]])]
    check.same_bits(watched(), parts[0])


def test_large_ensembles_have_the_same_bits_in_few_and_many_pieces(watched, check):
    # 40,000 paths: batches of 512, larger than a block; pieces that cross, hold and split them.
    settings = {"paths": 40_000, "first": 700, "time": 1.0, "histograms": ()}
    whole = watched(threads=1, **settings)
    check.same_bits(whole, watched(threads=3, chunk=997, **settings))
    check.same_bits(whole, watched(threads=1, chunk=40_000, **settings))
    check.consistent(whole)
    assert np.isfinite(whole.covariance_error).all()


def test_a_path_depends_on_its_number_and_the_seed_alone(watched):
    far = 2**53 + 1
    shifted = watched(first=far, paths=40)
    again = watched(first=far - 7, paths=47)
    np.testing.assert_array_equal(shifted.final, again.final[7:])
    assert not np.array_equal(shifted.final, watched(paths=40).final)
    # Negative control: another seed gives other paths.
    assert not np.array_equal(shifted.final, watched(first=far, paths=40, seed=6).final)


def test_starts_of_their_own_belong_to_the_paths(watched, check):
    starts = np.random.default_rng(3).normal(0.5, 0.3, (600, 2))
    whole = watched(start=starts, spread=0.1)
    parts = [watched(start=starts[a:b], spread=0.1, first=a, paths=b - a) for a, b in ((0, 71), (71, 600))]
    check.same_bits(whole, merge(parts))
    check.consistent(whole)


_WORKER = """
import pickle, sys
from dynamics import games
from dynamics.ensemble import Histogram, simulate

game = games.get("dirac-gan", penalty="r1", gamma=0.5)
result = simulate(game, 0.3, first=257, paths=343, dt=0.1, time=2.0, start=[1.0, 1.0], seed=5, threads=2, **SETTINGS)
pickle.dump(result, sys.stdout.buffer)
"""


def test_processes_change_no_bit(watched, check):
    settings = {
        "until": "theta > 1.2", "watch": ["psi < 0"], "maxima": ["theta", "psi**2"], "observe": ["exp(theta)"],
    }  # fmt: skip
    grid = "Histogram({'theta': (-1.0, 2.0, 6), 'psi': (-1.0, 2.0, 5)}, times=(0.0, 1.0, 2.0))"
    script = _WORKER.replace("**SETTINGS", f"**{settings!r}, histograms=[{grid}]")
    # A process of its own, started afresh: nothing is shared but the seed.
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, env=os.environ, check=True)
    check.same_bits(watched(), merge([pickle.loads(answer.stdout), watched(paths=257)]))
