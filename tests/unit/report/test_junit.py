"""JUnit XML: what a CI system counts is what the drill said."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from mrcnet.drill.model import Expectation, Judgement
from mrcnet.report import resultfile
from mrcnet.report.junit import as_junit
from mrcnet.report.model import Result
from tests.unit.report import results

MET = Judgement(Expectation("evs_hit", 1, 3), 1, True)
NEVER = Judgement(Expectation("recovery_ms", None, 5), None, False)


def counts(result: Result) -> tuple[int, ...]:
    """Tests, failures, errors: as the suite says them, after counting them."""
    suite = ElementTree.fromstring(as_junit([result])).find("testsuite")
    assert suite is not None
    counted = tuple(len(suite.findall(path)) for path in ("testcase", "testcase/failure", "testcase/error"))
    assert counted == tuple(int(suite.attrib[name]) for name in ("tests", "failures", "errors"))
    return counted


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"judgements": (MET,)}, (2, 0, 0)),
        ({"judgements": (MET, NEVER), "verdict": "failed"}, (3, 1, 0)),
        ({"judgements": (MET,), "verdict": "failed", "reasons": ("a byte was wrong",)}, (2, 1, 0)),
    ],
)
def test_every_expectation_is_a_case(changes: dict[str, object], expected: tuple[int, ...]) -> None:
    """A case for each expectation and one for the run; what was not met is a failure."""
    assert expected == counts(results.result(**changes))


def test_an_aborted_drill_is_an_error() -> None:
    """A drill that did not come to its end has not failed: it says nothing of the fabric."""
    assert (1, 0, 1) == counts(resultfile.from_data(results.aborted()))


def test_a_failure_says_what_was_and_how_to_see_it_again() -> None:
    """A failure has the figure, the seed, the file with its digest, and the command."""
    text = as_junit([results.result(judgements=(NEVER,), verdict="failed")])
    for words in ("recovery_ms was never", "seed 7", "x.yaml sha256:", "again: mrcnet drill x.yaml --on sim"):
        assert words in text


def test_any_text_makes_xml() -> None:
    """Characters that XML cannot hold do not break it."""
    bad = results.result(verdict="failed", reasons=("<&>\x00\x1b[31m ]]>",))
    assert counts(bad)
