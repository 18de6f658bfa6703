"""`mrcnet status`."""

from __future__ import annotations

from dataclasses import asdict

from mrcnet.api.labs import status
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.output import Answer, table
from mrcnet.kernel.privilege import ordinary

_OF_YOURS = " of yours; root's are root's to see (sudo mrcnet status)"


@command("mrcnet status --json", cls=UsesLab)
def status_() -> Answer:
    """List the running labs.

    What there is, is read from the kernel, not from a file.
    """
    labs = status()
    rows = [[one.lab, one.nodes, one.links, one.backend, one.state] for one in labs]
    none = "no labs" + (_OF_YOURS if ordinary() else "")
    lines = table(["lab", "nodes", "links", "by", "state"], rows) or [none]
    lines += [f"{one.lab} goes without {lack}" for one in labs for lack in one.degraded]
    return Answer({"labs": [asdict(one) for one in labs]}, lines)
