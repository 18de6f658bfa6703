"""`mrcnet probe`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace

import click

from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.labs import lab_parameter, running_plan
from mrcnet.cli.output import Answer, note, progress, table
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode, InputError
from mrcnet.plan.crossings import name_of
from mrcnet.plan.model import Plan
from mrcnet.plan.prefixes import need_srv6
from mrcnet.prober.agent import Prober
from mrcnet.prober.controller import Controller
from mrcnet.prober.detect import LinkChange, Rules
from mrcnet.prober.report import Named, ProbeResult, named, result
from mrcnet.topology.names import suggest
from mrcnet.units import parse_duration

_DURATION_NS = 2_000_000_000


@command(
    "mrcnet probe 4p-2t0-4t1",
    "mrcnet probe --watch --deny --rate 100",
    "mrcnet probe --hosts h0 --duration 5s --json | jq '.broken[]'",
    cls=UsesLab,
)
@lab_parameter
@click.option("--hosts", metavar="h0,h5", help="Hosts with an agent.  [default: all]")
@click.option("--rate", default=50.0, show_default=True, help="Rounds of probes per second of wall time.")
@click.option(
    "--duration",
    callback=quantity(parse_duration),
    help="Wall time.  [default: 2s; with --watch until it is ended]",
)
@click.option("--watch", is_flag=True, help="Go on, and tell at once what breaks and heals.")
@click.option("--deny", is_flag=True, help="While it lasts, runs deny the EVs that cross a broken link.")
def probe_(
    lab_name: str, hosts: str | None, rate: float, duration: int | None, watch: bool, deny: bool
) -> Answer:
    """Find broken links from inside, by probes that come back to their host.

    Every host probes its T0s and the T1s behind them. What goes missing names the link, from NIC to T0 or
    from T0 to T1: it is broken when 3 of 20 rounds of probes were missed, whole again after 50 without a
    miss. Exits with 1 if one was found broken.
    """
    plan = running_plan(lab_name)
    need_srv6(plan, "probe")
    prober = Prober(plan, _chosen(plan, hosts), rate, Rules())
    ends_after = None if watch and duration is None else duration or _DURATION_NS
    changes = []
    with ExitStack() as stack:
        controller = stack.enter_context(Controller(lab_name)) if deny else None
        for change in prober.watch(lab_name, _until(ends_after)):
            if change is None:
                progress(f"{prober.detector.rounds} rounds, {len(prober.detector.broken)} links broken")
                if controller is not None:
                    controller.want(name_of(plan, link) for link in prober.detector.broken)
                continue
            changes.append(change)
            if watch:
                _tell(plan, change)
    found = replace(result(prober, changes), denials=controller.denials if controller else ())
    return Answer(asdict(found), _lines(found), ExitCode.OK if found.ok else ExitCode.FAILED)


def _chosen(plan: Plan, hosts: str | None) -> tuple[str, ...]:
    if hosts is None:
        return plan.hosts
    wanted = hosts.split(",")
    for host in wanted:
        if host not in plan.hosts:
            raise InputError(
                f"--hosts: {host!r} is no host of this lab{suggest(host, plan.hosts)}",
                remedy=f"hosts are {plan.hosts[0]} to {plan.hosts[-1]}",
            )
    return tuple(dict.fromkeys(wanted))


def _until(duration: int | None) -> Callable[[], bool]:
    if duration is None:
        return lambda: False
    end = time.monotonic_ns() + duration
    return lambda: time.monotonic_ns() >= end


def _tell(plan: Plan, change: LinkChange) -> None:
    progress("")
    said = named(plan, change)
    note(f"{said.at_ns / 1e9:.3f} s  {said.link} ({said.kind}) {said.state}, {said.latency_ms:.0f} ms")


def _lines(found: ProbeResult) -> Iterator[str]:
    head = ["link", "kind", "is", "at s", "after ms", "missed", "seen by"]
    yield from table(head, [_row(one) for one in found.changes])
    for denial in found.denials:
        yield f"run {denial.run} {'denied' if denial.on else 'allowed'} {denial.evs} EVs over {denial.link}"
    for switch in found.switches:
        yield f"no link of {switch} that can be seen works: the switch itself?"
    if found.hidden:
        yield f"{len(found.hidden)} links cannot be seen behind broken ones: {', '.join(found.hidden)}"
    whole = found.links - len(set(found.broken) | set(found.hidden))
    yield f"{whole} of {found.links} links work; {found.rounds} rounds of {found.probes} probes"


def _row(one: Named) -> list[object]:
    share = f"{one.missed:.0%}"
    return [one.link, one.kind, one.state, f"{one.at_ns / 1e9:.3f}", f"{one.latency_ms:.0f}", share, one.host]
