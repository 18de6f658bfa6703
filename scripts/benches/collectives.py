"""What the figures of collectives share: a fabric, and a row of the table on it, in virtual time."""

from __future__ import annotations

from dataclasses import replace

from benches.figure import ROOT
from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.sim.fit import fit
from mrcnet.sim.run import Sim, run_traffic
from mrcnet.topology.load import load_text
from mrcnet.workload.collective import Collective, Row, program_of, row_of
from mrcnet.workload.congestion import controlled
from mrcnet.workload.job import Job
from mrcnet.workload.transport import over

# Deep ports whose marks DCQCN can live with (docs/rocev2.md); MRC does not mind.
PORTS = "{ecn_min: 1bdp, ecn_max: 60bdp, drop: 64bdp, roles: {t0-down: {ecn: on}}}"


def plan_of(text: str) -> Plan:
    """The plan of a topology given as text."""
    return build_plan(load_text(text, "bench.yaml"))


def shipped(name: str) -> Plan:
    """The plan of a topology file of labs/, named without its ending."""
    return plan_of((ROOT / "labs" / f"{name}.yaml").read_text(encoding="utf-8"))


def row(
    plan: Plan,
    ask: Collective,
    size: int,
    transport: str,
    *,
    loss: float = 0.0,
    congestion: str = "fixed",
    backup_share: float | None = None,
    turn_ns: int | None = None,
) -> Row:
    """One run of a collective. ICRCs are left out; the elements are compared all the same."""
    program = program_of(ask, size)
    settings = Settings(payload=plan.topology.transport.payload, icrc=False)
    if backup_share is not None:
        settings = replace(settings, backup_share=backup_share)
    settings = controlled(settings, plan, congestion)
    job = Job("bench", plan, program.flows, settings, ask.seed, 1_000, programs=(program,))
    job = fit(over(job, transport), turn_ns)
    recording = run_traffic(job, None, meanwhile=lambda run: run.lose(loss), sim=Sim(turn_ns=turn_ns))
    return row_of(ask, size, recording)
