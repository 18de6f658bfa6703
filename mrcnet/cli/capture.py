"""`mrcnet capture`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from mrcnet import __version__
from mrcnet.cli.command import UsesLab, command, wants_json
from mrcnet.cli.labs import running_plan, the_lab
from mrcnet.cli.output import Answer, note, silence_stdout
from mrcnet.drill.interrupt import asked_to_end
from mrcnet.errors import EnvironmentFault
from mrcnet.mrc.wire.reading import read
from mrcnet.mrc.wire.reading import words as in_words
from mrcnet.nic.listener import Heard, Listener
from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.model import Plan
from mrcnet.plan.target import ends_of
from mrcnet.render.templates import TEMPLATES
from mrcnet.report import pcapng
from mrcnet.report.stream import Stream
from mrcnet.topology.model import End

_ETHERNET = 14
_PATIENCE_S = 0.1
_STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end by itself: after so many frames, after so many wall seconds."""

    count: int | None
    seconds: float | None


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
    (end,) = ends_of(plan, target, one_way=True)
    snap = snaplen or plan.nodes[end.node].port(end.port).mtu + _ETHERNET
    try:
        listener = Listener(name, end, snap)
    except FileNotFoundError:
        raise EnvironmentFault(
            f"{end} is not there", remedy=f"mrcnet up the topology of {name} again"
        ) from None
    limits = Limits(count, seconds)
    with closing(listener), asked_to_end() as asked:
        if file is None:
            taken = _show(plan, listener, limits, asked)
        else:
            taken = _write(plan, name, end, listener, snap, file, limits, asked)
    told = f"{taken} frames of {end}" + (f", {listener.missed} missed" if listener.missed else "")
    if not wants_json():
        note(told)
    return Answer({"port": str(end), "frames": taken, "missed": listener.missed}, [])


def _heard(listener: Listener, limits: Limits, asked: Callable[[], bool]) -> Iterator[list[Heard]]:
    """Frames as they come, until there shall be no more."""
    until = None if limits.seconds is None else time.monotonic() + limits.seconds
    left = limits.count
    while not asked() and left != 0 and not (until is not None and time.monotonic() >= until):
        heard = listener.take()[:left]
        if heard:
            left = None if left is None else left - len(heard)
            yield heard
        elif listener.gone():
            note("mrcnet: the lab went down")
            return
        else:
            yield []
            patience = _PATIENCE_S if until is None else min(_PATIENCE_S, until - time.monotonic())
            listener.wait(max(patience, 0))


def _write(
    plan: Plan,
    lab: str,
    end: End,
    listener: Listener,
    snap: int,
    file: Path,
    limits: Limits,
    asked: Callable[[], bool],
) -> int:
    """Frames into a file; how many. Instants are wall time of the day."""
    port = plan.nodes[end.node].port(end.port)
    dilation = plan.topology.dilation
    stream = Stream(None if file == _STDOUT else file)
    taken, since = 0, time.time_ns() - time.monotonic_ns()
    comment = (
        f"lab {lab}; times are wall time; dilation {dilation}: fabric time is 1/{dilation} of it;"
        f" began at fabric time {time.monotonic_ns() / dilation / 1e9:.9f} s of this machine's clock"
    )
    description = f"to {port.peer_node}:{port.peer_port}, plane {port.plane}"
    last = time.time_ns()
    with closing(stream):
        stream.add(pcapng.opening(str(end), description, comment, f"mrcnet {__version__}", snap))
        for heard in _heard(listener, limits, asked):
            stream.add(
                b"".join(pcapng.frame(one.at + since, one.length, one.sent, one.data) for one in heard)
            )
            taken += len(heard)
            last = heard[-1].at + since if heard else last
            if not stream.open:
                return taken
        stream.add(pcapng.closing(last, listener.missed))
    return taken


def _show(plan: Plan, listener: Listener, limits: Limits, asked: Callable[[], bool]) -> int:
    """A line a frame; how many."""
    began, dilation = time.monotonic_ns(), plan.topology.dilation
    line = partial(_as_json if wants_json() else _as_text, hosts=_hosts(plan), began=began, dilation=dilation)
    taken = 0
    try:
        for heard in _heard(listener, limits, asked):
            for one in heard:
                sys.stdout.write(line(one) + "\n")
            sys.stdout.flush()
            taken += len(heard)
    except BrokenPipeError:  # who reads has seen enough
        silence_stdout()
    return taken


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
