"""A plan as bytes that are equal exactly when the plans are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import blake2s

from mrcnet.plan.model import NodePlan, Plan
from mrcnet.topology.model import Routing
from mrcnet.topology.schemefile import word_of

# in the lines of nodes and ports, or in a line of their own where packets are routed without SRv6
_ELSEWHERE = ("nodes", "links", "queues", "has_ports", "routing", "bfd")


def canonical(plan: Plan) -> bytes:
    """The plan as JSON lines: the topology's settings, each node, port, route and finding; keys sorted."""
    topology, srv6 = asdict(plan.topology), plan.topology.srv6
    topology["srv6"] = {"block": srv6.block, "scheme": word_of(srv6.scheme)}
    lines = [
        _line("topology", {key: value for key, value in topology.items() if key not in _ELSEWHERE}),
        *_routing(plan),
        *(line for _, node in sorted(plan.nodes.items()) for line in _node_lines(node)),
        *(_line("lint", asdict(finding)) for finding in plan.lint),
    ]
    return "".join(lines).encode()


def digest(plan: Plan) -> str:
    """A short name for the plan's content: 32 hex digits."""
    return blake2s(canonical(plan), digest_size=16).hexdigest()


def _routing(plan: Plan) -> Iterator[str]:
    topology = plan.topology
    if topology.routing is not Routing.SRV6:
        bfd = None if topology.bfd is None else asdict(topology.bfd)
        yield _line("routing", {"kind": topology.routing, "bfd": bfd})


def _node_lines(node: NodePlan) -> Iterator[str]:
    yield _line("node", {"name": node.name, "role": node.role, "plane": node.plane, "locator": node.locator})
    if node.address is not None:
        yield _line("address", {"node": node.name, "address": node.address})
    if node.hash_seed is not None:
        yield _line("hash", {"node": node.name, "seed": node.hash_seed})
    for port in node.ports:
        queue = asdict(port.queue) if port.queue is not None else None
        yield _line("port", {key: value for key, value in asdict(port).items() if key != "queue"})
        if queue is not None:
            yield _line("queue", {"port": port.name, **queue})
    for route in node.routes:
        yield _line("route", asdict(route))
    if node.speaker is not None:
        yield _line("speaker", {"node": node.name, **asdict(node.speaker)})
    for route in node.learned:
        yield _line("learned", asdict(route))


def _line(kind: str, value: dict[str, object]) -> str:
    return json.dumps({kind: value}, sort_keys=True, separators=(",", ":")) + "\n"
