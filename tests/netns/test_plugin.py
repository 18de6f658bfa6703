"""The pytest plugin on real labs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mrcnet.kernel import lab as labs
from tests.netns.fabric import NEEDS_ROOT
from tests.support.pages import blocks
from tests.unit.api.test_plugin import DRILL, TOPOLOGY, _loaded, _without_variables, run  # noqa: F401

pytest_plugins = ["pytester"]
pytestmark = NEEDS_ROOT


@pytest.mark.parametrize(("scope", "labs_made"), [("function", 3), ("module", 2)])
def test_labs_are_up_for_their_scope(pytester: pytest.Pytester, scope: str, labs_made: int) -> None:
    """Tests of one scope and topology share a lab, which is whole again for each; none is left at the end."""
    Path(pytester.path, "wide.yaml").write_text(TOPOLOGY.format("wide", 2))
    pytester.makeini(f"[pytest]\nmrc_scope = {scope}\nmrc_topology = wide.yaml\n")
    pytester.makepyfile("""
        import pytest

        NAMES = set()

        def test_broken(mrc_lab):
            NAMES.add(mrc_lab.name)
            mrc_lab.fault.cut("p0-t0-0:p0-t1-0")
            assert mrc_lab.exec("h0", "true").returncode == 0

        def test_whole(mrc_lab):
            NAMES.add(mrc_lab.name)
            assert () == mrc_lab.fault.active()

        @pytest.mark.mrc_topology("2p-2t0-2t1")
        def test_another(mrc_lab):
            NAMES.add(mrc_lab.name)
            assert mrc_lab.verify().ok

        def test_how_many():
            print("labs made:", len(NAMES))
    """)
    found = run(pytester, "-s")
    found.assert_outcomes(passed=4)
    found.stdout.fnmatch_lines([f"*labs made: {labs_made}*"])
    assert [] == [name for name in labs.labs() if name.startswith(f"pytest-{os.getpid()}-")]


def test_the_page_runs(pytester: pytest.Pytester) -> None:
    """What docs/python.md shows of pytest runs as it stands, with the page's drill and ini-file."""
    (drill,), (ini,) = blocks("python.md", "yaml"), blocks("python.md", "ini")
    (tests,) = (block for block in blocks("python.md", "python") if "mrc_lab" in block)
    Path(pytester.path, "drill.yaml").write_text(drill)
    Path(pytester.path, "also.drill.yaml").write_text(DRILL % 0)
    Path(pytester.path, "fabric.yaml").write_text(TOPOLOGY.format("fabric", 2))
    pytester.makeini(ini)
    pytester.makepyfile(tests)
    run(pytester, "--mrc-on", "sim").assert_outcomes(passed=4)
