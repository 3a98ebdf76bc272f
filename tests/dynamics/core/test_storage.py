from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from dynamics.core.appending import AppendingStore, Series
from dynamics.core.attributes import decode_attributes, encode_attributes
from dynamics.core.errors import InputError
from dynamics.core.results import Trajectory
from dynamics.core.status import Status
from dynamics.core.storage import read_dataset, write_dataset

NESTED = {"game": {"name": "dirac-gan", "parameters": {"gamma": 0.3}, "list": [1, [2, None]]}, "seed": 7, "ok": True}


def example() -> xr.Dataset:
    return xr.Dataset(
        {
            "state": (("time", "coordinate"), np.array([[0.0, 1.5], [np.nan, -np.inf]]), {"unit": {"of": "y"}}),
            "count": (("time",), np.array([0, 3], dtype=np.int32)),
            "status": ((), np.array("finished")),
            "kept": (("time",), np.array([True, False])),
            "eigenvalue": (("time",), np.array([0j, 1 - 2j])),
        },
        coords={"time": [0.0, 0.1], "coordinate": ["theta", "psi"]},
        attrs=NESTED,
    )


def test_a_dataset_survives_the_round_trip_bit_for_bit(tmp_path: Path) -> None:
    path = write_dataset(example(), tmp_path / "deep" / "run.zarr")
    read = read_dataset(path)
    xr.testing.assert_identical(read, example())
    assert {name: read[name].dtype for name in read.variables} == {
        name: example()[name].dtype for name in example().variables
    }
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["run.zarr"]


def test_lazy_reading_gives_the_same_values(tmp_path: Path) -> None:
    path = write_dataset(example(), tmp_path / "run.zarr")
    xr.testing.assert_identical(read_dataset(path, lazy=True).load(), example())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.complex_numbers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_attributes_survive_strict_json(attributes: dict[str, object]) -> None:
    text = json.dumps(encode_attributes(attributes), allow_nan=False)
    # repr compares NaN with NaN and tells -0.0 from 0.0
    assert repr(decode_attributes(json.loads(text))) == repr(attributes)


def test_attributes_of_numpy_tuples_enumerations_and_paths_become_plain() -> None:
    given_ = {
        "a": np.float64(1.5),
        "b": (1, np.int64(2)),
        "c": np.array([[1, 2]]),
        "d": Status.FINISHED,
        "e": Path("x"),
    }
    assert encode_attributes(given_) == {"a": 1.5, "b": [1, 2], "c": [[1, 2]], "d": "finished", "e": "x"}


@pytest.mark.parametrize("bad", [{"a": object()}, {1: 2}, {"a": {2: 3}}, {"a": np.array([object()])}])
def test_attributes_that_need_pickle_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputError):
        encode_attributes(bad)


def test_an_existing_path_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = write_dataset(example(), tmp_path / "run.zarr")
    with pytest.raises(InputError, match="exists already"):
        write_dataset(example().isel(time=[0]), path)
    xr.testing.assert_identical(read_dataset(path), example())


def test_object_arrays_are_refused_and_nothing_is_left_behind(tmp_path: Path) -> None:
    dataset = xr.Dataset({"a": (("x",), np.array([{"b": 1}, None], dtype=object))})
    with pytest.raises(InputError, match="'a'"):
        write_dataset(dataset, tmp_path / "run.zarr")
    assert list(tmp_path.iterdir()) == []


def test_text_kept_as_python_objects_is_stored_as_text(tmp_path: Path) -> None:
    dataset = xr.Dataset({"a": (("x",), np.array(["one", "three"], dtype=object))})
    assert read_dataset(write_dataset(dataset, tmp_path / "run.zarr")).a.values.tolist() == ["one", "three"]


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError):
        write_dataset(example(), tmp_path / "file" / "run.zarr")


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder", "nothing"):
        with pytest.raises(InputError, match=name):
            read_dataset(tmp_path / name)


def _no_metadata(path: Path) -> None:
    (path / "state" / ".zarray").write_text("{")


def _no_labels(path: Path) -> None:
    (path / "state" / ".zattrs").unlink()


def _broken_chunk(path: Path) -> None:
    (path / "state" / "0.0").write_bytes(b"nonsense")


def _missing_chunk(path: Path) -> None:
    (path / "count" / "0").unlink()


def _missing_scalar(path: Path) -> None:
    (path / "status" / "0").unlink()


@pytest.mark.parametrize("damage", [_no_metadata, _no_labels, _broken_chunk, _missing_chunk, _missing_scalar])
def test_damage_is_reported_not_read_as_zeros(tmp_path: Path, damage) -> None:
    path = write_dataset(example(), tmp_path / "run.zarr")
    damage(path)
    with pytest.raises(InputError, match="damaged"):
        read_dataset(path)


def test_a_result_saves_itself(tmp_path: Path) -> None:
    times = np.linspace(0, 1, 3)
    result = Trajectory(
        status=Status.FINISHED,
        names=("x", "y"),
        times=times,
        states=np.stack([times, -times], axis=-1),
        statuses=np.array(Status.FINISHED, dtype=object),
        reached=np.array(1.0),
        provenance={"game": {"name": "bilinear"}},
    )
    read = read_dataset(result.save(tmp_path / "run.zarr"))
    np.testing.assert_array_equal(read.state.values, result.states)
    assert read.attrs["status"] == "finished"
    assert read.attrs["provenance"]["game"]["name"] == "bilinear"


VARIABLES = {"time": Series(), "state": Series(("coordinate",), (2,), np.float32), "step": Series(dtype=np.int64)}


def records(store: AppendingStore, start: int, count: int) -> None:
    for k in range(start, start + count):
        store.append(time=0.1 * k, state=np.array([k, -k], dtype=np.float32), step=k)


def test_records_arrive_in_order_whether_single_or_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    with AppendingStore(path, VARIABLES, coordinates={"coordinate": ["x", "y"]}, attributes=NESTED) as store:
        records(store, 0, 3)
        store.append(time=[0.3, 0.4], state=np.array([[3, -3], [4, -4]], dtype=np.float32), step=[3, 4])
        assert len(store) == 5
        store.set_attributes(status=Status.FINISHED)
    read = read_dataset(path)
    np.testing.assert_array_equal(read.step, np.arange(5))
    np.testing.assert_array_equal(read.state, np.stack([np.arange(5), -np.arange(5)], axis=-1))
    assert read.state.dtype == np.float32
    assert read.coordinate.values.tolist() == ["x", "y"]
    np.testing.assert_array_equal(read.sel(coordinate="x").state, np.arange(5))
    assert read.attrs == {**NESTED, "status": "finished"}


def test_the_store_reads_as_a_dataset_after_every_flush_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    store = AppendingStore(path, VARIABLES)
    assert read_dataset(path).sizes["time"] == 0
    for count in range(1, 4):
        records(store, count - 1, 1)
        assert read_dataset(path).sizes["time"] == count - 1
        store.flush()
        assert read_dataset(path, lazy=True).sizes["time"] == count
    store.close()
    store.close()
    with pytest.raises(InputError, match="closed"):
        records(store, 4, 1)


def test_memory_is_bounded_by_the_buffer(tmp_path: Path) -> None:
    # one record is 8 + 8 + 8 bytes
    store = AppendingStore(tmp_path / "run.zarr", VARIABLES, buffer_bytes=10 * 24)
    for k in range(100):
        records(store, k, 1)
        assert store._waiting_bytes < 10 * 24
    assert read_dataset(store.path).sizes["time"] == 100
    store.close()


def test_chunks_fill_across_flushes(tmp_path: Path) -> None:
    # 2^18 doubles are 2 MiB, hence two records per chunk
    store = AppendingStore(tmp_path / "run.zarr", {"state": Series(("coordinate",), (2**18,))}, buffer_bytes=1)
    for k in range(3):
        store.append(state=np.full(2**18, float(k)))
    store.close()
    assert {entry.name for entry in (store.path / "state").iterdir() if entry.name[0] != "."} == {"0.0", "1.0"}
    np.testing.assert_array_equal(read_dataset(store.path).state[:, 5], [0, 1, 2])


def test_an_exception_keeps_what_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    with pytest.raises(KeyboardInterrupt), AppendingStore(path, VARIABLES) as store:
        records(store, 0, 4)
        raise KeyboardInterrupt
    assert read_dataset(path).sizes["time"] == 4


def test_a_writer_that_dies_between_two_arrays_loses_only_that_flush(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    store = AppendingStore(path, VARIABLES)
    records(store, 0, 3)
    store.flush()
    array = store._group["time"]
    array.resize((5,))
    array[3:] = 9.0
    read = read_dataset(path)
    assert read.sizes["time"] == 3
    np.testing.assert_array_equal(read.step, np.arange(3))


def test_a_growing_store_with_a_missing_chunk_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    with AppendingStore(path, VARIABLES) as store:
        records(store, 0, 3)
    shutil.move(path / "state" / "0.0", tmp_path / "elsewhere")
    with pytest.raises(InputError, match="damaged"):
        read_dataset(path)


def test_later_changes_of_the_callers_array_do_not_reach_the_store(tmp_path: Path) -> None:
    state = np.zeros(2, dtype=np.float32)
    with AppendingStore(tmp_path / "run.zarr", VARIABLES) as store:
        store.append(time=0.0, state=state, step=0)
        state += 1
    np.testing.assert_array_equal(read_dataset(tmp_path / "run.zarr").state, [[0, 0]])


@pytest.mark.parametrize(
    "record",
    [
        {"time": 0.0, "state": [1.0, 2.0]},
        {"time": 0.0, "state": [1.0, 2.0, 3.0], "step": 0},
        {"time": 0.0, "state": [1.0, 2.0], "step": 0.5},
        {"time": 0.0, "state": [1.0, 2.0], "step": 0, "loss": 1.0},
        {"time": [0.0, 0.1], "state": [1.0, 2.0], "step": 0},
    ],
)
def test_records_that_do_not_fit_are_refused_whole(tmp_path: Path, record: dict[str, object]) -> None:
    with AppendingStore(tmp_path / "run.zarr", VARIABLES) as store:
        with pytest.raises(InputError):
            store.append(**record)
        assert len(store) == 0


@pytest.mark.parametrize(
    "layout",
    [
        {"variables": {}},
        {"variables": {"a": Series(("time",), (2,))}},
        {"variables": {"a": Series(("x",), (2,)), "b": Series(("x",), (3,))}},
        {"variables": VARIABLES, "coordinates": {"coordinates": ["x", "y"]}},
        {"variables": VARIABLES, "coordinates": {"coordinate": ["x", "y", "z"]}},
    ],
)
def test_layouts_that_contradict_themselves_create_nothing(tmp_path: Path, layout: dict[str, object]) -> None:
    with pytest.raises(InputError):
        AppendingStore(tmp_path / "run.zarr", **layout)
    assert list(tmp_path.iterdir()) == []
