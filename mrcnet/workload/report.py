"""What the hosts of a run report at its end. Times are fabric nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import EvChanged, Event, PacketsLost, PlaneChanged, QpFailed
from mrcnet.workload.books import Books
from mrcnet.workload.rank import RankReport

LATE_PER_OCTAVE = 4  # buckets of lateness for each doubling of nanoseconds ...
LATE_BUCKETS = 40 * LATE_PER_OCTAVE  # ... up to a quarter of an hour

Told = EvChanged | PlaneChanged | PacketsLost | QpFailed


@dataclass(frozen=True, slots=True)
class EvRow:
    """An EV of a flow at the end of a run."""

    ev: int
    plane: int
    state: str
    active: bool
    sent: int
    lost: int
    cause: str
    rtt: int | None = None  # smoothed
    out: bool = False  # its plane is withdrawn


@dataclass(frozen=True, slots=True)
class Traced:
    """The last events of a host, oldest first, and how many before them are forgotten."""

    host: str
    events: list[Event]
    forgotten: int


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The sending end of a flow."""

    flow: int
    completed_bytes: int
    sent: int
    retransmitted: int
    lost: int  # transmissions given up as lost
    probes: int
    durations: list[int]
    started_at: int | None
    ended_at: int | None
    base_rtt: int
    done: bool
    failure: str | None
    evs: list[EvRow]
    ends: list[int] = field(default_factory=list)  # instants of completion, message by message


@dataclass(frozen=True, slots=True)
class SinkReport:
    """The receiving end of a flow; `arrivals`: instants at which data came."""

    flow: int
    verified_bytes: int
    wrong: list[int]
    arrived: int
    delivered: int
    duplicates: int
    out_of_window: int
    arrivals: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HostFrames:
    """What a host's NIC did, in frames. By port: handed to the kernel, refused by it, those of them for want
    of room, and wall ns in which the port had nothing to send though data waited for it. `ring_drops`:
    arrived, but found no place.
    """

    host: str
    ports: tuple[str, ...]
    sent: tuple[int, ...]
    sent_bytes: tuple[int, ...]  # where ports have rates
    refused: tuple[int, ...]
    overrun: tuple[int, ...]
    dry_ns: tuple[int, ...]
    arrived: int
    ring_drops: int


@dataclass(frozen=True, slots=True)
class WayFrames:
    """Frames of one EV of an ordered pair, as one of its ends counted them; trimmed ones have arrived."""

    src: str
    dst: str
    ev: int
    sent: int = 0
    arrived: int = 0
    trimmed: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """All that some hosts of a run saw. `delivered`: payload bytes (planes, bins) from the start on.

    `ring_drops`, `refused`, `longest_turn` (wall ns between two looks at the sockets) and `late` (how late in
    wall ns what was due was done, a histogram) tell of the machine that carried them, not of the fabric.
    """

    sources: list[SourceReport]
    sinks: list[SinkReport]
    events: list[tuple[str, Told]]
    delivered: npt.NDArray[np.int64]
    drops: dict[str, int] = field(default_factory=dict)
    ring_drops: int = 0
    refused: int = 0
    longest_turn: int = 0
    fabric: Books | None = None  # of a fabric that counts every frame
    traces: list[Traced] = field(default_factory=list)  # with the transport's `trace` only
    late: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(LATE_BUCKETS, np.int64))
    cpu_ns: int = 0  # that the process took while traffic went on
    hosts: list[HostFrames] = field(default_factory=list)
    ways: list[WayFrames] = field(default_factory=list)  # of a fabric whose ports count
    ranks: list[RankReport] = field(default_factory=list)  # of collectives
