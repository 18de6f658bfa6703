"""What tshark makes of frames with the shipped dissector, and what our own two readers make of them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scapy.layers.l2 import Ether
from scapy.packet import Packet as Layers

from mrcnet.contrib.scapy import BTH, Aeth, Eeth, Erth, ImmDt, Meth, Neth, Peth, Reth, Seth, Tseth
from mrcnet.mrc.wire import layout
from mrcnet.mrc.wire.numbers import Opcode
from mrcnet.mrc.wire.reading import Write, read

TSHARK = shutil.which("tshark")
DISSECTOR = Path(__file__).parents[2] / "templates" / "wireshark" / "mrc.lua"
# scapy's names for what has another name in the dissector
_BTH = {
    "opcode": "opcode", "solicited": "se", "migreq": "m", "padcount": "pad", "version": "tver",
    "pkey": "pkey", "dqpn": "dqp", "psn": "psn",
}  # fmt: skip
_HEADERS: Mapping[type[Layers], str] = {
    Meth: "meth", Tseth: "tseth", Reth: "reth", ImmDt: "immdt", Aeth: "aeth", Seth: "seth", Neth: "neth",
    Peth: "peth", Erth: "erth", Eeth: "eeth",
}  # fmt: skip
_CC = ("timestamp", "reserved4", "ooo_count", "restore_cwnd", "rcv_cwnd_pen", "rcvd_bytes")  # CC_STATE's
_FLAGS = {"ack_req": 0x80, "reserved": 0x40, "rtx": 0x20, "ts": 0x10}
_SIGNED = ("mrc.seth.ack_psn_offset", "mrc.seth.sack_offset")
_EXPERT = ("_ws.expert.severity", "_ws.expert.message")
_COMPLAINTS = ("_ws.malformed", *_EXPERT)
_SEPARATOR = "|"
_WARNING = 0x600000  # tshark's severities: chat, note, warning, error
_OF_TRIMMED = ("IPv6 payload length exceeds framing length", "Bad length value")
Frame = tuple[bytes, int]  # the bytes that were kept, the length on the wire


def write_pcap(file: Path, frames: Iterable[Frame]) -> None:
    """Frames as a file of Ethernet."""
    with file.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1))
        for number, (data, length) in enumerate(frames):
            out.write(struct.pack("<IIII", 0, number % 1_000_000, len(data), length) + data)


def tshark(file: Path, *words: str, dissector: Path = DISSECTOR) -> subprocess.CompletedProcess[str]:
    """Run tshark over a file with the dissector, and with nothing that a user has installed for it."""
    options = "-X", f"lua_script:{dissector}", "-o", "udp.ignore_ipv6_zero_checksum:TRUE"
    return subprocess.run(
        ["tshark", *options, "-r", str(file), *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        env=os.environ | {"HOME": str(file.parent), "XDG_CONFIG_HOME": str(file.parent)},
    )


def names() -> list[str]:
    """Every field of the dissector, as it registers them with tshark."""
    listed = subprocess.run(
        ["tshark", "-G", "fields", "-X", f"lua_script:{DISSECTOR}"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    return sorted(row[2] for row in rows if row[0] == "F" and row[4] == "mrc")


def dissected(file: Path) -> list[dict[str, str]]:
    """{field: text} of every frame: the dissector's fields, and what tshark complains of."""
    wanted = [*(name for name in names() if not name.startswith("mrc.expert")), *_COMPLAINTS]
    words = [word for name in wanted for word in ("-e", name)]
    read = tshark(file, "-T", "fields", "-E", "separator=/t", "-E", f"aggregator={_SEPARATOR}", *words)
    rows = [line.split("\t") for line in read.stdout.split("\n")[:-1]]
    return [{name: text for name, text in zip(wanted, row, strict=True) if text} for row in rows]


def complaints(row: Mapping[str, str], *, trimmed: bool) -> list[str]:
    """What tshark finds wrong: warnings and errors. That a trimmed packet's lengths are those from before is
    right: a switch does not mend them (spec 6.6).
    """
    severities, texts = (row.get(name, "").split(_SEPARATOR) for name in _EXPERT)
    found = [
        text for level, text in zip(severities, texts, strict=True) if level and int(level, 0) >= _WARNING
    ]
    found = [text for text in found if not (trimmed and text.startswith(_OF_TRIMMED))]
    return found + ["malformed"] * ("_ws.malformed" in row and not trimmed)


def numbers(row: Mapping[str, str]) -> dict[str, int]:
    """The fields that are numbers."""
    told = {name: text for name, text in row.items() if name.startswith("mrc.") and name not in _BYTES}
    return {name: _number(text) for name, text in told.items()}


_BYTES = ("mrc.payload", "mrc.pad_bytes", *(f"mrc.{name}" for name in ("bth", "cc", *_HEADERS.values())))


def _number(text: str) -> int:
    return int(text in ("1", "True")) if text in ("True", "False") else int(text, 0)


def expected(frame: Frame) -> dict[str, int]:
    """The same by our own decoders: scapy's layers for every field, the codec's records for what they know.

    AssertionError if these two differ.
    """
    data, length = frame
    packet = read(data, length)
    assert packet is not None
    found = dict(_by_scapy(data))
    if packet.trimmed:
        found["mrc.trimmed"] = 1
    for name, value in _by_records(packet):
        assert found.setdefault(name, value) == value, (name, found[name], value)
    if packet.sound is not None:
        end = layout.UDP + int.from_bytes(data[layout.UDP + 4 : layout.UDP + 6], "big")
        found["mrc.icrc"] = int.from_bytes(data[end - 4 : end], "big")
        found["mrc.icrc.status"] = int(packet.sound)
    return found


def _by_scapy(data: bytes) -> Iterator[tuple[str, int]]:
    packet: Any = Ether(
        data + bytes(4)
    )  # scapy takes the last four bytes for the ICRC; here they may be gone
    bth = packet[BTH]
    flags = data[layout.BTH + 8]
    yield from ((f"mrc.bth.{ours}", int(getattr(bth, name))) for name, ours in _BTH.items())
    yield from ((f"mrc.bth.{name}", int(bool(flags & bit))) for name, bit in _FLAGS.items())
    yield "mrc.bth.var_res", data[layout.BTH + 4]
    yield "mrc.bth.inv_res", flags & 0x0F
    for kind in bth.payload.layers():
        if kind not in _HEADERS:
            continue
        header, layer = _HEADERS[kind], packet[kind]
        for field in kind.fields_desc:
            name = f"mrc.{'cc' if kind is Seth and field.name in _CC else header}.{field.name}"
            value = int(getattr(layer, field.name))
            yield name, value - 0x10000 if name in _SIGNED and value >= 0x8000 else value


def _by_records(packet: Any) -> Iterator[tuple[str, int]]:
    yield "mrc.ev", packet.ev
    yield "mrc.plane", packet.ev >> 16 & 0xFF
    yield "mrc.uplink", packet.ev & 0xFFFF
    yield "mrc.bth.opcode", packet.opcode
    yield "mrc.bth.dqp", packet.dqp
    yield "mrc.bth.psn", packet.psn
    body = packet.body
    told = asdict(body)
    match packet.opcode:
        case Opcode.SACK:
            if body.mark:  # the reserved one reads as NONE (spec 3.5)
                yield "mrc.seth.m", body.mark
            yield "mrc.seth.base_psn", (body.cack + body.offset) % (1 << 24)
            if body.probe:
                yield "mrc.seth.probe_id", body.trigger
            else:
                yield "mrc.seth.ack_psn_offset", body.trigger
                yield "mrc.seth.trigger_psn", (body.cack + body.trigger) % (1 << 24)
            yield from (
                (f"mrc.seth.{name}", told[name]) for name in ("entropy", "spdcid", "dpdcid", "mpr", "bitmap")
            )
            yield from ((f"mrc.cc.{name}", told[name]) for name in ("timestamp", "ooo_count", "rcvd_bytes"))
        case Opcode.NACK:
            yield "mrc.neth.nack_reason", body.reason
            yield "mrc.neth.nack_psn", body.psn
            yield from (
                (f"mrc.neth.{name}", told[name]) for name in ("entropy", "spdcid", "dpdcid", "timestamp")
            )
        case Opcode.PROBE:
            yield from ((f"mrc.peth.{name}", told[name]) for name in ("probe_id", "timestamp"))
        case Opcode.ENDPOINT_REQUEST | Opcode.ENDPOINT_RESPONSE:
            header = "erth" if packet.opcode is Opcode.ENDPOINT_REQUEST else "eeth"
            yield f"mrc.{header}.op", body.op
            yield f"mrc.{header}.timestamp", body.timestamp
            yield "mrc.request_id", packet.psn & 0xFFFF
        case Opcode.TRANSPORT_ACK:
            yield "mrc.aeth.syndrome", body.syndrome
            yield "mrc.aeth.msn", body.msn
    if isinstance(body, Write):
        yield from ((f"mrc.meth.{name}", told[name]) for name in ("rqmsn", "msn"))
        yield "mrc.reth.address", body.address
        yield "mrc.reth.rkey", body.rkey
        yield "mrc.reth.length", body.dma_length
        optional = ("tseth.timestamp", body.timestamp), ("immdt.immediate", body.immediate)
        yield from (
            (f"mrc.{name}", value)
            for name, value in (*optional, ("payload_length", body.length))
            if value is not None
        )


def disagreements(frames: Sequence[Frame], rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Where tshark's reading of frames differs from ours, in words; all fields both ways."""
    assert len(frames) == len(rows)
    found = []
    for number, (frame, row) in enumerate(zip(frames, rows, strict=True), 1):
        ours, theirs = expected(frame), numbers(row)
        found += [
            f"frame {number}: {name} is {ours.get(name)}, tshark has {theirs.get(name)}"
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]
        found += [f"frame {number}: {one}" for one in complaints(row, trimmed="mrc.trimmed" in row)]
    return found


def is_mrc(data: bytes) -> bool:
    """Whether our reader takes a frame for MRC's."""
    return read(data, len(data)) is not None
