"""The screen of `mrcnet top`, from two looks to lines, at several sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.watch.screen import plain, screen
from mrcnet.watch.summary import Counted, summary

from .seen import seen

SMALL, LARGE = (80, 24), (132, 43)


def lines(size: tuple[int, int], **shape: int) -> list[str]:
    """A second of the lab as text."""
    return plain(screen(summary(seen(1, **shape), seen(2, **shape)), *size))


def test_80_by_24() -> None:
    """All of a small lab on a small terminal."""
    assert [
        "demo  2 planes, 4 hosts, dilation 100, 1.0 s of wall time",
        "run 4711: 3 QPs, for 20ms of fabric time, 20Gbps goodput",
        "plane   goodput   GOOD  SKIP   BAD  DENIED  OUT  EVs",
        "    0    10Gbps     12     0     0       0    0  ....",
        "    1    10Gbps     10     0     2       0    0  .x..",
        "port                 sends    holds    marked   trimmed   dropped",
        "p0-t0-0:eth1         1Gbps       0B         0         0      14+7 loss",
        "p0-t0-1:eth1         2Gbps     4KiB     20+10     40+20         0",
        "p0-t0-5:eth1         6Gbps       0B         0         0         0",
        "p0-t0-4:eth1         5Gbps       0B         0         0         0",
        "p0-t0-3:eth1         4Gbps       0B         0         0         0",
        "p0-t0-2:eth1         3Gbps        -         -         -         -",
        "events",
        "       9.000 ms h0    EV 0x00010002 GOOD > ASSUMED_BAD: loss inferred",
    ] == lines(SMALL)


def test_132_by_43() -> None:
    """A wide terminal also names the far ends of ports."""
    told = lines(LARGE)
    assert "port             to                   sends    holds    marked   trimmed   dropped" in told
    assert "p0-t0-0:eth1     h0:eth1              1Gbps       0B         0         0      14+7 loss" in told


@pytest.mark.parametrize("size", [SMALL, LARGE, (200, 60), (40, 10), (20, 3), (1, 1)])
@pytest.mark.parametrize("shape", [(1, 1, 2), (8, 4, 64), (8, 256, 2_000), (40, 16, 500)])
def test_it_fits(size: tuple[int, int], shape: tuple[int, int, int]) -> None:
    """However large the lab and small the terminal, no line is too long and there are not too many."""
    planes, uplinks, ports = shape
    told = lines(size, planes=planes, uplinks=uplinks, ports=ports)
    assert len(told) <= size[1]
    assert max(map(len, told)) <= size[0]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_large_lab_fills_the_screen(size: tuple[int, int]) -> None:
    """What ails stands above what is well, the events still have their place, and no line is left empty."""
    told = lines(size, planes=8, uplinks=16, ports=500)
    assert size[1] == len(told)
    assert any(line.startswith("p0-t0-0:eth1 ") and line.endswith("loss") for line in told)
    assert told[-1].endswith("loss inferred")


def test_nothing_under_way() -> None:
    """A lab without a run says so, and has its ports."""
    before, now = (replace(seen(at), runs=()) for at in (1, 2))
    told = plain(screen(summary(before, now), *SMALL))
    assert "no run is under way: goodput and EVs are those of runs" in told
    assert "none" == told[-1]
    assert any(line.startswith("p0-t0-1:eth1 ") for line in told)


def test_a_run_that_is_new() -> None:
    """Of a run that the look before did not know, rates count from when its traffic began."""
    now = seen(2)
    found = summary(replace(seen(1), runs=()), now)
    assert [10e9, 10e9] == [plane.goodput_bps for plane in found.planes]
    assert Counted(14, 7) == found.ports[0].dropped
