"""What the hosts of a run report at its end. Times are fabric nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import EvChanged, Event, PacketsLost, PlaneChanged, QpFailed
from mrcnet.workload.books import Books

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
class RunReport:
    """All that some hosts of a run saw. `delivered`: payload bytes (planes, bins) from the start on.

    `ring_drops`, `refused` and `longest_turn` (wall ns between two looks at the sockets) tell of the machine
    that carried them, not of the fabric.
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
