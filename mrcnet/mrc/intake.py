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

from mrcnet.compiled import Octets, compiled, get16, get24, same
from mrcnet.mrc.qp import LocalPort
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import icrc
from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.mrc.wire.layout import (
    BTH,
    ETHERTYPE_IPV6,
    EXT,
    ICRC,
    INNER,
    NEXT_IPV6,
    NEXT_UDP,
    OUTER,
    TRIMMED_LEAST,
    UDP,
)
from mrcnet.mrc.wire.numbers import P_KEY

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SHORTEST = EXT + 4 + ICRC  # a Transport ACK
_SOUND, _TRIMMED, _SHORT, _NOT_MRC, _NOT_MINE, _WRONG_KEY, _BAD_LENGTH = range(7)
_CAUSES = {
    _SHORT: "short",
    _NOT_MRC: "not MRC",
    _NOT_MINE: "not mine",
    _WRONG_KEY: "wrong P_Key",
    _BAD_LENGTH: "bad length",
}
_PARTITION = P_KEY & 0x7FFF  # we are a full member: a limited one, without the top bit, may speak to us


@dataclass(frozen=True, slots=True)
class Admitted:
    """`rows` are sound packets, `ends` the ends of their UDP datagrams, `opcode` and `dqp` their BTH's;
    `trimmed` rows lost their payload.
    """

    rows: Rows
    ends: Rows
    opcode: Rows
    dqp: Rows
    trimmed: Rows

    def only(self, chosen: Flags) -> Admitted:
        """Some of the sound packets."""
        return Admitted(
            self.rows[chosen], self.ends[chosen], self.opcode[chosen], self.dqp[chosen], self.trimmed
        )


@compiled
def _sift(
    buffer: Octets, at: int, length: Rows, port: Rows, own: Octets, accepted: Flags, trims: Flags
) -> tuple[npt.NDArray[np.uint8], Rows, bool]:
    """What each frame is, (its row, end, opcode, DQP) of the sound ones, and whether any is not sound."""
    count = len(length)
    verdict = np.empty(count, np.uint8)
    sound = np.empty((4, count), np.int64)
    kept = 0
    for number in range(count):
        row, size = buffer[number], length[number]
        if size < _SHORTEST or port[number] < 0 or port[number] >= len(own):
            verdict[number] = _SHORT
        elif (
            get16(row, at + 12) != ETHERTYPE_IPV6
            or row[at + OUTER + 6] != NEXT_IPV6
            or row[at + INNER] >> 4 != 6
            or row[at + INNER + 6] != NEXT_UDP
            or not accepted[get16(row, at + UDP + 2)]
        ):
            verdict[number] = _NOT_MRC
        elif not same(row, at + INNER + 24, own[port[number]]):
            verdict[number] = _NOT_MINE
        elif get16(row, at + BTH + 2) & 0x7FFF != _PARTITION:  # spec 3.1 step 2
            verdict[number] = _WRONG_KEY
        elif trims[get16(row, at + OUTER) >> 6 & 0x3F]:
            # spec 6.6: whether a switch corrects the lengths of what it trims varies: the frame's own counts
            verdict[number] = _TRIMMED if size >= TRIMMED_LEAST else _BAD_LENGTH
        else:
            udp = get16(row, at + INNER + 4)
            end = UDP + udp
            if (
                end > size
                or end < _SHORTEST
                or end > buffer.shape[1] - at  # a ring may cut what does not fit its slot
                or get16(row, at + UDP + 4) != udp
            ):
                verdict[number] = _BAD_LENGTH
                continue
            verdict[number] = _SOUND
            sound[0, kept] = number
            sound[1, kept] = end
            sound[2, kept] = row[at + BTH]
            sound[3, kept] = get24(row, at + BTH + 5)
            kept += 1
    return verdict, sound[:, :kept], kept == count


class Intake:
    """Checks frames of one end point; `drops` counts the refused ones by cause."""

    def __init__(self, ports: Sequence[LocalPort], settings: Settings) -> None:
        self.drops: Counter[str] = Counter()
        self._settings = settings
        self._accepted = np.zeros(1 << 16, np.bool_)
        self._accepted[list(settings.udp_ports_accepted)] = True
        self._trims = np.zeros(64, np.bool_)
        self._trims[[settings.dscp.trimmed, settings.dscp.trimmed_lasthop]] = True
        self._own = np.array([np.frombuffer(port.address, np.uint8) for port in ports]).reshape(-1, 16)

    def admit(self, batch: RxBatch) -> Admitted:
        """Sort a batch: what is sound and for us, what a switch trimmed; the rest is counted."""
        verdict, sound, all_sound = _sift(
            batch.buffer, batch.at, batch.length, batch.port, self._own, self._accepted, self._trims
        )
        trimmed = sound[0, :0]
        if not all_sound:
            trimmed = np.flatnonzero(verdict == _TRIMMED)
            for number, cause in _CAUSES.items():
                if refused := int(np.count_nonzero(verdict == number)):
                    self.drops[cause] += refused
        if self._settings.icrc and sound.shape[1]:
            # spec 3.1 step 2
            whole = icrc.check(batch.buffer, batch.at, sound[0], sound[1])
            if refused := len(whole) - int(np.count_nonzero(whole)):
                self.drops["bad ICRC"] += refused
                sound = sound[:, whole]
        rows, ends, opcode, dqp = sound
        return Admitted(rows, ends, opcode, dqp, trimmed)
