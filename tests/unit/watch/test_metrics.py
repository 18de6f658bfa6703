"""Metrics, read by Prometheus' own parser."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from mrcnet.watch.metrics import exposition

from .seen import seen

Labels = frozenset[tuple[str, str]]


def parsed(text: str) -> dict[tuple[str, Labels], float]:
    """{(sample, labels): value}; every family has its help and its type."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge")
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def value(told: dict[tuple[str, Labels], float], name: str, **labels: str) -> list[float]:
    """The values of the samples that bear these labels."""
    return [number for (one, have), number in told.items() if one == name and set(labels.items()) <= have]


def test_all_is_there() -> None:
    """Ports, drops by cause, EV states, goodput by plane and events stand there under their names."""
    told = parsed(exposition(seen(3)))
    assert [100.0] == value(told, "mrcnet_dilation", lab="demo")
    assert [3_750_000.0] == value(told, "mrcnet_port_sent_bytes_total", node="p0-t0-0", port="eth1")
    assert [21.0] == value(told, "mrcnet_port_dropped_frames_total", node="p0-t0-0", cause="loss")
    assert [60.0] == value(told, "mrcnet_port_trimmed_frames_total", node="p0-t0-1")
    assert [30.0] == value(told, "mrcnet_port_marked_frames_total", node="p0-t0-1", peer="h1:eth1")
    assert [1.0] == value(told, "mrcnet_port_fault", fault="loss")
    assert [] == value(told, "mrcnet_port_marked_frames_total", node="p0-t0-2")
    assert [2.0] == value(told, "mrcnet_run_evs", ev="0x00010002", state="ASSUMED_BAD", plane="1")
    assert [37_500_000.0] == value(told, "mrcnet_run_delivered_bytes_total", run="4711", plane="1")
    assert [0.03] == value(told, "mrcnet_run_fabric_seconds_total", run="4711")
    assert [2.0] == value(told, "mrcnet_run_events_total", event="ev_changed")


def test_counters_grow() -> None:
    """What is called a counter never goes down between two looks."""
    before, now = (parsed(exposition(seen(at))) for at in (1, 2))
    counters = [key for key in before if key[0].endswith("_total")]
    assert len(counters) > 20
    assert [] == [key for key in counters if now[key] < before[key]]


def test_nothing_under_way() -> None:
    """A lab without runs has its ports, and no sample of a run."""
    told = parsed(exposition(replace(seen(1), runs=())))
    assert [] == [name for name, _ in told if name.startswith("mrcnet_run")]
