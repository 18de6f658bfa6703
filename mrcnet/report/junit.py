"""A result as JUnit XML, as CI systems read it: one case an expectation, and one for the run itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from mrcnet.report.model import ABORTED, Judgement, Result
from mrcnet.report.words import bounds, value

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(results: Sequence[Result]) -> str:
    """The XML of these results, a suite each. A drill that was aborted is an error, not a failure."""
    root = ElementTree.Element("testsuites", name="mrcnet")
    for result in results:
        _suite(root, result)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, result: Result) -> None:
    name = f"{result.drill} on {result.on}"
    aborted = result.verdict == ABORTED
    not_met = [judgement for judgement in result.judgements if not judgement.met]
    wrong = bool(result.reasons) and not aborted
    seconds = result.traffic.wall_seconds if result.traffic else 0.0
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=_clean(name),
        tests=str(1 + len(result.judgements)),
        failures=str(len(not_met) + wrong),
        errors=str(int(aborted)),
        time=f"{seconds:.3f}",
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, text in (
        ("seed", str(result.seed)),
        ("file", result.origin.file),
        ("digest", result.origin.digest),
        ("command", result.origin.command),
    ):
        ElementTree.SubElement(properties, "property", name=key, value=_clean(text))
    run = _case(suite, name, "the run itself", seconds)
    if result.reasons:
        kind = "error" if aborted else "failure"
        _say(run, kind, result.reasons[0], "\n".join((*result.reasons, *_again(result))))
    for judgement in result.judgements:
        case = _case(suite, name, _promise(judgement), 0.0)
        if not judgement.met:
            words = f"{judgement.expectation.measure} was {value(judgement.value)}"
            _say(case, "failure", words, "\n".join((words, *_again(result))))


def _again(result: Result) -> tuple[str, str]:
    return (
        f"seed {result.seed}, {result.origin.file} {result.origin.digest}",
        f"again: {result.origin.command}",
    )


def _promise(judgement: Judgement) -> str:
    expectation = judgement.expectation
    of = f" of {expectation.of}" if expectation.of else ""
    return f"{expectation.measure}{of} {bounds(expectation)}"


def _case(suite: ElementTree.Element, name: str, title: str, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_clean(name), name=_clean(title), time=f"{seconds:.3f}"
    )


def _say(case: ElementTree.Element, kind: str, message: str, text: str) -> None:
    ElementTree.SubElement(case, kind, message=_clean(message)).text = _clean(text)


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
