"""Every command that README.md and docs/ show is run as it stands, with labs of its own."""

from __future__ import annotations

import re

import pytest

from tests.netns.fabric import NEEDS_ROOT
from tests.support.commands import PAGES, SECONDS, Part, blocks_of, parts_of, run

# By the clock: goodput around a cut, and BFD's timers, which do not wait for a busy machine.
JUDGED = re.compile(
    r"^mrcnet (drill (loud|silent)-cut|compare-run failover-bgp)\b(?!.* --on sim)", re.MULTILINE
)
pytestmark = [*NEEDS_ROOT, pytest.mark.timeout(5 * SECONDS)]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(part, id=str(part), marks=[pytest.mark.alone] if JUDGED.search(part.text) else [])
        for page in PAGES
        for part in parts_of(blocks_of(page))
        if part.on_kernel
    ],
)
def test_the_commands_of_a_page_run(part: Part) -> None:
    """Who types what a page shows gets what it promises."""
    failed = [str(ran) for ran in run(part) if not ran.ok]
    assert not failed, "\n".join(failed)
