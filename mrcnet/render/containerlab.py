"""A containerlab topology of the fabric, every node's configuration, and how to deploy and verify it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mrcnet.errors import InputError
from mrcnet.plan.model import Action, NodePlan, Plan
from mrcnet.plan.prefixes import is_plain
from mrcnet.render.frr import frr_conf
from mrcnet.render.model import HOST_IMAGE, File, Nos, Wish
from mrcnet.render.ports import check
from mrcnet.render.queues import differing
from mrcnet.render.switch import switch_files
from mrcnet.render.templates import fill
from mrcnet.topology.model import AUTO, End, Link, Role, Routing, Topology
from mrcnet.topology.schemefile import word_of
from mrcnet.units import exact_duration, exact_rate

HEADER = "Rendered by `mrcnet render`"
PREFIX = "mrcnet."  # of the labels by which `mrcnet import` finds what containerlab has no word for
HOST_GROUP = "host"
ETC = "/etc/mrcnet"
MANIFEST = "MANIFEST"
DAEMONS = "nodes/frr.daemons"  # no node's name has a dot

_KINDS = {Nos.FRR: "linux", Nos.SONIC: "sonic-vs", Nos.EOS: "arista_ceos", Nos.CUMULUS: "nvidia_cumulusvx"}
_SWITCH_SYSCTLS = {
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv6.conf.default.forwarding": 1,
    "net.ipv6.conf.all.seg6_enabled": 1,
    "net.ipv6.conf.default.seg6_enabled": 1,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.all.keep_addr_on_down": 1,
    "net.ipv6.conf.default.keep_addr_on_down": 1,
}


@dataclass(frozen=True, slots=True)
class Section:
    """A group or a node of the file: lines of YAML below its name."""

    name: str
    group: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cable:
    """A link of the file; `vars` holds what differs from the labels of all."""

    a: str
    b: str
    mtu: int
    vars: tuple[tuple[str, str], ...]


def render_containerlab(plan: Plan, wish: Wish) -> tuple[File, ...]:
    """All files, by path. The same plan and wish give the same bytes.

    Raises InputError as `refuse` does.
    """
    refuse(plan, wish)
    found = [
        File(f"{plan.topology.name}.clab.yml", clab_text(plan, wish)),
        File("README.md", _readme(plan, wish)),
        *node_files(plan, wish),
    ]
    return with_manifest(found)


def refuse(plan: Plan, wish: Wish) -> None:
    """Raise InputError for a fabric that lint refuses, or that a NOS cannot have: its ports, its routing."""
    if is_plain(plan) and (wish.mixed or wish.nos is not Nos.FRR):
        raise InputError(
            f"routing: {plan.topology.routing} is rendered for frr alone",
            remedy="--nos frr, without --mixed; or a topology with `routing: srv6`",
        )
    for finding in plan.lint:
        if finding.severity == "error":
            raise InputError(f"this plan does not work: {finding.message} [{finding.code}]")
    if Nos.CUMULUS in _used(plan, wish) and not wish.version.knows_cumulus:
        raise InputError(f"containerlab {wish.version} has no Cumulus", remedy="name --clab-version 0.79")
    for node in plan.nodes.values():
        for port in node.ports:
            check(nos_of(node, wish) or Nos.FRR, node.name, port.name)


def with_manifest(files: Sequence[File]) -> tuple[File, ...]:
    """The files by path, and one more that names them all."""
    names = sorted([MANIFEST, *(file.path for file in files)])
    manifest = File(MANIFEST, "".join(f"{name}\n" for name in names))
    return tuple(sorted([*files, manifest], key=lambda file: file.path))


def nos_of(node: NodePlan, wish: Wish) -> Nos | None:
    """What a node runs; None for a host."""
    return None if node.plane is None else wish.nos_of(node.plane)


def has_frr(node: NodePlan, wish: Wish) -> bool:
    """Whether the node needs the files that all with FRR have."""
    nos = nos_of(node, wish)
    return nos is Nos.FRR or (nos is None and node.speaker is not None)


def images(plan: Plan, wish: Wish) -> list[str]:
    """The names of all images."""
    return list(dict.fromkeys([_host_image(plan, wish), *(wish.image_of(nos) for nos in _used(plan, wish))]))


def _host_image(plan: Plan, wish: Wish) -> str:
    """Hosts that speak BGP are FRR's as well, unless another image is asked for."""
    is_asked = wish.host_image != HOST_IMAGE or not _speaks(plan)
    return wish.host_image if is_asked else wish.image_of(Nos.FRR)


def _speaks(plan: Plan) -> bool:
    return plan.topology.routing is Routing.BGP


def node_files(plan: Plan, wish: Wish) -> Iterator[File]:
    """What nodes are given: `nodes/NODE/...`, and `nodes/...` for what several have."""
    if Nos.FRR in _used(plan, wish):
        yield File(DAEMONS, fill("frr/daemons.j2", bgp=_speaks(plan)))
        yield File("nodes/vtysh.conf", "service integrated-vtysh-config\n")
    for node in plan.nodes.values():
        nos = nos_of(node, wish)
        if nos is not None:
            yield from switch_files(node, nos)
        else:
            by_action = {
                action.value: [route for route in node.routes if route.action is action] for action in Action
            }
            yield File(f"nodes/{node.name}/setup.sh", fill("containerlab/host.sh.j2", node=node, **by_action))
            if node.speaker is not None:
                yield File(f"nodes/{node.name}/frr.conf", frr_conf(node))


def clab_text(plan: Plan, wish: Wish, *, alone: bool = False) -> str:
    """The `.clab.yml`. `alone`: every node says all itself, for who knows no groups."""
    topology = plan.topology
    groups = list(_groups(plan, wish))
    nodes = [_node(node, index, wish) for node, index in _numbered(plan)]
    if alone:
        common = {group.name: group.lines for group in groups}
        nodes = [Section(node.name, "", (*common[node.group], *node.lines)) for node in nodes]
        groups = []
    usual, queues = _usual(topology), differing(topology) if topology.has_ports else {}
    return fill(
        "containerlab/topology.clab.yml.j2",
        header=f"{HEADER} for containerlab {wish.version}",
        name=topology.name,
        labels=[(PREFIX + key, value) for key, value in _labels(topology, usual)],
        groups=groups,
        nodes=nodes,
        links=[_cable(link, usual, queues) for link in topology.links],
    )


def _usual(topology: Topology) -> tuple[int, int]:
    """The rate and delay of most links."""
    return Counter((link.rate_bps, link.delay_ns) for link in topology.links).most_common(1)[0][0]


def _labels(topology: Topology, usual: tuple[int, int]) -> Iterator[tuple[str, str]]:
    yield "planes", str(topology.planes)
    yield "block", topology.srv6.block
    yield "scheme", word_of(topology.srv6.scheme)
    yield "hosts", topology.host_prefix
    yield "payload", str(topology.transport.payload)
    yield "udp-port", str(topology.transport.udp_port)
    yield "dilation", "auto" if topology.dilation == AUTO else str(topology.dilation)
    yield "rate", exact_rate(usual[0])
    yield "delay", exact_duration(usual[1])
    if topology.has_ports:
        yield "ports", "shaped"
    if topology.routing is not Routing.SRV6:
        yield "routing", str(topology.routing)
    if topology.bfd is not None:
        yield "bfd-interval", exact_duration(topology.bfd.interval_ns)
        yield "bfd-multiplier", str(topology.bfd.multiplier)


def _groups(plan: Plan, wish: Wish) -> Iterator[Section]:
    host = [
        "kind: linux",
        f"image: {json.dumps(_host_image(plan, wish))}",
        'restart-policy: "no"',
        f'exec: ["sh {ETC}/setup.sh"]',
    ]
    yield Section(HOST_GROUP, "", tuple(host))
    for nos in _used(plan, wish):
        own_kind = nos is Nos.FRR and wish.version.knows_frr
        lines = [
            f"kind: {'frr' if own_kind else _KINDS[nos]}",
            f"image: {json.dumps(wish.image_of(nos))}",
            'restart-policy: "no"',
        ]
        if nos is Nos.FRR:
            lines.append(f"sysctls: {json.dumps(_SWITCH_SYSCTLS)}")
            lines.append(f'exec: ["sh {ETC}/setup.sh"]')
        if own_kind:
            lines.append(f"daemons: [{'zebra, bfdd, bgpd' if _speaks(plan) else 'zebra, staticd'}]")
        if nos is Nos.SONIC:
            lines.append(f'exec: ["bash {ETC}/setup.sh"]')
        yield Section(str(nos), "", tuple(lines))


def _used(plan: Plan, wish: Wish) -> list[Nos]:
    used = {nos_of(node, wish) for node in plan.nodes.values()}
    return [nos for nos in Nos if nos in used]


def _numbered(plan: Plan) -> Iterator[tuple[NodePlan, int]]:
    return ((plan.nodes[node.name], node.index) for node in plan.topology.nodes)


def _node(node: NodePlan, index: int, wish: Wish) -> Section:
    nos = nos_of(node, wish)
    labels = {f"{PREFIX}role": str(node.role), f"{PREFIX}index": str(index)}
    if node.role is not Role.HOST:
        labels[f"{PREFIX}plane"] = str(node.plane)
    folder = f"nodes/{node.name}"
    lines = [f"labels: {json.dumps(labels)}"]
    match nos:
        case None if node.speaker is not None:
            lines.append(f"binds: {json.dumps(_frr_binds(folder))}")
        case None:
            lines.append(f'binds: ["{folder}:{ETC}:ro"]')
        case Nos.FRR if wish.version.knows_frr:
            lines += [
                f'startup-config: "{folder}/frr.conf"',
                f'binds: ["{folder}/setup.sh:{ETC}/setup.sh:ro"]',
            ]
        case Nos.FRR:
            lines.append(f"binds: {json.dumps(_frr_binds(folder))}")
        case Nos.SONIC:
            lines.append(f'binds: ["{folder}:{ETC}:ro"]')
        case Nos.EOS:
            lines.append(f'startup-config: "{folder}/startup-config"')
        case Nos.CUMULUS:
            pass  # a virtual machine: what is bound is not in it
    return Section(node.name, HOST_GROUP if nos is None else str(nos), tuple(lines))


def _frr_binds(folder: str) -> list[str]:
    return [
        f"{DAEMONS}:/etc/frr/daemons:ro",
        "nodes/vtysh.conf:/etc/frr/vtysh.conf:ro",
        f"{folder}/frr.conf:/etc/frr/frr.conf",
        f"{folder}/setup.sh:{ETC}/setup.sh:ro",
    ]


def _cable(link: Link, usual: tuple[int, int], queues: Mapping[End, Mapping[str, str]]) -> Cable:
    own = (link.rate_bps, link.delay_ns)
    differs = (
        ((f"{PREFIX}rate", exact_rate(own[0])), (f"{PREFIX}delay", exact_duration(own[1])))
        if own != usual
        else ()
    )
    sides = (("queue-a", link.a), ("queue-b", link.b))
    shaped = tuple((PREFIX + key, json.dumps(queues[end])) for key, end in sides if end in queues)
    return Cable(str(link.a), str(link.b), link.mtu, differs + shaped)


def _readme(plan: Plan, wish: Wish) -> str:
    hosts = plan.hosts
    far = plan.nodes[hosts[-1]]
    return fill(
        "containerlab/README.md.j2",
        name=plan.topology.name,
        version=wish.version,
        used=[str(nos) for nos in _used(plan, wish)],
        images=images(plan, wish),
        mixed=wish.mixed,
        planes=[(plane, str(wish.nos_of(plane))) for plane in range(plan.topology.planes)],
        src=hosts[0],
        dst=far.name,
        targets=[far.address]
        if far.address is not None
        else [address.partition("/")[0] for port in far.ports for address in port.addresses],
        routing=str(plan.topology.routing),
        shaped=plan.topology.shaped,
    )
