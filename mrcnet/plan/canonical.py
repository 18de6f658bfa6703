"""A plan as bytes that are equal exactly when the plans are."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import blake2s

from mrcnet.plan.model import Plan


def canonical(plan: Plan) -> bytes:
    """The plan as JSON: keys sorted, one line for the topology's settings, each node and each finding."""
    topology = asdict(plan.topology)
    lines = [
        _line("topology", {key: value for key, value in topology.items() if key not in ("nodes", "links")}),
        *(_line("node", asdict(node)) for _, node in sorted(plan.nodes.items())),
        *(_line("lint", asdict(finding)) for finding in plan.lint),
    ]
    return "".join(lines).encode()


def digest(plan: Plan) -> str:
    """A short name for the plan's content: 32 hex digits."""
    return blake2s(canonical(plan), digest_size=16).hexdigest()


def _line(kind: str, value: dict[str, object]) -> str:
    return json.dumps({kind: value}, sort_keys=True, separators=(",", ":")) + "\n"
