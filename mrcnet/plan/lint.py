"""Remarks on a plan: `error` for what would not work, `warning` for what may surprise.

Each check is one generator; what many hosts or links share is one finding that names the first few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.model import Action, Finding, NodePlan
from mrcnet.plan.usid import MAX_USIDS, Sids
from mrcnet.plan.wiring import Wiring
from mrcnet.topology.model import Role, Routing, Topology
from mrcnet.topology.names import MAX_INTERFACE

# Spec 2.1 and 6.1: outer IPv6, inner IPv6, UDP, BTH, METH, TSETH, RETH, ImmDt, ICRC.
HEADERS = 40 + 40 + 8 + 12 + 4 + 4 + 16 + 4 + 4
SHOWN = 3


def lint(wiring: Wiring, nodes: Mapping[str, NodePlan]) -> tuple[Finding, ...]:
    """All remarks, errors first."""
    topology, hosts = wiring.topology, wiring.attachments.values()
    found = [
        *check_mtu(topology),
        *check_interfaces(topology),
        *check_prefixes(wiring.sids.blocks[: topology.planes], topology.host_prefix),
        *check_carriers(wiring.sids, {at.t0.index for ats in hosts for at in ats.values()}),
        *check_clashes(nodes),
        *check_reach(wiring),
        *check_common_plane(wiring),
        *check_parallel(wiring),
        *check_leaf_decap(wiring),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity))


def check_mtu(topology: Topology) -> Iterator[Finding]:
    """Every link must carry a full packet in its outer header."""
    need = topology.transport.payload + HEADERS
    short = [f"{link.a}-{link.b} ({link.mtu})" for link in topology.links if link.mtu < need]
    if short:
        yield _error(
            "mtu",
            f"a payload of {topology.transport.payload} bytes needs an MTU of {need} "
            f"({HEADERS} bytes of headers): {_some(short, 'links')}",
        )


def check_interfaces(topology: Topology) -> Iterator[Finding]:
    """Linux cuts interface names at 15 characters."""
    ends = [str(end) for link in topology.links for end in (link.a, link.b) if len(end.port) > MAX_INTERFACE]
    if ends:
        yield _error(
            "interface-name", f"interface names over {MAX_INTERFACE} characters: {_some(ends, 'ports')}"
        )


def check_prefixes(blocks: Iterable[int], host_prefix: str) -> Iterator[Finding]:
    """SID blocks, the hosts' prefix and the ranges with a meaning of their own must be apart."""
    texts = [f"{to_text(block)}/32" for block in dict.fromkeys(blocks)]
    for block in texts:
        if to_int(block) >> 96 == to_int(host_prefix) >> 96:
            yield _error(
                "prefix-overlap", f"the SID block {block} and the hosts' prefix {host_prefix} overlap"
            )
    for what, prefix in (*(("SID block", block) for block in texts), ("hosts' prefix", host_prefix)):
        top = to_int(prefix) >> 112
        if top == 0 or top >> 8 == 0xFF or top >> 6 == 0xFE80 >> 6:
            yield _error(
                "prefix-reserved", f"the {what} {prefix} is in a reserved range (::/16, fe80::/10, ff00::/8)"
            )


def check_carriers(sids: Sids, t0_indexes: Iterable[int]) -> Iterator[Finding]:
    """Every template must fit a carrier; `t0_indexes` are those of T0s with hosts."""
    groups = sorted(t0_indexes)
    kinds = {sids.template(source, index) for index in groups for source in (index, groups[0])}
    for usids in sorted(kind.usids for kind in kinds):
        yield from check_usids(usids)


def check_usids(usids: Sequence[int]) -> Iterator[Finding]:
    """A carrier holds six uSIDs (spec 6.1); 0000 ends it. Of which range each is its scheme says."""
    if len(usids) > MAX_USIDS:
        yield _error("carrier-length", f"a carrier holds {MAX_USIDS} uSIDs, not {len(usids)}")
    for usid in usids:
        if usid not in range(1, 1 << 16):
            yield _error("sid-range", f"uSID {usid:04x} is outside 0001-ffff")


def check_clashes(nodes: Mapping[str, NodePlan]) -> Iterator[Finding]:
    """What must be unique: locators, hosts' addresses, MAC addresses, and destinations within a table."""
    every = list(nodes.values())
    ports = [port for node in every for port in node.ports]
    yield from check_locators(node.locator for node in every if node.locator)
    uniques = (
        ("address-clash", "address", (address for port in ports for address in port.addresses)),
        ("mac-clash", "MAC address", (port.mac for port in ports)),
    )
    for code, what, values in uniques:
        if twice := _twice(values):
            yield _error(code, f"{what} used more than once: {_some(twice, what + 's')}")
    for node in every:
        yield from check_table(node)


def check_table(node: NodePlan) -> Iterator[Finding]:
    """Destinations must be unique within a table."""
    keys = [route.dst for route in node.routes if route.action is not Action.ECMP]
    keys += [f"{route.dst} by {route.dev}" for route in node.routes if route.action is Action.ECMP]
    if twice := _twice(keys):
        yield _error("route-clash", f"{node.name} has two routes for {_some(twice, 'prefixes')}")


def check_locators(locators: Iterable[str]) -> Iterator[Finding]:
    """A locator belongs to one switch."""
    if twice := _twice(locators):
        yield _error("sid-clash", f"locator used more than once: {_some(twice, 'locators')}")


def check_reach(wiring: Wiring) -> Iterator[Finding]:
    """In every plane, hosts that both have a port there must reach each other."""
    masks = {t0: sum(1 << index for index in indexes) for t0, indexes in wiring.uplinks.items()}
    for plane in range(wiring.topology.planes):
        groups: dict[str, list[str]] = {}
        for host in wiring.hosts:
            if at := wiring.attachments[host.name].get(plane):
                groups.setdefault(at.t0.name, []).append(host.name)
        cut = [(one, other) for one, other in combinations(groups, 2) if not masks[one] & masks[other]]
        if cut:
            pairs = sum(len(groups[one]) * len(groups[other]) for one, other in cut)
            first = [
                f"{a} and {b}" for one, other in cut[:SHOWN] for a, b in product(groups[one], groups[other])
            ]
            yield _error(
                "unreachable",
                f"in plane {plane} hosts cannot reach each other: {_some(first, 'pairs', pairs)}",
            )


def check_common_plane(wiring: Wiring) -> Iterator[Finding]:
    """Any two hosts must share a plane."""
    groups: dict[frozenset[int], list[str]] = {}
    for host in wiring.hosts:
        groups.setdefault(frozenset(wiring.attachments[host.name]), []).append(host.name)
    apart = [(one, other) for one, other in combinations(groups, 2) if not one & other]
    lonely = groups.get(frozenset(), [])
    pairs = [
        f"{a} and {b}" for one, other in apart for a, b in product(groups[one][:SHOWN], groups[other][:SHOWN])
    ]
    total = sum(len(groups[one]) * len(groups[other]) for one, other in apart)
    pairs += [f"{a} and {b}" for a, b in combinations(lonely[: SHOWN + 1], 2)]
    total += len(lonely) * (len(lonely) - 1) // 2
    if total:
        yield _error("no-common-plane", f"hosts without a common plane: {_some(pairs, 'pairs', total)}")


def check_parallel(wiring: Wiring) -> Iterator[Finding]:
    """Of parallel links the uN way uses the first; only a uA can name the others. ECMP uses them all."""
    if wiring.topology.routing is not Routing.SRV6:
        return
    ends = Counter((link.a.node, link.b.node) for link in wiring.topology.links)
    parallel = [f"{a}-{b} ({times})" for (a, b), times in ends.items() if times > 1]
    if parallel:
        yield Finding(
            "warning",
            "parallel-links",
            f"only the first of parallel links is used: {_some(parallel, 'pairs')}",
        )


def check_leaf_decap(wiring: Wiring) -> Iterator[Finding]:
    """The outer header bears marks and trims (spec 6.5, 6.6); a T0 of Linux takes them off with it."""
    if not wiring.sids.leaf_decap or not wiring.topology.shaped:
        return
    roles = {link.b: Role.T1 for link in wiring.topology.links if link.a.node not in wiring.attachments}
    roles |= {link.a: Role.T0 for link in wiring.topology.links if link.b in roles}
    marking = [
        str(queue.end)
        for queue in wiring.topology.queues
        if queue.end in roles and (queue.ecn_min is not None or queue.trim is not None)
    ]
    if marking:
        yield _error(
            "leaf-decap",
            f"where T0s decapsulate, no host sees the marks and trims of {_some(marking, 'ports')}: "
            "say `ports: {roles: {t0-up: {ecn: off, trim: off}, t1-down: {ecn: off, trim: off}}}`, "
            "or take a scheme with `decap: host`",
        )


def _twice(values: Iterable[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]


def _error(code: str, message: str) -> Finding:
    return Finding("error", code, message)


def _some(items: Sequence[str], what: str, total: int | None = None) -> str:
    """`a, b, c and 4 more links`."""
    rest = (len(items) if total is None else total) - len(items[:SHOWN])
    return ", ".join(items[:SHOWN]) + (f" and {rest} more {what}" if rest > 0 else "")
