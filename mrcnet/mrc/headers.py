"""What the frames of a QP begin with: Ethernet, both IPv6, UDP and BTH, by EV, class and target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mrcnet.mrc.flight import Column
from mrcnet.mrc.framing import Heads
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import layout
from mrcnet.mrc.wire.frames import FlowAddress, head, view
from mrcnet.mrc.wire.numbers import ECN_ECT0


class Headers:
    """Headers are made once and kept. `data` and `control` are traffic classes, `writes` heads of writes."""

    def __init__(
        self, flows: Sequence[FlowAddress], port: Column, peer_qpn: int, settings: Settings, *, trims: bool
    ) -> None:
        """`flows` and `port` (local) by EV; `trims`: the peer answers trimmed packets with NACKs."""
        self._flows = list(flows)
        self._settings = settings
        self._peer_qpn = peer_qpn
        self._made: dict[tuple[int, int, int], bytes] = {}  # by EV, class and destination QP
        dscp = settings.dscp
        # spec 2.14: what the peer would not answer with a NACK must not be trimmed
        self.data = (dscp.trimmable if trims else dscp.no_trim) << 2 | ECN_ECT0
        again = (dscp.trimmable_retx if trims else dscp.no_trim) << 2 | ECN_ECT0
        self.control = dscp.control << 2
        rows = np.zeros((len(flows), layout.WRITE_HEAD), np.uint8)
        view(rows, 0, layout.WRITE)["timestamp_unit"] = layout.TIMESTAMP_UNIT_OWN | layout.TIMESTAMP_FTYPE
        self.writes = Heads(rows, port, self.data ^ again)
        for number in range(len(flows)):
            self._begin_writes(number)

    def of(self, number: int, traffic_class: int, dqp: int) -> bytes:
        """The first 114 bytes of frames on the EV `number` to the QP `dqp`; lengths are left open."""
        key = number, traffic_class, dqp
        made = self._made.get(key)
        if made is None:
            form, udp_port = self._settings.ev_format, self._settings.udp_port
            made = self._made[key] = head(self._flows[number], form, udp_port, traffic_class, dqp)
        return made

    def replace(self, number: int, flow: FlowAddress) -> None:
        """The EV `number` goes another way from now on."""
        self._flows[number] = flow
        self._made = {key: made for key, made in self._made.items() if key[0] != number}
        self._begin_writes(number)

    def _begin_writes(self, number: int) -> None:
        first = self.of(number, self.data, self._peer_qpn)
        self.writes.rows[number, : layout.EXT] = np.frombuffer(first, np.uint8)
