"""The site is made from docs/ and from the code, and nothing in it leads astray."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mrcnet.cli.main import COMMANDS
from mrcnet.cli.schema import SCHEMAS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages, made as `scripts/docs` makes them."""
    made = tmp_path_factory.mktemp("site")
    done = _build(ROOT / "docs", made)
    assert (0, "") == (done.returncode, done.stderr)
    return made


def test_every_command_and_every_file_has_its_place(site: Path) -> None:
    """The reference has each command and each kind of file that the code knows."""
    commands = (site / "reference" / "commands.html").read_text()
    assert [] == [name for name in COMMANDS if f'id="mrcnet-{name}"' not in commands]
    assert set() == {kind for kind in SCHEMAS if not (site / "reference" / f"{kind}.html").exists()}


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    """Who reads the site tells nobody else: scripts, styles, fonts and images are its own."""
    loaded = re.compile(
        r"""<(?:script|img|link|iframe)[^>]+(?:src|href)="(?:https?:)?//|url\(["']?https?:|@import"""
    )
    files = [file for file in site.rglob("*") if file.suffix in (".html", ".css")]
    assert len(files) > 20
    assert [] == [file.name for file in files if loaded.search(file.read_text(encoding="utf-8"))]


def test_broken_links_fail(tmp_path: Path) -> None:
    """A page or a heading that is not there is found when the site is made."""
    pages = tmp_path / "docs"
    pages.mkdir()
    links = ("gone-1.md", "#gone-2", "drills.md#gone-3")
    told = "\n\n".join(f"[one]({link})" for link in links)
    (pages / "index.md").write_text(f"# One\n\n{told}\n\n```{{toctree}}\ndrills\n```\n")
    (pages / "drills.md").write_text("# Drills\n")
    done = _build(pages, tmp_path / "site")
    assert (1, 3) == (done.returncode, len(set(re.findall(r"gone-\d", done.stderr))))


def _build(pages: Path, made: Path) -> subprocess.CompletedProcess[str]:
    options = [
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "--fresh-env",
        "--doctree-dir",
        f"{made}.trees",
    ]
    options += ["--conf-dir", str(ROOT / "docs")]
    command = [sys.executable, "-m", "sphinx", *options, str(pages), str(made)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
