"""What the pages show is run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benches.figure import Figure, figure, timed
from tests.support.commands import PAGES, Ran, blocks_of, run

BAR = 1.0


def docs_run() -> Iterator[Figure]:
    """docs-run: of the command blocks that are to be run, the share that ended as the page says. Noted: those
    that are not to be run, with the reason that stands in the page, and the seconds of each page.
    """
    ran: list[Ran] = []
    seconds: dict[str, float] = {}
    for page in PAGES:
        if any(block.is_commands and not block.why_not for block in blocks_of(page)):
            seconds[page] = round(timed(lambda page=page: ran.extend(run(blocks_of(page)))), 1)  # type: ignore[misc]
    for one in ran:
        if not one.ok:
            print(one, file=sys.stderr)
    left = {f"{b.page}:{b.line}": b.why_not for page in PAGES for b in blocks_of(page) if b.why_not}
    share = sum(one.ok for one in ran) / len(ran)
    yield figure("docs-run", [share], "", BAR, at_most=False, blocks=len(ran), not_run=left, seconds=seconds)
