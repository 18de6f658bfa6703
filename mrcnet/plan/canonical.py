"""A plan as bytes that are equal exactly when the plans are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import blake2s

from mrcnet.plan.model import NodePlan, Plan


def canonical(plan: Plan) -> bytes:
    """The plan as JSON lines: the topology's settings, each node, port, route and finding; keys sorted."""
    topology = asdict(plan.topology)
    lines = [
        _line("topology", {key: value for key, value in topology.items() if key not in ("nodes", "links")}),
        *(line for _, node in sorted(plan.nodes.items()) for line in _node_lines(node)),
        *(_line("lint", asdict(finding)) for finding in plan.lint),
    ]
    return "".join(lines).encode()


def digest(plan: Plan) -> str:
    """A short name for the plan's content: 32 hex digits."""
    return blake2s(canonical(plan), digest_size=16).hexdigest()


def _node_lines(node: NodePlan) -> Iterator[str]:
    yield _line("node", {"name": node.name, "role": node.role, "plane": node.plane, "locator": node.locator})
    for port in node.ports:
        yield _line("port", asdict(port))
    for route in node.routes:
        yield _line("route", asdict(route))


def _line(kind: str, value: dict[str, object]) -> str:
    return json.dumps({kind: value}, sort_keys=True, separators=(",", ":")) + "\n"
