"""`mrcnet render` as a user meets it."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run


def test_render_again_removes_what_is_gone(run: Run, tmp_path: Path) -> None:
    """A second rendering into the same folder leaves no file of the first that is no longer part of it."""
    assert 0 == run("render", "2p-2t0-2t1", "--nos", "sonic-vs", "-o", "lab").code
    assert (tmp_path / "lab/nodes/p0-t0-0/config_db.json").exists()
    ran = run("render", "2p-2t0-2t1", "--nos", "frr", "-o", "lab", "--json")
    assert 0 == ran.code
    found = sorted(str(path.relative_to("lab")) for path in Path("lab").rglob("*") if path.is_file())
    assert sorted(ran.json["files"]) == found


def test_strangers_folder_is_left_alone(run: Run, tmp_path: Path) -> None:
    """A folder that holds something else is refused and keeps it, also one whose manifest leads outside."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine", encoding="utf-8")
    ran = run("render", "2p-2t0-2t1", "--nos", "frr", "-o", "mine")
    assert (2, True) == (ran.code, "is not empty" in ran.err)
    (tmp_path / "mine/MANIFEST").write_text("../outside\n", encoding="utf-8")
    assert 2 == run("render", "2p-2t0-2t1", "--nos", "frr", "-o", "mine").code
    assert ["MANIFEST", "notes.txt"] == sorted(path.name for path in (tmp_path / "mine").iterdir())


def test_wrong_words(run: Run) -> None:
    """A version that is none and an image that is none are refused by name."""
    assert (
        "not one of 0.70 to 0.81"
        in run("render", "2p-2t0-2t1", "--nos", "frr", "-o", "x", "--clab-version", "1.2").err
    )
    assert (
        "is no image's name"
        in run("render", "2p-2t0-2t1", "--nos", "frr", "-o", "x", "--host-image", "a b").err
    )
    assert not Path("x").exists()
