"""`mrcnet evs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.labs import running_plan, the_lab
from mrcnet.cli.output import Answer, table
from mrcnet.errors import InputError
from mrcnet.nic import desk
from mrcnet.plan.model import Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import walk
from mrcnet.topology.names import suggest
from mrcnet.workload.report import EvRow


@command("mrcnet evs 4p-2t0-4t1 h0:h5", "watch -n 1 mrcnet evs h0:h5", cls=UsesLab)
@click.argument("words", nargs=-1, metavar="[LAB] SRC:DST")
def evs_(words: tuple[str, ...]) -> Answer:
    """Show the live EV table of a pair while a run sends between them.

    It asks the traffic or drill that is on. `*` marks active EVs, the others stand by; `out` is an EV whose
    plane is withdrawn because a port is down; `lost` counts packets given up; the RTT is smoothed and in
    fabric time.
    """
    if len(words) not in (1, 2):
        raise click.UsageError("write [LAB] SRC:DST, e.g. h0:h5")
    *lab_name, pair = words
    src, _, dst = pair.partition(":")
    name = the_lab(lab_name[0] if lab_name else None)
    plan = running_plan(name)
    for host in (src, dst):
        if host not in plan.hosts:
            raise InputError(
                f"{pair}: {host!r} is no host of this lab{suggest(host, plan.hosts)}",
                remedy=f"hosts are {plan.hosts[0]} to {plan.hosts[-1]}",
            )
    rows = desk.ask(name, src, dst)
    if rows is None:
        raise InputError(
            f"no run sends from {src} to {dst} in lab {name!r} now",
            remedy=f"start one: mrcnet traffic {name} --hosts {src},{dst} --duration 60s",
        )
    nodes = nodes_of(plan, src, dst)
    dilation = plan.topology.dilation
    evs = [_described(row, nodes[row.ev], dilation) for row in rows]
    return Answer({"lab": name, "src": src, "dst": dst, "evs": evs}, _lines(rows, nodes))


def nodes_of(plan: Plan, src: str, dst: str) -> dict[int, tuple[str, ...]]:
    """{EV: the nodes of its path, from source to destination}."""
    return {
        path.ev: tuple(hop.node for hop in walk(plan, src, dst, path).hops) for path in paths(plan, src, dst)
    }


def _described(row: EvRow, nodes: tuple[str, ...], dilation: int) -> dict[str, Any]:
    data = asdict(row)
    rtt = data.pop("rtt")
    fabric = None if rtt is None else rtt / 1e3
    wall = None if rtt is None else rtt * dilation / 1e3
    return {**data, "rtt_us": fabric, "rtt_wall_us": wall, "path": list(nodes)}


def _lines(rows: Sequence[EvRow], nodes: dict[int, tuple[str, ...]]) -> Iterator[str]:
    head = ["EV", "plane", "", "state", "sent", "lost", "RTT us", "path", "last cause"]
    yield from table(head, [_row(row, nodes[row.ev]) for row in rows])


def _row(row: EvRow, nodes: tuple[str, ...]) -> list[object]:
    rtt = "-" if row.rtt is None else f"{row.rtt / 1e3:.1f}"
    mark = "out" if row.out else "*" if row.active else ""
    return [
        f"{row.ev:#010x}",
        row.plane,
        mark,
        row.state,
        row.sent,
        row.lost,
        rtt,
        " ".join(nodes),
        row.cause or "-",
    ]
