"""The dilation of a lab: what the file or the caller says, or the least that this machine can carry."""

from __future__ import annotations

from collections.abc import Sequence

from mrcnet.api.telling import Tell, silent
from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import calibration, lab
from mrcnet.plan.build import dilated
from mrcnet.plan.model import Plan
from mrcnet.topology.model import AUTO
from mrcnet.workload.flow import Flow


def settled(
    plan: Plan,
    lab_name: str,
    text: str,
    wanted: int | None = None,
    *,
    dry: bool = False,
    flows: Sequence[Flow] = (),
    slower: float = 1,
    note: Tell = silent,
) -> Plan:
    """The plan at the dilation at which its lab is to run; `wanted` comes before what its text says.

    `auto` goes by the load of `flows`, where the lab is there for them alone; else by what its hosts could
    send; and by how much `slower` time must go than that, as runs have shown. It stays what it was for a lab
    that is up. On a machine that was not calibrated it is now, but for a dry run, which touches nothing:
    EnvironmentFault.
    """
    dilation = plan.topology.dilation if wanted is None else wanted
    if dilation == AUTO:
        dilation = _running(lab_name, text) or _chosen(plan, flows, slower, note, dry=dry)
        note(f"dilation auto: {dilation}")
    return dilated(plan, dilation)


def _running(lab_name: str, text: str) -> int | None:
    if lab_name not in lab.labs():
        return None
    stored = lab.load(lab_name)
    return stored.dilation if stored.text == text else None


def _chosen(plan: Plan, flows: Sequence[Flow], slower: float, note: Tell, *, dry: bool) -> int:
    # Here, and not above: `up` of a lab that says its dilation need not wait for the end points' libraries.
    from mrcnet.nic.calibrate import calibrate
    from mrcnet.workload.dilation import dilation_for, friendly

    found = calibration.recall()
    if found is None:
        if dry:
            raise EnvironmentFault(
                "dilation: auto, and this machine was never calibrated", remedy="mrcnet doctor --calibrate"
            )
        note("this machine was never calibrated: that comes first, and takes some seconds")
        found = calibrate()
        calibration.save(found)
    least = dilation_for(plan, found.shaped_pps, found.late_ns, found.cores, flows)
    return friendly(slower * least)
