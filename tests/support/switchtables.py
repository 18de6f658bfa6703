"""What rendered configurations of switches say, as the kernel's `ip` takes it: for `containerlab` here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mrcnet.foreign.clab import read_clab
from mrcnet.foreign.convert import convert
from mrcnet.foreign.fabric import Fabric, NodeTable
from mrcnet.foreign.reading import Source, read_fabric, wanted
from mrcnet.foreign.table import Entry
from mrcnet.plan.addressing import to_text
from mrcnet.plan.model import Action
from mrcnet.topology.document import parse
from mrcnet.topology.model import End

_AS_ZEBRA = "proto 196 metric 20"
_SIDS = "flavors next-csid lblen 32 nflen 16"


def tables(file: Path) -> dict[str, list[str]]:
    """What switches' configurations say, as `ip -6` takes it, by node."""
    lab = read_clab(parse(file.read_text(encoding="utf-8"), file.name))
    paths = (path.relative_to(file.parent) for path in sorted(file.parent.rglob("*")) if path.is_file())
    sources = [
        Source(PurePosixPath(path), (file.parent / path).read_text(encoding="utf-8"), str(path))
        for path in paths
        if wanted(PurePosixPath(path))
    ]
    fabric = read_fabric(lab, convert(lab, {}), sources)
    switches = (table for table in fabric.tables.values() if table.node.plane is not None)
    return {table.node.name: list(_lines(fabric, table)) for table in switches}


def _lines(fabric: Fabric, table: NodeTable) -> Iterator[str]:
    for dev, addresses in table.addresses.items():
        for one in addresses:
            yield f"addr replace {to_text(one.address)}/64 dev {dev} nodad"
    for entry in table.entries:
        yield f"route replace {entry.text} {_way(fabric, table, entry)} {_AS_ZEBRA}"


def _way(fabric: Fabric, table: NodeTable, entry: Entry) -> str:
    via = entry.via
    if via is None and entry.action is Action.UA:  # EOS hears its neighbour instead of being told
        far = fabric.far[End(table.node.name, entry.dev or "")]
        via = fabric.tables[far.node].addresses[far.port][0].address
    to = "" if via is None else to_text(via)
    match entry.action:
        case Action.UN:
            return f"encap seg6local action End {_SIDS} dev sr0"
        case Action.UA:
            return f"encap seg6local action End.X nh6 {to} oif {entry.dev} {_SIDS} dev {entry.dev}"
        case Action.DECAP:
            return f"encap seg6local action End.DT6 table 254 dev {entry.dev}"
        case _:
            return f"via {to} dev {entry.dev}"
