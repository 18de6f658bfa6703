"""EOS's configuration -> table: locator and adjacency segments are put together from block and numbers."""

from __future__ import annotations

from mrcnet.errors import Where
from mrcnet.foreign.frrconf import read_frr, statements
from mrcnet.foreign.table import Entry, FileTable, Locator, after, network
from mrcnet.plan.model import Action
from mrcnet.plan.usid import FIRST_SHIFT


def read_eos(text: str, file: str) -> FileTable:
    """The table that the file speaks of."""
    table = read_frr(_routes_and_addresses(text), file)
    blocks: dict[str, int] = {}
    pending: list[tuple[str, str, Action, str, Where]] = []
    domain = locator = interface = ""
    for words, where in statements(text, file):
        try:
            match words:
                case ["interface", name]:
                    interface = name
                case ["micro-segment", "domain", name]:
                    domain = name
                case ["block", prefix]:
                    blocks[domain] = network(prefix)[0]
                case ["locator", name]:
                    locator = name
                case ["prefix", "micro-segment", "domain", name, "end", "usid", value]:
                    pending.append((name, value, Action.UN, locator, where))
                case ["adjacency-segment", "srv6", *rest]:
                    pending.append(
                        (after(rest, "domain") or "", after(rest, "usid") or "", Action.UA, interface, where)
                    )
        except ValueError:
            table.unreadable(where, " ".join(words))
    for domain, value, action, name, where in pending:
        if domain not in blocks or not (value.isascii() and value.isdecimal() and int(value) < 1 << 16):
            table.unreadable(where, f"usid {value} of domain {domain}")
            continue
        sid = blocks[domain] | int(value) << FIRST_SHIFT
        if action is Action.UN:
            table.locators.append(Locator(name, sid, 48, where))
            table.entries.append(Entry(sid, 48, action, where, locator=name))
        else:
            table.entries.append(Entry(sid, 48, action, where, dev=name))
    return table


def _routes_and_addresses(text: str) -> str:
    """The lines that mean the same to FRR, each where it was."""
    kept = ("interface ", "ipv6 address ", "ipv6 route ", "shutdown", "router ")
    return "\n".join(line if line.strip().startswith(kept) else "" for line in text.splitlines())
