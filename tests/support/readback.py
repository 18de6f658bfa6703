"""Rendered files read back into tables, without a disk between."""

from __future__ import annotations

from pathlib import PurePosixPath

from mrcnet.foreign.clab import read_clab
from mrcnet.foreign.convert import convert
from mrcnet.foreign.fabric import Fabric
from mrcnet.foreign.reading import Source, read_fabric, wanted
from mrcnet.foreign.way import follow
from mrcnet.plan.addressing import to_int
from mrcnet.plan.model import Hop, Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import walk
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import Wish
from mrcnet.topology.document import parse
from mrcnet.topology.model import End

Hops = tuple[Hop, ...]


def read_back(plan: Plan, wish: Wish) -> Fabric:
    """The tables of what is rendered for a wish."""
    files = {PurePosixPath(file.path): file.text for file in render_containerlab(plan, wish)}
    clab = next(path for path in files if path.name.endswith(".clab.yml"))
    lab = read_clab(parse(files[clab], clab.name))
    sources = [Source(path, text, str(path)) for path, text in files.items() if wanted(path)]
    return read_fabric(lab, convert(lab, {}), sources)


def disagreements(plan: Plan, fabric: Fabric, most: int | None = None) -> tuple[int, list[tuple[Hops, Hops]]]:
    """How many EVs were tried, and of those that go otherwise the hops by the plan and by the tables.

    Tries all, or `most` at least, of pairs half the fabric apart and then others: each host at both ends.
    """
    tried, wrong = 0, []
    count = len(plan.hosts)
    for apart in sorted(range(1, count), key=lambda step: abs(count // 2 - step)):
        if most is not None and tried >= most:
            break
        for number, src in enumerate(plan.hosts):
            dst = plan.hosts[(number + apart) % count]
            for path in paths(plan, src, dst):
                planned = walk(plan, src, dst, path).hops
                inner = next(port.addresses[0] for port in plan.nodes[dst].ports if port.plane == path.plane)
                read = follow(fabric, End(src, path.port), dst, to_int(path.carrier), to_int(inner))
                tried += 1
                if planned != read.hops or read.stop is not None:
                    wrong.append((planned, read.hops))
    return tried, wrong
