"""frr.conf -> table: locators, static SIDs, static routes, addresses of interfaces."""

from __future__ import annotations

from collections.abc import Iterator

from mrcnet.errors import Where
from mrcnet.foreign.table import Address, Entry, FileTable, Locator, after, network, number
from mrcnet.plan.model import Action

_BEHAVIOR = {"un": Action.UN, "ua": Action.UA, "udt6": Action.DECAP, "udt46": Action.DECAP}
_UNJUDGED = frozenset({"udt4", "udx4", "udx6"})


def read_frr(text: str, file: str) -> FileTable:
    """The table that the file speaks of. What it says besides is passed over."""
    table = FileTable(Where(file, 1))
    interface = locator = vrf = ""
    for words, where in statements(text, file):
        try:
            match words:
                case ["interface", name, *_]:
                    interface = name
                case ["vrf", name, *_]:
                    vrf = name
                case ["exit-vrf", *_]:
                    vrf = ""
                case ["shutdown"] if interface:
                    table.down.append((interface, where))
                case ["ipv6", "address", address, *_] if interface:
                    table.addresses.append(Address(interface, number(address.partition("/")[0]), where))
                case ["locator", name] | ["locator", name, _]:
                    locator = name
                case ["prefix", prefix, *_] if locator:
                    table.locators.append(Locator(locator, *network(prefix), where))
                case ["sid", prefix, *rest]:
                    _sid(table, prefix, rest, where)
                case ["ipv6", "route", prefix, *rest] if not vrf and "vrf" not in rest:
                    _route(table, prefix, rest, where)
                case ["segment-routing"] | ["router", *_]:
                    interface = vrf = ""
        except ValueError:
            table.unreadable(where, " ".join(words))
    return table


def statements(text: str, file: str) -> Iterator[tuple[list[str], Where]]:
    """The words of each line that is no comment, and its place."""
    for number_, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words and words[0][0] not in "!#":
            yield words, Where(file, number_, len(line) - len(line.lstrip()) + 1)


def _sid(table: FileTable, prefix: str, rest: list[str], where: Where) -> None:
    behavior = (after(rest, "behavior") or "").lower()
    if behavior in _UNJUDGED:
        return
    if behavior not in _BEHAVIOR:
        raise ValueError(behavior)
    via = after(rest, "nexthop")
    table.entries.append(
        Entry(
            *network(prefix),
            action=_BEHAVIOR[behavior],
            where=where,
            dev=after(rest, "interface"),
            via=None if via is None else number(via),
            locator=after(rest, "locator"),
        )
    )


def _route(table: FileTable, prefix: str, rest: list[str], where: Where) -> None:
    dev = via = None
    segs = after(rest, "segments")
    for word in rest:
        if word in ("segments", "tag", "label", "table", "nexthop-vrf", "metric", "name"):
            break
        if ":" in word:
            via = number(word)
        elif not word.isdecimal() and word not in ("onlink", "blackhole", "reject", "Null0"):
            dev = word
    action = Action.FORWARD if segs is None else Action.ENCAP
    carriers = () if segs is None else tuple(number(one) for one in segs.split("/"))
    if dev is None and via is None:
        return  # a route that drops
    table.entries.append(Entry(*network(prefix), action=action, where=where, dev=dev, via=via, segs=carriers))
