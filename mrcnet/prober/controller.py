"""The denylist of spec 7 for runs that are on: what is found broken is denied, what heals is allowed.

MRC finds a dead path between T0 and T1 by itself. A link of a NIC that lives and loses packets it cannot tell
from the peer's: there a whole plane of the host has to be denied from outside.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

from mrcnet.nic import desk

_LOOK_EVERY_NS = 200_000_000  # wall time between two looks for runs that have begun meanwhile


@dataclass(frozen=True, slots=True)
class Denial:
    """What a run (its process id) did on the controller's word at `at_ns`, CLOCK_MONOTONIC.

    It denied (`on`) or allowed `evs` EVs, of all its QPs together, for the sake of `link`.
    """

    run: int
    link: str
    on: bool
    evs: int
    at_ns: int


class Controller:
    """Keeps the runs of a lab to what is wanted. A context manager: with the end all is allowed again, for
    nobody would be left to do it.
    """

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._told: dict[int, dict[str, None]] = {}  # by run: the links that it was told to deny
        self._wanted: tuple[str, ...] = ()
        self._look_at = 0
        self._denials: list[Denial] = []

    @property
    def denials(self) -> tuple[Denial, ...]:
        """All that runs did so far."""
        return tuple(self._denials)

    def want(self, links: Iterable[str]) -> None:
        """These links, and no others, are to be denied now, by every run that is on."""
        wanted = tuple(links)
        now = time.monotonic_ns()
        if wanted == self._wanted and now < self._look_at:
            return
        self._wanted, self._look_at = wanted, now + _LOOK_EVERY_NS
        for run in desk.desks(self._lab):
            self._settle(run, self._told.setdefault(run, {}))

    def _settle(self, run: int, told: dict[str, None]) -> None:
        changes = [(link, True) for link in self._wanted if link not in told]
        changes += [(link, False) for link in told if link not in self._wanted]
        for link, on in changes:
            evs = desk.deny(self._lab, run, link, on=on)
            if evs is None:
                return  # it is beginning or ending: the next look will tell
            if on:
                told[link] = None
            else:
                del told[link]
            if evs:
                self._denials.append(Denial(run, link, on, evs, time.monotonic_ns()))

    def __enter__(self) -> Controller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._look_at = 0
        self.want(())
