"""Ports that go down and come back: planes withdrawn at both ends, peers told until they answer (4.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mrcnet.mrc.attributes import QpState
from mrcnet.mrc.qp import LocalPort, Qp
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.settings import Settings

_HALF = 1 << 15  # request ids have 16 bits: a later one is less than half a turn ahead
Node = frozenset[tuple[int, bytes]]  # a peer is known by its addresses, one a plane


@dataclass(slots=True)
class _Update:
    """What a peer has still to answer: the request's id, and when it is due (again)."""

    request: int
    due: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a peer said: the id of its newest update (None: any is newer), the planes that it is without."""

    request: int | None
    down: frozenset[int]


class PortStatus:
    """The ports of one end point and what its peers say of theirs. `number` draws request ids."""

    def __init__(
        self,
        ports: tuple[LocalPort, ...],
        settings: Settings,
        qps: dict[int, Qp],
        number: Callable[[], int],
    ) -> None:
        self.up = np.ones(len(ports), np.bool_)
        self._ports = ports
        self._settings = settings
        self._qps = qps
        self._number = number
        self._updates: dict[Node, _Update] = {}
        self._heard: dict[Node, _Heard] = {}
        self._speaks = settings.port_status

    @property
    def mask(self) -> int:
        """spec 2.10, section 9 no. 22: bit = zero-based port index, 1 = usable."""
        return sum(1 << port + self._settings.port_first_bit for port in np.flatnonzero(self.up).tolist())

    def set(self, port: int, up: bool, now: int) -> None:
        """The local `port` (index) went down or came back. IndexError if there is none."""
        if not 0 <= port < len(self._ports):
            raise IndexError(f"there is no port {port}")
        if bool(self.up[port]) == up:
            return
        self.up[port] = up
        for qp in self._qps.values():
            qp.evs.set_plane(self._ports[port].plane, up, "local port", now)
            self._tell(qp, now)

    def know(self, qp: Qp, now: int) -> None:
        """A new QP learns which ports are down here, which its peer hears of, and which are at the peer.

        What the peer said once holds while another QP to it lives; if none does, it may have begun anew.
        """
        for port in np.flatnonzero(~self.up).tolist():
            qp.evs.set_plane(self._ports[port].plane, False, "local port", now)
            self._tell(qp, now)
        heard = self._heard.pop(_node(qp), None)
        lives = any(
            other is not qp and _node(other) == _node(qp) and other.state is not QpState.ERROR
            for other in self._qps.values()
        )
        if heard is not None and lives:
            self._heard[_node(qp)] = replace(heard, request=None)
            for plane in sorted(heard.down):
                qp.evs.set_plane(plane, False, "peer port", now)

    def forget(self, qp: Qp) -> None:
        """The QP is gone; a peer without any other is told nothing more."""
        if all(_node(other) != _node(qp) for other in self._qps.values()):
            self._updates.pop(_node(qp), None)
            self._heard.pop(_node(qp), None)

    def speak(self, on: bool, now: int) -> None:
        """Whether peers are told. What was not said meanwhile is said then."""
        if on and not self._speaks:
            for update in self._updates.values():
                update.due = now
        self._speaks = on

    def _tell(self, qp: Qp, now: int) -> None:
        self._updates[_node(qp)] = _Update(self._number(), now)

    def due(self, now: int, most: int) -> list[tuple[Qp, int]]:
        """Up to `most` QPs to whose peers an update goes now, with the request's id, until answered."""
        chosen: list[tuple[Qp, int]] = []
        if not self._speaks:
            return chosen
        for node, update in self._updates.items():
            if update.due <= now and len(chosen) < most:
                update.due = now + self._settings.port_status_ns
                mine = [qp for qp in self._qps.values() if _node(qp) == node]
                well = [qp for qp in mine if not qp.evs.stranded]
                chosen += [(qp, update.request) for qp in well[:1]]
        return chosen

    def next_timer(self) -> int:
        """When the next update is due."""
        if not self._speaks:
            return NEVER
        return min((update.due for update in self._updates.values()), default=NEVER)

    def on_answer(self, request: int) -> None:
        """section 9 no. 24: a peer has heard the update."""
        self._updates = {node: u for node, u in self._updates.items() if u.request != request}

    def on_update(self, qp: Qp, request: int, mask: int, now: int) -> None:
        """A peer speaks of its ports; one that is older than what was heard says nothing.

        A peer that can speak has a port: one that denies all is not believed.
        """
        node = _node(qp)
        heard = self._heard.get(node)
        newest = request if heard is None or heard.request is None else heard.request
        planes = sorted(qp.spec.peer)
        usable = [mask >> index + self._settings.port_first_bit & 1 == 1 for index in range(len(planes))]
        if (request - newest) & 0xFFFF >= _HALF or not any(usable):
            return
        down = frozenset(plane for plane, up in zip(planes, usable, strict=True) if not up)
        self._heard[node] = _Heard(request, down)
        for other in self._qps.values():
            if _node(other) == node:
                for plane, up in zip(planes, usable, strict=True):
                    other.evs.set_plane(plane, up, "peer port", now)


def _node(qp: Qp) -> Node:
    return frozenset(qp.spec.peer.items())
