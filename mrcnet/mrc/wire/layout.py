"""Where the fields lie in a frame, as NumPy structured dtypes over its first bytes (spec 2.1-2.11).

A frame is Ethernet 14, outer IPv6 40 (the carrier, no SRH), inner IPv6 40, UDP 8, BTH 12, then the
extension headers. All fields are big endian; three-byte fields are read with the byte before them.
"""

from __future__ import annotations

import struct

import numpy as np

OUTER = 14
INNER = 54
UDP = 94
BTH = 102
EXT = 114  # the first extension header
ICRC = 4
ETHERTYPE_IPV6 = 0x86DD
NEXT_IPV6 = 41
NEXT_UDP = 17

METH_LEN = 4
TSETH_LEN = 4
RETH_LEN = 16
IMM_LEN = 4
TRIMMED_LEAST = EXT + METH_LEN + TSETH_LEN  # spec 3.1: what must survive a trim, for the NACK
WRITE_HEAD = EXT + METH_LEN + TSETH_LEN + RETH_LEN  # 138: where the payload of a timestamped write begins
AETH_LEN = 4
SACK_LEN = 36  # SETH 28 + CC_STATE 8
NETH_LEN = 20
PETH_LEN = 16
ERTH_LEN = 16
EETH_LEN = 36

_COMMON = {
    "ethertype": (">u2", 12),
    "outer_class": (">u4", OUTER),  # version 4, traffic class 8, flow label 20
    "outer_length": (">u2", OUTER + 4),
    "outer_next": ("u1", OUTER + 6),
    "inner_class": (">u4", INNER),
    "inner_length": (">u2", INNER + 4),
    "inner_next": ("u1", INNER + 6),
    "source_hi": (">u8", INNER + 8),
    "source_lo": (">u8", INNER + 16),
    "target_hi": (">u8", INNER + 24),
    "target_lo": (">u8", INNER + 32),
    "sport": (">u2", UDP),
    "dport": (">u2", UDP + 2),
    "udp_length": (">u2", UDP + 4),
    "opcode": ("u1", BTH),
    "pad": ("u1", BTH + 1),
    "dqp": (">u4", BTH + 4),  # var_res 8, DQP 24
    "flags": ("u1", BTH + 8),
    "psn": (">u4", BTH + 8),  # flags 8, PSN 24
}
_WRITE = {
    "rqmsn": (">u2", EXT),
    "msn": (">u2", EXT + 2),
    "timestamp": (">u2", EXT + 4),
    "timestamp_unit": (">u2", EXT + 6),  # tsr 1, reserved 11, ftype 4
    "address": (">u8", EXT + 8),
    "rkey": (">u4", EXT + 16),
    "dma_length": (">u4", EXT + 20),
}


def _dtype(fields: dict[str, tuple[str, int]], size: int) -> np.dtype[np.void]:
    return np.dtype(
        {
            "names": list(fields),
            "formats": [kind for kind, _ in fields.values()],
            "offsets": [at for _, at in fields.values()],
            "itemsize": size,
        }
    )


COMMON = _dtype(_COMMON, EXT)
WRITE = _dtype(_COMMON | _WRITE, WRITE_HEAD)

# spec 2.7, 2.9-2.11: control packets come one at a time, so plain structs serve them
AETH = struct.Struct(">I")
SACK = struct.Struct(">HHIHHIBBhQHHI")
NETH = struct.Struct(">HBBIHHIBBH")
PETH = struct.Struct(">HBBHHHHHH")
ERTH = struct.Struct(">HBBI4xHH")
EETH = struct.Struct(">H26xH6x")

TIMESTAMP_FTYPE = 1  # spec 2.6
TIMESTAMP_UNIT_OWN = 0x8000  # tsr: the unit is implementation-defined
TIMESTAMP_SHIFT = 12  # ours: 4.096 us, so that 16 bits last 268 ms (spec 2.6, a slow testbed)


def timestamp(now: int) -> int:
    """Fabric nanoseconds -> the 16 bits that travel."""
    return (now >> TIMESTAMP_SHIFT) & 0xFFFF
