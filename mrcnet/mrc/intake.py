"""The gate: which received frames are MRC packets for this end point, and why the others are not.

Everything is bounds-checked against the frame's own length before it is believed; whatever fails is
counted under the name of the check and dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.qp import LocalPort
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import icrc, layout
from mrcnet.mrc.wire.frames import RxBatch, view

_SHORTEST = layout.EXT + 4 + layout.ICRC  # a Transport ACK


@dataclass(frozen=True, slots=True)
class Admitted:
    """`rows` are sound packets, `ends` the ends of their UDP datagrams; `trimmed` rows lost their payload."""

    rows: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    trimmed: npt.NDArray[np.int64]


class Intake:
    """Checks frames of one end point; `drops` counts the refused ones by cause."""

    def __init__(self, ports: Sequence[LocalPort], settings: Settings) -> None:
        self.drops: Counter[str] = Counter()
        self._settings = settings
        self._ports = len(ports)
        self._accepted = np.zeros(1 << 16, np.bool_)
        self._accepted[list(settings.udp_ports_accepted)] = True
        self._trims = np.zeros(64, np.bool_)
        self._trims[[settings.dscp.trimmed, settings.dscp.trimmed_lasthop]] = True
        words = np.array([np.frombuffer(port.address, ">u8") for port in ports], np.uint64).reshape(-1, 2)
        self._own_hi, self._own_lo = words[:, 0], words[:, 1]

    def admit(self, batch: RxBatch) -> Admitted:
        """Sort a batch: what is sound and for us, what a switch trimmed; the rest is counted."""
        rows = np.flatnonzero(
            self._keep("short", (batch.length >= _SHORTEST) & (batch.port >= 0) & (batch.port < self._ports))
        )
        if not len(rows):
            return Admitted(rows, rows, rows)
        fields = view(batch.buffer, batch.at, layout.COMMON)
        if len(rows) < len(batch.length):
            fields = fields[rows]
        port = batch.port[rows]
        good = self._keep(
            "not MRC",
            (fields["ethertype"] == layout.ETHERTYPE_IPV6)
            & (fields["outer_next"] == layout.NEXT_IPV6)
            & (fields["inner_class"] >> 28 == 6)
            & (fields["inner_next"] == layout.NEXT_UDP)
            & self._accepted[fields["dport"]],
        )
        mine = (fields["target_hi"] == self._own_hi[port]) & (fields["target_lo"] == self._own_lo[port])
        good &= self._keep("not mine", mine | ~good)
        ends = layout.UDP + fields["inner_length"].astype(np.int64)
        trimmed = self._trims[fields["outer_class"] >> 22 & 0x3F]
        whole = (ends <= batch.length[rows]) & (ends >= _SHORTEST)
        whole &= ends <= batch.buffer.shape[1] - batch.at  # a ring may cut what does not fit its slot
        whole &= fields["udp_length"] == fields["inner_length"]
        # spec 6.6: whether a switch corrects the lengths of what it trims varies: the frame's own counts
        enough = trimmed & (batch.length[rows] >= layout.TRIMMED_LEAST)
        good &= self._keep("bad length", np.where(trimmed, enough, whole) | ~good)
        cut = rows[good & trimmed]
        good &= ~trimmed
        if not good.all():
            rows, ends = rows[good], ends[good]
        if self._settings.icrc and len(rows):
            # spec 3.1 step 2
            sound = self._keep("bad ICRC", icrc.check(batch.buffer, batch.at, rows, ends))
            if not sound.all():
                rows, ends = rows[sound], ends[sound]
        return Admitted(rows, ends, cut)

    def _keep(self, cause: str, passed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        if refused := len(passed) - int(passed.sum()):
            self.drops[cause] += refused
        return passed
