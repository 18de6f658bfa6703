"""The files of a switch: its planned table in the words of FRR, SONiC, EOS or Cumulus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mrcnet.errors import InputError
from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.model import Action, NodePlan, Route
from mrcnet.plan.tables import SWITCH_DEVICE
from mrcnet.plan.usid import BLOCK_SHIFT, FIRST_SHIFT
from mrcnet.render.frr import frr_conf
from mrcnet.render.model import File, Nos
from mrcnet.render.ports import inside
from mrcnet.render.templates import fill

LOCATOR = "MAIN"
_ACTIONS = {Action.UN: "uN", Action.UDT6: "uDT46", Action.UA: "uA"}  # SONiC's words
_BLOCK, _NODE, _FUNCTION = "32", "16", "16"  # F3216


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """A port by the NOS's name. `peer`: the far end; `ua`: the number of its uA, if it has one."""

    name: str
    mac: str
    link_local: str
    mtu: int
    peer: str
    ua: int | None


def switch_files(node: NodePlan, nos: Nos) -> Iterator[File]:
    """What a switch's folder holds. KeyError if the NOS cannot have one of its ports (`ports.check`)."""
    folder = f"nodes/{node.name}"
    match nos:
        case Nos.FRR:
            yield File(f"{folder}/frr.conf", _frr(node))
            device = "" if node.locator is None else SWITCH_DEVICE
            yield File(f"{folder}/setup.sh", fill("frr/setup.sh.j2", node=node, device=device))
        case Nos.SONIC:
            yield File(f"{folder}/config_db.json", config_db(node))
            yield File(f"{folder}/frr.conf", frr_srv6(node, nos))
            words = {"node": node, "ports": _ports(node, nos), "device": SWITCH_DEVICE}
            yield File(f"{folder}/setup.sh", fill("sonic/setup.sh.j2", **words))
        case Nos.EOS:
            yield File(f"{folder}/startup-config", startup_config(node))
        case Nos.CUMULUS:
            words = {"node": node, "ports": _ports(node, nos), "device": SWITCH_DEVICE}
            yield File(f"{folder}/mrcnet.intf", fill("cumulus/mrcnet.intf.j2", **words))
            yield File(f"{folder}/frr.conf", frr_srv6(node, nos))
            yield File(f"{folder}/setup.sh", fill("cumulus/setup.sh.j2", node=node))


def _frr(node: NodePlan) -> str:
    if node.speaker is not None:
        return frr_conf(node)
    return frr_srv6(node, Nos.FRR) if node.locator is not None else fill("frr/ecmp.conf.j2", node=node)


def frr_srv6(node: NodePlan, nos: Nos) -> str:
    """frr.conf with static SIDs and routes. SONiC and Cumulus put addresses on ports by themselves."""
    return fill(
        "frr/srv6.conf.j2",
        node=node,
        ports=_ports(node, nos),
        own_addresses=nos is Nos.FRR,
        un=_routes(node, nos, Action.UN),
        ua=_routes(node, nos, Action.UA),
        udt6=_routes(node, nos, Action.UDT6),
        forward=_ways(node, nos),
    )


def config_db(node: NodePlan) -> str:
    """SONiC's ConfigDB: ports, addresses, the locator, SIDs (uA: master only, see README), static routes."""
    assert node.locator is not None
    ports = _ports(node, Nos.SONIC)
    tables: dict[str, dict[str, dict[str, str]]] = {
        "PORT": {port.name: {"admin_status": "up", "mtu": str(port.mtu)} for port in ports},
        "INTERFACE": {
            key: value
            for port in ports
            for key, value in (
                (port.name, {"ipv6_use_link_local_only": "enable"}),
                (f"{port.name}|{port.link_local}/64", {}),
            )
        },
        "SRV6_MY_LOCATORS": {
            LOCATOR: {
                "prefix": node.locator.partition("/")[0],
                "block_len": _BLOCK,
                "node_len": _NODE,
                "func_len": _FUNCTION,
                "arg_len": "0",
            }
        },
        "SRV6_MY_SIDS": {f"{LOCATOR}|{route.dst}": _sid(route) for route in _sids(node)},
        "STATIC_ROUTE": {
            f"default|{route.dst}": {"nexthop": str(route.via), "ifname": route.dev}
            for route in _ways(node, Nos.SONIC)
        },
    }
    return json.dumps(tables, indent=2) + "\n"


def startup_config(node: NodePlan) -> str:
    """EOS's configuration: ports with their uAs, the locator, static routes.

    Raises InputError for a switch that takes carriers off.
    """
    assert node.locator is not None
    if _routes(node, Nos.EOS, Action.UDT6):
        raise InputError(
            f"{node.name} is to decapsulate, and mrcnet knows no static End.DT6 of {Nos.EOS}",
            remedy=f"--nos {Nos.FRR} or {Nos.SONIC}, or a scheme with `decap: host`",
        )
    return fill(
        "eos/startup-config.j2",
        node=node,
        ports=_ports(node, Nos.EOS),
        block=_block(node.locator),
        usid=_usid(node.locator),
        forward=_ways(node, Nos.EOS),
    )


def _sids(node: NodePlan) -> list[Route]:
    return [route for action in _ACTIONS for route in _routes(node, Nos.SONIC, action)]


def _sid(route: Route) -> dict[str, str]:
    # spec 6.4, 6.5: marks are on the outer header, which stays on up to the NIC
    fields = {"action": _ACTIONS[route.action], "decap_dscp_mode": "uniform"}
    if route.action is Action.UA:
        fields |= {"interface": route.dev, "adj": str(route.via)}
    if route.action is Action.UDT6:
        fields |= {"decap_vrf": "default"}
    return fields


def _routes(node: NodePlan, nos: Nos, action: Action) -> list[Route]:
    return [
        route if route.dev == SWITCH_DEVICE else replace(route, dev=inside(nos, route.dev))
        for route in node.routes
        if route.action is action
    ]


def _ways(node: NodePlan, nos: Nos) -> list[Route]:
    """Plain routes: to uSIDs, and where the switch decapsulates, to hosts' addresses."""
    return [*_routes(node, nos, Action.FORWARD), *_routes(node, nos, Action.ECMP)]


def _ports(node: NodePlan, nos: Nos) -> list[SwitchPort]:
    uas = {route.dev: _usid(route.dst) for route in node.routes if route.action is Action.UA}
    return [
        SwitchPort(
            name=inside(nos, port.name),
            mac=port.mac,
            link_local=port.link_local,
            mtu=port.mtu,
            peer=f"{port.peer_node}:{port.peer_port}",
            ua=uas.get(port.name),
        )
        for port in node.ports
    ]


def _block(slash48: str) -> str:
    return f"{to_text(to_int(slash48) >> BLOCK_SHIFT << BLOCK_SHIFT)}/32"


def _usid(slash48: str) -> int:
    return to_int(slash48) >> FIRST_SHIFT & 0xFFFF
