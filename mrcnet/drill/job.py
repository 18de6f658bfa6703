"""A drill's run, decided before anything is built. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mrcnet.drill.model import Drill
from mrcnet.errors import InputError, Where
from mrcnet.mrc.settings import Settings
from mrcnet.plan.model import Plan
from mrcnet.plan.target import find_link
from mrcnet.topology.model import Link
from mrcnet.topology.names import suggest
from mrcnet.workload.congestion import controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.patterns import pairs


def plan_job(drill: Drill, plan: Plan, lab_name: str) -> Job:
    """Decide the run before anything starts. Raises InputError with the place in the drill file."""
    _check_steps(drill, plan)
    spec = drill.traffic
    for host in spec.hosts:
        if host not in plan.hosts:
            raise InputError(f"there is no host {host!r}{suggest(host, plan.hosts)}", where=spec.where)
    with _at(spec.where):
        found = pairs(spec.pattern, spec.hosts or plan.hosts, drill.seed)
    flows = tuple(
        Flow(number, src, dst, None, spec.message, spec.rate_bps) for number, (src, dst) in enumerate(found)
    )
    return Job(lab_name, plan, flows, _settings(drill, plan), drill.seed, bin_ns(plan))


def _check_steps(drill: Drill, plan: Plan) -> None:
    """Every target is a link, and is whole when it is cut and cut when it is healed, by whatever name."""
    cut: set[Link] = set()
    for step in drill.steps:
        with _at(step.where):
            link = find_link(plan, step.target)
        if (step.action == "cut") == (link in cut):
            state = "cut already" if link in cut else "not cut"
            raise InputError(f"{step.target} is {state} by then", where=step.where)
        cut ^= {link}


@contextmanager
def _at(where: Where) -> Iterator[None]:
    """Give an InputError the place in the drill file that it is about."""
    try:
        yield
    except InputError as error:
        raise InputError(error.message, where=where, remedy=error.remedy) from None


def _settings(drill: Drill, plan: Plan) -> Settings:
    transport = plan.topology.transport
    settings = Settings(payload=transport.payload, udp_port=transport.udp_port)
    if drill.backup_share is not None:
        settings = replace(settings, backup_share=drill.backup_share)
    if drill.timeout_exponent is not None:
        settings = replace(settings, timeout_exponent=drill.timeout_exponent)
    return controlled(settings, plan, drill.congestion)
