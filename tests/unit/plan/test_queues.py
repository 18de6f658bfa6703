"""Shares of a BDP in bytes."""

from __future__ import annotations

import numpy as np

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.layout import EXT, ICRC, SACK_LEN, WRITE_HEAD
from mrcnet.plan.bdp import ANSWER, WRITE_OVERHEAD, plane_bdps
from mrcnet.sim.fabric import Fabric
from mrcnet.sim.layout import PortTable
from mrcnet.sim.model import TRIMMING
from tests.unit.plan.fabrics import plan_of

TEXT = "name: q\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2, plane_shapes: {1: {rate: 50Gbps}}}\n"


def test_frames_are_the_transports() -> None:
    """The plan, which knows no transport, reckons with the sizes that the transport's frames have."""
    assert WRITE_HEAD + ICRC == WRITE_OVERHEAD
    assert EXT + SACK_LEN + ICRC == ANSWER


def test_bdp_of_a_plane() -> None:
    """Rate times the way there and back: four links' delays and serialisations for a frame and an answer."""
    frame_and_answer = 4096 + WRITE_OVERHEAD + ANSWER
    for plane, rate in ((0, 100e9), (1, 50e9)):
        rtt = 4 * (2 * 500 + frame_and_answer * 8e9 / rate)
        assert abs(plane_bdps(plan_of(TEXT).topology)[plane] - rate * rtt / 8e9) < 100


def test_both_fabrics_have_the_same_thresholds() -> None:
    """`ports: {}` gives the simulator the limits that its own model of spec 5.9 has."""
    plain, given = (
        PortTable(plan_of(text), 4096 + WRITE_OVERHEAD, ANSWER) for text in (TEXT, TEXT + "ports: {}\n")
    )
    own, planned = plain.limits(TRIMMING), given.limits(None)
    switches = given.tier[: given.count] != 0
    for name in ("ecn_min", "ecn_max", "trim", "drop", "control_drop", "trim_size"):
        expected, actual = getattr(own, name)[switches], getattr(planned, name)[switches]
        assert np.abs(expected - actual).max() <= 1, name


def test_a_port_has_the_rate_that_the_file_gives_it() -> None:
    """An override of one direction slows that port in the simulator, and no other."""
    text = TEXT + "ports: {links: [{at: 'p0-t0-0:eth3', rate: 10Gbps}]}\n"
    table = Fabric(plan_of(text), Settings(), None, 1).table
    slow = [str(table.ends[port]) for port in np.flatnonzero(table.rate == 10 * 10**9)]
    assert ["p0-t0-0:eth3"] == slow
