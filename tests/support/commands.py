"""The commands that a page shows, run as they stand, block after block, where nothing else is.

A block of `sh` is run by bash and must succeed, every line of it. Words behind `sh` say more:

    sh exit=1              it ends with this code
    sh ctrl-c              all lines at once, each in a terminal of its own, which gets Ctrl-C after some
                           seconds; those behind one of traffic begin when that is on, and Wireshark is
                           waited for until it shows a packet
    sh stand-in=PROGRAM    with a stand-in for a program that is not at hand (`tests/support/standins.py`)
    sh ci                  programs that .ci/run calls, line by line, besides the tests

A block of any language with `file=NAME` is written to that file.

A page is run in parts, each in a folder and a world of its own. A block goes on from those before while a lab
is up, and from those that have written what it names.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.standins import STAND_INS, install
from tests.support.terminals import together
from tests.support.wireshark import SHOWN

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
LANGUAGES = frozenset({"sh", "text", "yaml", "json", "python", "ini", "toml", "{toctree}"})
SECONDS = 100  # for a block; far more than any takes
UNTIL_INTERRUPT = 4
_FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_UP_OR_DOWN = re.compile(r"^mrcnet (up|down)\b", re.MULTILINE)
_WRITES = re.compile(r"(?: -[ow]| --output|>) ?(\S+)")
_KERNEL = re.compile(r"^mrcnet (up|doctor|(drill|compare-run)(?!.* --on sim))\b", re.MULTILINE)
_PLACES = ("/run/mrcnet", "/run/netns", "/run/mrcnet-frr")  # what labs keep: a page sees none but its own
_ASKED = "/run/mrcnet/*.runs/*.sock"  # what `mrcnet evs` asks is there while traffic is on


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
    def by_ci(self) -> bool:
        return self.is_commands and "ci" in self.words.split()

    @property
    def until_ctrl_c(self) -> bool:
        return "ctrl-c" in self.words.split()

    @property
    def exit_code(self) -> int:
        """What is right."""
        return int(next(self._values("exit"), 0))

    @property
    def stand_ins(self) -> frozenset[str]:
        return frozenset(self._values("stand-in"))

    @property
    def file(self) -> str:
        """Where its text goes; empty: nowhere."""
        return next(self._values("file"), "")

    @property
    def is_known(self) -> bool:
        """Whether all its words mean something for commands."""
        known = {f"exit={self.exit_code}", "ctrl-c", "ci"} | {f"stand-in={name}" for name in STAND_INS}
        return known >= set(self.words.split())

    def _values(self, name: str) -> Iterator[str]:
        return (word.removeprefix(f"{name}=") for word in self.words.split() if word.startswith(f"{name}="))


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks of commands that go on from each other; all files of their page."""

    files: tuple[Block, ...]
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return f"{self.blocks[0].page}:{self.blocks[0].line}"

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.blocks)

    @property
    def on_kernel(self) -> bool:
        """Whether it needs root."""
        return bool(_KERNEL.search(self.text))


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


def parts_of(blocks: Sequence[Block]) -> list[Part]:
    """What is run of a page's blocks."""
    parts: list[Part] = []
    files = tuple(block for block in blocks if block.file)
    for block in blocks:
        if block.is_commands and not block.by_ci:
            begun = next((part for part in parts if _goes_on(part.text, block.text)), Part(files, ()))
            parts = [part for part in parts if part is not begun]
            parts.append(replace(begun, blocks=(*begun.blocks, block)))
    return parts


def _goes_on(before: str, text: str) -> bool:
    is_up = _UP_OR_DOWN.findall(before)[-1:] == ["up"]
    return is_up or any(f" {name}" in text for name in _WRITES.findall(before) if name != "-")


def run(part: Part) -> Iterator[Ran]:
    """Write the files, run the commands; in a folder with what a checkout has, and no labs but theirs."""
    with (
        tempfile.TemporaryDirectory(prefix="mrcnet-docs-") as name,
        tempfile.TemporaryDirectory(prefix="mrcnet-home-") as home,
        _world() if part.on_kernel else nullcontext([]) as world,
    ):
        for shown in ("labs", "topologies", "templates"):
            (Path(name) / shown).symlink_to(ROOT / shown)
        for block in part.files:
            (Path(name) / block.file).write_text(block.text, encoding="utf-8")
        for block in part.blocks:
            yield _run(block, Path(name), Path(home), world)


def _run(block: Block, folder: Path, home: Path, world: Sequence[str]) -> Ran:
    programs = home / f"stand-ins-{block.line}"
    programs.mkdir()
    for program in block.stand_ins:
        install(program, programs)
    variables = _environment(home, programs)

    def shell(lines: str) -> list[str]:
        return [*world, "bash", "-c", f"cd {folder}\nset -eo pipefail\n{lines}"]

    def is_ready(command: Sequence[str], said: str) -> bool:
        line = command[-1].splitlines()[-1]
        if line.startswith("mrcnet traffic "):
            return subprocess.run(shell(f"compgen -G '{_ASKED}' >/dev/null"), check=False).returncode == 0
        if line.endswith("| wireshark -k -i -"):
            return SHOWN in said
        return not line.startswith("mrcnet evs ")  # which ends by itself

    if block.until_ctrl_c:
        lines = [shell(line) for line in block.text.splitlines()]
        return Ran(block, *together(lines, variables, UNTIL_INTERRUPT, is_ready))
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            shell(block.text),
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=variables, start_new_session=True,
        )  # fmt: skip
        try:
            code = child.wait(SECONDS)
        except subprocess.TimeoutExpired:
            code = 124
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # what it left behind in the background, too
        child.wait()
        said.seek(0)
        return Ran(block, code, said.read())


def _environment(home: Path, programs: Path) -> dict[str, str]:
    """A user's, whose home is empty but for what is kept of programs before."""
    away = ("NUMBA_BOUNDSCHECK", "PYTEST_CURRENT_TEST")
    kept = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"HOME": str(home), "XDG_CACHE_HOME": kept, "PATH": path, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    return {name: value for name, value in os.environ.items() if name not in away} | own


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
