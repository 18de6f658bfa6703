"""`mrcnet fault`."""

from __future__ import annotations

from dataclasses import asdict

import click

from mrcnet.cli.command import command
from mrcnet.cli.labs import running_plan, the_lab
from mrcnet.cli.output import Answer
from mrcnet.kernel import faults

ACTIONS = ("cut", "heal")


@command(
    "mrcnet fault 4p-2t0-4t1 cut p0-t0-0:p0-t1-1",
    "mrcnet fault 4p-2t0-4t1 cut p0-t0-0:eth5 --silent",
    "mrcnet fault heal p0-t0-0:p0-t1-1",
)
@click.argument("words", nargs=-1, metavar="[LAB] cut|heal A:B")
@click.option("--silent", is_flag=True, help="With cut: the carrier stays, packets vanish.")
def fault_(words: tuple[str, ...], silent: bool) -> Answer:
    """Cut or heal a link of a lab.

    A:B names the link by its two nodes or by a node and a port. The answer gives the instant on the
    monotonic clock as the middle of an interval, and half the interval's width as its error.
    """
    if len(words) not in (2, 3) or words[-2] not in ACTIONS:
        raise click.UsageError("write [LAB] cut A:B or [LAB] heal A:B")
    *lab_name, action, target = words
    if silent and action == "heal":
        raise click.UsageError("--silent goes with cut; heal heals either kind")
    name = the_lab(lab_name[0] if lab_name else None)
    plan = running_plan(name)
    if action == "cut":
        record = faults.cut(plan, name, target, silent=silent)
    else:
        record = faults.heal(plan, name, target)
    line = f"{record.fault} {record.target} at {record.at_ns / 1e9:.6f} s, +-{record.error_ns / 1e6:.3f} ms"
    return Answer(asdict(record), [line])
