"""How much is on its way in an idle fabric: base RTT and BDP of a plane, by which queues are measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mrcnet.topology.model import Role, Topology

# Bytes of a frame: Ethernet 14, two IPv6 headers 80, UDP 8, BTH 12, then ...
WRITE_OVERHEAD = 142  # ... METH 4, TSETH 4, RETH 16 and ICRC 4 around the payload of an RDMA Write
ANSWER = 154  # ... SETH 28, CC_STATE 8 and ICRC 4: a SACK


@dataclass(frozen=True, slots=True)
class Hop:
    """A port as a hop: the tiers of its node and of its far end's, its link's delay, its rate."""

    here: Role
    there: Role
    delay_ns: int
    rate_bps: int


def base_rtt_ns(hops: Iterable[Hop], frame: int, answer: int) -> int:
    """A full frame there and an answer back over the longest way of a plane, two host links and two above.

    Propagation and serialisation at every hop. `hops` are the plane's ports, `frame` and `answer` bytes.
    """
    longest = [0.0, 0.0, 0.0]  # host to T0, T0 to host, between T0 and T1
    for hop in hops:
        group = 0 if hop.here is Role.HOST else 1 if hop.there is Role.HOST else 2
        time = 2 * hop.delay_ns + (frame + answer) * 8e9 / hop.rate_bps
        longest[group] = max(longest[group], time)
    up, down, above = map(round, longest)
    return up + down + 2 * above


def bdp_bytes(rate_bps: int, rtt_ns: int) -> int:
    """Bytes on their way at a rate."""
    return rate_bps * rtt_ns // (8 * 10**9)


def plane_bdps(topology: Topology) -> Mapping[int, int]:
    """The BDP of each plane, at the rate of its slowest port, with the topology's own frames."""
    roles = {node.name: node.role for node in topology.nodes}
    rates = {queue.end: queue.rate_bps for queue in topology.queues if topology.shaped}
    hops: dict[int, list[Hop]] = {}
    for link in topology.links:
        for near, far in ((link.a, link.b), (link.b, link.a)):
            hop = Hop(roles[near.node], roles[far.node], link.delay_ns, rates.get(near, link.rate_bps))
            hops.setdefault(link.plane, []).append(hop)
    frame = topology.transport.payload + WRITE_OVERHEAD
    return {
        plane: bdp_bytes(min(hop.rate_bps for hop in found), base_rtt_ns(found, frame, ANSWER))
        for plane, found in hops.items()
    }
