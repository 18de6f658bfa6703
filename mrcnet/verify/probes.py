"""Probe packets: one frame a path, built as columns.

A frame is Ethernet 14, outer IPv6 40 (to the carrier, no SRH: spec 6.1), inner IPv6 40, UDP 8, payload 32.
The inner packet is whole and valid, so that the destination's own stack decapsulates and delivers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from socket import AF_INET6, inet_pton
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire import layout
from mrcnet.plan.model import Plan
from mrcnet.verify.model import PlannedPath

NONCE = 8  # bytes, new in every run, so that no other run's packet is taken for ours
PAYLOAD = np.dtype(
    [("magic", "S8"), ("nonce", "u1", NONCE), ("index", ">u4"), ("src", ">u4"), ("dst", ">u4"), ("ev", ">u4")]
)
MAGIC = b"mrcprobe"
PAYLOAD_AT = layout.UDP + 8
NONCE_AT = PAYLOAD_AT + 8
FRAME = PAYLOAD_AT + PAYLOAD.itemsize
_PORT, _SPARE_PORT = 9791, 9792  # neither 4791 nor 4971 (spec 2.2), and below the kernel's ephemeral range
_HOP_LIMIT = 64

_FRAME = np.dtype(
    {
        "names": ["to", "from", "ethertype"]
        + [f"{side}_{field}" for side in ("outer", "inner") for field in ("first", "length", "next", "hops")]
        + [f"{side}_{field}" for side in ("outer", "inner") for field in ("src", "dst")]
        + ["sport", "dport", "udp_length", "checksum", "payload"],
        "formats": [("u1", 6), ("u1", 6), ">u2"]
        + [">u4", ">u2", "u1", "u1"] * 2
        + [("u1", 16)] * 4
        + [">u2"] * 4
        + [PAYLOAD],
        "offsets": [0, 6, 12]
        + [start + at for start in (layout.OUTER, layout.INNER) for at in (0, 4, 6, 7)]
        + [start + at for start in (layout.OUTER, layout.INNER) for at in (8, 24)]
        + [layout.UDP, layout.UDP + 2, layout.UDP + 4, layout.UDP + 6, PAYLOAD_AT],
        "itemsize": FRAME,
    }
)

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes of a run, one row a path.

    `frames` (n, FRAME) uint8; `src` and `dst` (n) positions in `plan.hosts`; `out` and `into` (n) positions
    in the ports of the source and of the destination.
    """

    nonce: bytes
    frames: Bytes
    src: Numbers
    dst: Numbers
    out: Numbers
    into: Numbers


def probe_port(plan: Plan) -> int:
    """The UDP port of probes, never the one that MRC uses in this fabric: its frames may be filtered."""
    return _PORT if plan.topology.transport.udp_port != _PORT else _SPARE_PORT


def build_probes(
    plan: Plan, planned: Sequence[PlannedPath], nonce: bytes, *, udp_port: int | None = None, dscp: int = 0
) -> Probes:
    """One frame for each path, to `udp_port` (None: `probe_port`), of the class `dscp`.

    `nonce` has NONCE bytes. Raises KeyError for a host not in the plan.
    """
    number = {host: index for index, host in enumerate(plan.hosts)}
    ports = {
        (host, port.plane): (index, port)
        for host in plan.hosts
        for index, port in enumerate(plan.nodes[host].ports)
    }
    near = [ports[each.src, each.path.plane] for each in planned]
    far = [ports[each.dst, each.path.plane] for each in planned]
    src = np.array([number[each.src] for each in planned], np.int64)
    dst = np.array([number[each.dst] for each in planned], np.int64)
    evs = np.array([each.path.ev for each in planned], np.int64)

    frames = np.zeros((len(planned), FRAME), np.uint8)
    row = frames.view(_FRAME)[:, 0]
    row["to"] = _column([_mac(port.peer_mac) for _, port in near], 6)
    row["from"] = _column([_mac(port.mac) for _, port in near], 6)
    row["ethertype"] = layout.ETHERTYPE_IPV6
    for side, length, following in (
        ("outer", FRAME - layout.INNER, layout.NEXT_IPV6),
        ("inner", FRAME - layout.UDP, layout.NEXT_UDP),
    ):
        # The upper half of the EV, in both headers (spec 2.3).
        row[f"{side}_first"] = 6 << 28 | dscp << 22 | evs >> 16
        row[f"{side}_length"] = length
        row[f"{side}_next"] = following
        row[f"{side}_hops"] = _HOP_LIMIT
    sources = _column([_address(port.addresses[0]) for _, port in near], 16)
    row["outer_src"] = sources
    row["outer_dst"] = _column([_address(each.path.carrier) for each in planned], 16)
    row["inner_src"] = sources
    row["inner_dst"] = _column([_address(port.addresses[0]) for _, port in far], 16)
    row["sport"] = evs & 0xFFFF
    row["dport"] = probe_port(plan) if udp_port is None else udp_port
    row["udp_length"] = FRAME - layout.UDP
    payload = row["payload"]
    payload["magic"] = MAGIC
    payload["nonce"] = np.frombuffer(nonce, np.uint8)
    payload["index"] = np.arange(len(planned))
    payload["src"] = src
    payload["dst"] = dst
    payload["ev"] = evs
    row["checksum"] = _checksums(frames)
    return Probes(
        nonce,
        frames,
        src,
        dst,
        np.array([index for index, _ in near], np.int64),
        np.array([index for index, _ in far], np.int64),
    )


def ours(payloads: Sequence[bytes], probes: Probes) -> tuple[Numbers, Numbers]:
    """(positions in `payloads`, path indexes) of those that are, byte for byte, what a probe carries."""
    right = [place for place, payload in enumerate(payloads) if len(payload) == PAYLOAD.itemsize]
    rows = np.frombuffer(b"".join(payloads[place] for place in right), np.uint8).reshape(-1, PAYLOAD.itemsize)
    index = rows.view(PAYLOAD)["index"][:, 0].astype(np.int64)
    known = index < len(probes.frames)
    sent = probes.frames[np.where(known, index, 0), PAYLOAD_AT:]
    same = known & (rows == sent).all(axis=1)
    return np.array(right, np.int64)[same], index[same]


def _column(values: Sequence[bytes], width: int) -> Bytes:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, width)


@cache
def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


@cache
def _address(text: str) -> bytes:
    return inet_pton(AF_INET6, text.partition("/")[0])


def _checksums(frames: Bytes) -> npt.NDArray[Any]:
    """UDP over IPv6: a checksum is a must there. Sums the pseudo header and the datagram (RFC 8200, 8.1)."""
    addresses = frames[:, layout.INNER + 8 : layout.UDP]
    words = np.ascontiguousarray(np.concatenate((addresses, frames[:, layout.UDP :]), axis=1)).view(">u2")
    total = words.sum(axis=1, dtype=np.int64) + (FRAME - layout.UDP) + layout.NEXT_UDP
    while (total >> 16).any():
        total = (total & 0xFFFF) + (total >> 16)
    inverted = 0xFFFF - total
    return np.where(inverted == 0, 0xFFFF, inverted)
