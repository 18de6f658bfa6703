"""Queues of ports that are not the built-in ones, as the words of a topology's `ports.links`."""

from __future__ import annotations

from collections.abc import Mapping

from mrcnet.topology.document import Document
from mrcnet.topology.model import Depth, End, QueueSettings, Topology
from mrcnet.topology.queues import resolve_queues
from mrcnet.topology.raw import Ports

KEYS = ("rate", "ecn", "ecn_min", "ecn_max", "trim", "trim_size", "drop", "control_drop")


def differing(topology: Topology) -> Mapping[End, Mapping[str, str]]:
    """By port, what its queue has that an empty `ports` would not give it."""
    nodes = {node.name: node for node in topology.nodes}
    usual = resolve_queues(Ports(), Document("", {}, {}, {}), nodes, topology.links)
    plain = {queue.end: _words(queue) for queue in usual}
    found = {}
    for queue in topology.queues:
        words = _words(queue)
        if own := {key: value for key, value in words.items() if plain[queue.end].get(key) != value}:
            found[queue.end] = own
    return found


def _words(queue: QueueSettings) -> dict[str, str]:
    marks = queue.ecn_min is not None
    words = {"rate": str(queue.rate_bps), "ecn": "on" if marks else "off"}
    if marks:
        words |= {"ecn_min": _depth(queue.ecn_min), "ecn_max": _depth(queue.ecn_max)}
    words |= {"trim": _depth(queue.trim), "trim_size": str(queue.trim_size)}
    return words | {"drop": _depth(queue.drop), "control_drop": _depth(queue.control_drop)}


def _depth(depth: Depth | None) -> str:
    if depth is None:
        return "off"
    return f"{depth.bdp!r}bdp" if depth.bdp or not depth.bytes else str(depth.bytes)
