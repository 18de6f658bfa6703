"""Write packets: from sound frames to memory, and to the responders that keep the books (spec 3.1)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.attributes import RECEIVES
from mrcnet.mrc.memory import Region, pick, scatter
from mrcnet.mrc.qp import Qp
from mrcnet.mrc.responder import Arrivals, Immediate
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import layout
from mrcnet.mrc.wire.frames import RxBatch, view
from mrcnet.mrc.wire.numbers import (
    ECN_CE,
    FLAG_ACK_REQUEST,
    FLAG_RETRANSMISSION,
    FLAG_TIMESTAMP,
    PSN_MASK,
    Opcode,
)

IS_WRITE = np.zeros(256, np.bool_)
IS_WRITE[Opcode.WRITE_FIRST : Opcode.WRITE_ONLY_IMM + 1] = True
_HAS_IMM = np.zeros(256, np.bool_)
_HAS_IMM[[Opcode.WRITE_LAST_IMM, Opcode.WRITE_ONLY_IMM]] = True
_ENDS = np.zeros(256, np.bool_)
_ENDS[[Opcode.WRITE_LAST, Opcode.WRITE_LAST_IMM, Opcode.WRITE_ONLY, Opcode.WRITE_ONLY_IMM]] = True


class Landing:
    """Where the writes of all QPs of an end point come down.

    `qps` and `regions` are the end point's own, `drops` its count of refused frames;
    `delivered_bytes` (ports) is the payload placed.
    """

    def __init__(
        self,
        ports: int,
        settings: Settings,
        qps: dict[int, Qp],
        regions: dict[int, Region],
        drops: Counter[str],
    ) -> None:
        self.delivered_bytes = np.zeros(ports, np.int64)
        self.settings = settings
        self._ports = ports
        self._qps = qps
        self._regions = regions
        self._drops = drops

    def take(
        self, batch: RxBatch, rows: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], now: int
    ) -> None:
        """Place the write packets `rows`, whose datagrams end at `ends`; unsound ones are counted."""
        fields = view(batch.buffer, batch.at, layout.COMMON)
        dqp = fields["dqp"][rows] & PSN_MASK
        first = int(dqp[0])
        groups = [first] if (dqp == first).all() else np.unique(dqp).tolist()
        for qpn in groups:
            mine = slice(None) if len(groups) == 1 else dqp == qpn
            qp = self._qps.get(qpn)
            if qp is None or qp.state not in RECEIVES:
                self._drops["unknown QP"] += len(rows[mine])
                continue
            self._on_qp_writes(qp, batch, rows[mine], ends[mine], now)

    def _on_qp_writes(
        self, qp: Qp, batch: RxBatch, rows: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], now: int
    ) -> None:
        chosen = pick(rows)
        fields = view(batch.buffer, batch.at, layout.COMMON)[chosen]
        stamped = (fields["flags"] & FLAG_TIMESTAMP) != 0
        if stamped.all():
            writes = view(batch.buffer, batch.at, layout.WRITE)[chosen]
            timestamp = writes["timestamp"]
        elif not stamped.any():
            writes = view(batch.buffer, batch.at, layout.WRITE_BARE)[chosen]
            timestamp = np.zeros(len(rows), np.uint16)
        else:  # two kinds in one batch: one after the other
            self._on_qp_writes(qp, batch, rows[stamped], ends[stamped], now)
            self._on_qp_writes(qp, batch, rows[~stamped], ends[~stamped], now)
            return
        opcode = writes["opcode"]
        head = writes.dtype.itemsize + layout.IMM_LEN * _HAS_IMM[opcode].astype(np.int64)
        size = ends - layout.ICRC - (writes["pad"] >> 4 & 3) - head
        target, offset = self._targets(writes["rkey"], writes["address"], size)
        sound = (
            (size >= 1)
            & (size <= self.settings.payload)
            & (target >= 0)
            & qp.is_peer(batch.port[rows], writes["source_hi"], writes["source_lo"])
        )
        if not sound.all():
            self._drops["bad write"] += int((~sound).sum())
            rows, ends, writes, head = rows[sound], ends[sound], writes[sound], head[sound]
            size, offset, target, timestamp = size[sound], offset[sound], target[sound], timestamp[sound]
            if not len(rows):
                return
        flags = writes["flags"]
        rtx = (flags & FLAG_RETRANSMISSION) != 0
        arrivals = Arrivals(
            psn=writes["psn"] & PSN_MASK,
            entropy=self.settings.ev_format.join(writes["sport"], writes["inner_class"]),
            timestamp=timestamp,
            udp_length=writes["udp_length"],
            urgent=rtx | ((flags & FLAG_ACK_REQUEST) != 0),
            rtx=rtx,
            # spec 6.1: marks are on the outer header, the kernel does not copy them inwards
            marked=(writes["outer_class"] >> 20 & 3) == ECN_CE,
            last=_ENDS[writes["opcode"]],
            immediates=_immediates(batch, rows, writes, head),
        )

        def place(fresh: npt.NDArray[np.bool_]) -> None:
            """spec 3.1 step 6: to its address at once, in any order."""
            whole = fresh.all()
            chosen = np.arange(len(rows)) if whole else np.flatnonzero(fresh)
            self.delivered_bytes += np.bincount(
                batch.port[rows[chosen]], size[chosen], minlength=self._ports
            ).astype(np.int64)
            for rkey in _values(target[chosen]):
                for at in _values(head[chosen]):
                    part = chosen[(target[chosen] == rkey) & (head[chosen] == at)]
                    self._place(batch, rows[part], at, self._regions[rkey], offset[part], size[part])

        qp.responder.accept(arrivals, place, now)
        if not qp.responder.failed:
            qp.reverse.on_data(now)

    def _place(
        self,
        batch: RxBatch,
        rows: npt.NDArray[np.int64],
        head: int,
        region: Region,
        offset: npt.NDArray[Any],
        size: npt.NDArray[Any],
    ) -> None:
        if not len(rows):
            return
        scatter(region.data, offset, batch.buffer[pick(rows)], batch.at + head, size)

    def _targets(
        self, rkey: npt.NDArray[Any], address: npt.NDArray[Any], size: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """spec 2.6: every packet's region (its rkey, -1 if none holds the bytes) and the offset there."""
        target = np.full(len(rkey), -1, np.int64)
        offset = np.zeros(len(rkey), np.int64)
        address = address.astype(np.uint64)
        first = int(rkey[0])
        for key in [first] if (rkey == first).all() else np.unique(rkey).tolist():
            region = self._regions.get(key)
            if region is None:
                continue
            mine = (rkey == key) & (size > 0)
            mine &= region.holds(address, np.maximum(size, 0))
            target[mine] = key
            offset[mine] = (address[mine] - np.uint64(region.address)).astype(np.int64)
        return target, offset


def _values(column: npt.NDArray[np.int64]) -> list[int]:
    """The different values of a column; nearly always there is just one."""
    if not len(column) or (column == column[0]).all():
        column = column[:1]
    return [int(value) for value in np.unique(column)]


def _immediates(
    batch: RxBatch, rows: npt.NDArray[np.int64], writes: npt.NDArray[Any], head: npt.NDArray[np.int64]
) -> tuple[Immediate, ...]:
    """spec 2.1: the immediate follows RETH, directly before the payload."""
    has = _HAS_IMM[writes["opcode"]]
    if not has.any():
        return ()
    return tuple(
        Immediate(
            number,
            int(writes["rqmsn"][number]),
            int.from_bytes(
                batch.buffer[rows[number], batch.at + head[number] - layout.IMM_LEN :][
                    : layout.IMM_LEN
                ].tobytes(),
                "big",
            ),
        )
        for number in np.flatnonzero(has).tolist()
    )
