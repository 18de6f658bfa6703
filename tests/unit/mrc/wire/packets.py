"""Single frames put together from the package's own layouts, for comparison with other opinions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mrcnet.mrc.wire import control, icrc, layout
from mrcnet.mrc.wire.frames import EvFormat, FlowAddress, TxBatch, head, set_lengths, view
from mrcnet.mrc.wire.numbers import Opcode

SOURCE = bytes.fromhex("20010db8000100000000000000000011")
TARGET = bytes.fromhex("20010db8000200000000000000000022")
CARRIER = bytes.fromhex("fcbbbb00020101010202090500000000")
EV = 0xA1B2C3D4
FLOW = FlowAddress(bytes([2, 0, 0, 0, 0, 1]), bytes([2, 0, 0, 0, 0, 2]), CARRIER, SOURCE, TARGET, EV)
# what the responder sends goes from target to source
BACK = replace(FLOW, source=TARGET, target=SOURCE)
DATA_CLASS = 8 << 2 | 0b10
CONTROL_CLASS = 46 << 2


def control_frame(
    opcode: Opcode, body: bytes, dqp: int, traffic_class: int, psn: int = 0, flow: FlowAddress = FLOW
) -> bytes:
    """A control packet as the end point appends it to a batch."""
    out = TxBatch(2, 64)
    control.append(out, head(flow, EvFormat(), 4791, traffic_class, dqp), 0, opcode, body, psn)
    return out.buffer[0, : out.length[0]].tobytes()


def write_frame(payload: bytes, *, flags: int, timestamp: int, unit: int, **fields: int) -> bytes:
    """A write with TSETH; `fields` are names of the layout. `payload` is padded to four bytes."""
    pad = -len(payload) % 4
    length = layout.WRITE_HEAD + len(payload) + pad + layout.ICRC
    buffer = np.zeros((1, length), np.uint8)
    first = head(FLOW, EvFormat(), 4791, DATA_CLASS, fields.pop("dqp"))
    buffer[0, : layout.EXT] = np.frombuffer(first, np.uint8)
    record = view(buffer, 0, layout.WRITE)
    set_lengths(record, length)
    record["timestamp"], record["timestamp_unit"] = timestamp, unit | layout.TIMESTAMP_FTYPE
    record["psn"] = flags << 24 | fields.pop("psn")
    record["pad"] = pad << 4
    for name, value in fields.items():
        record[name] = value
    buffer[0, layout.WRITE_HEAD : layout.WRITE_HEAD + len(payload)] = np.frombuffer(payload, np.uint8)
    icrc.seal(buffer, np.array([0]), np.array([length]))
    return buffer.tobytes()
