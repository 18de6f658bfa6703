"""The EVs of an ordered pair of hosts: which paths there are, and the carrier that names each."""

from __future__ import annotations

from collections.abc import Iterator

from mrcnet.plan.addressing import loopback, to_int, to_text
from mrcnet.plan.model import Path, Plan
from mrcnet.plan.usid import make_ev
from mrcnet.plan.wiring import Attachment, Wiring
from mrcnet.topology.model import Node, Routing

ONLY_UPLINK = (1,)  # of a T0 without uplinks: its local pairs still need an EV
ANY_UPLINK = 0  # without SRv6: switches choose


def paths(plan: Plan, src: str, dst: str) -> tuple[Path, ...]:
    """Every EV from host `src` to host `dst`, by plane, then uplink; empty if no plane joins them.

    Raises KeyError if one of them is no host of the plan.
    """
    wiring = plan.wiring
    if plan.topology.routing is not Routing.SRV6:
        address = loopback_of(wiring, wiring.nodes[dst])
        return tuple(
            Path(make_ev(here.plane, ANY_UPLINK), here.plane, here.plug.port, address)
            for here, _ in joining_planes(wiring, src, dst)
        )
    return tuple(
        Path(
            ev=make_ev(here.plane, uplink),
            plane=here.plane,
            port=here.plug.port,
            carrier=to_text(carrier(wiring, here, there, uplink)),
        )
        for here, there in shared_planes(wiring, src, dst)
        for uplink in uplinks(wiring, here.t0.name, there.t0.name)
    )


def joining_planes(wiring: Wiring, src: str, dst: str) -> list[tuple[Attachment, Attachment]]:
    """Where two hosts hang in each plane that leads from one to the other."""
    return [
        (here, there)
        for here, there in shared_planes(wiring, src, dst)
        if uplinks(wiring, here.t0.name, there.t0.name)
    ]


def shortest(wiring: Wiring, src: str, dst: str) -> list[tuple[Attachment, Attachment]]:
    """Those of the fewest hops: a common T0 is nearer than any T1."""
    joined = joining_planes(wiring, src, dst)
    return [pair for pair in joined if pair[0].t0.name == pair[1].t0.name] or joined


def loopback_of(wiring: Wiring, host: Node) -> str:
    """A host's address."""
    return loopback(to_int(wiring.topology.host_prefix), host.index)


def shared_planes(wiring: Wiring, src: str, dst: str) -> Iterator[tuple[Attachment, Attachment]]:
    """Where two hosts hang, in each plane in which both have a port. A host has no paths to itself."""
    ours, theirs = wiring.attachments[src], wiring.attachments[dst]
    if src != dst:
        for plane, here in ours.items():
            if plane in theirs:
                yield here, theirs[plane]


def uplinks(wiring: Wiring, t0: str, dst_t0: str) -> tuple[int, ...]:
    """The uplink numbers (T1 index + 1) that lead from one T0 to another of its plane, ascending.

    A T0-local pair turns round at the T0, whatever its EV's uplink; it has as many EVs as other pairs.
    """
    ours = wiring.uplinks[t0]
    if t0 == dst_t0:
        return tuple(index + 1 for index in ours) or ONLY_UPLINK
    theirs = frozenset(wiring.uplinks[dst_t0])
    return tuple(index + 1 for index in ours if index in theirs)


def carrier(wiring: Wiring, here: Attachment, there: Attachment, uplink: int) -> int:
    """The carrier from one attachment to another of its plane, as a 128-bit integer."""
    sids = wiring.sids
    chosen = sids.template(here.t0.index, there.t0.index)
    return chosen.carrier(sids.blocks[here.plane], here.plane, uplink, there.downlink)
