"""docs/python.md says what is so: its blocks without a lab are run here, the others under netns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import blocks

ALONE = [block for block in blocks("python.md", "python") if "Lab" not in block and "mrc_lab" not in block]


@pytest.mark.parametrize("block", ALONE, ids=range(len(ALONE)))
def test_a_block_of_the_page_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows of the simulator and of drills runs as it stands, beside the page's drill."""
    monkeypatch.chdir(tmp_path)
    (drill,) = blocks("python.md", "yaml")
    Path("drill.yaml").write_text(drill)
    exec(compile(block, "docs/python.md", "exec"), {})


def test_the_page_has_such_blocks() -> None:
    """None of them is lost unseen."""
    assert 4 == len(ALONE)
