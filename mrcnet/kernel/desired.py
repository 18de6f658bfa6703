"""A planned node in the kernel's words: what `observe` must find once the node is up."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeVar

from mrcnet.kernel.model import Address, Daemon, Device, Neighbour, NodeState, Part, Sysctl
from mrcnet.plan.model import NodePlan, Port
from mrcnet.plan.tables import SWITCH_DEVICE
from mrcnet.port.config import config_of, wall_rate
from mrcnet.render.frr import frr_conf
from mrcnet.topology.model import End, Role

Thing = TypeVar("Thing")

LINK_LOCAL_LENGTH = 64

# No DAD, no address made by the kernel, no router asked for: a fabric without any ND. Order matters little,
# but it is settled before there is a port, which takes its own values from `default`.
_QUIET = (
    ("disable_ipv6", "0"),
    ("accept_dad", "0"),
    ("accept_ra", "0"),
    ("router_solicitations", "0"),
    ("keep_addr_on_down", "1"),
    ("seg6_enabled", "1"),
)
_DEFAULT_ONLY = (("addr_gen_mode", "1"),)
HASH_POLICY = "net.ipv6.fib_multipath_hash_policy"
HASH_SEED = "net.ipv4.fib_multipath_hash_seed"  # of IPv6, too; before 6.11 all namespaces hash alike
_BY_5_TUPLE = "1"
DAEMONS = ("zebra", "bfdd", "bgpd")  # of FRR, in the order in which they need each other
LOG = "frr.log"
PORT_SYSCTLS = ("forwarding", "seg6_enabled")  # what comes with the list of links


def namespace_sysctls(role: Role) -> tuple[tuple[str, str, str], ...]:
    """(scope, name, value) of the settings of a namespace. A host does not pass packets on."""
    forwarding = ("forwarding", "0" if role is Role.HOST else "1")
    both = tuple((scope, *one) for scope in ("all", "default") for one in (forwarding, *_QUIET))
    return both + tuple(("default", *one) for one in _DEFAULT_ONLY)


def desired(node: NodePlan, dilation: int = 1, without: AbstractSet[Part] = frozenset()) -> NodeState:
    """What the node's namespace is to hold: rates divided by `dilation`, ports without some parts."""
    devices = {"lo": Device("lo", "loopback", up=True)}
    if node.role is not Role.HOST:
        devices[SWITCH_DEVICE] = Device(SWITCH_DEVICE, "bridge", up=True)
    devices |= {port.name: _device(port, dilation, without) for port in node.ports}
    forwarding = "0" if node.role is Role.HOST else "1"
    sysctls = [Sysctl(*one) for one in namespace_sysctls(node.role)]
    for port in node.ports:
        sysctls += (Sysctl(port.name, "forwarding", forwarding), Sysctl(port.name, "seg6_enabled", "1"))
    if node.hash_seed is not None:
        sysctls += (Sysctl("", HASH_POLICY, _BY_5_TUPLE), Sysctl("", HASH_SEED, str(node.hash_seed)))
    return NodeState(
        name=node.name,
        devices=devices,
        addresses=_ordered(_addresses(node)),
        neighbours=_ordered(Neighbour(port.name, port.peer_link_local, port.peer_mac) for port in node.ports),
        routes=_ordered(node.routes),
        sysctls=_ordered(sysctls),
        daemons=tuple(Daemon(name, frr_conf(node, LOG)) for name in DAEMONS) if node.speaker else (),
    )


def _ordered(things: Iterable[Thing]) -> AbstractSet[Thing]:
    return dict.fromkeys(things).keys()


def _device(port: Port, dilation: int, without: AbstractSet[Part]) -> Device:
    device = Device(port.name, "veth", True, port.mac, port.mtu, End(port.peer_node, port.peer_port))
    if port.queue is None:
        return device
    return replace(
        device,
        rate=0 if Part.SHAPER in without else wall_rate(port.queue, dilation),
        queue=None if Part.QUEUES in without else config_of(port.queue, dilation),
    )


def _addresses(node: NodePlan) -> list[Address]:
    own = [] if node.address is None else [Address("lo", f"{node.address}/128")]
    return own + [
        Address(port.name, cidr)
        for port in node.ports
        for cidr in (f"{port.link_local}/{LINK_LOCAL_LENGTH}", *port.addresses)
    ]
