"""Frames without a carrier, for fabrics that route without SRv6.

End points write and read frames with the carrier's header. There it never reaches the wire: this takes it off
on the way out, and on the way in puts on what a switch's marks would have been written to.
"""

from __future__ import annotations

from mrcnet.mrc.wire.frames import RxBatch, TxBatch
from mrcnet.mrc.wire.layout import INNER, NEXT_IPV6, OUTER

HEADER = INNER - OUTER  # bytes of the carrier's header
_TYPE, _CLASS, _NEXT = OUTER - 2, OUTER + 4, OUTER + 6


def take_off(batch: TxBatch) -> None:
    """The batch's frames begin at column HEADER from now on, and are as much shorter."""
    rows = batch.buffer[: batch.count]
    rows[:, HEADER:INNER] = rows[:, :OUTER]
    batch.length[: batch.count] -= HEADER


def put_on(batch: RxBatch) -> RxBatch:
    """The same frames with a carrier's header before their own: it says what IPv6 header follows, and bears
    that one's traffic class and flow label. At least HEADER bytes before a frame must be free for it.
    """
    rows, at, began = batch.buffer, batch.at - HEADER, batch.at
    rows[:, at + _TYPE : at + _CLASS] = rows[:, began + _TYPE : began + _CLASS]
    rows[:, at + _NEXT] = NEXT_IPV6
    return RxBatch(rows, at, batch.length + HEADER, batch.port)
