"""Noise on the command line: every model reaches the engine as itself, and files that are none are refused."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from dynamics.core.errors import InputError
from dynamics.ensemble import Coloured, Diagonal, GradientNoise, Isotropic, Matrix, PerCoordinate, StateDependent
from scenarios.cli.noise import NoiseOptions, models
from scenarios.cli.noise_file import model, read_file

SIGMA = [[0.3, 0.1], [0.1, 0.2]]

READ = [
    ({"strength": "0.1"}, Isotropic(0.1)),
    ({"strength": "x=0.1,y=0"}, PerCoordinate({"x": 0.1, "y": 0.0})),
    ({"strength": "x=0.1*x"}, Diagonal({"x": "0.1*x"})),
    ({"strength": "x=0.1*x,y=1", "interpretation": "stratonovich"},
     Diagonal({"x": "0.1*x", "y": "1"}, interpretation="stratonovich")),
    ({"strength": "0.1", "schedule": "exponential:half_life=3"}, Isotropic(0.1, schedule="exponential:half_life=3")),
    ({"strength": "0.1", "memory": 2.0}, Coloured(Isotropic(0.1), 2.0)),
    ({"matrix": "[[0.1,0.05],[0,0.2]]"}, Matrix([[0.1, 0.05], [0, 0.2]])),
    ({"matrix": '[["0.1*y"],["-0.1*x"]]'}, StateDependent([["0.1*y"], ["-0.1*x"]])),
    ({"matrix": json.dumps(SIGMA), "kind": "covariance", "lr": 0.05}, GradientNoise(SIGMA, 0.05)),
    ({"matrix": json.dumps(SIGMA), "kind": "covariance", "lr": 0.05, "memory": 1.0, "schedule": "power"},
     Coloured(GradientNoise(SIGMA, 0.05, schedule="power"), 1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), READ, ids=[str(options) for options, _ in READ])
def test_options_name_the_noise_model(options, expected):
    found = NoiseOptions(**options).read()
    assert type(found) is type(expected) and found.settings() == expected.settings()


@pytest.mark.parametrize("expected", [noise for _, noise in READ], ids=[str(options) for options, _ in READ])
def test_a_stored_noise_is_read_back_as_itself(expected):
    stored = json.loads(json.dumps(expected.settings()))
    found = model(stored, "the file")
    assert type(found) is type(expected) and found.settings() == expected.settings()


def test_every_noise_model_can_be_written_in_a_file():
    assert {noise.name for _, noise in READ} == set(models())


@pytest.mark.parametrize("name", ["b.npy", "b.csv", "b.json"])
def test_matrices_are_read_from_files(tmp_path, name):
    path = tmp_path / name
    matrix = np.array([[0.1, 0.05], [0.0, 0.2]])
    if name.endswith("npy"):
        np.save(path, matrix)
    elif name.endswith("csv"):
        np.savetxt(path, matrix, delimiter=",")
    else:
        path.write_text(json.dumps(matrix.tolist()))
    np.testing.assert_array_equal(read_file(str(path)), matrix)
    assert isinstance(NoiseOptions(file=str(path)).read(), Matrix)
    with pytest.raises(InputError, match="not symmetric"):
        NoiseOptions(file=str(path), kind="covariance", lr=0.1).read()


def test_a_toml_file_holds_a_model_with_its_settings(tmp_path):
    path = tmp_path / "noise.toml"
    path.write_text('noise = "gradient"\ncovariance = [[0.3, 0.1], [0.1, 0.2]]\nlr = 0.05\nschedule = "cosine"\n')
    assert NoiseOptions(file=str(path)).read().settings() == GradientNoise(SIGMA, 0.05, schedule="cosine").settings()
    with pytest.raises(InputError, match="set --noise-schedule there"):
        NoiseOptions(file=str(path), schedule="power").read()


class Malicious:
    """Unpickled, it would leave a file behind."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


def test_pickled_files_are_refused_and_nothing_in_them_runs(tmp_path):
    target = tmp_path / "touched"
    plain, wrapped, archive = (tmp_path / name for name in ("plain.npy", "wrapped.npy", "archive.npy"))
    plain.write_bytes(pickle.dumps(Malicious(target)))
    np.save(wrapped, np.array([[Malicious(target)]], dtype=object), allow_pickle=True)
    with archive.open("wb") as stream:
        np.savez(stream, x=np.array([Malicious(target)], dtype=object))
    for path in (plain, wrapped, archive):
        with pytest.raises(InputError, match="numbers"):
            read_file(str(path))
    assert not target.exists()
    # The control: unpickling leaves the file.
    pickle.loads(plain.read_bytes()).close()
    assert target.exists()


BAD_FILES = [
    ("n.npy", b"", "no array of numbers"),
    ("n.csv", b"", "no table of numbers"),
    ("n.csv", b"a,b\n", "no table of numbers"),
    ("n.csv", b"1,2\n3\n", "no table of numbers"),
    ("n.csv", b"\xff\xfe", "no text"),
    ("n.json", b"[1, 2]", "no matrix of numbers"),
    ("n.json", b"[" * 100_000, "not valid JSON"),
    ("n.json", b'[["x"]]', "no matrix of numbers"),
    ("n.toml", b"a =", "not valid TOML"),
    ("n.toml", b"strength = 1.0", "names no noise model"),
    ("n.toml", b'noise = "gradint"', "did you mean 'gradient'"),
    ("n.toml", b'noise = "isotropic"\nstrengh = 1.0', "did you mean 'strength'"),
    ("n.toml", b'noise = "isotropic"\nstrength = "1"', "bad entry at 'strength'"),
    ("n.toml", b'noise = "gradient"\ncovariance = [[1.0]]', "bad entry at 'lr'"),
    ("n.toml", b'noise = "gradient"\ncovariance = [[-1.0]]\nlr = 1.0', "eigenvalue -1"),
    ("n.toml", b'noise = "coloured"\ntau = 1.0\nbase = {noise = "isotropic", strengh = 1.0}', "'strength'"),
    ("n.toml", b'noise = "coloured"\ntau = 1.0\nbase = {noise = "coloured", tau = 1.0}', "bad entry at 'base'"),
    ("n.txt", b"1", "ending in"),
]


@pytest.mark.parametrize(("name", "content", "hint"), BAD_FILES, ids=[f"{n} {c[:40]!r}" for n, c, _ in BAD_FILES])
def test_files_that_hold_no_noise_are_refused(tmp_path, name, content, hint):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=hint):
        NoiseOptions(file=str(path)).read()


def test_texts_are_never_evaluated_and_addresses_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in ("[open('touched', 'w')]", "__import__('os').mkdir('touched')"):
        with pytest.raises(InputError, match="not valid JSON"):
            NoiseOptions(matrix=text).read()
    with pytest.raises(InputError, match="There is no file"):
        NoiseOptions(file="http://localhost/matrix.csv").read()
    assert list(tmp_path.iterdir()) == []
