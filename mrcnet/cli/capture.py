"""`mrcnet capture`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from mrcnet.api.capturing import Capture
from mrcnet.cli.command import UsesLab, command, wants_json
from mrcnet.cli.labs import running_plan, the_lab
from mrcnet.cli.output import Answer, note, silence_stdout
from mrcnet.drill.interrupt import asked_to_end
from mrcnet.mrc.wire.reading import read
from mrcnet.mrc.wire.reading import words as in_words
from mrcnet.nic.listener import Heard
from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.model import Plan
from mrcnet.render.templates import TEMPLATES
from mrcnet.report.stream import Stream

_STDOUT = Path("-")


@command(
    "mrcnet capture 4p-2t0-4t1 p0-t0-0:p0-t1-1",
    "mrcnet capture h0:eth1 -w h0.pcapng --seconds 10",
    "mrcnet capture p0-t0-0:eth5 -w - | wireshark -k -i -",
    cls=UsesLab,
)
@click.argument("words", nargs=-1, metavar="[LAB] LINK|PORT")
@click.option(
    "-w", "--write", "file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
    help="Write pcapng there; - is stdout.",
)  # fmt: skip
@click.option("--count", type=click.IntRange(1), help="End after so many frames.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="End after so much wall time.")
@click.option("--snaplen", type=click.IntRange(64, 65535), help="Bytes to keep of a frame.  [default: all]")
@click.option("--dissector", is_flag=True, help="Print where Wireshark's dissector for MRC is, and end.")
def capture_(
    words: tuple[str, ...],
    file: Path | None,
    count: int | None,
    seconds: float | None,
    snaplen: int | None,
    dissector: bool,
) -> Answer:
    """Show or write the frames of a port of a running lab as they come and go, until Ctrl-C.

    Of a link it is the port of the node that is named first. Without -w a packet is a line: fabric seconds
    since the capture began, direction, hosts, what MRC says; with --json an object. What a port's own queue
    or fault drops never left it, and is not seen there.
    """
    if dissector:
        path = str(TEMPLATES / "wireshark" / "mrc.lua")
        return Answer({"dissector": path}, [path])
    if len(words) not in (1, 2):
        raise click.UsageError("write [LAB] LINK or [LAB] NODE:PORT")
    if file == _STDOUT and wants_json():
        raise click.UsageError("--json and `-w -` both want stdout")
    *lab_name, target = words
    name = the_lab(lab_name[0] if lab_name else None)
    plan = running_plan(name)
    with (
        Capture(plan, name, target, snaplen=snaplen, note=lambda text: note(f"mrcnet: {text}")) as capture,
        asked_to_end() as asked,
    ):
        if file is None:
            _show(plan, capture.frames(asked, count=count, seconds=seconds))
        else:
            with closing(Stream(None if file == _STDOUT else file)) as stream:
                capture.write(stream, asked, count=count, seconds=seconds)
    if not wants_json():
        missed = f", {capture.missed} missed" if capture.missed else ""
        note(f"{capture.taken} frames of {capture.port}{missed}")
    return Answer({"port": capture.port, "frames": capture.taken, "missed": capture.missed}, [])


def _show(plan: Plan, frames: Iterator[list[Heard]]) -> None:
    """A line a frame."""
    began, dilation = time.monotonic_ns(), plan.topology.dilation
    line = partial(_as_json if wants_json() else _as_text, hosts=_hosts(plan), began=began, dilation=dilation)
    try:
        for heard in frames:
            sys.stdout.writelines(line(one) + "\n" for one in heard)
            sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough
        silence_stdout()


def _hosts(plan: Plan) -> dict[int, str]:
    """{address: host}."""
    found = {}
    for host in plan.hosts:
        node = plan.nodes[host]
        texts = [text for port in node.ports for text in port.addresses]
        for text in (*texts, *filter(None, [node.address])):
            found[to_int(text.partition("/")[0])] = host
    return found


def _as_text(one: Heard, *, hosts: Mapping[int, str], began: int, dilation: int) -> str:
    at = f"{(one.at - began) / dilation / 1e9:.9f}"
    way = "out" if one.sent else "in "
    packet = read(one.data, one.length)
    if packet is None:
        return f"{at} {way} {one.length} B, not MRC"
    src, dst = (_name(hosts, address) for address in (packet.source, packet.target))
    return f"{at} {way} {src} > {dst} {in_words(packet)}"


def _as_json(one: Heard, *, hosts: Mapping[int, str], began: int, dilation: int) -> str:
    told: dict[str, Any] = {
        "at_ns": (one.at - began) // dilation,
        "sent": one.sent,
        "length": one.length,
    }
    if (packet := read(one.data, one.length)) is not None:
        told |= asdict(packet) | {"opcode": packet.name}
        told |= {"source": _name(hosts, packet.source), "target": _name(hosts, packet.target)}
    return json.dumps(told)


def _name(hosts: Mapping[int, str], address: bytes) -> str:
    number = int.from_bytes(address, "big")
    return hosts.get(number) or to_text(number)
