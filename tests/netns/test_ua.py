"""uA on the real kernel: a carrier that names egress ports instead of the next switch (spec 6.2)."""

from __future__ import annotations

import pytest

from mrcnet.plan.model import Action, Plan
from tests.netns.fabric import NEEDS_ROOT, arrives, ip, running

pytestmark = NEEDS_ROOT
PACKETS = 20  # well above the few multicast reports that a port may send by itself


def through_ports(plan: Plan, uplink: str) -> str:
    """The carrier h0 -> h3 in plane 0 that leaves T0 by port `uplink`, and T1 by the port to the other T0."""
    t0, far_t0 = plan.nodes["p0-t0-0"], plan.nodes["p0-t0-1"]
    t1 = plan.nodes[t0.port(uplink).peer_node]
    down = next(port.name for port in t1.ports if port.peer_node == far_t0.name)
    to_host = next(port.name for port in far_t0.ports if port.peer_node == "h3")
    block = str(plan.topology.srv6.block).removesuffix("::/32")
    sids = [
        _sid(str(t0.locator)),
        _ua(t0.routes, uplink),
        _ua(t1.routes, down),
        _sid(str(far_t0.locator)),
        next(
            _sid(route.dst) for route in far_t0.routes if route.dev == to_host and route.action == "forward"
        ),
    ]
    return ":".join([block, *sids]) + "::"


def _sid(prefix: str) -> str:
    return prefix.removesuffix("::/48").rpartition(":")[2]


def _ua(routes: tuple[object, ...], port: str) -> str:
    return next(_sid(route.dst) for route in routes if route.action is Action.UA and route.dev == port)  # type: ignore[attr-defined]


def sent_by(lab: str, node: str, port: str) -> int:
    (link,) = ip(lab, node, "-s", "link", "show", port)
    return int(link["stats64"]["tx"]["packets"])


@pytest.mark.parametrize("uplink", ["eth3", "eth4"])
def test_a_packet_leaves_by_the_ports_named(uplink: str) -> None:
    """A carrier with two uA SIDs takes exactly the links that they name, and arrives."""
    with running() as (lab, plan):
        far = plan.nodes["h3"].ports[0].addresses[0]
        carrier = through_ports(plan, uplink)
        ip(
            lab,
            "h0",
            "-6",
            "route",
            "replace",
            far,
            "encap",
            "seg6",
            "mode",
            "encap.red",
            "segs",
            carrier,
            "dev",
            "eth1",
        )
        ports = [port.name for port in plan.nodes["p0-t0-0"].ports if port.peer_node.startswith("p0-t1")]
        before = {port: sent_by(lab, "p0-t0-0", port) for port in ports}
        assert all(arrives(lab, plan, "h0", "h3", plane=0) for _ in range(PACKETS))
        taken = {port: sent_by(lab, "p0-t0-0", port) - before[port] for port in ports}
        busy = {port for port in ports if taken[port] >= PACKETS}
        assert {uplink} == busy
