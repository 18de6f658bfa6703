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
from mrcnet.workload.collective import Collective, program_of
from mrcnet.workload.congestion import controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.patterns import pairs
from mrcnet.workload.program import Program
from mrcnet.workload.transport import over


def plan_job(drill: Drill, plan: Plan, lab_name: str) -> Job:
    """Decide the run before anything starts. Raises InputError with the place in the drill file."""
    timeline(drill, plan)
    captured_ends(drill, plan)
    programs = tuple(_programs(drill.traffic, plan, drill.seed))
    graphs = tuple(flow for program in programs for flow in program.flows)
    flows = (*graphs, *_flows(drill, plan, len(graphs)))
    width = drill.bin_ns or bin_ns(plan)
    denied = tuple(_denied(drill, plan))
    job = Job(lab_name, plan, flows, _settings(drill, plan), drill.seed, width, denied=denied)
    return over(replace(job, programs=programs), drill.transport)


def _programs(spec: TrafficSpec, plan: Plan, seed: int) -> Iterator[Program]:
    """The collective, if that is the load: one rank on each host, no iteration for warming up."""
    if spec.collective:
        assert spec.size is not None
        hosts = _hosts(spec, plan)
        ask = Collective(
            spec.collective, spec.algorithm, hosts, "int32", spec.iterations, 0, spec.message, seed
        )
        with at(spec.where):
            yield program_of(ask, spec.size)


def _denied(drill: Drill, plan: Plan) -> Iterator[Link]:
    """The links that are denied before the first packet (spec 4.1): by what is done at the very beginning."""
    for step in drill.steps:
        if step.action == "deny" and step.ev is None and step.at_ns == 0 and step.after is None:
            for target in step.names[:1] if step.apart_ns else step.names:
                yield from find_links(plan, target)


def _flows(drill: Drill, plan: Plan, number: int) -> Iterator[Flow]:
    """Those of patterns, from `number` on."""
    own = () if drill.traffic.collective else (drill.traffic,)
    for spec in (*own, *drill.traffic.also):
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
    with at(spec.where):
        return pairs(spec.pattern, _hosts(spec, plan), seed if spec.seed is None else spec.seed)


def _hosts(spec: TrafficSpec, plan: Plan) -> tuple[str, ...]:
    for host in spec.hosts:
        if host not in plan.hosts:
            raise InputError(f"there is no host {host!r}{suggest(host, plan.hosts)}", where=spec.where)
    return spec.hosts or plan.hosts


def _settings(drill: Drill, plan: Plan) -> Settings:
    transport = plan.topology.transport
    settings = Settings(payload=transport.payload, udp_port=transport.udp_port, port_status=drill.port_status)
    if drill.backup_share is not None:
        settings = replace(settings, backup_share=drill.backup_share)
    if drill.timeout_exponent is not None:
        settings = replace(settings, timeout_exponent=drill.timeout_exponent)
    return controlled(settings, plan, drill.congestion)
