"""Write packets: from sound frames to memory, and to the responders that keep the books (spec 3.1)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import Octets, compiled, copy, get16, get24, get32, get64, same
from mrcnet.mrc.attributes import RECEIVES
from mrcnet.mrc.intake import Admitted
from mrcnet.mrc.memory import Region, find, table_of
from mrcnet.mrc.qp import Qp
from mrcnet.mrc.responder import Arrivals, Immediate
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.mrc.wire.layout import BTH, EXT, ICRC, IMM_LEN, INNER, METH_LEN, OUTER, RETH_LEN, TSETH_LEN, UDP
from mrcnet.mrc.wire.numbers import ECN_CE, FLAG_ACK_REQUEST, FLAG_RETRANSMISSION, FLAG_TIMESTAMP, Opcode

Rows = npt.NDArray[np.int64]

_FIRST, _MOST = int(Opcode.WRITE_FIRST), int(Opcode.WRITE_ONLY_IMM)
_LAST, _LAST_IMM = int(Opcode.WRITE_LAST), int(Opcode.WRITE_LAST_IMM)
_ONLY, _ONLY_IMM = int(Opcode.WRITE_ONLY), int(Opcode.WRITE_ONLY_IMM)
_RETH, _BARE_RETH = EXT + METH_LEN + TSETH_LEN, EXT + METH_LEN
_COLUMNS = 15  # of what is read
_ROW, _PSN, _ENTROPY, _STAMP, _UDP, _URGENT, _RTX, _MARKED, _LAST_ONE = range(9)
_REGION, _OFFSET, _SIZE, _HEAD, _RQMSN, _IMM = range(9, _COLUMNS)


@compiled
def _read(
    batch: tuple[Octets, int, Rows],
    rows: Rows,
    ends: Rows,
    opcodes: Rows,
    peer: Octets,
    regions: Rows,
    payload: int,
    low_half_in_port: bool,
) -> tuple[Rows, bool]:
    """The sound ones of a QP's write packets, a column each, and whether one has an immediate.

    `batch`: buffer, first column, ports. `peer` (ports, 16): the peer's addresses. `regions`: of
    `memory.table_of`.
    """
    buffer, at, port = batch
    found = np.empty((_COLUMNS, len(rows)), np.int64)
    kept = 0
    immediates = False
    for number in range(len(rows)):
        row, opcode = buffer[rows[number]], opcodes[number]
        flags = row[at + BTH + 8]
        # spec 2.1: TSETH is there exactly when BTH.ts is 1
        reth = at + (_RETH if flags & FLAG_TIMESTAMP else _BARE_RETH)
        has_immediate = opcode in (_LAST_IMM, _ONLY_IMM)
        head = reth + RETH_LEN + (IMM_LEN if has_immediate else 0)
        size = at + ends[number] - ICRC - (row[at + BTH + 1] >> 4 & 3) - head
        if not 1 <= size <= payload or not same(row, at + INNER + 8, peer[port[rows[number]]]):
            continue
        region, offset = find(regions, get32(row, reth + 8), get64(row, reth), size)
        if region < 0:
            continue
        port_half, label_half = get16(row, at + UDP), get16(row, at + INNER + 2)
        low, high = (port_half, label_half) if low_half_in_port else (label_half, port_half)
        column = found[:, kept]
        column[_ROW] = rows[number]
        column[_PSN] = get24(row, at + BTH + 9)
        column[_ENTROPY] = high << 16 | low
        column[_STAMP] = get16(row, at + EXT + METH_LEN) if flags & FLAG_TIMESTAMP else 0
        column[_UDP] = get16(row, at + UDP + 4)
        column[_URGENT] = flags & (FLAG_RETRANSMISSION | FLAG_ACK_REQUEST) != 0
        column[_RTX] = flags & FLAG_RETRANSMISSION != 0
        # spec 6.1: marks are on the outer header, the kernel does not copy them inwards
        column[_MARKED] = get16(row, at + OUTER) >> 4 & 3 == ECN_CE
        column[_LAST_ONE] = opcode in (_LAST, _LAST_IMM, _ONLY, _ONLY_IMM)
        column[_REGION] = region
        column[_OFFSET] = offset
        column[_SIZE] = size
        column[_HEAD] = head
        column[_RQMSN] = get16(row, at + EXT)
        column[_IMM] = get32(row, head - IMM_LEN) if has_immediate else -1
        immediates |= has_immediate
        kept += 1
    return found[:, :kept], immediates


@compiled
def _place(
    data: Octets,
    region: int,
    buffer: Octets,
    port: Rows,
    found: Rows,
    fresh: npt.NDArray[np.bool_],
    delivered: Rows,
) -> bool:
    """Payloads of one region to their places; True if another region is meant as well."""
    others = False
    for number in range(found.shape[1]):
        if not fresh[number]:
            continue
        if found[_REGION, number] != region:
            others = True
            continue
        row, size = found[_ROW, number], found[_SIZE, number]
        offset, head = found[_OFFSET, number], found[_HEAD, number]
        copy(data, offset, buffer[row], head, size)
        delivered[port[row]] += size
    return others


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
        self._qps = qps
        self._regions = regions
        self._known: tuple[Region, ...] = ()
        self._table = np.empty((3, 0), np.int64)
        self._drops = drops

    def take(self, batch: RxBatch, writes: Admitted, now: int) -> None:
        """Place sound write packets; those that are not for a QP and a region of ours are counted."""
        if len(self._known) != len(self._regions):
            self._known = tuple(self._regions.values())
            self._table = table_of(self._known)
        dqp = writes.dqp
        first = int(dqp[0])
        if np.count_nonzero(dqp != first) == 0:
            self._take_for(first, batch, writes.rows, writes.ends, writes.opcode, now)
            return
        for qpn in np.unique(dqp).tolist():
            mine = dqp == qpn
            self._take_for(qpn, batch, writes.rows[mine], writes.ends[mine], writes.opcode[mine], now)

    def _take_for(self, qpn: int, batch: RxBatch, rows: Rows, ends: Rows, opcode: Rows, now: int) -> None:
        qp = self._qps.get(qpn)
        if qp is None or qp.state not in RECEIVES:
            self._drops["unknown QP"] += len(rows)
            return
        found, immediates = _read(
            (batch.buffer, batch.at, batch.port),
            rows,
            ends,
            opcode,
            qp.peer_addresses,
            self._table,
            self.settings.payload,
            self.settings.ev_format.low_half_in_port,
        )
        if refused := len(rows) - found.shape[1]:
            self._drops["bad write"] += refused
            if not found.shape[1]:
                return
        psn, entropy, stamp, udp_length, urgent, rtx, marked, last = found[_PSN : _LAST_ONE + 1]
        known = _immediates(found) if immediates else ()
        arrivals = Arrivals(psn, entropy, stamp, udp_length, urgent, rtx, marked, last, known)

        def place(fresh: npt.NDArray[np.bool_]) -> None:
            """spec 3.1 step 6: to its address at once, in any order."""
            region = int(found[_REGION, int(fresh.argmax())])
            if self._place(batch, found, fresh, region):
                for other in set(found[_REGION, fresh].tolist()) - {region}:
                    self._place(batch, found, fresh, other)

        qp.responder.accept(arrivals, place, now)
        if not qp.responder.failed:
            qp.reverse.on_data(now)

    def _place(self, batch: RxBatch, found: Rows, fresh: npt.NDArray[np.bool_], region: int) -> bool:
        data = self._known[region].data
        return _place(data, region, batch.buffer, batch.port, found, fresh, self.delivered_bytes)


def is_write(opcode: Rows) -> npt.NDArray[np.bool_]:
    """Which packets write to memory (spec 2.4)."""
    return np.asarray((opcode >= _FIRST) & (opcode <= _MOST))


def _immediates(found: Rows) -> tuple[Immediate, ...]:
    """spec 2.1: the immediate follows RETH, directly before the payload."""
    return tuple(
        Immediate(number, int(found[_RQMSN, number]), int(found[_IMM, number]))
        for number in np.flatnonzero(found[_IMM] >= 0).tolist()
    )
