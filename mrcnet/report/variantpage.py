"""The page of variants side by side: one HTML file that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mrcnet.report import variantcharts
from mrcnet.report.model import Result
from mrcnet.report.render import render
from mrcnet.report.sidebyside import SideBySide


def as_page(found: SideBySide, runs: Sequence[tuple[str, Sequence[Result]]], command: str) -> str:
    """The HTML; `runs` as `side_by_side` was given them, `command` makes all of it again."""
    firsts = [(name, results[0]) for name, results in runs]
    drawn = variantcharts.goodputs(firsts)
    return render(
        "sidebyside.html.j2",
        found=found,
        origin=firsts[0][1].origin,
        command=command,
        bars=Markup(variantcharts.bars(found)) if found.columns else "",
        goodputs=None if drawn is None else Markup(drawn),
    )
