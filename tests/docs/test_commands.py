"""Commands of pages that need no lab; and no block of a page escapes being run unseen."""

from __future__ import annotations

import pytest

from tests.support import commands
from tests.support.commands import LANGUAGES, PAGES, ROOT, SECONDS, Block, blocks_of, brings_labs_up, run


@pytest.mark.parametrize("page", [page for page in PAGES if not brings_labs_up(blocks_of(page))])
@pytest.mark.timeout(5 * SECONDS)
def test_the_commands_of_a_page_run(page: str) -> None:
    """Who types what a page shows, from its top to its end, gets what it promises."""
    assert [] == [str(ran) for ran in run(blocks_of(page)) if not ran.ok]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    """A block has a language; one of commands is `sh` and, if it is not run, has a reason."""
    blocks = blocks_of(page)
    fences = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("```")]
    assert len(fences) == 2 * len(blocks)
    assert set() == {block.language for block in blocks} - LANGUAGES
    assert [] == [one.line for one in blocks if one.is_commands and not _known(one)]
    assert [] == [one.line for one in blocks if not one.is_commands and "\nmrcnet " in f"\n{one.text}"]


def _known(block: Block) -> bool:
    return block.words in ("", "ctrl-c") or bool(block.why_not) or block.words == f"exit={block.exit_code}"


@pytest.mark.parametrize(
    ("text", "words", "ok"),
    [
        ("true\n", "", True),
        ("false\ntrue\n", "", False),
        ("false | true\n", "", False),
        ("exit 3\n", "exit=3", True),
        ("true\n", "exit=1", False),
        ("false\nsleep 60\n", "ctrl-c", False),
        ("sleep 60\n", "ctrl-c", True),
    ],
)
def test_a_line_that_fails_is_found(text: str, words: str, ok: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any line of a block that fails makes it fail, unless the block says so; what goes on gets Ctrl-C."""
    monkeypatch.setattr(commands, "UNTIL_INTERRUPT", 1)
    trap = "trap 'exit 130' INT; " if "sleep" in text else ""
    (ran,) = run([Block("page.md", 1, "sh", words, text.replace("sleep 60", f"{trap}sleep 60 & wait"))])
    assert ok == ran.ok
