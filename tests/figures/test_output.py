"""Saving: the same bytes each time, whole files or none, refusals in one sentence."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from dynamics.core.errors import InputError
from figures import curves, save, style

DRAW = textwrap.dedent("""
    import sys
    import numpy as np
    from figures import curves, save, spectrum
    t = np.linspace(0, 1, 20)
    save(curves(t, {"a": t**2, "b": t}, caption="$\\\\theta$ = 1"), sys.argv[1])
    save(spectrum({"a": [1j, -1j]}, kind="map"), sys.argv[2])
""")


def figure():
    t = np.linspace(0, 1, 20)
    return curves(t, {"square": t**2, "line": t}, title=r"$\theta$", caption="a caption")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_equal_figures_give_equal_bytes(tmp_path, suffix):
    first = save(figure(), tmp_path / f"first{suffix}")
    second = save(figure(), tmp_path / f"second{suffix}")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_saving_one_figure_twice_gives_equal_bytes(tmp_path, suffix):
    drawn = figure()
    assert save(drawn, tmp_path / f"a{suffix}").read_bytes() == save(drawn, tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_bytes_do_not_depend_on_the_process_the_hash_seed_or_the_users_settings(tmp_path, suffix):
    root = str(Path(__file__).parents[2])
    digests = set()
    for seed in ("0", "1"):
        folder = tmp_path / seed
        folder.mkdir()
        (folder / "matplotlibrc").write_text("font.size: 17\nlines.linewidth: 5\n" if seed == "1" else "")
        files = [str(folder / f"{name}{suffix}") for name in "ab"]
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": root,
            "MATPLOTLIBRC": str(folder),
            "SOURCE_DATE_EPOCH": seed,
        }
        subprocess.run([sys.executable, "-c", DRAW, *files], check=True, env=environment, cwd=folder)
        digests.add(tuple(hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files))
    assert len(digests) == 1


def test_svg_and_png_carry_no_date_and_no_version(tmp_path):
    svg = save(figure(), tmp_path / "a.svg").read_text()
    assert "<dc:date>" not in svg
    assert "Matplotlib" not in svg
    assert "dc:creator" not in svg
    png = save(figure(), tmp_path / "a.png").read_bytes()
    assert b"matplotlib" not in png.lower()
    assert b"Software" not in png


def test_svg_text_is_drawn_as_paths_so_that_no_font_is_looked_up(tmp_path):
    svg = save(figure(), tmp_path / "a.svg").read_text()
    assert "<text" not in svg
    assert "font-family" not in svg


@pytest.mark.parametrize("name", ["a.pdf", "a.jpg", "a", "a.png.txt"])
def test_other_endings_are_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(InputError, match=r"written as \.png or \.svg, got"):
        save(figure(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file_and_no_partial_one(tmp_path):
    class Broken:
        axes = ()

        def savefig(self, stream, **options):
            stream.write(b"half")
            raise RuntimeError("disk on fire")

    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        save(Broken(), target)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert target.read_bytes() == b"old"


def test_a_folder_or_a_file_in_the_way_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        save(figure(), tmp_path / "folder.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write"):
        save(figure(), tmp_path / "file" / "a.png")


def test_missing_folders_are_made_and_files_get_ordinary_permissions(tmp_path):
    target = save(figure(), tmp_path / "deep" / "er" / "a.png")
    mask = os.umask(0)
    os.umask(mask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~mask


def test_drawing_leaves_the_users_settings_alone():
    import matplotlib

    with matplotlib.rc_context({"font.size": 23.0}):
        figure()
        assert matplotlib.rcParams["font.size"] == 23.0


def test_importing_figures_does_not_import_matplotlib():
    code = "import figures, sys; assert not any(m.split('.')[0] in ('matplotlib', 'torch') for m in sys.modules)"
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": root})


def test_figures_do_not_touch_the_display_state():
    figure()
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_style_series_stay_apart():
    looks = [tuple(style.series_style(i).values()) for i in range(15)]
    assert len(set(looks)) == 15


def test_methods_keep_their_looks_and_repetitions_differ():
    looks = [tuple(style.method_style(name).values()) for name in style.METHODS]
    assert len(set(looks)) == len(style.METHODS) == 20
    # A method of the user's own has a look too, the same in every process.
    assert style.method_style("my-method") == style.method_style("my-method")
    again = style.method_style("alternating", repeat=1)
    assert again["color"] == style.method_style("alternating")["color"]
    assert again["marker"] != style.method_style("alternating")["marker"]


def test_players_keep_their_colours_in_any_order_and_company():
    assert style.player_colours(["discriminator", "generator"]) == {
        "discriminator": style.VERMILLION,
        "generator": style.BLUE,
    }
    three = style.player_colours(["generator", "critic", "discriminator"])
    assert len(set(three.values())) == 3
    assert three["generator"] == style.BLUE
