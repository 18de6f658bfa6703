"""`mrcnet status`."""

from __future__ import annotations

from dataclasses import asdict

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, table
from mrcnet.kernel.status import status


@command("mrcnet status --json")
def status_() -> Answer:
    """List the running labs.

    What there is, is read from the kernel, not from a file.
    """
    labs = status()
    rows = [[one.lab, one.nodes, one.links, one.backend, one.state] for one in labs]
    lines = table(["lab", "nodes", "links", "by", "state"], rows) or ["no labs"]
    lines += [f"{one.lab} goes without {lack}" for one in labs for lack in one.degraded]
    return Answer({"labs": [asdict(one) for one in labs]}, lines)
