"""Every command that README.md and docs/ show is run as it stands, with labs of its own."""

from __future__ import annotations

import pytest

from tests.netns.fabric import NEEDS_ROOT
from tests.support.commands import PAGES, SECONDS, blocks_of, brings_labs_up, run

JUDGED = "README.md"  # by the clock: goodput after a cut, of a drill of labs/
pytestmark = [*NEEDS_ROOT, pytest.mark.timeout(5 * SECONDS)]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.alone] if page == JUDGED else [])
        for page in PAGES
        if brings_labs_up(blocks_of(page))
    ],
)
def test_the_commands_of_a_page_run(page: str) -> None:
    """Who types what a page shows, from its top to its end, gets what it promises."""
    assert [] == [str(ran) for ran in run(blocks_of(page)) if not ran.ok]
