"""The page: it holds what it must, needs nothing else, and lets no text of a file become markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mrcnet.report import resultfile
from mrcnet.report.charts import MOST, strip_rows
from mrcnet.report.model import Event, Expectation, Fidelity, Judgement, Picture, Result
from mrcnet.report.page import as_page
from mrcnet.report.picture import bare
from tests.unit.plan.fabrics import plan_of
from tests.unit.report import results


class Reader(HTMLParser):
    """The text of a page, and the addresses that it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.addresses, self.tags = "", list[str](), set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        names = ("src", "href", "xlink:href", "data", "action")
        self.addresses += [value or "" for name, value in attributes if name in names]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_loads_nothing() -> None:
    """Whatever the page refers to is in the page."""
    page = as_page(results.result())
    outside = [address for address in Reader(page).addresses if not address.startswith(("#", "data:,"))]
    assert [] == outside
    assert [] == re.findall(r"url\((?!#)|@import|\bfetch\(|XMLHttpRequest", page)


def test_what_was_not_met_stands_at_the_top() -> None:
    """Of a drill that failed, the first that follows its verdict is why."""
    missed = Judgement(Expectation("recovery_ms", None, 5.0, "flap"), None, met=False)
    text = Reader(as_page(replace(results.result(), verdict="failed", judgements=(missed,)))).text
    assert "recovery_ms of flap was never, should be <= 5" in text[: text.index("Expectations")]


def test_it_tells_what_to_run_again() -> None:
    """The page has the command, the seed, and the digests and texts of both files."""
    result = results.result()
    text = Reader(as_page(result)).text
    for words in (
        result.origin.command,
        f"Seed {result.seed}",
        result.origin.digest,
        result.origin.topology_digest,
        result.origin.text,
    ):
        assert words in text


def test_ids_are_alone() -> None:
    """No two parts of the page have the same id, so that no drawing borrows from another."""
    ids = re.findall(r'\bid="([^"]+)"', as_page(results.result()))
    assert sorted(set(ids)) == sorted(ids)


def test_no_colour_is_left_behind() -> None:
    """Every colour of a chart is one of the page's, so that there is light and dark."""
    page = as_page(results.result())
    assert [] == re.findall(r"#a1b0[0-9a-f]{2}", page)
    styles = re.findall(r'style="([^"]*)"', page)
    assert any("fill: var(--p0)" in style for style in styles)
    assert [] == [style for style in styles if "#" in re.sub(r"url\(#[^)]*\)", "", style)]


def test_text_of_files_is_no_markup() -> None:
    """Names, stories and reasons with angle brackets are shown, not obeyed."""
    evil = "</script><b onload=x>&\"'"
    result = results.result()
    page = as_page(
        replace(
            result,
            drill=evil,
            reasons=(evil,),
            events=(Event(1.0, "ev", evil),),
            origin=replace(result.origin, text=evil, story=evil, command=evil),
        )
    )
    assert "<b onload" not in page
    assert evil in Reader(page).text


@pytest.mark.parametrize(
    ("fidelity", "words"),
    [
        (Fidelity(True), "Faithful"),
        (Fidelity(False, ("a port stood idle",), 40), "dilation 40 would do"),
        (Fidelity(None, status="unshaped"), "ports have no rates (unshaped)"),
        (None, "Virtual time"),
    ],
)
def test_fidelity_is_told(fidelity: Fidelity | None, words: str) -> None:
    """Whether the machine was the bottleneck is on the page, with the reasons."""
    result = results.result()
    assert result.traffic is not None
    text = Reader(as_page(replace(result, traffic=replace(result.traffic, fidelity=fidelity)))).text
    assert words in text
    assert all(reason in text for reason in (fidelity.reasons if fidelity else ()))


def test_an_aborted_drill_has_a_page() -> None:
    """Of a drill that was interrupted there is the verdict, the reason and the fabric."""
    page = Reader(as_page(resultfile.from_data(results.aborted())))
    assert "aborted" in page.text
    assert "interrupted" in page.text
    assert "plane 1" in page.text


@pytest.mark.parametrize(
    "shape",
    [
        "fabric: {planes: 1, t0: 1, t1: 0, hosts_per_t0: 2}",
        "fabric: {planes: 8, t0: 2, t1: 1, hosts_per_t0: 1}",
        "fabric: {planes: 2, t0: 16, t1: 8, hosts_per_t0: 2}",
    ],
)
def test_any_fabric_is_drawn(shape: str) -> None:
    """From one plane without T1s to the largest, each node stands once on the page."""
    fabric = bare(plan_of(shape))
    page = as_page(on_fabric(fabric))
    assert len(fabric.nodes) == page.count('class="tip node')
    assert len(fabric.links) == page.count('class="tip link')


def on_fabric(fabric: Picture) -> Result:
    return replace(results.result(), picture=fabric)


def test_the_strip_of_many_evs_has_all_planes() -> None:
    """Where there are more EVs than rows, each plane has its part of those that changed."""
    drawn = results.result().picture
    hit = next(ev for ev in drawn.evs if len(ev.spans) > 1)
    evs = tuple(replace(hit, plane=number % 4, ev=number) for number in range(3 * MOST))
    numbers = [number for number, _ in strip_rows(replace(drawn, evs=evs))]
    assert len(numbers) <= MOST
    assert {0, 1, 2, 3} == {evs[number].plane for number in numbers}
