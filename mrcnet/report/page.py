"""The page: one HTML file that needs nothing else. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

from mrcnet.report import charts, portchart
from mrcnet.report.fabric import STEPS, draw
from mrcnet.report.health import bad_share
from mrcnet.report.model import Ev, Figure, Picture, Result
from mrcnet.report.render import render
from mrcnet.report.words import milliseconds

_HEADLINES = (  # what stands large at the top, where a drill has it
    ("detection_ms", "until the first EV was out"),
    ("recovery_ms", "until goodput was back at 99 %"),
    ("packets_lost", "packets lost"),
    ("goodput_after_share", "of the goodput before, after"),
    ("messages_wrong", "messages wrong"),
)
_EVENTS = 200  # lines of the story that are shown
_ROWS = 200  # EVs in the table


def as_page(result: Result) -> str:
    """The HTML of a result, styles, drawings and script within."""
    picture, metrics = result.picture, result.metrics or {}
    return render(
        "report.html.j2",
        result=result,
        origin=result.origin,
        headlines=[(name, metrics[name], words) for name, words in _HEADLINES if name in metrics],
        metrics=_plain(metrics),
        planes=[(name, row) for name, row in metrics.items() if isinstance(row, tuple) and row],
        drawing=draw(picture),
        steps=STEPS,
        alone=False,
        timelines=[
            (
                _stretch(number, line.start_ms, line.bin_ms),
                Markup(charts.timeline(f"t{number}", line, picture.faults)),
            )
            for number, line in enumerate(picture.timelines)
            if line.delivered and line.delivered[0]
        ],
        ports=[
            (
                _stretch(number + 1, line.start_ms, line.bin_ms),
                Markup(portchart.ports(f"ports{number}", line, picture.faults)),
            )
            for number, line in enumerate(picture.ports)
        ],
        strip=_strip(picture),
        left_out=len(picture.evs) - sum(1 for _ in charts.strip_rows(picture)),
        heat=Markup(charts.heat(picture)) if picture.evs else None,
        completions=Markup(charts.completions(picture.completions)) if picture.completions else None,
        evs=[(ev, bad_share(ev, picture.length_ms)) for ev in picture.evs if len(ev.spans) > 1 or ev.lost][
            :_ROWS
        ],
        shown=result.events[:_EVENTS],
        hidden=max(0, len(result.events) - _EVENTS),
    )


def _plain(metrics: Mapping[str, Figure]) -> list[tuple[str, Figure]]:
    return [(name, figure) for name, figure in metrics.items() if not isinstance(figure, tuple)]


def _stretch(number: int, start_ms: float, bin_ms: float) -> str:
    where = "The whole run" if number == 0 else f"Around a fault, from {milliseconds(start_ms)} on"
    return f"{where}, in bins of {milliseconds(bin_ms)}"


def _strip(picture: Picture) -> Markup | None:
    """The strip chart, whose rows can be pointed at, walked through with arrow keys, and read aloud."""
    if not picture.evs:
        return None

    def voice(found: re.Match[str]) -> str:
        words = escape(_story(picture.evs[int(found[1])]))
        return f'{found[0]} class="tip row" tabindex="-1" role="img" aria-label="{words}" data-tip="{words}"'

    return Markup(re.sub(r'id="strip-ev-(\d+)"', voice, charts.strip(picture)))


def _story(ev: Ev) -> str:
    """All there is to say of an EV in one line."""
    last, *_ = reversed(ev.spans)
    changes = "; ".join(
        f"{span.state} from {milliseconds(span.at_ms)}" + (f" ({span.cause})" if span.cause else "")
        for span in ev.spans
    )
    if len(ev.spans) == 1:
        changes = f"{last.state} throughout"
    way = " › ".join(ev.walk)
    return (
        f"{way}; EV {ev.ev:#010x}, plane {ev.plane}; {changes}; {ev.sent} packets sent, {ev.lost} found lost"
    )
