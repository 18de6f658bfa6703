"""Where a frame goes: its carrier walked through the planned tables once, down to the ports that it takes."""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.plan.addressing import to_int
from mrcnet.plan.model import Action, Plan
from mrcnet.plan.usid import FIRST_SHIFT, shift
from mrcnet.topology.model import End, Role

_WIDTH = 16  # bytes of an address
MOST_PORTS = 16  # ports: a carrier holds six uSIDs, so a longer walk is a circle


@dataclass(frozen=True, slots=True)
class Trace:
    """Ports in order, the sender's first, and the node at which the walk ends: a host that decapsulates
    (`arrives`), or one that has no route.
    """

    ports: tuple[End, ...]
    node: str
    arrives: bool


class Routes:
    """The tables of a plan, for looking up."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tables = {
            name: {
                to_int(route.dst) >> FIRST_SHIFT: (route.action, route.dev)
                for route in node.routes
                if route.dst.endswith("/48")
            }
            for name, node in plan.nodes.items()
        }
        self._inner = {  # where packets go whose carrier was taken off
            name: {to_int(route.dst): route.dev for route in node.routes if route.action is Action.ECMP}
            for name, node in plan.nodes.items()
        }
        self._own = {
            name: {to_int(address) for port in plan.nodes[name].ports for address in port.addresses}
            for name in plan.hosts
        }
        self._peer = {
            (name, port.name): End(port.peer_node, port.peer_port)
            for name, node in plan.nodes.items()
            for port in node.ports
        }

    def trace(self, src: str, port: str, carrier: bytes) -> Trace:
        """The way of a frame that leaves `src` by its `port` with this outer destination (spec 6.2).

        Where T0s decapsulate, the inner destination follows behind it.
        """
        address, inner = (
            int.from_bytes(part, "big") for part in (carrier[:_WIDTH], carrier[_WIDTH : 2 * _WIDTH])
        )
        ports = [End(src, port)]
        while len(ports) < MOST_PORTS:
            node = self._peer[ports[-1].node, ports[-1].port].node
            out, address, arrives = self._forward(node, address, inner)
            if out is None:
                return Trace(tuple(ports), node, arrives)
            ports.append(End(node, out))
        return Trace(tuple(ports), ports[-1].node, False)

    def _forward(self, node: str, address: int, inner: int) -> tuple[str | None, int, bool]:
        """-> (the port out of the node, the address then, whether it is for this node)."""
        table = self._tables[node]
        if address in self._own.get(node, ()):
            return None, address, True
        found = table.get(address >> FIRST_SHIFT)
        while found is not None and found[0] is Action.UN:
            address = shift(address)
            found = table.get(address >> FIRST_SHIFT)
        if found is None:
            return None, address, False
        action, device = found
        if self._plan.nodes[node].role is Role.HOST:  # a host passes nothing on
            return None, address, action is Action.DECAP
        if action is Action.UDT6:
            return self._inner[node].get(inner), inner, False
        return device, shift(address) if action is Action.UA else address, False
