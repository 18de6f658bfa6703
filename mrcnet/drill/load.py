"""Text of a drill file to a `Drill`; errors carry file, line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mrcnet.drill.model import Drill, Expectation, Measures, Step, TrafficSpec
from mrcnet.topology.document import Document, expand, parse
from mrcnet.topology.names import suggest
from mrcnet.topology.raw import TopologyName
from mrcnet.topology.schema import validate
from mrcnet.units import parse_duration, parse_rate, parse_size

MEASURES = tuple(name.name for name in fields(Measures) if not name.name.startswith("planes_"))

Duration = Annotated[int, BeforeValidator(parse_duration)]
Rate = Annotated[int, BeforeValidator(parse_rate), Field(ge=1)]
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1, le=1 << 30)]


class _Raw(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RawTraffic(_Raw):
    """The load of a drill."""

    pattern: Literal["pair", "ring", "permutation", "incast", "all-to-all"]
    hosts: list[str] = Field(default_factory=list, description="hosts that take part; none named: all")
    message: Size = Field(64 << 10, description="bytes of one RDMA Write, e.g. 64KiB")
    rate: Rate | None = Field(None, description="offered load of each flow; left out: all that fits")
    duration: Duration = Field(description="how long messages are posted, fabric time")


class RawStep(_Raw):
    """One fault on the time line."""

    at: Duration = Field(description="fabric time since traffic began")
    do: Literal["cut", "heal"]
    target: str = Field(description="a link, as node:node or node:port")
    silent: bool = Field(False, description="the carrier stays, packets vanish")


class RawExpectation(_Raw):
    """A bound on a measure of GLOSSARY.md."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None


class RawTransport(_Raw):
    """Knobs of the end points."""

    backup_share: Annotated[float, Field(ge=0, le=0.9)] | None = None
    timeout_exponent: Annotated[int, Field(ge=1, le=24)] | None = None
    congestion: Literal["fixed", "nscc"] = Field("fixed", description="a window that never changes, or NSCC")


class RawDrill(_Raw):
    """A drill file."""

    name: TopologyName
    story: str = ""
    topology: str = Field(description="topology file, relative to the drill file")
    seed: int = 1
    traffic: RawTraffic
    transport: RawTransport = RawTransport()
    actions: list[RawStep] = Field(min_length=1)
    expect: list[RawExpectation] = Field(default_factory=list)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a drill file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mrcnet drill",
        **RawDrill.model_json_schema(),
    }


def load_drill(text: str, file: str, env: Mapping[str, str]) -> Drill:
    """Read a drill. Raises InputError with file:line:column for anything wrong."""
    document = parse(expand(text, file, env), file)
    raw = validate(document, RawDrill)
    _check(raw, document)
    return Drill(
        name=raw.name,
        story=" ".join(raw.story.split()),
        topology=raw.topology,
        topology_where=document.where(("topology",)),
        seed=raw.seed,
        traffic=TrafficSpec(
            raw.traffic.pattern,
            tuple(raw.traffic.hosts),
            raw.traffic.message,
            raw.traffic.rate,
            raw.traffic.duration,
            document.where(("traffic", "hosts")),
        ),
        steps=tuple(
            Step(step.at, step.do, step.target, step.silent, document.where(("actions", number, "target")))
            for number, step in enumerate(raw.actions)
        ),
        expectations=tuple(Expectation(e.measure, e.at_least, e.at_most) for e in raw.expect),
        backup_share=raw.transport.backup_share,
        timeout_exponent=raw.transport.timeout_exponent,
        congestion=raw.transport.congestion,
    )


def _check(raw: RawDrill, document: Document) -> None:
    """What the shape of the file cannot say."""
    latest = 0
    for number, step in enumerate(raw.actions):
        path = ("actions", number)
        if step.at < latest:
            raise document.error((*path, "at"), "actions must be in order of time")
        latest = step.at
        if step.at >= raw.traffic.duration:
            raise document.error((*path, "at"), "is after the traffic's end")
    if raw.actions[0].do != "cut":
        raise document.error(
            ("actions", 0, "do"), "the first action must be a cut: the measures count from it"
        )
    for number, expected in enumerate(raw.expect):
        place = ("expect", number, "measure")
        if expected.measure not in MEASURES:
            raise document.error(
                place, f"unknown measure {expected.measure!r}{suggest(expected.measure, MEASURES)}"
            )
        if expected.at_least is None and expected.at_most is None:
            raise document.error(place, "needs at_least or at_most")
        low, high = expected.at_least, expected.at_most
        if low is not None and high is not None and low > high:
            raise document.error(("expect", number, "at_least"), "nothing is at least that and at most less")
