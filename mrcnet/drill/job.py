"""A drill's run, decided before anything is built. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mrcnet.drill.model import Drill, TrafficSpec
from mrcnet.drill.place import at
from mrcnet.drill.targets import find_links
from mrcnet.drill.timeline import timeline
from mrcnet.drill.watched import captured_ends
from mrcnet.errors import InputError
from mrcnet.mrc.settings import Settings
from mrcnet.plan.model import Plan
from mrcnet.topology.model import Link
from mrcnet.topology.names import suggest
from mrcnet.workload.congestion import controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.patterns import pairs
from mrcnet.workload.transport import over


def plan_job(drill: Drill, plan: Plan, lab_name: str) -> Job:
    """Decide the run before anything starts. Raises InputError with the place in the drill file."""
    timeline(drill, plan)
    captured_ends(drill, plan)
    flows = tuple(_flows(drill, plan))
    width = drill.bin_ns or bin_ns(plan)
    denied = tuple(_denied(drill, plan))
    job = Job(lab_name, plan, flows, _settings(drill, plan), drill.seed, width, denied=denied)
    return over(job, drill.transport)


def _denied(drill: Drill, plan: Plan) -> Iterator[Link]:
    """The links that are denied before the first packet (spec 4.1): by what is done at the very beginning."""
    for step in drill.steps:
        if step.action == "deny" and step.ev is None and step.at_ns == 0 and step.after is None:
            for target in step.names[:1] if step.apart_ns else step.names:
                yield from find_links(plan, target)


def _flows(drill: Drill, plan: Plan) -> Iterator[Flow]:
    number = 0
    for spec in (drill.traffic, *drill.traffic.also):
        for src, dst in _pairs(spec, plan, drill.seed):
            size = spec.size if spec is drill.traffic else None
            yield Flow(
                number,
                src,
                dst,
                size,
                spec.message,
                spec.rate_bps,
                spec.start_ns,
                spec.stop_ns,
                spec is not drill.traffic,
            )
            number += 1


def _pairs(spec: TrafficSpec, plan: Plan, seed: int) -> list[tuple[str, str]]:
    for host in spec.hosts:
        if host not in plan.hosts:
            raise InputError(f"there is no host {host!r}{suggest(host, plan.hosts)}", where=spec.where)
    with at(spec.where):
        return pairs(spec.pattern, spec.hosts or plan.hosts, seed if spec.seed is None else spec.seed)


def _settings(drill: Drill, plan: Plan) -> Settings:
    transport = plan.topology.transport
    settings = Settings(payload=transport.payload, udp_port=transport.udp_port, port_status=drill.port_status)
    if drill.backup_share is not None:
        settings = replace(settings, backup_share=drill.backup_share)
    if drill.timeout_exponent is not None:
        settings = replace(settings, timeout_exponent=drill.timeout_exponent)
    return controlled(settings, plan, drill.congestion)
