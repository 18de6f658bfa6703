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


def test_cumulus_is_no_backend(run: Run) -> None:
    """A lab of Cumulus switches does not come up by itself: `up` says so, and how to go on."""
    ran = run("up", "2p-2t0-2t1", "--backend", "containerlab", "--nos", "cumulus")
    assert (2, True) == (ran.code, "mrcnet render --nos cumulus" in ran.err)


def test_import_gives_a_topology_that_plans(run: Run) -> None:
    """What is imported can be planned at once; without -o it is on stdout, its notes as comments."""
    assert 0 == run("render", "4p-2t0-4t1", "--nos", "ceos", "-o", "lab").code
    assert 0 == run("import", "lab/4p-2t0-4t1.clab.yml", "-o", "back.yaml").code
    assert run("plan", "4p-2t0-4t1", "--json").json == run("plan", "back.yaml", "--json").json
    assert Path("back.yaml").read_text(encoding="utf-8") == run("import", "lab/4p-2t0-4t1.clab.yml").out


def test_import_refuses_what_is_no_topology(run: Run, tmp_path: Path) -> None:
    """A binary, a huge file, a folder and a drill are refused with a message and code 2."""
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "nul.yml").write_bytes(b"topology: \x00")
    (tmp_path / "huge.yml").write_text("# " + "x" * (5 * 2**20), encoding="utf-8")
    (tmp_path / "drill.yaml").write_text("traffic: {}\n", encoding="utf-8")
    for name, message in (
        ("binary", "not UTF-8"),
        ("nul.yml", "not valid YAML"),
        ("huge.yml", "larger than"),
        (".", "cannot read"),
        ("drill.yaml", "neither a containerlab topology nor a compact one"),
    ):
        ran = run("import", name)
        assert (2, True) == (ran.code, message in ran.err), ran.err
