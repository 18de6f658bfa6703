"""What a run's parent and its workers say to each other over their pipes."""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.workload.order import Order
from mrcnet.workload.pulse import Pulse
from mrcnet.workload.report import EvRow, RunReport


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
    """Worker: payload bytes delivered so far; all its sources are done; a collective here never will be."""

    delivered: int
    done: bool
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Parent: post nothing new, let what is posted complete."""


@dataclass(frozen=True, slots=True)
class Hush:
    """Parent: send nothing more at all, so that what is under way comes to rest."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Parent: report and end."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Worker: it cannot go on, and why; `remedy` for the user."""

    message: str
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Parent: somebody wants the EV table of a pair, now."""

    number: int
    src: str
    dst: str


@dataclass(frozen=True, slots=True)
class AskPulse:
    """Parent: somebody wants to know what the run is doing, now."""

    number: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Worker: the answer to the question `number`, as far as its own hosts go."""

    number: int
    pulse: Pulse


@dataclass(frozen=True, slots=True)
class Deny:
    """A controller, to the parent: deny the EVs that cross the link `target`, or (not `on`) allow them."""

    number: int
    target: str
    on: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Worker: the answer to the question `number`; None if no flow here goes that way."""

    number: int
    rows: list[EvRow] | None


@dataclass(frozen=True, slots=True)
class Obeyed:
    """Worker: an order was carried out by wall time `at`."""

    at: int


ToParent = Ready | Progress | RunReport | Failed | Table | Beat | Obeyed
ToWorker = Go | Stop | Hush | Finish | Ask | AskPulse | Order
