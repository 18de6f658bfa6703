"""What labs there are, and how they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mrcnet.errors import MrcnetError
from mrcnet.kernel import lab, marks, parts, state
from mrcnet.kernel.diff import diff
from mrcnet.kernel.faults import faults_in
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import NodeState
from mrcnet.kernel.observe import observe


class State(StrEnum):
    """How a lab is."""

    UP = "up"  # as planned
    DEGRADED = "degraded"  # as planned but for faults
    PARTIAL = "partial"  # something else differs, or it cannot be told


@dataclass(frozen=True, slots=True)
class LabStatus:
    """A lab: how many nodes and links are there, and whether they are as planned.

    `degraded`: the parts of its ports' model that the machine does not give. `backend`: who made the nodes.
    """

    lab: str
    nodes: int
    links: int
    state: State
    degraded: tuple[str, ...] = ()
    backend: str = "kernel"


def status() -> tuple[LabStatus, ...]:
    """Every lab, by name. EnvironmentFault without privilege."""
    return tuple(map(status_of, lab.labs()))


def status_of(name: str) -> LabStatus:
    """One of them. EnvironmentFault without privilege."""
    nodes = [one.node for one in marks.owned(name)]
    backend = "containerlab" if state.folder(name).exists() else "kernel"
    try:
        with Handles(name, len(nodes)) as handles:
            found = observe(handles, nodes).nodes
    except OSError:  # it is being changed under our eyes
        return LabStatus(name, len(nodes), 0, State.PARTIAL, backend=backend)
    ends = sum(device.kind == "veth" for node in found.values() for device in node.devices.values())
    stored = state.recall(name)
    degraded = stored.degraded if stored is not None else ()
    return LabStatus(name, len(nodes), ends // 2, _state(stored, found), degraded, backend)


def _state(stored: state.Stored | None, found: Mapping[str, NodeState]) -> State:
    if stored is None or (stored.containers is not None and not stored.containers.whole):
        return State.PARTIAL
    try:
        plan = lab.plan_of(stored)
    except MrcnetError:
        return State.PARTIAL
    changes = diff(plan, found, parts.named(stored.degraded))
    if not changes:
        return State.UP
    struck = {node for fault in faults_in(found) for node in fault.target.split(":")}
    struck |= {name for name, node in found.items() if any(one.faults for one in node.devices.values())}
    return State.DEGRADED if all(change.node in struck for change in changes) else State.PARTIAL
