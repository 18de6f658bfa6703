"""`mrcnet evs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from mrcnet.api.evs import Ev
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.labs import attached, the_lab
from mrcnet.cli.output import Answer, table


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
    evs = attached(name).evs.table(src, dst)
    return Answer({"lab": name, "src": src, "dst": dst, "evs": [asdict(ev) for ev in evs]}, _lines(evs))


def _lines(evs: Sequence[Ev]) -> Iterator[str]:
    head = ["EV", "plane", "", "state", "sent", "lost", "RTT us", "path", "last cause"]
    yield from table(head, [_row(ev) for ev in evs])


def _row(ev: Ev) -> list[object]:
    rtt = "-" if ev.rtt_us is None else f"{ev.rtt_us:.1f}"
    mark = "out" if ev.out else "*" if ev.active else ""
    path = " ".join(ev.path)
    return [f"{ev.ev:#010x}", ev.plane, mark, ev.state, ev.sent, ev.lost, rtt, path, ev.cause or "-"]
