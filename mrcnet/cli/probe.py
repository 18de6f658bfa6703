"""`mrcnet probe`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.labs import attached, lab_parameter
from mrcnet.cli.output import Answer, note, progress, table
from mrcnet.cli.place import hosts_in
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode
from mrcnet.prober.report import Named, ProbeResult
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
    ends_after = None if watch and duration is None else duration or _DURATION_NS
    found = attached(lab_name).probe(
        hosts=hosts_in(hosts),
        rate=rate,
        duration=ends_after,
        deny=deny,
        found=_tell if watch else lambda _: None,
        progress=lambda rounds, broken: progress(f"{rounds} rounds, {broken} links broken"),
    )
    return Answer(asdict(found), _lines(found), ExitCode.OK if found.ok else ExitCode.FAILED)


def _tell(said: Named) -> None:
    progress("")
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
