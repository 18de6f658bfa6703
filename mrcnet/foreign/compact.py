"""The compact file of others: planes, spines_per_plane, leaves_per_plane, tenants -> an mrcnet topology."""

from __future__ import annotations

import json
from pathlib import PurePath

from mrcnet.errors import InputError
from mrcnet.foreign.convert import Imported
from mrcnet.topology.document import Document
from mrcnet.topology.load import load_text
from mrcnet.topology.names import topology_name

_COUNTS = ("planes", "spines_per_plane", "leaves_per_plane")
_CARRIED = frozenset({*_COUNTS, "name", "tenants"})


def is_compact(document: Document) -> bool:
    """Whether the file looks like one."""
    return any(key in document.data for key in _COUNTS[1:])


def read_compact(document: Document) -> Imported:
    """Each tenant has a host at every leaf, with a port in every plane. Raises InputError with the place."""
    planes, t1, t0 = (_count(document, key) for key in _COUNTS)
    tenants = document.data.get("tenants")
    if isinstance(tenants, (list, dict)):
        hosts = len(tenants)
    else:
        hosts = _count(document, "tenants") if tenants is not None else 1
    name = document.data.get("name") or PurePath(document.file).stem
    try:
        topology_name(name if isinstance(name, str) else "")
    except ValueError as invalid:
        raise document.error(("name",), str(invalid)) from None
    text = (
        f"name: {json.dumps(name)}\n"
        f"fabric: {{planes: {planes}, t0: {t0}, t1: {t1}, hosts_per_t0: {max(hosts, 1)}}}\n"
    )
    try:
        topology = load_text(text, document.file)
    except InputError as error:
        raise InputError(f"{document.file} is no fabric that mrcnet can have: {error.message}") from None
    notes = [
        f"{document.where((key,), key=True)}: {key} is left out"
        for key in document.data
        if key not in _CARRIED
    ]
    if hosts > 1:
        notes.append(
            f"{document.where(('tenants',))}: {hosts} tenants are {hosts} hosts at each T0, in one fabric"
        )
    return Imported(text, topology, {}, {}, tuple(notes))


def _count(document: Document, key: str) -> int:
    value = document.data.get(key)
    if value is None:
        raise document.error((), f"the key {key!r} is missing")
    if not (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 6):
        raise document.error((key,), "must be a whole number")
    return int(value)
