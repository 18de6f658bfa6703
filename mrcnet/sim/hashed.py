"""Where a frame goes in a fabric without SRv6: at each node a hash of its 5-tuple chooses among next hops.

A next hop whose own port is down is none: that much static routes know. The hash is not the kernel's, but as
even, and begins with the same seed of each node.
"""

from __future__ import annotations

from hashlib import blake2s

from mrcnet.mrc.wire.layout import INNER, UDP
from mrcnet.plan.addressing import to_int
from mrcnet.plan.model import Plan
from mrcnet.sim.routes import MOST_PORTS, Trace
from mrcnet.topology.model import End

# of a frame: source address, destination address, UDP source port; protocol and destination port are the same
TUPLE = slice(INNER + 8, UDP + 2)
_TARGET = slice(16, 32)


class Hashed:
    """The next hops of a plan, and which ports are down."""

    def __init__(self, plan: Plan) -> None:
        self.down: set[End] = set()
        self._seed = {name: node.hash_seed or 0 for name, node in plan.nodes.items()}
        self._hops: dict[tuple[str, bytes], list[End]] = {}
        for name, node in plan.nodes.items():
            for route in node.routes:
                target = to_int(route.dst).to_bytes(16, "big")
                self._hops.setdefault((name, target), []).append(End(name, route.dev))
        self._address = {
            name: to_int(node.address).to_bytes(16, "big")
            for name, node in plan.nodes.items()
            if node.address is not None
        }
        self._peer = {
            End(name, port.name): port.peer_node for name, node in plan.nodes.items() for port in node.ports
        }

    def own(self, host: str) -> bytes:
        """A host's address."""
        return self._address[host]

    def hop(self, node: str, words: bytes) -> End | None:
        """The port by which a node sends on what bears these 34 bytes (TUPLE); None: it has no way."""
        hops = [end for end in self._hops.get((node, words[_TARGET]), ()) if end not in self.down]
        return hops[self._hash(node, words) * len(hops) >> 32] if hops else None

    def _hash(self, node: str, words: bytes) -> int:
        """32 bits. Not a CRC: those of two seeds differ by a constant, and nodes would choose alike."""
        seed = self._seed[node].to_bytes(4, "big")
        return int.from_bytes(blake2s(words, key=seed, digest_size=4).digest(), "big")

    def trace(self, src: str, port: str, words: bytes) -> Trace:
        """The way of a frame that leaves `src` by its `port` with these 34 bytes."""
        ports = [End(src, port)]
        while len(ports) < MOST_PORTS:
            node = self._peer[ports[-1]]
            if node in self._address:  # a host passes nothing on
                return Trace(tuple(ports), node, self._address[node] == words[_TARGET])
            end = self.hop(node, words)
            if end is None:
                return Trace(tuple(ports), node, False)
            ports.append(end)
        return Trace(tuple(ports), ports[-1].node, False)
