"""Which drill a user means: a file, the folder of a lab, or a shipped lab by its bare name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcnet.api.drillfiles import read_drill
from tests.unit.plan.fabrics import ROOT

from .conftest import Run

DRILL = (ROOT / "labs" / "loud-cut" / "drill.yaml").read_text(encoding="utf-8")
SHIPPED = sorted(path.parent.name for path in (ROOT / "labs").glob("*/drill.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_lab_goes_by_its_name(run: Run, name: str) -> None:  # noqa: ARG001 (an empty directory)
    """Shipped labs are found from any directory, with their topologies."""
    drill, source = read_drill(Path(name))
    assert name == drill.name
    assert Path(drill.topology).name == Path(source.file).name


@pytest.mark.parametrize("own", ["loud-cut", "loud-cut/drill.yaml"])
def test_what_lies_here_comes_first(run: Run, own: str) -> None:  # noqa: ARG001
    """A file or folder of one's own hides the shipped lab of that name."""
    file = Path(own)
    file.parent.mkdir(exist_ok=True)
    text = DRILL.replace("name: loud-cut", "name: mine").replace("../../topologies/", "")
    file.write_text(text, encoding="utf-8")
    assert "mine" == read_drill(Path("loud-cut"))[0].name


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("loud-cat", f"did you mean loud-cut? shipped are {', '.join(SHIPPED)}"),
        ("loud-cut.yaml", "cannot read loud-cut.yaml: No such file or directory"),
        ("elsewhere/loud-cut", "cannot read elsewhere/loud-cut: No such file or directory"),
    ],
)
def test_what_is_neither_is_refused(run: Run, typed: str, told: str) -> None:
    """A name that fits nothing is refused with the choice, and a path is never taken for a name."""
    ran = run("drill", typed, "--on", "sim")
    assert 2 == ran.code
    assert told in ran.err
