"""`mrcnet plan`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import click

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, table
from mrcnet.cli.topologies import Source, plan_of, topology_parameters
from mrcnet.errors import ExitCode, InputError
from mrcnet.plan.counts import counts
from mrcnet.plan.model import Finding, Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import walk
from mrcnet.topology.names import suggest


@command(
    "mrcnet plan 4p-2t0-4t1",
    "mrcnet plan 4p-2t0-4t1 --pair h0:h5",
    "mrcnet plan topology.yaml --node p0-t0-0 --json",
)
@topology_parameters
@click.option("--pair", metavar="SRC:DST", help="The EVs of an ordered pair of hosts, with their hops.")
@click.option("--node", metavar="NODE", help="The table of one node.")
def plan_(source: Source, pair: str | None, node: str | None) -> Answer:
    """Show addresses, SIDs, EVs and tables of a topology; touches nothing.

    TOPO is a file, a shipped name, or - for stdin. Exits with 1 if lint finds an error.
    """
    if pair and node:
        raise click.UsageError("--pair and --node exclude each other")
    plan = plan_of(source)
    if pair:
        return _pair(plan, pair)
    return _node(plan, node) if node else _overview(plan)


def lint_lines(findings: Iterable[Finding]) -> list[str]:
    """Findings for people, one a line."""
    return [f"{finding.severity}: {finding.message} [{finding.code}]" for finding in findings]


def _overview(plan: Plan) -> Answer:
    sizes = asdict(counts(plan))
    data = {
        "name": plan.topology.name,
        "counts": sizes,
        "lint": [asdict(finding) for finding in plan.lint],
    }
    lines = [
        plan.topology.name,
        *(f"  {what.replace('_', ' '):<14}{number:>7}" for what, number in sizes.items()),
        *(lint_lines(plan.lint) or ["lint: nothing to remark"]),
    ]
    wrong = any(finding.severity == "error" for finding in plan.lint)
    return Answer(data, lines, ExitCode.FAILED if wrong else ExitCode.OK)


def _pair(plan: Plan, pair: str) -> Answer:
    src, _, dst = pair.partition(":")
    for host in (src, dst):
        if host not in plan.hosts:
            raise InputError(
                f"--pair {pair}: {host!r} is no host{suggest(host, plan.hosts)}",
                remedy=f"write it like --pair {plan.hosts[0]}:{plan.hosts[-1]}",
            )
    if src == dst:
        raise InputError(f"--pair {pair}: a host has no path to itself")
    evs = [
        {
            "ev": path.ev,
            "plane": path.plane,
            "carrier": path.carrier,
            "hops": [asdict(hop) for hop in walk(plan, src, dst, path).hops],
        }
        for path in paths(plan, src, dst)
    ]
    return Answer({"evs": evs}, _pair_lines(plan, src, dst))


def _pair_lines(plan: Plan, src: str, dst: str) -> Iterator[str]:
    rows = []
    for path in paths(plan, src, dst):
        walked = walk(plan, src, dst, path)
        end = "" if walked.reached else f": {walked.reason}"
        way = " > ".join(hop.node for hop in walked.hops) + end
        rows.append([f"{path.ev:#010x}", path.plane, path.carrier, way])
    yield from table(["EV", "plane", "carrier", "hops"], rows) or [f"no plane joins {src} and {dst}"]


def _node(plan: Plan, name: str) -> Answer:
    if name not in plan.nodes:
        raise InputError(f"--node {name}: there is no such node{suggest(name, plan.nodes)}")
    node = plan.nodes[name]
    rows = [[route.dst, route.action, route.via or route.segs or "-", route.dev] for route in node.routes]
    lines = [f"{name}  locator {node.locator or '-'}", *table(["dst", "action", "via", "dev"], rows)]
    return Answer({"locator": node.locator, "routes": [asdict(route) for route in node.routes]}, lines)
