"""What a result file says: the part that readers may rely on. Further keys may stand beside it.

Times are milliseconds of fabric time since traffic began, rates fabric bit/s. A reader of `FORMAT` reads
every later file of that format: keys are added, never taken away; what has a default may be absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FORMAT = "mrcnet-result/1"

PASSED, FAILED, ABORTED = "passed", "failed", "aborted"
OVER = "is over"  # how the action ends that puts back what lasted for a while
WITHDRAWN = "withdrawn"  # of an EV: its plane is; stands beside the EV states of the transport

Figure = float | None | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """What to run again: file and topology by name, digest and text, and the command that does it.

    Digests are `sha256:...` of the texts.
    """

    mrcnet: str
    command: str
    file: str
    digest: str
    text: str
    topology: str
    topology_digest: str
    topology_text: str
    story: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A bound on a measure; either side may be open."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None
    of: str | None = None  # the action from which the measure counts, if not the first


@dataclass(frozen=True, slots=True)
class Judgement:
    """One expectation against its measure. None: it did not occur."""

    expectation: Expectation
    value: float | None
    met: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the drill's story."""

    at_ms: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Packets:
    """Books of a run or a flow, in packets."""

    sent: int
    delivered: int
    retransmitted: int
    duplicates: int
    lost: int


@dataclass(frozen=True, slots=True)
class Flow:
    """One source host writing to one destination host."""

    src: str
    dst: str
    bytes: int
    goodput_bps: float
    packets: Packets
    message_ms_median: float | None = None
    message_ms_max: float | None = None
    base_rtt_us: float | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Frames that ended at a port, and why."""

    place: str
    cause: str
    frames: int


@dataclass(frozen=True, slots=True)
class Books:
    """Frames of a fabric that counts every one: sent + duplicated = delivered + dropped + in flight."""

    sent: int
    duplicated: int
    delivered: int
    in_flight: int
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Whether the run tells of the fabric, or of the machine that carried it. `faithful` None: unknown."""

    faithful: bool | None
    reasons: tuple[str, ...] = ()
    dilation_needed: int | None = None
    status: str = ""
    cores: tuple[float, ...] = ()
    late_ms: float | None = None
    late_most_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """The run as a whole. `verified`: every byte that was posted arrived, and was the right one."""

    goodput_bps: float
    bytes: int
    verified: bool
    packets: Packets
    seconds: float
    wall_seconds: float
    dilation: int
    flows: tuple[Flow, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    ring_drops: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()
    fabric: Books | None = None
    fidelity: Fidelity | None = None
    bin_ms: float = 0.0
    unsound: tuple[str, ...] = ()  # those of the problems after which no figure can be believed


@dataclass(frozen=True, slots=True)
class Node:
    """A host (`plane` None) or a switch; `role` is host, t0 or t1."""

    name: str
    role: str
    plane: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """A cable between two ports, `node:port`; `a` is the lower tier."""

    a: str
    b: str
    plane: int


@dataclass(frozen=True, slots=True)
class Span:
    """From `at_ms` on the EV was in `state`, because of `cause`."""

    at_ms: float
    state: str
    cause: str


@dataclass(frozen=True, slots=True)
class Ev:
    """One EV of one flow: the nodes along its walk, its packets, and its states in order of time.

    The first span begins with the traffic.
    """

    src: str
    dst: str
    ev: int
    plane: int
    walk: tuple[str, ...]
    sent: int
    lost: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done to the fabric, and half the width of the interval that holds its instant."""

    at_ms: float
    error_ms: float | None
    action: str
    target: str
    silent: bool = False

    @property
    def struck(self) -> bool:
        """Whether something was broken, not put back."""
        return self.action != "heal" and not self.action.endswith(OVER)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A stretch of the run in bins of `bin_ms`: per plane, payload bytes delivered in each, and packets that
    were sent in it and found lost. Lists of equal length.
    """

    start_ms: float
    bin_ms: float
    delivered: tuple[tuple[int, ...], ...]
    lost: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PortLine:
    """Frames that a port, `node:port`, sent and received, by bin."""

    port: str
    sent: tuple[int, ...]
    received: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PortTimeline:
    """What the ports around a fault carried, those of what it struck first, in bins of `bin_ms`."""

    start_ms: float
    bin_ms: float
    ports: tuple[PortLine, ...]


@dataclass(frozen=True, slots=True)
class Capture:
    """A pcapng file beside the result: frames of a port around the faults; `missed` could not be kept."""

    port: str
    file: str
    frames: int
    missed: int


@dataclass(frozen=True, slots=True)
class Completions:
    """The times of all messages from post to completion, at evenly spaced quantiles from the shortest to the
    longest; and single quantiles by their share.
    """

    count: int
    quantiles_ms: tuple[float, ...]
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Picture:
    """What can be drawn of a run. `timelines`: the whole run, then each fault's surroundings in finer bins;
    `ports`: what ports carried around faults.

    Of a drill that was aborted there are only nodes and links.
    """

    planes: int
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    length_ms: float = 0.0
    faults: tuple[Fault, ...] = ()
    evs: tuple[Ev, ...] = ()
    timelines: tuple[Timeline, ...] = ()
    completions: Completions | None = None
    ports: tuple[PortTimeline, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A drill's result. `metrics`: the measures of GLOSSARY.md by name; a list has one figure a plane."""

    format: Literal["mrcnet-result/1"]
    drill: str
    verdict: Literal["passed", "failed", "aborted"]
    on: str
    lab: str
    seed: int
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    metrics: Mapping[str, Figure] | None
    traffic: Traffic | None
    events: tuple[Event, ...]
    origin: Origin
    picture: Picture
    captures: tuple[Capture, ...] = ()
