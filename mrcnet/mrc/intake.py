"""The gate: which received frames are MRC packets for this end point, and why the others are not.

Everything is bounds-checked against the frame's own length before it is believed; whatever fails is
counted under the name of the check and dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.qp import LocalPort
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import icrc, layout
from mrcnet.mrc.wire.frames import RxBatch, view

_SHORTEST = layout.EXT + 4 + layout.ICRC  # a Transport ACK


class Intake:
    """Checks frames of one end point; `drops` counts the refused ones by cause."""

    def __init__(self, ports: Sequence[LocalPort], settings: Settings) -> None:
        self.drops: Counter[str] = Counter()
        self._settings = settings
        self._ports = len(ports)
        self._accepted = np.zeros(1 << 16, np.bool_)
        self._accepted[list(settings.udp_ports_accepted)] = True
        words = np.array([np.frombuffer(port.address, ">u8") for port in ports], np.uint64).reshape(-1, 2)
        self._own_hi, self._own_lo = words[:, 0], words[:, 1]

    def admit(self, batch: RxBatch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """-> (rows that are sound MRC packets for us, ends of their UDP datagrams within the frame)."""
        rows = np.flatnonzero(
            self._keep("short", (batch.length >= _SHORTEST) & (batch.port >= 0) & (batch.port < self._ports))
        )
        if not len(rows):
            return rows, rows
        whole = len(rows) == len(batch.length)
        fields = view(batch.buffer, batch.at, layout.COMMON)
        if not whole:
            fields = fields[rows]
        port = batch.port[rows]
        mrc = (
            (fields["ethertype"] == layout.ETHERTYPE_IPV6)
            & (fields["outer_next"] == layout.NEXT_IPV6)
            & (fields["inner_class"] >> 28 == 6)
            & (fields["inner_next"] == layout.NEXT_UDP)
            & self._accepted[fields["dport"]]
        )
        ends = layout.UDP + fields["inner_length"].astype(np.int64)
        checks: list[tuple[str, npt.NDArray[Any]]] = [
            ("not MRC", mrc),
            (
                "not mine",
                (fields["target_hi"] == self._own_hi[port]) & (fields["target_lo"] == self._own_lo[port]),
            ),
            (
                "bad length",
                (ends <= batch.length[rows])
                & (ends >= _SHORTEST)
                & (fields["udp_length"] == fields["inner_length"]),
            ),
        ]
        good = np.ones(len(rows), np.bool_)
        for cause, passed in checks:
            self._count(cause, int((good & ~passed).sum()))
            good &= passed
        if not good.all():
            rows, ends = rows[good], ends[good]
        if self._settings.icrc and len(rows):
            sound = self._keep("bad ICRC", icrc.check(batch.buffer, batch.at, rows, ends))
            if not sound.all():
                rows, ends = rows[sound], ends[sound]
        return rows, ends

    def _keep(self, cause: str, passed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        self._count(cause, len(passed) - int(passed.sum()))
        return passed

    def _count(self, cause: str, refused: int) -> None:
        if refused:
            self.drops[cause] += refused
