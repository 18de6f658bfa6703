"""Text of a drill file to `Drill`s; errors carry file, line and column."""

from __future__ import annotations

from collections.abc import Mapping

from mrcnet.drill.actions import ACTIONS
from mrcnet.drill.check import check
from mrcnet.drill.matrix import choices
from mrcnet.drill.model import CaptureSpec, Drill, Expectation, ProberSpec, Step, TrafficSpec
from mrcnet.drill.raw import RawAlso, RawDrill, RawExpectation, RawStep, RawTraffic, json_schema
from mrcnet.topology.document import Document, KeyPath, expand, parse
from mrcnet.topology.schema import validate

__all__ = ["json_schema", "load_drill", "load_drills"]


def load_drill(text: str, file: str, env: Mapping[str, str]) -> Drill:
    """Read a drill, of a matrix the first choice. Raises InputError with file:line:column."""
    return load_drills(text, file, env)[0]


def load_drills(text: str, file: str, env: Mapping[str, str]) -> tuple[Drill, ...]:
    """Read a drill: one for each choice of its matrix. Raises InputError with file:line:column."""
    return tuple(_load(text, file, env, choice) for choice in choices(text, file, env))


def _load(text: str, file: str, env: Mapping[str, str], choice: tuple[tuple[str, str], ...]) -> Drill:
    document = parse(expand(text, file, {**env, **dict(choice)}), file)
    raw = validate(document, RawDrill)
    check(raw, document)
    traffic = raw.traffic
    return Drill(
        name=raw.name,
        story=" ".join(raw.story.split()),
        topology=raw.topology,
        topology_where=document.where(("topology",)),
        seed=raw.seed,
        traffic=_traffic(
            traffic,
            document,
            ("traffic",),
            duration=traffic.duration,
            size=traffic.size,
            also=tuple(
                _traffic(
                    also, document, ("traffic", "also", number), duration=traffic.duration, size=traffic.size
                )
                for number, also in enumerate(traffic.also)
            ),
        ),
        steps=tuple(
            _step(step, document, ("actions", number)) for number, step in enumerate(raw.actions) if step.when
        ),
        expectations=tuple(
            _expectation(expected, document, ("expect", number, "measure"))
            for number, expected in enumerate(raw.expect)
            if expected.when
        ),
        backup_share=raw.transport.backup_share,
        timeout_exponent=raw.transport.timeout_exponent,
        congestion=raw.transport.congestion,
        transport=raw.transport.kind,
        port_status=raw.transport.port_status,
        bin_ns=raw.bin,
        steady=raw.steady,
        on=tuple(raw.on),
        choice=choice,
        repeat=raw.repeat,
        prober=_prober(raw, document),
        capture=tuple(
            CaptureSpec(port, document.where(("capture", number))) for number, port in enumerate(raw.capture)
        ),
    )


def _prober(raw: RawDrill, document: Document) -> ProberSpec | None:
    prober = raw.prober
    if prober is None or not prober.when:
        return None
    return ProberSpec(prober.rate, prober.deny, document.where(("prober",)))


def _traffic(
    raw: RawTraffic | RawAlso,
    document: Document,
    path: KeyPath,
    *,
    duration: int | None,
    size: int | None,
    also: tuple[TrafficSpec, ...] = (),
) -> TrafficSpec:
    return TrafficSpec(
        pattern=raw.pattern or "",
        hosts=tuple(raw.hosts),
        message=raw.message,
        rate_bps=raw.rate,
        duration_ns=duration,
        where=document.where((*path, "hosts")),
        size=size,
        start_ns=raw.start if isinstance(raw, RawAlso) else 0,
        stop_ns=raw.stop if isinstance(raw, RawAlso) else None,
        seed=raw.seed,
        also=also,
        collective=(raw.collective or "") if isinstance(raw, RawTraffic) else "",
        algorithm=raw.algorithm if isinstance(raw, RawTraffic) else "",
        iterations=raw.iterations if isinstance(raw, RawTraffic) else 0,
    )


def _step(raw: RawStep, document: Document, path: KeyPath) -> Step:
    key = "targets" if raw.targets else "target"
    names = tuple(raw.targets or (raw.target or "",))
    return Step(
        at_ns=raw.wall if raw.wall is not None else raw.at or 0,
        action=raw.do,
        target=names[0],
        silent=raw.silent,
        where=document.where((*path, key)),
        targets=names,
        name=raw.name,
        wall=raw.wall is not None,
        after=raw.after,
        lasts_ns=raw.lasts,
        apart_ns=raw.apart,
        period_ns=raw.period,
        duty=raw.duty,
        count=raw.count,
        amount=float((raw.delay if "delay" in ACTIONS[raw.do].needs else raw.share) or 0),
        ev=None if raw.ev is None else int(str(raw.ev), 0),
    )


def _expectation(raw: RawExpectation, document: Document, path: KeyPath) -> Expectation:
    low, high = raw.at_least, raw.at_most
    if raw.about is not None:
        margin = abs(raw.about) * (raw.within or 0.0)
        low, high = raw.about - margin, raw.about + margin
    return Expectation(raw.measure, low, high, raw.of, raw.on, document.where(path))
