from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dynamics.core.errors import InputError
from dynamics.core.status import Status
from dynamics.gan import Recorder, load_run


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"generator": nn.Linear(2, 3), "discriminator": nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))}


def shift(modules: dict[str, nn.Module]) -> None:
    with torch.no_grad():
        for module in modules.values():
            for parameter in module.parameters():
                parameter.add_(1.0)


def test_a_record_comes_back_bit_for_bit(tmp_path) -> None:
    modules = networks()
    rows = []
    with Recorder(tmp_path / "run", **modules, stride=2, series=("noise",), attributes={"note": "mine"}) as recorder:
        rows.append(recorder.layout.flatten(modules).numpy().copy())
        for k in range(1, 6):
            shift(modules)
            stored = recorder.record(losses={"generator": torch.tensor(float(k))}, noise=0.5 * k)
            assert stored == (k % 2 == 0)
            if stored:
                rows.append(recorder.layout.flatten(modules).numpy().copy())
    run = load_run(tmp_path / "run")
    np.testing.assert_array_equal(run.parameters, rows)
    assert run.parameters.dtype == np.float32
    assert run.recorded_steps.tolist() == [0, 2, 4] and run.steps == 5 and run.status is Status.FINISHED
    np.testing.assert_array_equal(run.dataset["loss"].sel(player="generator"), [np.nan, 2.0, 4.0])
    np.testing.assert_array_equal(run.dataset["noise"], [np.nan, 1.0, 2.0])
    assert run.dataset.attrs["note"] == "mine" and "torch" in run.dataset.attrs["versions"]
    assert run.layout == recorder.layout
    assert run.dataset["coordinate"].values[0] == "generator.weight[0]"


def test_gradient_norms_are_read_from_the_parameters(tmp_path) -> None:
    modules = networks()
    for value, module in zip((3.0, 2.0), modules.values(), strict=True):
        for parameter in module.parameters():
            parameter.grad = torch.full_like(parameter, value)
    with Recorder(tmp_path / "run", **modules) as recorder:
        recorder.record()
    norms = load_run(tmp_path / "run").dataset["gradient_norm"].values[-1]
    # 9 generator and 11 discriminator parameters.
    np.testing.assert_allclose(norms, [3 * np.sqrt(9), 2 * np.sqrt(11)], rtol=1e-7)


def test_the_readers_modules_can_be_rebuilt_from_a_row(tmp_path) -> None:
    modules = networks()
    with Recorder(tmp_path / "run", **modules) as recorder:
        shift(modules)
        recorder.record()
    run, fresh = load_run(tmp_path / "run"), networks()
    run.layout.load(fresh, torch.from_numpy(run.parameters[-1].copy()))
    z = torch.ones(1, 2)
    torch.testing.assert_close(fresh["generator"](z), modules["generator"](z), rtol=0, atol=0)


@pytest.mark.parametrize(("error", "word"), [(KeyboardInterrupt, "user"), (ZeroDivisionError, "ZeroDivisionError")])
def test_a_loop_that_breaks_leaves_a_valid_run(tmp_path, error, word) -> None:
    modules = networks()
    with pytest.raises(error), Recorder(tmp_path / "run", **modules) as recorder:
        for k in range(10):
            if k == 4:
                raise error
            recorder.record(losses={"generator": k})
    run = load_run(tmp_path / "run")
    assert run.status is Status.INTERRUPTED and word in run.reason and len(run.parameters) == 5


def test_a_run_whose_program_died_says_so(tmp_path) -> None:
    recorder = Recorder(tmp_path / "run", **networks())
    recorder.record()
    recorder._store.flush()
    run = load_run(tmp_path / "run")
    assert run.status is Status.INTERRUPTED and "ended before" in run.reason and len(run.parameters) == 2


def test_bad_use_is_refused_with_a_sentence(tmp_path) -> None:
    modules = networks()
    recorder = Recorder(tmp_path / "run", **modules, series=("noise",))
    with pytest.raises(InputError, match="generator"):
        recorder.record(losses={"generatr": 1.0}, noise=0.0)
    with pytest.raises(InputError, match="needs its player"):
        recorder.record(losses=[1, 2], noise=0.0)
    with pytest.raises(InputError, match=r"one number, got a tensor of shape \(2,\)"):
        recorder.record(losses={"generator": torch.zeros(2)}, noise=0.0)
    with pytest.raises(InputError, match="series noise must be one number, got 'loud'"):
        recorder.record(noise="loud")
    with pytest.raises(InputError, match=r"discriminator is 'x', expected a torch.nn.Module"):
        Recorder(tmp_path / "second", modules["generator"], "x")
    with pytest.raises(InputError, match="lacks noise"):
        recorder.record()
    with pytest.raises(InputError, match="exists already"):
        Recorder(tmp_path / "run", **modules)
    with pytest.raises(InputError, match="stride"):
        Recorder(tmp_path / "other", **modules, stride=0)
    with pytest.raises(InputError, match="does not exist"):
        load_run(tmp_path / "nothing")
    recorder.close()
    with pytest.raises(InputError, match=r"objective.*game="):
        load_run(tmp_path / "run").game()


def test_no_pickle_is_ever_read(tmp_path, monkeypatch) -> None:
    import pickle

    with Recorder(tmp_path / "run", **networks()) as recorder:
        recorder.record()
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "Unpickler", None)
    assert len(load_run(tmp_path / "run").parameters) == 2
