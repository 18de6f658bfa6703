"""What a flow is: whose traffic, how much of it, and which bytes its messages have. No library is needed."""

from __future__ import annotations

from dataclasses import dataclass

_UNDER_WAY = 4 << 20  # bytes of one flow that may be under way, in whole messages ...
_SLOTS = (4, 64)  # ... but no fewer and no more than so many; each has a place of its own at the sink
_STEP = 64  # two messages of a flow begin this far apart in the content, so they differ everywhere
_FLOW_STEP = 4_099 * _STEP


@dataclass(frozen=True, slots=True)
class Script:
    """A flow of a program: numbers of the graph's messages in order, and their lengths in bytes."""

    program: int
    src: int  # ranks
    dst: int
    messages: tuple[int, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """One ordered pair's traffic. `size` bytes in all, or None: until told to stop.

    `message` is the length of one RDMA Write in bytes, `rate_bps` the offered load (None: all that fits).
    Messages are posted from `start_ns` after the run's start on, and not after `stop_ns`, if there is one.
    """

    number: int
    src: str
    dst: str
    size: int | None
    message: int
    rate_bps: int | None
    start_ns: int = 0
    stop_ns: int | None = None
    beside: bool = False  # it is not the run's own load, but one beside it
    script: Script | None = None  # of a collective's flow: it is this that says what is posted, and when

    @property
    def src_qpn(self) -> int:
        """The requestor's QP number."""
        return 0x100 + 2 * self.number

    @property
    def dst_qpn(self) -> int:
        """The responder's QP number."""
        return 0x101 + 2 * self.number

    @property
    def slots(self) -> int:
        """Messages that may be under way."""
        return max(_SLOTS[0], min(_SLOTS[1], _UNDER_WAY // self.message))

    def length(self, message: int) -> int:
        """Bytes of the flow's message number `message`; 0 when the flow has fewer."""
        if self.script is not None:
            return self.script.lengths[message] if message < len(self.script.lengths) else 0
        if self.size is None:
            return self.message
        return max(0, min(self.message, self.size - message * self.message))

    def content_at(self, message: int, content: int) -> int:
        """Where in the `content` (bytes) message number `message` begins."""
        return (message * _STEP + self.number * _FLOW_STEP) % (content - self.message + 1)
