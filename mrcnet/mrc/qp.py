"""One QP: both halves, the EVs they share, and the controller's hand on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.attributes import Attributes, QpState, agree, offer, step
from mrcnet.mrc.events import Event, Failure, QpFailed
from mrcnet.mrc.evs import Cause, EvPath, EvSet, EvStatus
from mrcnet.mrc.framing import frame_writes
from mrcnet.mrc.headers import Headers
from mrcnet.mrc.nscc import Nscc
from mrcnet.mrc.prober import Prober
from mrcnet.mrc.requestor import Requestor
from mrcnet.mrc.responder import Responder
from mrcnet.mrc.reverse import ReverseEvs
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.speaking import Speaking
from mrcnet.mrc.spray import Spray
from mrcnet.mrc.window import Controller, FixedWindow
from mrcnet.mrc.wire import icrc, layout
from mrcnet.mrc.wire.frames import FlowAddress, TxBatch

Room = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LocalPort:
    """One NIC port (spec 1.1: a plane, a netdev, an address): MACs of both ends, 16-byte address."""

    plane: int
    mac: bytes
    next_mac: bytes
    address: bytes


@dataclass(frozen=True, slots=True)
class QpSpec:
    """What two sides agree on out of band (spec 1.2). `peer` maps planes to the peer's addresses."""

    qpn: int
    peer_qpn: int
    start_psn: int
    peer_start_psn: int
    peer: dict[int, bytes]
    paths: tuple[EvPath, ...]
    denied: tuple[int, ...] = ()  # spec 4.1: EVs excluded before traffic starts
    peer_offer: Attributes | None = None  # None: the peer has the settings of this side


class Qp:
    """Requestor and responder of one connection, and their frames. `speaking` sends what is no write."""

    def __init__(
        self,
        spec: QpSpec,
        ports: Sequence[LocalPort],
        settings: Settings,
        rng: np.random.Generator,
        emit: Callable[[Event], None],
    ) -> None:
        self.spec = spec
        self.state = QpState.RESET
        self._report = emit
        own = offer(settings, spec.qpn, spec.start_psn)
        theirs = spec.peer_offer or offer(settings, spec.peer_qpn, spec.peer_start_psn)
        self.sending, self.receiving = agree(own, theirs), agree(theirs, own)  # spec 1.2, per direction
        dynamic = self.sending.dynamic_mpr
        emit = self._emit
        incoming = replace(settings, dynamic_mpr=dynamic)
        settings = replace(
            settings,
            mpr_units=self.sending.mpr_units,
            max_wimm=self.sending.max_wimm,
            dynamic_mpr=dynamic,
        )
        self._settings = settings
        self.evs = EvSet(spec.qpn, spec.paths, settings, rng, emit, spec.denied)
        self.requestor = Requestor(
            spec.qpn,
            spec.start_psn,
            self.evs,
            Spray(self.evs, settings, rng),
            _controller(settings),
            settings,
            emit,
        )
        self.responder = Responder(spec.qpn, spec.peer_qpn, spec.peer_start_psn, incoming, emit)
        self.prober = Prober(self.evs, self.requestor, settings)
        self.reverse = ReverseEvs(self.evs, settings, rng)
        self._ports = tuple(ports)
        flows = [self._flow(path) for path in spec.paths]
        trims = self.sending.trim_nack
        self._headers = Headers(flows, self.evs.port, spec.peer_qpn, settings, trims=trims)
        self.speaking = Speaking(spec.qpn, spec.peer_qpn, self.evs, self._headers, self.reverse)
        peer = [np.frombuffer(spec.peer.get(port.plane, bytes(16)), np.uint8) for port in ports]
        self.peer_addresses = np.array(peer).reshape(-1, 16)  # by local port, whose plane is theirs

    # ---- states (spec 1.1, 1.3) ----------------------------------------------------------------

    def move(self, state: QpState, now: int) -> None:
        """The next state. ValueError for a step that there is not. RESET and ERROR flush what is posted."""
        self.state = step(self.state, state)
        if state in (QpState.ERROR, QpState.RESET):
            self.requestor.stop(Failure.FLUSHED, now)
            self.responder.stop(now)

    def _emit(self, event: Event) -> None:
        self._report(event)
        if isinstance(event, QpFailed) and self.state is not QpState.ERROR:
            self.move(QpState.ERROR, event.at)  # when one half fails, so does the other

    def is_peer(self, port: int, address: bytes) -> bool:
        """Whether an address is the peer's in the plane of a local port."""
        return bytes(self.peer_addresses[port]) == address

    def _flow(self, path: EvPath) -> FlowAddress:
        port = self._ports[path.port]
        return FlowAddress(
            port.mac, port.next_mac, path.carrier, port.address, self.spec.peer[path.plane], path.ev
        )

    def replace(self, ev: int, path: EvPath, now: int) -> None:
        """spec 4.1: another path takes the place of `ev`. ValueError as of `EvSet.replace`."""
        number = self.evs.number(ev)
        self.evs.replace(number, path, now)
        self._headers.replace(number, self._flow(path))

    def deny(self, ev: int, now: int) -> None:
        """The controller takes an EV out for as long as it wants. ValueError if it is unknown."""
        self.evs.move(self.evs.number(ev), Cause.DENY, now)

    def allow(self, ev: int, now: int) -> None:
        """The controller gives a denied EV back (spec 4.3). ValueError if it is unknown."""
        self.evs.move(self.evs.number(ev), Cause.ALLOW, now)

    def query(self) -> tuple[EvStatus, ...]:
        """Every EV as it stands."""
        return self.evs.query()

    # ---- writes --------------------------------------------------------------------------------

    def fill(self, out: TxBatch, count: int, room: Room, now: int) -> int:
        """Frame up to `count` packets into `out`; returns how many. `room` shrinks by what each port took."""
        requestor = self.requestor
        psn, ev = requestor.take(count, room, now)
        if not len(psn):
            return 0
        ask = requestor.near_full(len(psn))
        if not requestor.sendable():
            ask = max(ask, 1)  # the window is closed: the answer opens it
        start = out.count
        frame_writes(out, psn, ev, requestor, self._headers.writes, layout.timestamp(now), ask, room)
        if self._settings.icrc:
            icrc.seal(out.buffer, np.arange(start, out.count), out.length[start : out.count])
        return len(psn)


def _controller(settings: Settings) -> Controller:
    """The congestion controller of one destination (spec 5.1)."""
    if settings.control is not None:
        return settings.control.make(settings.control.reach)
    return Nscc(settings.nscc) if settings.nscc else FixedWindow(settings.window_bytes)
