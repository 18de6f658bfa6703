"""The shape of a topology file, before shapes, defaults and omissions are worked out."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mrcnet.topology.model import AUTO, Depth
from mrcnet.topology.names import MAX_INDEX, NODE_NAME, TOPOLOGY_NAME, node_name, topology_name
from mrcnet.topology.scheme import block_pattern, prefix32
from mrcnet.units import parse_duration, parse_rate, parse_size

# spec 6.6: Ethernet, two IPv6 headers, UDP, BTH, METH and TSETH, so that PSN and EV can be read
TRIM_LEAST = 122


def _block(text: str) -> str:
    return block_pattern(text).text


def parse_dilation(text: str | int) -> int:
    """`1000` or `auto` -> a whole number, AUTO for `auto`. Raises ValueError for anything else."""
    if text == "auto":
        return AUTO
    try:
        value = int(text)
    except (ValueError, TypeError):
        raise ValueError(f"must be a whole number or auto, not {text!r}") from None
    if value < 1:
        raise ValueError(f"must be at least 1, not {value}")
    return value


def _depth(text: object) -> Depth | None:
    """`0.2bdp` or `64KiB`; None for `off`."""
    words = str(text).strip().lower()
    if words == "off":
        return None
    if share := re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*bdp", words):
        return Depth(bdp=float(share[1]))
    try:
        return Depth(bytes=parse_size(words))
    except ValueError:
        raise ValueError(f"{text!r} is not a depth; write it like 0.2bdp, 64KiB or off") from None


def _whole_ms(value: int) -> int:
    """A BFD interval of FRR: 10 ms to 60 s, in ms."""
    if value % 1_000_000 or not 10_000_000 <= value <= 60_000_000_000:
        raise ValueError("must be whole milliseconds, 10ms to 60s")
    return value


def _quantity(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "integer"], "examples": [example]})


Rate = Annotated[int, BeforeValidator(parse_rate), Field(ge=1), _quantity("100Gbps")]
Delay = Annotated[int, BeforeValidator(parse_duration), _quantity("500ns")]
BfdInterval = Annotated[int, BeforeValidator(parse_duration), AfterValidator(_whole_ms), _quantity("300ms")]
Mtu = Annotated[int, BeforeValidator(parse_size), Field(ge=1280, le=65535), _quantity("9000")]
Payload = Annotated[int, BeforeValidator(parse_size), Field(ge=1, le=65535), _quantity("4096")]
Dilation = Annotated[
    int,
    BeforeValidator(parse_dilation),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["auto", "1000"]}),
]
TrimSize = Annotated[int, BeforeValidator(parse_size), Field(ge=TRIM_LEAST, le=65535), _quantity("128")]
# an editor's YAML may take `off` for false
QueueDepth = Annotated[
    Depth | None,
    BeforeValidator(_depth),
    WithJsonSchema({"type": ["string", "integer", "boolean"], "examples": ["0.2bdp", "64KiB", "off"]}),
]
Switch = Annotated[Literal["on", "off"], WithJsonSchema({"enum": ["on", "off", True, False]})]
PortKind = Literal["t0-up", "t1-down", "t0-down", "host"]
PlaneNumber = Annotated[int, Field(ge=0, le=7)]
Count = Annotated[int, Field(ge=1, le=MAX_INDEX)]
CountOrNone = Annotated[int, Field(ge=0, le=MAX_INDEX)]
Prefix32 = Annotated[str, AfterValidator(prefix32)]
Block = Annotated[str, AfterValidator(_block)]
NodeName = Annotated[str, AfterValidator(node_name), WithJsonSchema({"type": "string", "pattern": NODE_NAME})]
TopologyName = Annotated[
    str, AfterValidator(topology_name), WithJsonSchema({"type": "string", "pattern": TOPOLOGY_NAME})
]


class _Raw(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinkSettings(_Raw):
    """What may be said of links at any level; the nearest level wins."""

    rate: Rate | None = Field(None, description="bandwidth in each direction, e.g. 100Gbps")
    delay: Delay | None = Field(None, description="one-way delay, e.g. 500ns")
    mtu: Mtu | None = Field(None, description="largest IP packet in bytes, e.g. 9000")


class PlaneShape(LinkSettings):
    """How one plane differs from the others."""

    t0: Count | None = Field(
        None, description="T0s of this plane; its hosts spread over them evenly, in order"
    )
    t1: CountOrNone | None = Field(None, description="T1s of this plane")


class Fabric(_Raw):
    """The compact form: equal planes, every T0 linked to every T1 of its plane."""

    planes: int = Field(ge=1, le=8, description="isolated planes; a host has a port in each")
    t0: Count = Field(description="T0 switches per plane")
    t1: CountOrNone = Field(description="T1 switches per plane")
    hosts_per_t0: Count = Field(description="host k attaches to T0 number k // hosts_per_t0 in every plane")
    plane_shapes: dict[PlaneNumber, PlaneShape] = Field({}, description="planes that differ, by number")


class Kinds(_Raw):
    """Settings of all links of a kind."""

    host: LinkSettings = Field(LinkSettings(), description="links between a host and a T0")
    fabric: LinkSettings = Field(LinkSettings(), description="links between a T0 and a T1")


class HostSettings(_Raw):
    """How one generated host differs from the others."""

    planes: list[PlaneNumber] | None = Field(None, min_length=1, description="planes it has a port in")


class ExplicitNode(_Raw):
    """A node that the compact form does not make."""

    role: Literal["host", "t0", "t1"]
    plane: PlaneNumber | None = Field(None, description="plane of a switch; a host has none")
    index: int | None = Field(
        None, ge=0, description="number within role and plane, from 0; default: its name's, or the next free"
    )


class ExplicitLink(LinkSettings):
    """A further link, or other settings for a generated one (ports may then be left out)."""

    endpoints: list[str] = Field(
        min_length=2, max_length=2, description='two ends: ["h9:eth1", "p0-t0-0:eth9"]'
    )


class Srv6(_Raw):
    """The SIDs' block and layout."""

    block: Block | None = Field(None, description="locator block, a /32; default: the scheme's")
    scheme: str = Field(
        "f3216", description="a shipped scheme's name, a file (./mine.yaml), or a scheme's text in one line"
    )


class Bfd(_Raw):
    """Bidirectional forwarding detection: a neighbour is gone after `multiplier` silent intervals."""

    interval: BfdInterval = Field(300_000_000, description="between two packets, whole milliseconds")
    multiplier: int = Field(3, ge=2, le=255, description="how many may be missed")


class Bgp(_Raw):
    """What `routing: bgp` can be told."""

    bfd: Bfd = Bfd()


class Addresses(_Raw):
    """Where the hosts' addresses are cut from."""

    hosts: Prefix32 = Field("fd4d:5200::/32", description="prefix of the hosts' plane addresses, a /32")


class Transport(_Raw):
    """What the fabric must carry."""

    payload: Payload = Field(4096, description="payload of a packet in bytes")
    udp_port: int = Field(4791, ge=1, le=65535, description="UDP destination port")


class PortSettings(_Raw):
    """What may be said of ports' egress queues at any level; the nearest level wins."""

    rate: Rate | None = Field(None, description="default: the link's")
    ecn: Switch | None = Field(None, description="default: off on ports that face a host")
    ecn_min: QueueDepth = Field(None, description="where marking begins; default 0.2bdp")
    ecn_max: QueueDepth = Field(None, description="where every frame is marked; default 0.8bdp")
    trim: QueueDepth = Field(None, description="default 1bdp, facing a host 1.5bdp; off: no trimming")
    trim_size: TrimSize | None = Field(None, description="bytes that trimming leaves; default 128")
    drop: QueueDepth = Field(None, description="tail drop; default 3bdp")
    control_drop: QueueDepth = Field(None, description="tail drop of the control class; default 1bdp")


class OnePort(PortSettings):
    """A port, or both ports of a link, that differ from the others."""

    at: str = Field(description='"p0-t0-0:eth3" is one port, "p0-t0-0:p0-t1-1" both of a link')


class Ports(PortSettings):
    """The model of a switch's port. Its being there, even as {}, shapes every port to its rate."""

    roles: dict[PortKind, PortSettings] = Field({}, description="ports of a kind")
    links: list[OnePort] = Field([], description="ports that differ")


class RawTopology(_Raw):
    """A topology file: a compact fabric, explicit nodes and links, or both."""

    name: TopologyName | None = Field(None, description="default: the file's name without suffix")
    fabric: Fabric | None = None
    defaults: LinkSettings = Field(LinkSettings(), description="settings of all links")
    kinds: Kinds = Field(Kinds(), description="settings of all links of a kind")
    hosts: dict[str, HostSettings] = Field({}, description="generated hosts that differ")
    nodes: dict[NodeName, ExplicitNode] = Field({}, description="further nodes, by name")
    links: list[ExplicitLink] = Field([], description="further links, or other settings for generated ones")
    omit: list[str] = Field([], description='generated links ("p0-t0-0:p0-t1-1") or nodes to leave out')
    ports: Ports | None = Field(None, description="egress queues; left out at dilation 1: no port is shaped")
    dilation: Dilation = Field(
        1, description="fabric time = wall time / dilation; auto: the least that this machine can carry"
    )
    routing: Literal["srv6", "ecmp", "bgp"] = Field(
        "srv6", description="srv6: paths chosen by the sender; ecmp: static, by 5-tuple hash; bgp: by FRR"
    )
    bgp: Bgp | None = Field(None, description="settings of `routing: bgp`")
    srv6: Srv6 = Srv6()
    addresses: Addresses = Addresses()
    transport: Transport = Transport()
