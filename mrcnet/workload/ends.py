"""The two ends of a flow: a source that posts messages, a sink that checks every byte that came."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.memory import Region
from mrcnet.workload.endpoint import EndPoint
from mrcnet.workload.flow import Flow

_SPARE = 1 << 20  # bytes of content beyond one message, so that messages begin at different places


def make_content(message: int, seed: int) -> npt.NDArray[np.uint8]:
    """The bytes that all flows send from: random, the same in every process."""
    return np.random.default_rng(seed).integers(0, 256, message + _SPARE, dtype=np.uint8)


class Source:
    """Posts a flow's messages, as many as have a slot, at the offered rate; knows when they are done."""

    def __init__(self, flow: Flow, endpoint: EndPoint, content: Region) -> None:
        self.flow = flow
        self._endpoint = endpoint
        self._content = content
        self._address = 0
        self._rkey = 0
        self._posted = 0
        self._next_at = 0
        self._posted_at: dict[int, int] = {}  # of messages that are not complete
        self.completed = 0  # so many, and all before them
        self.completed_bytes = 0
        self.durations: list[int] = []  # ns from post to completion, message by message
        self.ends: list[int] = []  # and when that was
        self._stop_at: int | None = None
        self.started_at: int | None = None
        self.ended_at: int | None = None
        self.stopping = False
        self.failure: str | None = None

    def open(self, address: int, rkey: int, start_at: int) -> None:
        """The peer's region is known; posting may begin at `start_at`."""
        self._address, self._rkey = address, rkey
        self._next_at = start_at + self.flow.start_ns
        if self.flow.stop_ns is not None:
            self._stop_at = start_at + self.flow.stop_ns

    def step(self, now: int) -> None:
        """Post what is due."""
        if self._stop_at is not None and now >= self._stop_at:
            self.stopping = True
        while (
            not self.exhausted
            and self.failure is None
            and self._posted - self.completed < self.flow.slots
            and now >= self._next_at
        ):
            length = self.flow.length(self._posted)
            at = self.flow.content_at(self._posted, len(self._content.data))
            slot = self._posted % self.flow.slots * self.flow.message
            self._post(at, length, slot, now)
            if self.flow.rate_bps:
                self._next_at += length * 8 * 1_000_000_000 // self.flow.rate_bps

    def _post(self, start: int, length: int, place: int, now: int) -> None:
        """Bytes of the content from `start` on to `place` in the peer's region."""
        self._endpoint.post_write(
            self.flow.src_qpn, self._content, start, length, self._address + place, self._rkey
        )
        self.started_at = now if self.started_at is None else self.started_at
        self._posted_at[self._posted] = now
        self._posted += 1

    def on_completed(self, message: int, at: int) -> None:
        """The transport says that message number `message` is acknowledged whole; over several QPs, not in
        order. A slot is free when all messages before its own are complete, too.
        """
        self.durations.append(at - self._posted_at.pop(message))
        self.completed = min(self._posted_at, default=self._posted)
        self.completed_bytes += self.flow.length(message)
        self.ends.append(at)
        self.ended_at = at

    @property
    def exhausted(self) -> bool:
        """Nothing more will be posted."""
        return self.stopping or self.flow.length(self._posted) == 0

    @property
    def under_way(self) -> bool:
        """A message that was posted may still complete."""
        return self.failure is None and self._posted > self.completed

    @property
    def done(self) -> bool:
        """Everything posted is complete and nothing more comes, or the QP failed."""
        return self.failure is not None or (self.exhausted and self.completed == self._posted)

    def next_timer(self) -> int | None:
        """When `step` has something to post, None while it waits for completions."""
        waiting = (
            self.exhausted or self.failure is not None or self._posted - self.completed >= self.flow.slots
        )
        return None if waiting else self._next_at


class Sink:
    """Holds a flow's memory and compares every message, byte for byte, as soon as it is whole."""

    def __init__(self, flow: Flow, endpoint: EndPoint, content: npt.NDArray[np.uint8]) -> None:
        self.flow = flow
        self._content = content
        self.region = endpoint.register(
            np.zeros(flow.slots * flow.message, np.uint8), 0x7F00_0000_0000 + (flow.number << 32)
        )
        self.messages = 0
        self.verified_bytes = 0
        self.wrong: list[int] = []  # numbers of messages whose bytes differ

    def on_arrived(self, message: int, at: int) -> None:  # noqa: ARG002
        """Message number `message` is in place, since the instant `at`."""
        length = self.flow.length(message)
        start = self.flow.content_at(message, len(self._content))
        slot = message % self.flow.slots * self.flow.message
        same = np.array_equal(self.region.data[slot : slot + length], self._content[start : start + length])
        self.messages += 1
        if same:
            self.verified_bytes += length
        else:
            self.wrong.append(message)
