"""Commands of pages that need no lab; and no block of a page escapes being run unseen."""

from __future__ import annotations

import pytest

from tests.support import commands
from tests.support.commands import LANGUAGES, PAGES, ROOT, SECONDS, Block, Part, blocks_of, parts_of, run

K8S = "mrcnet render 2p-2t0-2t1 --nos frr --to clabernetes -o k8s/\n"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(part, id=str(part))
        for page in PAGES
        for part in parts_of(blocks_of(page))
        if not part.on_kernel
    ],
)
@pytest.mark.timeout(5 * SECONDS)
def test_the_commands_of_a_page_run(part: Part) -> None:
    """Who types what a page shows gets what it promises."""
    failed = [str(ran) for ran in run(part) if not ran.ok]
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    """A block has a language; one of commands is `sh`, and no word behind that keeps it from being run."""
    blocks = blocks_of(page)
    fences = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("```")]
    assert len(fences) == 2 * len(blocks)
    assert set() == {block.language for block in blocks} - LANGUAGES
    assert [] == [one.line for one in blocks if one.is_commands and not one.is_known]
    assert [] == [one.line for one in blocks if not one.is_commands and "\nmrcnet " in f"\n{one.text}"]
    run_here = {block for part in parts_of(blocks) for block in part.blocks}
    assert {one for one in blocks if one.is_commands and not one.by_ci} == run_here


def test_ci_runs_what_pages_leave_to_it() -> None:
    """What pages leave to CI is what .ci/run calls, a line each, and no command of mrcnet."""
    calls = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    left = [block for page in PAGES for block in blocks_of(page) if block.by_ci]
    lines = [line.partition("#")[0].strip() for block in left for line in block.text.splitlines()]
    assert [] == [line for line in lines if line not in calls]


@pytest.mark.parametrize(
    ("text", "words", "ok"),
    [
        ("true\n", "", True),
        ("false\ntrue\n", "", False),
        ("false | true\n", "", False),
        ("exit 3\n", "exit=3", True),
        ("true\n", "exit=1", False),
        ("false\nsleep 60\n", "ctrl-c", False),
        ("(trap 'exit 130' INT; sleep 60 & wait) | false\n", "ctrl-c", False),
        ("sleep 60\ntrue\n", "ctrl-c", True),
        ("test -t 1\nsleep 60\n", "ctrl-c", True),
        (f"{K8S}kubectl apply --server-side -f k8s/00-namespace.yaml\n", "stand-in=kubectl", True),
        (f"{K8S}kubectl apply --server-side -f k8s/topology.yaml\n", "stand-in=kubectl", False),
        ("echo no capture | wireshark -k -i -\n", "stand-in=wireshark", False),
    ],
)
def test_a_line_that_fails_is_found(text: str, words: str, ok: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any line of a block that fails makes it fail, unless the block says so; what goes on gets Ctrl-C."""
    monkeypatch.setattr(commands, "UNTIL_INTERRUPT", 1)
    (part,) = parts_of([Block("page.md", 1, "sh", words, text)])
    (ran,) = run(part)
    assert ok == ran.ok


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (["mrcnet up a\n", "mrcnet verify\n", "mrcnet down\n", "mrcnet doctor\n"], [3, 1]),
        (["mrcnet up a\nmrcnet down\n", "mrcnet up b\n"], [1, 1]),
        (["mrcnet size -o full.yaml\n", "mrcnet plan full.yaml\n", "mrcnet plan 4p-2t0-4t1\n"], [2, 1]),
        (["mrcnet render a -o lab/\n", "mrcnet up a\n", "mrcnet down\n", "mrcnet lint lab/\n"], [2, 2]),
    ],
)
def test_a_part_of_a_page_goes_on_while_it_must(texts: list[str], parts: list[int]) -> None:
    """A lab that is up, and files that commands write, are there for the blocks behind."""
    blocks = [Block("page.md", number, "sh", "", text) for number, text in enumerate(texts)]
    assert parts == [len(part.blocks) for part in parts_of(blocks)]
