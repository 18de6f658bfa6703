"""What a run needs of an end point, whichever transport it speaks. Times are fabric nanoseconds."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import Event
from mrcnet.mrc.evs import EvStatus
from mrcnet.mrc.memory import Region
from mrcnet.mrc.qp import QpSpec
from mrcnet.mrc.requestor import Counters as SendBooks
from mrcnet.mrc.responder import Counters as TakeBooks
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch, TxBatch


class EndPoint(Protocol):
    """One host. `qpn` names the connection of a flow, however many QPs it has."""

    @property
    def drops(self) -> dict[str, int]:
        """Frames refused, by cause."""

    @property
    def delivered_bytes(self) -> npt.NDArray[np.int64]:
        """Payload placed, per local port."""

    def register(self, data: npt.NDArray[np.uint8], address: int) -> Region:
        """Open `data` (size) to the peers' writes."""

    def connect(self, spec: QpSpec, *, settings: Settings | None = None) -> object:
        """Ready to send and receive, with windows of its own. ValueError if the number is taken."""

    def set_port(self, port: int, up: bool, now: int) -> None:
        """A local port (index) lost its link or has it back."""

    def post_write(self, qpn: int, source: Region, offset: int, length: int, address: int, rkey: int) -> int:
        """Queue an RDMA Write; returns the message's number. ValueError if it is no valid message."""

    def frames_to_send(self, now: int, room: npt.NDArray[np.int64]) -> TxBatch:
        """What may leave now, `room` frames per local port. The batch is reused."""

    def receive(self, batch: RxBatch, now: int) -> None:
        """Take a batch of frames."""

    def next_timer(self) -> int:
        """When `frames_to_send` will next have something to do without new input; NEVER if nothing."""

    def events(self) -> list[Event]:
        """What happened since the last call."""

    def waiting(self, now: int) -> bool:
        """Whether data would go now if its port had room."""

    def sent(self, qpn: int) -> SendBooks:
        """The books of the sending half, packets."""

    def taken(self, qpn: int) -> TakeBooks:
        """The books of the receiving half, packets."""

    def base_rtt(self, qpn: int) -> int:
        """The shortest RTT that was seen, ns."""

    def evs(self, qpn: int) -> tuple[EvStatus, ...]:
        """Every path to the peer, in the order of the plan."""
