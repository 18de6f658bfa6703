"""What is installed from the wheel is all that the program needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
LEFT_OUT = (".*", "build", "dist", "*.egg-info", "__pycache__", "tests", "docs", "scripts")
SHIPPED = ("topologies", "labs", "templates")


def run(*words: str | Path, cwd: Path) -> str:
    """What a program prints, that has no compiler, and nothing of the checkout, on its paths."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env={"PATH": str(Path(words[0]).parent), "HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of an earlier build is in it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = shutil.copytree(ROOT, folder / "sources", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--disable-pip-version-check"]
    built = subprocess.run([*pip, "-w", str(folder), str(copy)], capture_output=True, text=True, check=False)
    assert 0 == built.returncode, built.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_all_that_is_shipped(wheel: Path) -> None:
    """Every module, template, topology, lab, style and the ports' program is in the wheel, and no test is."""
    ours = {f"mrcnet/shipped/{folder}": ROOT / folder for folder in SHIPPED} | {"mrcnet": ROOT / "mrcnet"}
    wanted = {
        f"{inside}/{file.relative_to(folder)}"
        for inside, folder in ours.items()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and "shipped" not in file.parts
    }
    with ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
        (entries,) = (name for name in packed.namelist() if name.endswith("/entry_points.txt"))
        assert b"mrcnet = mrcnet.api.pytest_plugin" in packed.read(entries)
    assert "mrcnet/port/port.bpf.o" in wanted
    assert wanted == held


def test_a_drill_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """In an empty environment without a compiler, away from the checkout, a shipped drill passes."""
    venv.create(tmp_path / "empty", symlinks=True)
    programs = tmp_path / "empty" / "bin"
    python = programs / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index"]
    run(*pip, "--disable-pip-version-check", wheel, cwd=tmp_path)
    own = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    # What it depends on is lent by the environment of the tests; an editable mrcnet there is not found so.
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import mrcnet; print(mrcnet.__file__)", cwd=tmp_path)
    assert str(own / "mrcnet" / "__init__.py") == where.strip()
    result = json.loads(run(programs / "mrcnet", "drill", "t0-loss", "--on", "sim", "--json", cwd=tmp_path))
    assert "passed" == result["verdict"]
