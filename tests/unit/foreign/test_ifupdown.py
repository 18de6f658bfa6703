"""Files of ifupdown2, read back."""

from __future__ import annotations

from mrcnet.foreign.ifupdown import read_interfaces
from mrcnet.plan.addressing import to_int
from mrcnet.render.model import Nos
from mrcnet.render.ports import inside
from mrcnet.render.switch import switch_files
from tests.unit.plan.fabrics import shipped

FOREIGN = """
auto lo
iface lo inet loopback
    address 192.0.2.1/32
iface swp1 inet6 static
    # address fe80::ff/64
    address fe80::7/64
    post-up ip -6 addr add fe80::8/64 dev swp1
iface swp2
    address fe80::x/64
    link-down yes
"""


def test_what_is_rendered_comes_back() -> None:
    """Every port of a rendered switch has its planned address."""
    node = shipped("4p-2t0-4t1").nodes["p1-t0-1"]
    (text,) = [file.text for file in switch_files(node, Nos.CUMULUS) if file.path.endswith(".intf")]
    read = read_interfaces(text, "x.intf")
    planned = [(inside(Nos.CUMULUS, port.name), to_int(port.link_local)) for port in node.ports]
    assert (planned, [], []) == ([(one.dev, one.address) for one in read.addresses], read.down, read.remarks)


def test_foreign_file() -> None:
    """IPv6 addresses and ports that are off are read, with their lines; commands are not."""
    read = read_interfaces(FOREIGN, "interfaces")
    assert [("swp1", 7, 7)] == [(one.dev, one.address & 0xFF, one.where.line) for one in read.addresses]
    assert [("swp2", 11)] == [(dev, where.line) for dev, where in read.down]
    assert 1 == len(read.remarks)
