"""`mrcnet down`."""

from __future__ import annotations

import click

from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.labs import the_lab
from mrcnet.cli.output import Answer
from mrcnet.kernel import lab


@command("mrcnet down 4p-2t0-4t1", "mrcnet down --all", cls=UsesLab)
@click.argument("lab_name", metavar="[LAB]", required=False)
@click.option("-a", "--all", "every", is_flag=True, help="Every lab, and what a killed command left.")
def down_(lab_name: str | None, every: bool) -> Answer:
    """Remove a lab and all that belongs to it.

    Needs no topology file, ends what still runs in the lab, and touches nothing without our mark.
    """
    if every and lab_name:
        raise click.UsageError("give a LAB or --all, not both")
    labs = lab.labs() if every else (the_lab(lab_name),)
    removed = lab.down_all() if every else lab.down(*labs)
    line = f"removed {', '.join(labs)}: namespaces: {len(removed)}" if labs else "nothing to remove"
    return Answer({"removed": removed}, [line])
