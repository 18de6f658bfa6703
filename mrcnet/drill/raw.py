"""The shape of a drill file, before its targets are found and its time line is worked out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mrcnet.drill.actions import ACTIONS
from mrcnet.topology.names import suggest
from mrcnet.topology.raw import TopologyName
from mrcnet.units import parse_duration, parse_rate, parse_share, parse_size
from mrcnet.workload.collectives import KINDS
from mrcnet.workload.congestion import choices
from mrcnet.workload.transport import Kind


def _quantity(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "number"], "examples": [example]})


Duration = Annotated[int, BeforeValidator(parse_duration), _quantity("2s")]
Span = Annotated[int, BeforeValidator(parse_duration), Field(ge=1), _quantity("10ms")]
Rate = Annotated[int, BeforeValidator(parse_rate), Field(ge=1), _quantity("100Gbps")]
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1, le=1 << 30), _quantity("64KiB")]
Bytes = Annotated[int, BeforeValidator(parse_size), Field(ge=1), _quantity("64MiB")]
Share = Annotated[float, BeforeValidator(parse_share), Field(ge=0, le=1), _quantity("20%")]
Pattern = Literal["pair", "ring", "permutation", "incast", "all-to-all"]
On = Literal["kernel", "sim"]


def _collective(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"unknown collective {text!r}{suggest(text, KINDS)}; there are {', '.join(KINDS)}")
    return text


Collective = Annotated[str, AfterValidator(_collective), WithJsonSchema({"enum": list(KINDS)})]


def _action(text: str) -> str:
    if text not in ACTIONS:
        raise ValueError(f"unknown action {text!r}{suggest(text, ACTIONS)}; there are {', '.join(ACTIONS)}")
    return text


Action = Annotated[str, AfterValidator(_action), WithJsonSchema({"enum": list(ACTIONS)})]


def _congestion(text: str) -> str:
    if text not in (known := choices()):
        raise ValueError(
            f"unknown congestion control {text!r}{suggest(text, known)}; there are {', '.join(known)}"
        )
    return text


Congestion = Annotated[
    str, AfterValidator(_congestion), WithJsonSchema({"type": "string", "enum": list(choices())})
]


def _truth(value: object) -> object:
    """`not true` -> false, so that a variable may leave something out."""
    words = str(value).split()
    if len(words) == 2 and words[0] == "not" and words[1] in _OPPOSITE:
        return _OPPOSITE[words[1]]
    return value


_OPPOSITE = {"true": "false", "false": "true", "on": "off", "off": "on"}
When = Annotated[bool, BeforeValidator(_truth), WithJsonSchema({"type": ["boolean", "string"]})]


class _Raw(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RawLoad(_Raw):
    """Who writes to whom."""

    hosts: list[str] = Field(default_factory=list, description="hosts that take part; none named: all")
    message: Size = Field(64 << 10, description="bytes of one RDMA Write, e.g. 64KiB")
    rate: Rate | None = Field(None, description="offered load of each flow; left out: all that fits")
    seed: int | None = Field(None, description="of the pattern; left out: the drill's")


class RawAlso(RawLoad):
    """A load beside the drill's own."""

    pattern: Pattern
    start: Duration = Field(0, description="when its first message is posted, fabric time")
    stop: Duration | None = Field(None, description="when its last message is posted; left out: at the end")


class RawTraffic(RawLoad):
    """The load of a drill: a pattern of flows, or a collective that is run again and again."""

    pattern: Pattern | None = None
    collective: Collective | None = Field(None, description="instead of a pattern; `size` is its size")
    algorithm: str = Field("", description="of the collective: ring or tree; left out: ring, or direct")
    iterations: Annotated[int, Field(ge=1, le=1_000)] = Field(10, description="of the collective")
    duration: Span | None = Field(None, description="how long messages are posted, fabric time")
    size: Bytes | None = Field(None, description="bytes of each flow, instead of a duration")
    also: list[RawAlso] = Field(default_factory=list, description="loads beside it, e.g. an incast's victim")


class RawStep(_Raw):
    """One action of the time line."""

    do: Action = Field(description="what is done")
    at: Duration | None = Field(None, description="fabric time since traffic began")
    wall: Duration | None = Field(None, description="wall time since traffic began")
    after: Share | None = Field(None, description="as soon as this share of the bytes is delivered")
    target: str | None = Field(None, description="a link (node:node or node:port; * and ? fit any), a node")
    targets: list[str] | None = Field(None, description="several of them")
    silent: bool = Field(False, description="the carrier stays, packets vanish")
    lasts: Span | None = Field(None, alias="for", description="how long it lasts")
    apart: Duration = Field(0, description="time between one target and the next")
    period: Span | None = Field(None, description="it comes back so often")
    duty: Share = Field(0.5, description="share of each period for which it lasts")
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    share: Share | None = Field(None, description="of packets that are lost, of the rate that is left")
    delay: Span | None = Field(None, description="that is added")
    ev: int | str | None = Field(None, description="the EV that is denied, of the pair that is the target")
    name: str | None = Field(None, description="by which expectations call it")
    when: When = Field(True, description="false leaves the action out")


class RawExpectation(_Raw):
    """A bound on a measure of GLOSSARY.md."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None
    about: float | None = Field(None, description="this value, give or take `within`")
    within: Share | None = Field(None, description="of `about`")
    of: str | None = Field(None, description="the name of the action from which it counts")
    on: On | None = Field(None, description="held on this fabric only")
    when: When = Field(True, description="false leaves it out")


class RawTransport(_Raw):
    """Knobs of the end points."""

    kind: Kind = Field("mrc", description="what carries the traffic")
    backup_share: Annotated[float, Field(ge=0, le=0.9)] | None = None
    timeout_exponent: Annotated[int, Field(ge=1, le=24)] | None = None
    congestion: Congestion = Field("fixed", description="a window that never changes, or NSCC")
    port_status: bool = Field(True, description="peers are told of ports that go down")


class RawProber(_Raw):
    """Agents on all hosts beside the traffic; on the kernel's fabric."""

    rate: Annotated[float, Field(ge=1, le=200)] = Field(50, description="rounds per second of wall time")
    deny: bool = Field(False, description="runs deny the EVs that cross a link while it is broken")
    when: bool = Field(True, description="false leaves the prober out")


class RawDrill(_Raw):
    """A drill file."""

    name: TopologyName
    story: str = ""
    topology: str = Field(description="topology file, relative to the drill file")
    on: list[On] = Field(default=["kernel", "sim"], min_length=1, description="the fabrics that can carry it")
    seed: int = 1
    repeat: Annotated[int, Field(ge=1, le=1_000)] = Field(1, description="runs, with seeds that follow on")
    matrix: dict[str, list[str]] = Field(default_factory=dict, description="variables and all their values")
    traffic: RawTraffic
    prober: RawProber | None = Field(None, description="what probes the links meanwhile")
    transport: RawTransport = RawTransport()
    capture: list[str] = Field(
        default_factory=list, description="ports whose frames around faults are kept, e.g. p0-t0-0:eth3"
    )
    bin: Span | None = Field(None, description="width of a goodput bin; usually 1 ms of wall time")
    steady: Share | None = Field(None, description="how far goodput may stray before the first fault")
    actions: list[RawStep] = Field(default_factory=list)
    expect: list[RawExpectation] = Field(default_factory=list)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a drill file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mrcnet drill",
        **RawDrill.model_json_schema(),
    }
