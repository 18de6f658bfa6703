"""Which of a folder's files speak of which node, and what they say. The caller reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mrcnet.errors import Where
from mrcnet.foreign.configdb import read_config_db
from mrcnet.foreign.convert import Imported
from mrcnet.foreign.eosconf import read_eos
from mrcnet.foreign.fabric import Fabric, gather
from mrcnet.foreign.frrconf import read_frr
from mrcnet.foreign.ifupdown import read_interfaces
from mrcnet.foreign.model import ClabLab, ClabNode
from mrcnet.foreign.script import read_script, spoken
from mrcnet.foreign.table import FileTable
from mrcnet.topology.document import parse

EOS_KINDS = ("arista_ceos", "ceos", "arista_veos", "veos")
TELLING = (".conf", ".json", ".sh", ".cfg", ".intf")
STARTUP, INTERFACES = "startup-config", "interfaces"


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the folder: its path there, and how it is called in remarks."""

    path: PurePosixPath
    text: str
    file: str


def wanted(path: PurePosixPath) -> bool:
    """Whether a file of that name may speak of forwarding."""
    return path.suffix in TELLING or path.name in (STARTUP, INTERFACES)


def read_fabric(lab: ClabLab, imported: Imported, sources: Iterable[Source]) -> Fabric:
    """All that the folder says, by mrcnet's names. Raises InputError for a ConfigDB that is no JSON."""
    sources = list(sources)
    by_place: dict[str, list[Source]] = {}
    for source in sources:
        for place in {source.path.parent.name, source.path.stem}:
            by_place.setdefault(place, []).append(source)
    files: dict[str, list[FileTable]] = {}
    steps: dict[str, int] = {}
    for node in lab.nodes:
        if node.name in imported.names:
            name = imported.names[node.name]
            found = {source.file: source for source in [*by_place.get(node.name, ()), *_bound(node, sources)]}
            is_eos = node.kind in EOS_KINDS
            steps[name] = 1 if is_eos else 4
            files[name] = [_read(source, is_eos) for source in found.values()]
            if node.commands:
                files[name].append(read_script(node.commands, node.where))
    return gather(imported.topology, _renamed(files, imported), front_step=steps)


def _bound(node: ClabNode, sources: Iterable[Source]) -> list[Source]:
    """The files that containerlab itself would give the node."""
    places = [PurePosixPath(file) for file in node.files]
    return [one for one in sources if any(one.path == place or place in one.path.parents for place in places)]


def _read(source: Source, is_eos: bool) -> FileTable:
    if source.path.suffix == ".json":
        return read_config_db(parse(source.text, source.file))
    if source.path.suffix == ".sh":
        return read_script(spoken(source.text, source.file), Where(source.file, 1))
    if source.path.suffix == ".intf" or source.path.name == INTERFACES:
        return read_interfaces(source.text, source.file)
    return (read_eos if is_eos else read_frr)(source.text, source.file)


def _renamed(files: Mapping[str, list[FileTable]], imported: Imported) -> Mapping[str, list[FileTable]]:
    """With the names of ports that import had to change."""
    new = {(imported.names[end.node], end.port): port for end, port in imported.ports.items()}
    if new:
        from dataclasses import replace

        for name, tables in files.items():
            for table in tables:
                table.entries[:] = [
                    replace(entry, dev=new.get((name, entry.dev or ""), entry.dev)) for entry in table.entries
                ]
    return files
