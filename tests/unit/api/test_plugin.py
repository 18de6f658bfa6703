"""The pytest plugin, in runs of pytest of its own: fixtures, markers, drill files, skips."""

from __future__ import annotations

import numpy as np
import pytest

from mrcnet.api import Lab, Sim, run_drill
from mrcnet.compiled import get16
from mrcnet.kernel import privilege

pytest_plugins = ["pytester"]
assert Lab, run_drill
assert Sim

DRILL = """\
name: small
topology: 2p-2t0-2t1
seed: 1
traffic: {pattern: pair, message: 64KiB, size: 128KiB}
expect: [{measure: messages_wrong, at_most: %s}]
"""
TOPOLOGY = "name: {}\nfabric: {{planes: {}, t0: 1, t1: 1, hosts_per_t0: 2}}\n"


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    """pytester forgets what its runs import, and parts of numba, which it loads late, cannot come twice."""
    assert 0x0102 == get16(np.array([1, 2], np.uint8), 0)


@pytest.fixture(autouse=True)
def _without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider -p no:randomly")


def run(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    """pytest, in this process, with the plugin as of these sources."""
    return pytester.runpytest_inprocess("-p", "no:mrcnet", "-p", "mrcnet.api.pytest_plugin", *words)


def test_a_marker_runs_a_drill_before_its_test(pytester: pytest.Pytester) -> None:
    """A test with the marker begins if its drill passed, with the result at hand, and fails if it did not."""
    pytester.makefile(".yaml", good=DRILL % 0, bad=DRILL.replace("at_most", "at_least") % 1)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.drill("good.yaml", on="sim", seed=5)
        def test_good(mrc_drill):
            assert (5, "passed") == (mrc_drill.seed, mrc_drill.verdict)

        @pytest.mark.drill("good.yaml", on="sim")
        def test_without_the_fixture():
            pass

        @pytest.mark.drill("bad.yaml", on="sim")
        def test_bad():
            raise RuntimeError("it began")
    """)
    found = run(pytester)
    found.assert_outcomes(passed=2, errors=1)
    found.stdout.fnmatch_lines(["*drill small: failed, seed 1, on sim*", "*messages_wrong 0 >= 1: NOT MET*"])
    found.stdout.no_fnmatch_line("*it began*")


def test_drill_files_are_tests(pytester: pytest.Pytester) -> None:
    """Files that match `mrc_drills` are collected, a test for each choice; a broken one is an error."""
    matrix = DRILL.replace("128KiB", '"${SIZE}"').replace("seed", "matrix: {SIZE: [64KiB, 128KiB]}\nseed")
    pytester.makefile(".drill.yaml", good=matrix % 0, bad=DRILL.replace("seed", "sede") % 0)
    pytester.makefile(".yaml", other=DRILL % 0)
    pytester.makeini("[pytest]\nmrc_drills = *.drill.yaml\nmrc_on = sim\n")
    found = run(pytester, "--continue-on-collection-errors", "-v")
    found.assert_outcomes(passed=2, errors=1)
    found.stdout.fnmatch_lines(["*SIZE=64KiB*PASSED*", "*bad.drill.yaml:3:1: *sede*"])


def test_the_simulator_takes_the_marked_topology(pytester: pytest.Pytester) -> None:
    """A topology is the marker's beside the file, else the option's, else the ini-file's."""
    for number, name in enumerate(("marked", "told", "usual"), 1):
        pytester.makefile(".yaml", **{name: TOPOLOGY.format(name, number)})
    pytester.makeini("[pytest]\nmrc_topology = usual.yaml\n")
    pytester.makepyfile("""
        import pytest

        def test_one(mrc_sim):
            print("without:", mrc_sim.plan.topology.name)

        @pytest.mark.mrc_topology("marked.yaml")
        def test_two(mrc_sim):
            print("with:", mrc_sim.plan.topology.name)
    """)
    run(pytester, "-s").stdout.fnmatch_lines(["*without: usual*", "*with: marked*"])
    run(pytester, "-s", "--mrc-topology", "told.yaml").stdout.fnmatch_lines(
        ["*without: told*", "*with: marked*"]
    )


def test_without_privilege_labs_are_skipped(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test with a lab, or a drill on the kernel, is skipped with the reason where there can be none."""
    monkeypatch.setattr(privilege, "able", lambda: False)
    monkeypatch.setattr(privilege, "lacking", lambda: "CAP_NET_ADMIN is missing")
    pytester.makefile(".yaml", small=DRILL % 0)
    pytester.makepyfile("""
        import pytest

        def test_lab(mrc_lab):
            raise RuntimeError

        @pytest.mark.drill("small.yaml")
        def test_drill():
            raise RuntimeError
    """)
    found = run(pytester, "-rs")
    found.assert_outcomes(skipped=2)
    found.stdout.fnmatch_lines(["SKIPPED*no privilege to have labs: CAP_NET_ADMIN is missing*"])


@pytest.mark.parametrize("line", ["mrc_scope = forever", "mrc_on = moon"])
def test_a_wrong_setting_is_refused(pytester: pytest.Pytester, line: str) -> None:
    """A setting that is none ends the run before it begins, with the choice."""
    pytester.makeini(f"[pytest]\n{line}\n")
    found = run(pytester)
    assert pytest.ExitCode.USAGE_ERROR == found.ret
    found.stderr.fnmatch_lines([f"*{line.split()[0]} is one of *"])
