"""Lines of `ip -6` in a script or an `exec` -> table. They are read, never run; others are passed over."""

from __future__ import annotations

from collections.abc import Iterable

from mrcnet.errors import Where
from mrcnet.foreign.model import Spoken
from mrcnet.foreign.table import Address, Entry, FileTable, after, network, number
from mrcnet.plan.model import Action

_DOES = ("add", "replace", "append", "change")
_DECAPS = ("End.DT6", "End.DT46", "End.DX6")
_OPTIONS = ("-6", "-batch", "-", "-force")


def spoken(text: str, file: str) -> list[Spoken]:
    """The lines of a script."""
    return [Spoken(line, Where(file, number_, 1)) for number_, line in enumerate(text.splitlines(), 1)]


def read_script(lines: Iterable[Spoken], where: Where) -> FileTable:
    """The table that the lines speak of."""
    table = FileTable(where)
    for line in lines:
        words = [
            word for word in line.text.replace('"', " ").replace("'", " ").split() if word not in _OPTIONS
        ]
        if words and words[0].rpartition("/")[2] == "ip":
            words = words[1:]
        try:
            match words:
                case ["route" | "r", does, prefix, *rest] if does in _DOES and ":" in prefix:
                    _route(table, prefix, rest, line.where)
                case ["addr" | "address" | "a", does, address, *rest] if does in _DOES and ":" in address:
                    dev = after(rest, "dev")
                    table.addresses.append(Address(dev or "", number(address.partition("/")[0]), line.where))
        except ValueError:
            table.unreadable(line.where, line.text.strip())
    return table


def _route(table: FileTable, prefix: str, rest: list[str], where: Where) -> None:
    via, segs = after(rest, "via"), after(rest, "segs")
    behavior = after(rest, "action")
    flavors = after(rest, "flavors") == "next-csid"
    if segs is not None:
        action = Action.ENCAP
    elif behavior in _DECAPS:
        action = Action.DECAP
    elif behavior == "End" and flavors:
        action = Action.UN
    elif behavior == "End.X" and flavors:
        action, via = Action.UA, after(rest, "nh6")
    elif behavior is not None:
        return
    else:
        action = Action.FORWARD
    carriers = () if segs is None else tuple(number(one) for one in segs.split(","))
    nexthop = None if via is None else number(via)
    dev = after(rest, "oif") or after(rest, "dev") if action is Action.UA else after(rest, "dev")
    table.entries.append(
        Entry(*network(prefix), action=action, where=where, dev=dev, via=nexthop, segs=carriers)
    )
