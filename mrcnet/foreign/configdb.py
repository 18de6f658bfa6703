"""SONiC's ConfigDB -> table. The file is JSON, which YAML's reader takes, and that knows every line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrcnet.foreign.table import Address, Entry, FileTable, Locator, network, number
from mrcnet.plan.model import Action
from mrcnet.topology.document import Document, KeyPath

_ACTIONS = {"uN": Action.UN, "uA": Action.UA, "uDT46": Action.DECAP}
_LENGTHS = ("block_len", "node_len")
_F3216 = {"block_len": "32", "node_len": "16"}

Fields = dict[str, str]


def read_config_db(document: Document) -> FileTable:
    """The table that the file speaks of."""
    table = FileTable(document.where(()))
    for name, read in _TABLES.items():
        rows = document.data.get(name)
        if rows is None:
            continue
        if not isinstance(rows, dict):
            table.unreadable(document.where((name,)), f"{name}: no mapping of keys to fields")
            continue
        for key, fields in rows.items():
            path: KeyPath = (name, key)
            try:
                read(table, document, path, _texts(fields))
            except (ValueError, KeyError):
                table.unreadable(document.where(path, key=True), f"{name}|{key}")
    return table


def _texts(fields: Any) -> Fields:
    """The fields of a row. Raises ValueError if one is no text."""
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError(fields)
    return fields


def _port(table: FileTable, document: Document, path: KeyPath, fields: Fields) -> None:
    if fields.get("admin_status") == "down":
        table.down.append((str(path[1]), document.where((*path, "admin_status"), key=True)))


def _interface(table: FileTable, document: Document, path: KeyPath, fields: Fields) -> None:  # noqa: ARG001
    port, bar, address = str(path[1]).partition("|")
    if bar and ":" in address:
        where = document.where(path, key=True)
        table.addresses.append(Address(port, number(address.partition("/")[0]), where))


def _locator(table: FileTable, document: Document, path: KeyPath, fields: Fields) -> None:
    length = sum(int(fields.get(key) or _F3216[key]) for key in _LENGTHS)
    prefix, _ = network(f"{fields['prefix'].partition('/')[0]}/{length}")
    table.locators.append(Locator(str(path[1]), prefix, length, document.where((*path, "prefix"), key=True)))


def _sid(table: FileTable, document: Document, path: KeyPath, fields: Fields) -> None:
    locator, _, prefix = str(path[1]).partition("|")
    adjacency = fields.get("adj")
    table.entries.append(
        Entry(
            *network(prefix),
            action=_ACTIONS[fields["action"]],
            where=document.where(path, key=True),
            dev=fields.get("interface"),
            via=None if adjacency is None else number(adjacency),
            locator=locator,
        )
    )


def _route(table: FileTable, document: Document, path: KeyPath, fields: Fields) -> None:
    vrf, bar, prefix = str(path[1]).rpartition("|")
    if ":" not in prefix or (bar and vrf != "default"):
        return
    if not (fields.get("nexthop") or fields.get("ifname")) or "true" in _list(fields, "blackhole"):
        return
    ways = zip(_list(fields, "nexthop"), _list(fields, "ifname"), strict=False)
    for via, dev in ways:
        table.entries.append(
            Entry(
                *network(prefix),
                action=Action.FORWARD,
                where=document.where(path, key=True),
                dev=dev or None,
                via=number(via) if via else None,
            )
        )


def _list(fields: Fields, key: str) -> list[str]:
    """A field with a value a next hop; one that is not there is empty for any number of them."""
    value = fields.get(key)
    return value.split(",") if isinstance(value, str) else [""] * 64


Reader = Callable[[FileTable, Document, KeyPath, Fields], None]
_TABLES: dict[str, Reader] = {
    "PORT": _port,
    "INTERFACE": _interface,
    "SRV6_MY_LOCATORS": _locator,
    "SRV6_MY_SIDS": _sid,
    "STATIC_ROUTE": _route,
}
