"""`mrcnet plan`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path as File

import click

from mrcnet.api.topologies import Source, lint_lines
from mrcnet.cli import evprofiles as profiles
from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, table
from mrcnet.cli.plantables import each_link, node_data, write_tables
from mrcnet.cli.topologies import parts_of, topology_parameters
from mrcnet.errors import ExitCode, InputError
from mrcnet.plan.build import build_plan
from mrcnet.plan.counts import counts
from mrcnet.plan.model import Path
from mrcnet.plan.parts import Parts, counts_of
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import Walk, walk
from mrcnet.topology.load import work_out
from mrcnet.topology.names import suggest

MAX_GUESSES = 4096  # names, beyond which the one that was meant is not looked for


@command(
    "mrcnet plan 4p-2t0-4t1",
    "mrcnet plan 4p-2t0-4t1 --pair h0:h5",
    "mrcnet plan topology.yaml --node p0-t0-0 --json",
    "mrcnet plan topology.yaml --tables tables/",
    "mrcnet plan topology.yaml --each-link",
    "mrcnet plan 4p-2t0-4t1 --ev-profile h0 --json > h0.json",
)
@topology_parameters
@click.option("--pair", metavar="SRC:DST", help="The EVs of an ordered pair of hosts, with their hops.")
@click.option("--node", metavar="NODE", help="The table of one node.")
@click.option(
    "--tables",
    metavar="DIR",
    type=click.Path(path_type=File),
    help="Write the table of every switch into a new DIR, a file each, as --node --json prints it.",
)
@click.option("--ev-profile", metavar="HOST", help="What the host's NIC is told: templates, masks and ports.")
@click.option(
    "--ev-profiles",
    metavar="DIR",
    type=click.Path(path_type=File),
    help="Write those of all hosts into a new DIR, a file for each group on the same T0s.",
)
@click.option("--each-link", "n_minus_1", is_flag=True, help="What the failure of any link or switch costs.")
def plan_(
    source: Source,
    pair: str | None,
    node: str | None,
    tables: File | None,
    ev_profile: str | None,
    ev_profiles: File | None,
    n_minus_1: bool,
) -> Answer:
    """Show addresses, SIDs, EVs and tables of a topology; touches nothing.

    TOPO is a file, a shipped name, or - for stdin. Exits with 1 if lint finds an error.

    Of a fabric that `fabric`, `defaults` and `kinds` describe alone, any part is planned without the whole,
    up to the size that uSIDs allow; `mrcnet size` writes such a file.
    """
    asked = [("--pair", pair), ("--node", node), ("--tables", tables), ("--each-link", n_minus_1)]
    asked += [("--ev-profile", ev_profile), ("--ev-profiles", ev_profiles)]
    given = [option for option, value in asked if value]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} exclude each other")
    parts = parts_of(source)
    if pair:
        return _pair(parts, pair)
    if node:
        return _node(parts, node)
    if tables:
        return write_tables(parts, tables)
    if ev_profile:
        _check_host(parts, ev_profile, f"--ev-profile {ev_profile}", "--ev-profile {first}")
        return profiles.ev_profile(parts, ev_profile)
    if ev_profiles:
        return profiles.write_profiles(parts, ev_profiles)
    return each_link(parts) if n_minus_1 else _overview(parts)


def _overview(parts: Parts) -> Answer:
    if parts.fabric is not None and parts.too_large:
        sizes = counts_of(parts.fabric)
        pair = "h0", f"h{sizes.hosts - 1}"
        plan, of = parts.pair(*pair), f" of the ways from {pair[0]} to {pair[1]}, which all others are like"
    else:
        plan, of = build_plan(work_out(parts.outline)), ""
        sizes = counts(plan)
    data = {
        "name": plan.topology.name,
        "counts": asdict(sizes),
        "lint": [asdict(finding) for finding in plan.lint],
    }
    lines = [
        plan.topology.name,
        *(f"  {what.replace('_', ' '):<14}{number:>7}" for what, number in asdict(sizes).items()),
        *(lint_lines(plan.lint) or [f"lint{of}: nothing to remark"]),
    ]
    wrong = any(finding.severity == "error" for finding in plan.lint)
    return Answer(data, lines, ExitCode.FAILED if wrong else ExitCode.OK)


def _check_host(parts: Parts, host: str, typed: str, like: str) -> None:
    """Raise InputError, with how to write it, if there is no such host."""
    if not parts.is_host(host):
        hosts = list(parts.hosts())
        guess = suggest(host, hosts) if len(hosts) <= MAX_GUESSES else ""
        raise InputError(
            f"{typed}: {host!r} is no host{guess}",
            remedy=f"write it like {like.format(first=hosts[0], last=hosts[-1])}",
        )


def _pair(parts: Parts, pair: str) -> Answer:
    src, _, dst = pair.partition(":")
    for host in (src, dst):
        _check_host(parts, host, f"--pair {pair}", "--pair {first}:{last}")
    if src == dst:
        raise InputError(f"--pair {pair}: a host has no path to itself")
    plan = parts.pair(src, dst)
    walks = [(path, walk(plan, src, dst, path)) for path in paths(plan, src, dst)]
    evs = [
        {
            "ev": path.ev,
            "plane": path.plane,
            "carrier": path.carrier,
            "hops": [{"node": hop.node, "da": hop.da} for hop in walked.hops],
        }
        for path, walked in walks
    ]
    return Answer({"evs": evs}, _pair_lines(walks) if walks else [f"no plane joins {src} and {dst}"])


def _pair_lines(walks: Iterable[tuple[Path, Walk]]) -> Iterator[str]:
    rows = []
    for path, walked in walks:
        end = "" if walked.reached else f": {walked.reason}"
        way = " > ".join(hop.node for hop in walked.hops) + end
        rows.append([f"{path.ev:#010x}", path.plane, path.carrier, way])
    yield from table(["EV", "plane", "carrier", "hops"], rows)


def _node(parts: Parts, name: str) -> Answer:
    try:
        node = parts.node(name)
    except KeyError:
        known = list(islice(parts.names(), MAX_GUESSES + 1))
        guess = suggest(name, known) if len(known) <= MAX_GUESSES else ""
        raise InputError(f"--node {name}: there is no such node{guess}") from None
    data = node_data(node)
    rows = [[route.dst, route.action, route.via or route.segs or "-", route.dev] for route in node.routes]
    if node.locator is None and parts.too_large:
        steering = list(parts.steering(name))
        data["steering"] = [{"dst": one.dst, "dev": one.dev, "template": one.template} for one in steering]
        rows += [[one.dst, "template", one.template, one.dev] for one in steering]
    return Answer(
        data, [f"{name}  locator {node.locator or '-'}", *table(["dst", "action", "via", "dev"], rows)]
    )
