"""Which probes there are: from a host to a switch and back to the host, with the links that each crosses.

spec 7: no remote agent is needed and the path is known exactly, for the carrier brings the probe back: by
`T0, own dst` from the own T0, by `T0, T1, T0, own dst` from a T1. Links of a T0 without an agent of its own
are reached through a T1: `T0, T1, other T0, T1, T0, own dst`, six uSIDs, which is all that a carrier holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mrcnet.plan.addressing import to_text
from mrcnet.plan.model import Path, Plan
from mrcnet.plan.usid import make_ev
from mrcnet.plan.walk import Walk, walk
from mrcnet.plan.wiring import Attachment, Wiring
from mrcnet.topology.model import Link, Node


@dataclass(frozen=True, slots=True)
class SelfProbe:
    """A probe of `host` that turns round at the switch `turn`.

    `links`: those whose state it tells, if all on the way there works; one, or two where cables are parallel.
    `rest`: the position among all probes of the one that crosses all but these links; None: it crosses no
    other.
    """

    host: str
    turn: str
    path: Path
    walk: Walk
    links: tuple[Link, ...]
    rest: int | None


def self_probes(plan: Plan, hosts: Sequence[str]) -> tuple[SelfProbe, ...]:
    """The probes of the agents on `hosts`: each to its T0s, to all T1s behind them, and, dealt among the
    agents, to the T0s that have none. Raises KeyError if one of them is no host of the plan.
    """
    made: list[SelfProbe] = []
    to_t1: dict[str, list[int]] = {}  # T1 -> the probes that turn round there
    for host in hosts:
        for at in plan.wiring.attachments[host].values():
            first = len(made)
            made.append(_probe(plan, host, at, (), None, made))
            for t1 in _t1s(plan.wiring, at.t0):
                to_t1.setdefault(t1.name, []).append(len(made))
                made.append(_probe(plan, host, at, (t1,), first, made))
    ours = {at.t0.name for host in hosts for at in plan.wiring.attachments[host].values()}
    for number, (t1, t0) in enumerate(_uplinks(plan.wiring)):
        if t0.name not in ours and (near := to_t1.get(t1.name)):
            rest = near[number % len(near)]
            host = made[rest].host
            at = plan.wiring.attachments[host][made[rest].path.plane]
            made.append(_probe(plan, host, at, (t1, t0), rest, made))
    return tuple(made)


def _uplinks(wiring: Wiring) -> Iterator[tuple[Node, Node]]:
    """(T1, T0) of every pair that is joined."""
    for t0 in wiring.uplinks:
        for t1 in _t1s(wiring, wiring.nodes[t0]):
            yield t1, wiring.nodes[t0]


def _t1s(wiring: Wiring, t0: Node) -> Iterator[Node]:
    joined = {plug.peer.index: plug.peer for plug in wiring.plugs[t0.name]}
    yield from (joined[index] for index in wiring.uplinks[t0.name])


def _probe(
    plan: Plan, host: str, at: Attachment, beyond: tuple[Node, ...], rest: int | None, made: list[SelfProbe]
) -> SelfProbe:
    """The probe of a host that goes through its T0 to the switches `beyond`, and back the same way."""
    out = (at.t0, *beyond)
    plane = at.plane
    carrier = plan.wiring.sids.carrier_by(plane, (*out, *out[-2::-1]), at.downlink)
    uplink = beyond[0].index + 1 if beyond else 1
    path = Path(make_ev(plane, uplink), plane, at.plug.port, to_text(carrier))
    walked = walk(plan, host, host, path)
    known = _crossed(plan.wiring, made[rest].walk) if rest is not None else ()
    links = tuple(link for link in _crossed(plan.wiring, walked) if link not in known)
    return SelfProbe(host, out[-1].name, path, walked, links, rest)


def _crossed(wiring: Wiring, walked: Walk) -> tuple[Link, ...]:
    """The links of a walk, each once. Of parallel ones a node's uN way takes its first (plan.tables)."""
    steps = pairwise(hop.node for hop in walked.hops)
    found = (
        next(plug.link for plug in wiring.plugs[here] if plug.peer.name == there) for here, there in steps
    )
    return tuple(dict.fromkeys(found))
