"""Links that were made longer on purpose: a file beside the lab, which the receiving NICs of a run look at.

This kernel or another may have no netem; a delay line in the receiving NIC needs none, and takes a change
while frames are under way.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import state
from mrcnet.kernel.marks import lab_name
from mrcnet.topology.model import End, Link


@dataclass(frozen=True, slots=True)
class Longer:
    """A link (its ends as `node:port`), how much longer it is each way in fabric ns, and until which instant
    of CLOCK_MONOTONIC; None: until it is healed.
    """

    a: str
    b: str
    by_ns: int
    until_ns: int | None

    @property
    def past(self) -> bool:
        """Its time is over."""
        return self.until_ns is not None and time.monotonic_ns() >= self.until_ns


def path_of(lab: str) -> Path:
    """Where the lab's longer links are written."""
    return state.DIRECTORY / f"{lab_name(lab)}.delays"


def read(lab: str) -> tuple[Longer, ...]:
    """The links that are longer now."""
    with suppress(OSError, ValueError, TypeError):
        found = (Longer(**one) for one in json.loads(path_of(lab).read_text()))
        return tuple(one for one in found if not one.past)
    return ()


def write(lab: str, links: Iterable[Longer]) -> None:
    """Replace them all, in one step. EnvironmentFault if that cannot be."""
    links = tuple(links)
    path = path_of(lab)
    draft = state.DIRECTORY / f".{lab}.delays-{os.getpid()}"
    try:
        if not links:
            path.unlink(missing_ok=True)
            return
        draft.write_text(json.dumps([asdict(one) for one in links]))
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}") from error


def is_of(one: Longer, link: Link) -> bool:
    """Whether it is this link."""
    return {one.a, one.b} == {str(link.a), str(link.b)}


def longer(a: End, b: End, by_ns: int, for_ns: int | None) -> Longer:
    """A link to be longer from now on, for so many wall ns (None: until healed)."""
    return Longer(str(a), str(b), by_ns, None if for_ns is None else time.monotonic_ns() + for_ns)
