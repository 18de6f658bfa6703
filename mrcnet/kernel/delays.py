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

from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.kernel import state
from mrcnet.kernel.faults import FaultRecord, name_of, opened
from mrcnet.plan.model import Plan
from mrcnet.plan.target import find_link
from mrcnet.topology.model import Link

LOOK_EVERY_NS = 20_000_000  # wall time between two looks of a NIC at the file


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
    return state.delays_file(lab)


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


def lengthen(plan: Plan, lab_name: str, target: str, by_ns: int, for_ns: int | None = None) -> FaultRecord:
    """Make the link `target` longer by so many fabric ns each way, for so many wall ns (None: until healed).

    The receiving NICs look now and then, which is the instant's error. InputError if there is no such lab or
    link, if it is longer already, or if that is no time.
    """
    link = find_link(plan, target)
    if by_ns < 1 or (for_ns is not None and for_ns < 1):
        raise InputError("a delay lasts at least 1 ns")
    with opened(lab_name):
        known = read(lab_name)
        if any(is_of(one, link) for one in known):
            raise InputError(
                f"link {name_of(link)} is longer already",
                remedy=f"`mrcnet fault {lab_name} heal {name_of(link)}`",
            )
        begin = time.monotonic_ns()
        until = None if for_ns is None else begin + for_ns
        write(lab_name, [*known, Longer(str(link.a), str(link.b), by_ns, until)])
    return _record("delay", link, begin)


def shorten(plan: Plan, lab_name: str, target: str) -> FaultRecord | None:
    """Undo `lengthen`; None if the link is not longer."""
    link = find_link(plan, target)
    with opened(lab_name):
        known = read(lab_name)
        if not any(is_of(one, link) for one in known):
            return None
        begin = time.monotonic_ns()
        write(lab_name, [one for one in known if not is_of(one, link)])
    return _record("heal", link, begin)


def _record(fault: str, link: Link, begin: int) -> FaultRecord:
    """It took effect between the write and the last NIC's next look."""
    end = time.monotonic_ns() + LOOK_EVERY_NS
    return FaultRecord(fault, name_of(link), (begin + end) // 2, (end - begin + 1) // 2)
