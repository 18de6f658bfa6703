"""Make a whole lab whole: end every fault that is on it, and take away what a killed run left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrcnet.kernel import bpf, delays, faults, marks, netns, processes, state
from mrcnet.kernel.faults import FaultRecord, opened
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import NodeState
from mrcnet.kernel.observe import observe
from mrcnet.plan.model import Plan
from mrcnet.topology.model import End, Link


def heal_all(plan: Plan, lab_name: str) -> tuple[FaultRecord, ...]:
    """Heal every link of a lab that is cut, longer, or has a port with a fault; a record for each.

    If no run is under way, what a killed one left on the hosts' ports goes too. InputError if there is no
    such lab; PartialError if it is not whole, or does not become so.
    """
    with opened(lab_name), Handles(lab_name, len(plan.nodes)) as handles:
        seen = observe(handles, [one.node for one in marks.owned(lab_name)]).nodes
    longer = delays.read(lab_name)
    healed = []
    for link in plan.topology.links:
        records = [faults.heal(plan, lab_name, str(end)) for end in _to_heal(seen, link)]
        if any(delays.is_of(one, link) for one in longer):
            records += filter(None, [delays.shorten(plan, lab_name, str(link.a))])
        if records:
            healed.append(_together(records))
    if not processes.registered(lab_name):
        state.forget_runs(lab_name)
        for host in plan.hosts:
            bpf.unshield(netns.path_of(lab_name, host), [port.name for port in plan.nodes[host].ports])
    return tuple(healed)


def _together(records: Sequence[FaultRecord]) -> FaultRecord:
    """The heals of one link as one: between the first write and the last."""
    begin = min(one.at_ns - one.error_ns for one in records)
    end = max(one.at_ns + one.error_ns for one in records)
    return FaultRecord("heal", records[0].target, (begin + end) // 2, (end - begin + 1) // 2)


def _to_heal(seen: Mapping[str, NodeState], link: Link) -> tuple[End, ...]:
    """The ports of a link by which it is healed: those with faults of their own, or, of a cut one, any."""
    ends = [end for end in (link.a, link.b) if end.node in seen and end.port in seen[end.node].devices]
    devices = [seen[end.node].devices[end.port] for end in ends]
    faulty = tuple(end for end, device in zip(ends, devices, strict=True) if device.faults)
    cut = any(not device.up or device.silenced for device in devices)
    return faulty or (tuple(ends[:1]) if cut else ())
