"""The commands that a page shows, run as they stand, block after block, where nothing else is.

A block of `sh` is run by bash and must succeed, every line of it. Words behind `sh` say more:

    sh exit=1          it ends with this code
    sh ctrl-c          all lines at once, each until Ctrl-C, which it gets after some seconds
    sh no-run REASON   not here, and why

A block of any language with `file=NAME` is written to that file.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
LANGUAGES = frozenset({"sh", "text", "yaml", "json", "python", "ini", "toml", "{toctree}"})
SECONDS = 100  # for a block; far more than any takes
UNTIL_INTERRUPT = 4
_FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_PLACES = ("/run/mrcnet", "/run/netns", "/run/mrcnet-frr")  # what labs keep: a page sees none but its own


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page, by the line of its fence; `words` are those behind its language."""

    page: str
    line: int
    language: str
    words: str
    text: str

    @property
    def is_commands(self) -> bool:
        return self.language == "sh"

    @property
    def why_not(self) -> str:
        """Why it is not run; empty: it is."""
        return self.words.removeprefix("no-run").strip() if self.words.startswith("no-run") else ""

    @property
    def exit_code(self) -> int:
        """What is right."""
        return int(self.words.removeprefix("exit=")) if self.words.startswith("exit=") else 0

    @property
    def file(self) -> str:
        """Where its text goes; empty: nowhere."""
        return self.words.removeprefix("file=") if self.words.startswith("file=") else ""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a block ended, and what it said on both its outputs."""

    block: Block
    code: int
    said: str

    @property
    def ok(self) -> bool:
        return self.code == self.block.exit_code

    def __str__(self) -> str:
        return f"{self.block.page}:{self.block.line} ended with {self.code}\n{self.block.text}{self.said}"


def blocks_of(page: str) -> list[Block]:
    """All blocks of a page, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        language, _, words = fence["info"].partition(" ")
        found.append(Block(page, text.count("\n", 0, fence.start()) + 1, language, words, fence["text"]))
    return found


def brings_labs_up(blocks: Sequence[Block]) -> bool:
    """Whether what is run of them needs root."""
    return any("mrcnet up" in block.text for block in blocks if block.is_commands and not block.why_not)


def run(blocks: Sequence[Block]) -> Iterator[Ran]:
    """Write the files, run the commands; in a folder with what a checkout has, and no labs but theirs."""
    with tempfile.TemporaryDirectory(prefix="mrcnet-docs-") as name, ExitStack() as stack:
        world = stack.enter_context(_world()) if brings_labs_up(blocks) else []
        for shown in ("labs", "topologies", "templates"):
            (Path(name) / shown).symlink_to(ROOT / shown)
        for block in blocks:
            if block.file:
                (Path(name) / block.file).write_text(block.text, encoding="utf-8")
        for block in blocks:
            if block.is_commands and not block.why_not:
                yield _run(block, name, world)


def _run(block: Block, folder: str, world: Sequence[str]) -> Ran:
    lines = _together(block.text) if block.words == "ctrl-c" else block.text
    command = [*world, "bash", "-c", f"cd {folder}\nset -eo pipefail\n{lines}"]
    away = ("NUMBA_BOUNDSCHECK", "PYTEST_CURRENT_TEST")
    variables = {name: value for name, value in os.environ.items() if name not in away}
    variables |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=variables, start_new_session=True
        )
        try:
            code = child.wait(SECONDS)
        except subprocess.TimeoutExpired:
            code = 124
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # what it left behind in the background, too
        child.wait()
        said.seek(0)
        return Ran(block, code, said.read())


def _together(lines: str) -> str:
    """All lines at once, as in terminals of their own; ends with the code of one that failed, if one did."""
    until = f"timeout --preserve-status --signal INT --kill-after 20 {UNTIL_INTERRUPT} bash -c"
    begun = "".join(f"{until} {shlex.quote(line)} & all+=($!)\n" for line in lines.splitlines())
    return f'{begun}for one in "${{all[@]}}"; do wait $one || [ $? = 130 ] || exit 1; done'


@contextmanager
def _world() -> Iterator[list[str]]:
    """The words that put a command into a mount namespace in which no labs are; they go with it.

    It comes before other tests: drills of pages are judged by the clock.
    """
    furnish = "; ".join(f"mkdir -p {place}; mount -t tmpfs none {place}" for place in _PLACES)
    holder = subprocess.Popen(
        ["unshare", "--mount", "bash", "-c", f"set -e; {furnish}; echo ready; read"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert "ready" == holder.stdout.readline().strip()
        world = ["nice", "-n", "-10", "nsenter", f"--mount=/proc/{holder.pid}/ns/mnt"]
        try:
            yield world
        finally:
            subprocess.run([*world, sys.executable, "-m", "mrcnet.cli.main", "down", "--all"], check=False)
            holder.stdin.close()
