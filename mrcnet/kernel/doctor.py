"""Can this machine run a fabric? Each check tries the real thing, in a namespace that nobody sees."""

from __future__ import annotations

import os
import resource
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mrcnet.errors import EnvironmentFault, MrcnetError
from mrcnet.kernel import bpf, daemons, holder, links, netns, parts, privilege, routes, tc
from mrcnet.kernel.desired import HASH_SEED
from mrcnet.kernel.model import Part
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.plan.model import Action, Route

ENOUGH_FILES = 1024
ENOUGH_MEMORY = 512 << 20  # bytes; a node takes about 0.65 MB
_IPPROTO_MPTCP = 262
_PORT, _PEER, _BRIDGE = 10, 11, 12
_BLOCK = "fcbb:bb00"
_AS_ROOT = "run it as root (sudo)"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a fabric needs, or (not `needed`) some fabrics or transports do. It is there if it
    has no `remedy`.
    """

    name: str
    ok: bool
    detail: str
    remedy: str
    needed: bool = True


def checks() -> tuple[Check, ...]:
    """Every check, whatever came of the others."""
    roots = _ROOTS if privilege.inside() else {}
    needed = tuple(
        _run(name, roots.get(name, remedy), body, needed=name not in roots) for name, remedy, body in _CHECKS
    )
    return needed + tuple(_run(name, remedy, body, needed=False) for name, remedy, body in _OPTIONAL)


def _run(name: str, remedy: str, body: Callable[[], str], *, needed: bool) -> Check:
    try:
        return Check(name, True, body(), "", needed)
    except (OSError, MrcnetError, ValueError) as error:
        words = error.message if isinstance(error, MrcnetError) else str(error)
        return Check(name, False, words, remedy, needed)


def _privilege() -> str:
    if privilege.inside():
        return "an ordinary user, root in namespaces of their own: what is root's alone is marked as such"
    if reason := privilege.lacking():
        try:
            holder.attempt()
        except EnvironmentFault as error:
            raise OSError(f"{reason}; {error.message}; {error.remedy}") from None
        raise OSError(reason)
    return "root" if os.geteuid() == 0 else "capabilities suffice"


def _iproute2() -> str:
    path = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise OSError("there is no `ip`")
    return path


def _namespaces() -> str:
    with netns.fresh():
        return "a namespace can be made"


def _veth() -> str:
    with netns.fresh(), NetlinkSocket() as rtnl:
        _lay(rtnl)
    return "a link can be laid"


def _bridge() -> str:
    with netns.fresh(), NetlinkSocket() as rtnl:
        _demand(rtnl, links.add_bridge("sr0", _BRIDGE))
    return "a switch's own device can be made"


def _seg6() -> str:
    _tried(Route("fd00::2/128", Action.ENCAP, "eth1", segs=f"{_BLOCK}:2001::"))
    return "encap.red holds"


def _seg6local() -> str:
    _tried(Route(f"{_BLOCK}:2001::/48", Action.UN, "eth1"))
    _tried(Route(f"{_BLOCK}:6001::/48", Action.DECAP, "eth1"))
    return "End with NEXT-C-SID and End.DT6 hold"


def _ua() -> str:
    _tried(Route(f"{_BLOCK}:e001::/48", Action.UA, "eth1", via="fe80::b"))
    return "End.X with NEXT-C-SID holds"


def _filters() -> str:
    descriptor = bpf.load_program(bpf.SILENCE, "mrcnet_doctor")
    try:
        with netns.fresh(), NetlinkSocket() as rtnl:
            _lay(rtnl)
            bpf.allow_filters(rtnl, _PORT)
            _demand(rtnl, tc.add_filter(_PORT, tc.EGRESS, 1, descriptor, "mrcnet_doctor"))
    finally:
        os.close(descriptor)
    return "a program runs on a port"


def _files() -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < ENOUGH_FILES:
        raise OSError(f"at most {hard} files can be open")
    return f"{soft} now, {hard if hard != resource.RLIM_INFINITY else 'unlimited'} possible"


def _memory() -> str:
    words = Path("/proc/meminfo").read_text()
    free = int(words.partition("MemAvailable:")[2].split()[0]) << 10
    if free < ENOUGH_MEMORY:
        raise OSError(f"{free >> 20} MiB are available")
    return f"{free >> 20} MiB available"


def _packet_sockets() -> str:
    with netns.fresh(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0):
        return "frames can be sent and read"


def _iperf3() -> str:
    path = shutil.which("iperf3")
    if path is None:
        raise OSError("there is no `iperf3`")
    return path


def _mptcp() -> str:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM, _IPPROTO_MPTCP):
        path = shutil.which("mptcpize")
        if path is None:
            raise OSError("the kernel has it, but there is no `mptcpize`, which iperf3 needs before 3.18")
        return f"the kernel has it; {path}"


def _hash_seeds() -> str:
    if not Path("/proc/sys", *HASH_SEED.split(".")).exists():
        raise OSError("all nodes hash alike, and leave ways unused")
    return "nodes hash 5-tuples differently"


def _lay(rtnl: NetlinkSocket) -> None:
    """A veth from this namespace to itself, with its near end up."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        near = links.LinkEnd(here, _PORT, "eth1", "02:00:00:00:00:0a", 9000)
        far = links.LinkEnd(here, _PEER, "eth2", "02:00:00:00:00:0b", 9000)
        _demand(rtnl, links.add_veth(near, far))
        _demand(rtnl, links.set_up(_PORT))
    finally:
        os.close(here)


def _tried(route: Route) -> None:
    """Add a route and read it back: a kernel may take what it does not understand, and leave it out."""
    with netns.fresh(), NetlinkSocket() as rtnl:
        _lay(rtnl)
        _demand(rtnl, routes.add_route(route, _PORT))
        found = (routes.read_route(body, {_PORT: "eth1"}) for body in rtnl.dump(routes.list_routes()))
        if route not in [one.route for one in found if one is not None]:
            raise OSError(f"{route.action} was taken but not kept")


def _demand(rtnl: NetlinkSocket, request: bytes) -> None:
    if refusals := rtnl.send([request]):
        raise OSError(str(refusals[0]))


_FOR_PORTS = "only topologies with `ports` or dilated time need it"
# What an ordinary user does without, and what of it.
_ROOTS = {
    "filters": "BPF is root's alone (sudo mrcnet); labs do without",
    "port queues": parts.ROOTS[Part.QUEUES],
}
_NEWER = "a kernel of 6.6 or later, with CONFIG_IPV6_SEG6_LWTUNNEL"
_CHECKS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("privilege", _AS_ROOT, _privilege),
    ("iproute2", "install it: apt-get install iproute2", _iproute2),
    ("namespaces", f"{_AS_ROOT}; the kernel needs CONFIG_NET_NS", _namespaces),
    ("veth", "load the module: modprobe veth", _veth),
    ("bridge", "load the module: modprobe bridge", _bridge),
    ("seg6", _NEWER, _seg6),
    ("seg6local", _NEWER, _seg6local),
    ("uA", f"{_NEWER}; 6.1 has uN, but not uA", _ua),
    ("filters", "the kernel needs BPF and clsact: modprobe sch_ingress cls_bpf", _filters),
    ("port queues", f"{_FOR_PORTS}: {_AS_ROOT}; apt-get install libbpf1", parts.try_program),
    ("shaper", f"{_FOR_PORTS}: modprobe sch_htb", parts.try_shaper),
    ("open files", f"raise the limit: ulimit -n {ENOUGH_FILES}", _files),
    ("memory", "end something, or choose a smaller fabric", _memory),
    ("packet sockets", "load the module: modprobe af_packet", _packet_sockets),
)
_OPTIONAL: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("FRR", f"only topologies with routing: bgp need it: {daemons.REMEDY}", daemons.demand),
    ("iperf3", "only the transports tcp and mptcp need it: apt-get install iperf3", _iperf3),
    ("MPTCP", "only the transport mptcp needs it: a kernel with MPTCP; apt-get install mptcpize", _mptcp),
    ("hash seeds", "only topologies without SRv6 want it: a kernel of 6.11 or later", _hash_seeds),
)
