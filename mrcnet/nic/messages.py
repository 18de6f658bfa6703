"""What a run's parent and its workers say to each other over their pipes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import EvChanged, PacketsLost, QpFailed


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker: sockets are open. `regions`: flow -> (address, rkey), for the peers (spec 1.2, out of band)."""

    regions: dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Go:
    """Parent: everybody is ready; all regions; when to begin, in fabric ns."""

    regions: dict[int, tuple[int, int]]
    start_at: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Worker: payload bytes delivered so far, and whether all its sources are done."""

    delivered: int
    done: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Parent: post nothing new, let what is posted complete."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Parent: report and end."""


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


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The sending end of a flow; times in fabric ns."""

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
    """The receiving end of a flow; `arrivals`: instants at which data came, fabric ns."""

    flow: int
    verified_bytes: int
    wrong: list[int]
    arrived: int
    delivered: int
    duplicates: int
    out_of_window: int
    arrivals: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """All that one worker saw. `delivered`: payload bytes (planes, bins) from `start_at` on."""

    sources: list[SourceReport]
    sinks: list[SinkReport]
    events: list[tuple[str, EvChanged | PacketsLost | QpFailed]]
    delivered: npt.NDArray[np.int64]
    drops: dict[str, int] = field(default_factory=dict)
    ring_drops: int = 0
    refused: int = 0
    longest_turn: int = 0  # wall ns between two looks at the sockets


@dataclass(frozen=True, slots=True)
class Failed:
    """Worker: it cannot go on, and why; `remedy` for the user."""

    message: str
    remedy: str | None


ToParent = Ready | Progress | WorkerReport | Failed
ToWorker = Go | Stop | Finish
