"""A file of ifupdown2, as Cumulus has them -> the addresses of ports, and which are off."""

from __future__ import annotations

from mrcnet.errors import Where
from mrcnet.foreign.frrconf import statements
from mrcnet.foreign.table import Address, FileTable, number


def read_interfaces(text: str, file: str) -> FileTable:
    """What the file says of ports. Its commands (`post-up` and such) are passed over, as is all else."""
    table = FileTable(Where(file, 1))
    interface = ""
    for words, where in statements(text, file):
        try:
            match words:
                case ["iface", name, *_]:
                    interface = name
                case ["address", address, *_] if interface and ":" in address:
                    table.addresses.append(Address(interface, number(address.partition("/")[0]), where))
                case ["link-down", "yes"] if interface:
                    table.down.append((interface, where))
        except ValueError:
            table.unreadable(where, " ".join(words))
    return table
