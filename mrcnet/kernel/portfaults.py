"""Faults that the ports' program plays: loss, blackhole, degrade, flap. Each is a store into its memory.

They are independent of each other, in one direction or both, and end by themselves: the program compares the
time with their deadline, so that no process need be there. A port without the program gets it. A link that
is cut takes none, for nothing would be seen of it; one that has them can be cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from mrcnet.errors import EnvironmentFault, InputError, PartialError
from mrcnet.kernel import marks, netns, shaper
from mrcnet.kernel.faults import FaultRecord, is_cut, look, name_of, opened, stored
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.observe import LabState
from mrcnet.kernel.ports import borne_by
from mrcnet.kernel.program import PortProgram, borne
from mrcnet.plan.model import Plan
from mrcnet.plan.target import ends_of, find_link
from mrcnet.port.config import LEAST_RATE, byte_time
from mrcnet.port.model import FaultSpec, PortFault
from mrcnet.topology.model import End
from mrcnet.units import format_rate

_ALL = 1 << 32  # a loss of every frame

Ends = tuple[End, ...]


def strike(plan: Plan, lab_name: str, spec: FaultSpec, target: str, *, one_way: bool = False) -> FaultRecord:
    """Begin a fault: `target` names both ports of a link by its nodes (`one_way`: the first's), or one port.

    InputError if there is no such lab or port, the link is cut, the port has that fault already, or the fault
    makes no sense there; nothing has changed then.
    """
    ends = ends_of(plan, target, one_way=one_way)
    at_ns, error_ns = strike_all(plan, lab_name, [(spec, end) for end in ends])
    return FaultRecord(spec.name, target, at_ns, error_ns)


def strike_all(plan: Plan, lab_name: str, wanted: Sequence[tuple[FaultSpec, End]]) -> tuple[int, int]:
    """Begin faults of many ports in one go: the middle of the interval in which they began, and half of it.

    CLOCK_MONOTONIC, ns. InputError as for `strike`; nothing has changed then.
    """
    dilation = plan.topology.dilation
    with opened(lab_name), Handles(lab_name) as handles:
        links = {end: find_link(plan, str(end)) for _, end in wanted}
        found = look(handles, lab_name, *dict.fromkeys(links.values()))
        for spec, end in wanted:
            if is_cut(found, links[end]):
                name = name_of(links[end])
                raise InputError(
                    f"link {name} is cut: no {spec.name} would show",
                    remedy=f"`mrcnet fault {lab_name} heal {name}` first",
                )
            _check(plan, lab_name, found, spec, end)
        program = _furnish(handles, plan, lab_name, found, tuple(links))
        for spec, end in wanted:
            if spec.name == "degrade":
                _slow_classes(handles, found, end, spec.rate_bps // (8 * dilation))
        rows = [(found.indices[end.node, end.port], _fault(spec, dilation)) for spec, end in wanted]
        return stored(range(len(rows)), lambda number: program.maps.strike(*rows[number]))


def prepare(plan: Plan, lab_name: str, targets: Iterable[str]) -> None:
    """Put the program on the ports of links ahead of faults: there it counts and passes on.

    A port that is up is out of service for the moment in which it first gets a filter hook. InputError if
    there is no such lab or link.
    """
    links = [find_link(plan, target) for target in targets]
    with opened(lab_name), Handles(lab_name) as handles:
        for link in links:
            found = look(handles, lab_name, link)
            _furnish(handles, plan, lab_name, found, (link.a, link.b))


def _check(plan: Plan, lab_name: str, found: LabState, spec: FaultSpec, end: End) -> None:
    device = found.nodes[end.node].devices[end.port]
    if spec.name in device.faults:
        raise InputError(
            f"{end} has a {spec.name} already", remedy=f"`mrcnet fault {lab_name} heal {end}` first"
        )
    if spec.name != "degrade":
        return
    rate = plan.nodes[end.node].port(end.port).rate_bps
    if not device.rate:
        raise InputError(
            f"{end} has no rate that could be lowered: lab {lab_name!r} is not shaped",
            remedy="give its topology `ports: {}` and `mrcnet up` it again",
        )
    if spec.rate_bps >= rate:
        raise InputError(f"{end} is no faster than that: its rate is {format_rate(rate)}")
    if spec.rate_bps // plan.topology.dilation < LEAST_RATE:
        raise InputError(f"{format_rate(spec.rate_bps)} is too slow to be shaped in this lab")


def _furnish(handles: Handles, plan: Plan, lab_name: str, found: LabState, ends: Ends) -> PortProgram:
    """See to it that the ports bear the program; one that had none passes on and counts."""
    if handles.program is None:
        nodes = [one.node for one in marks.owned(lab_name)]
        number = next(filter(None, (number for _, _, number in borne_by(handles, nodes))), 0)
        rows = max(found.indices.values()) + 2 * len(plan.topology.links) + len(plan.nodes)
        handles.program = PortProgram.found(number) if number else PortProgram.fresh(rows)
    for end in ends:
        socket, index = handles.socket(end.node), found.indices[end.node, end.port]
        path = netns.path_of(lab_name, end.node)
        if not borne(path, socket, [index])[index]:
            handles.program.maps.forget(index)
            with netns.inside(path):
                messages = handles.program.attach(index)
            if refusals := socket.send(messages):
                raise EnvironmentFault(
                    f"cannot put the ports' program on {end}: {refusals[0]}",
                    remedy="`mrcnet doctor` tells what this machine lacks",
                )
    return handles.program


def _slow_classes(handles: Handles, found: LabState, end: End, rate: int) -> None:
    """A degraded port's frames go through classes of their own; with the deadline they are out of use."""
    messages = shaper.add_slow_classes(found.indices[end.node, end.port], rate)
    if refusals := handles.socket(end.node).send(messages):
        raise PartialError(f"cannot slow {end} down: {refusals[0]}", remedy="`mrcnet up` mends it")


def _fault(spec: FaultSpec, dilation: int) -> PortFault:
    """The fault in wall time, from now on."""
    now = time.monotonic_ns()
    lasts = spec.lasts_ns
    if spec.name == "flap" and spec.count is not None:
        lasts = min(spec.period_ns * spec.count, spec.period_ns * spec.count if lasts is None else lasts)
    until = 0 if lasts is None else now + lasts * dilation
    match spec.name:
        case "loss":
            return PortFault("loss", max(1, round(spec.share * _ALL)), until)
        case "degrade":
            return PortFault("degrade", byte_time(spec.rate_bps // (8 * dilation)), until)
        case "flap":
            period, down = spec.period_ns * dilation, spec.down_ns * dilation
            return PortFault("flap", period, until, now, down)
        case _:
            return PortFault("blackhole", 1, until)
