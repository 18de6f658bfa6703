"""What a port's queue is told, what it counts, and which faults it can play."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from mrcnet.errors import InputError

UNLIMITED = 1 << 60  # a threshold that no queue reaches
FIXED_POINT = 20  # binary places of `byte_time`


class Count(IntEnum):
    """What a port counts, in frames. Up to CONTROL_TAIL: those that it drops."""

    DOWN = 0
    BLACKHOLE = 1
    LOSS = 2
    TAIL = 3
    CONTROL_TAIL = 4
    SENT = 5
    MARKED = 6
    TRIMMED = 7
    DUPLICATED = 8  # this and what follows: the simulator only
    CORRUPTED = 9
    REORDERED = 10


DROPS = {
    Count.DOWN: "port down",
    Count.BLACKHOLE: "blackhole",
    Count.LOSS: "loss",
    Count.TAIL: "tail drop",
    Count.CONTROL_TAIL: "tail drop of control",
}


@dataclass(frozen=True, slots=True)
class PortConfig:
    """A queue as the program is told: thresholds in bytes, UNLIMITED for none.

    `byte_time`: wall ns that a byte takes, with FIXED_POINT binary places. `frame`: bytes of a full data
    frame. `control` and `trimmable`: the DSCPs of these classes, a bit each.
    """

    byte_time: int
    frame: int
    ecn_min: int
    ecn_max: int
    trim: int
    trim_size: int
    trim_dscp: int
    drop: int
    control_drop: int
    control: int
    trimmable: int


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault as it is asked for, in fabric time and rates. `lasts_ns` None: until it is healed.

    `share` is that of a loss, `rate_bps` that of a degrade. A flap is down for `down_ns` of every
    `period_ns`, `count` times (None: without end). Raises InputError for what makes no sense.
    """

    name: str
    lasts_ns: int | None = None
    share: float = 1.0
    rate_bps: int = 0
    period_ns: int = 0
    down_ns: int = 0
    count: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"a loss of {100 * self.share:g} % makes no sense: more than 0, up to 100 %")
        if self.name == "flap" and not 0 < self.down_ns < self.period_ns:
            raise InputError("a flapping port is down for a part of its period: more than 0, less than all")
        if (self.lasts_ns is not None and self.lasts_ns < 1) or (self.count is not None and self.count < 1):
            raise InputError("a fault lasts for more than no time")


@dataclass(frozen=True, slots=True)
class PortFault:
    """A fault that the program plays: blackhole, loss, degrade or flap. Instants are CLOCK_MONOTONIC ns.

    `value`: of a loss the share of 2^32, of degrade the byte time, of a flap its period in ns, else 1.
    `until`: when it ends by itself; 0: never. A flap begins at `start` with being down, for `down` ns.
    """

    name: str
    value: int = 1
    until: int = 0
    start: int = 0
    down: int = 0


@dataclass(frozen=True, slots=True)
class PortCounters:
    """What a port did since its queue was made. Frames; `bytes`, `deepest` and `found` are bytes.

    `deepest`: the most that a frame found before it; `found`: the sum over all frames of what each found.
    `free_at`: when all that the port holds has left (CLOCK_MONOTONIC, ns).
    """

    down: int
    blackhole: int
    loss: int
    tail: int
    control_tail: int
    sent: int
    marked: int
    trimmed: int
    bytes: int
    deepest: int
    found: int
    free_at: int

    @property
    def dropped(self) -> int:
        """All frames that the port dropped."""
        return self.down + self.blackhole + self.loss + self.tail + self.control_tail

    @property
    def mean(self) -> float:
        """Bytes that a frame found before it, on average."""
        judged = self.sent + self.tail + self.control_tail
        return self.found / judged if judged else 0.0
